"""IDX files, the split, and the prepared data set."""

import gzip
import hashlib
import struct
import tracemalloc

import numpy as np
import pytest
import torch

from dark_knowledge.command import InputError
from dark_knowledge.data.checks import check
from dark_knowledge.data.formats import open_idx, read_idx
from dark_knowledge.data.parts import Split, draw_parts, read_labels
from dark_knowledge.data.preparing import prepare
from dark_knowledge.data.splitting import stratified_split

SUBSET_SHA256 = {
    "train_images": "75b18c8ae51f6e40e40a20f0d47c39a2f88855670c5e72bc82218160bc1599f2",
    "train_labels": "a49839838ac41ebbd6f3a55fb96d720d9e0a5cfc84013b7a721c23dd0817528b",
    "test_images": "c5778dde4e96eeb34657888930a98f527ac6b0cb35e9e969ba53f01dfce868bd",
    "test_labels": "3bf96d4b7566f51d8726eb6088e70eb796c98349a6135181dddfcc5bc590cf72",
}


def idx(array: np.ndarray) -> bytes:
    array = np.asarray(array, np.uint8)
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_parts(folder, **parts) -> dict:
    """Six training and two test images of 2x2 pixels in two classes, with the given parts in place of theirs."""
    whole = {
        "train_images": np.arange(24).reshape(6, 2, 2),
        "train_labels": [0, 1, 0, 1, 0, 1],
        "test_images": np.arange(8).reshape(2, 2, 2),
        "test_labels": [0, 1],
    } | parts
    for name, array in whole.items():
        (folder / f"{name}.idx").write_bytes(idx(array))
    return {name: folder / f"{name}.idx" for name in whole}


def prepare_two_classes(files: dict, **settings) -> tuple:
    """As the rules do: what cannot be learned is refused before anything is prepared."""
    split = Split(**{"validation": 2, "seed": 0} | settings)
    check(files, ["a", "b"], split)
    return prepare(files, 2, split)


def test_the_subset_is_the_committed_one(idx_files):
    found = {part: hashlib.sha256(path.read_bytes()).hexdigest() for part, path in idx_files.items()}
    assert found == SUBSET_SHA256


def test_idx_worked_by_hand():
    payload = bytes.fromhex("00000802 00000002 00000003 000102 0304ff")
    assert read_idx(payload, "file").tolist() == [[0, 1, 2], [3, 4, 255]]


GOOD = idx([[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "not an IDX file"),
        (GOOD[:3], "not an IDX file"),
        (b"<html>not found</html>", "not an IDX file"),
        (gzip.compress(GOOD, mtime=0), "not an IDX file"),
        (b"\x01" + GOOD[1:], "not an IDX file"),
        (b"\0\0\x0d" + GOOD[3:], "not an IDX file of unsigned bytes"),  # float32
        (GOOD[:4], "cut off inside its header"),
        (GOOD[:11], "cut off inside its header"),
        (GOOD[:-1], "holds 17 bytes, but its header announces 18"),
        (GOOD + b"\0", "holds 19 bytes, but its header announces 18"),
        (b"\0\0\x08\x04" + 16 * b"\xff", "holds 20 bytes, but its header announces"),
    ],
)
def test_a_broken_idx_file_is_named(payload, message):
    with pytest.raises(InputError, match=message) as error:
        read_idx(payload, "data/train_images.idx")
    assert str(error.value).startswith("data/train_images.idx ")
    assert str(error.value).endswith("; fetch it again")
    assert "\n" not in str(error.value)


def test_a_stored_idx_file_that_is_cut_off_is_made_again(tmp_path):
    """What an interrupted copy of the results leaves: the workflow makes it anew once it is deleted."""
    (tmp_path / "train_labels.idx").write_bytes(GOOD[:-1])
    with pytest.raises(
        InputError, match=r"^an input is damaged: .*train_labels\.idx holds 17 bytes, .*; delete it and"
    ):
        open_idx(tmp_path / "train_labels.idx")


@pytest.mark.parametrize(
    ("counts", "validation", "expected"),
    [
        ([10, 10, 10], 6, [2, 2, 2]),
        ([60, 30, 10], 10, [6, 3, 1]),
        ([50, 30, 20], 11, [6, 3, 2]),  # 5.5, 3.3, 2.2: the image left over goes to the largest remainder
        ([7, 7, 7], 17, [6, 6, 5]),  # 5.67 each: two left over, the tie in the order of the classes
        ([2, 1, 97], 50, [1, 0, 49]),  # the only image of a class is trained on
        ([2, 2, 96], 5, [1, 1, 3]),  # 0.1, 0.1, 4.8: a class of two has one in each part
    ],
)
def test_split_takes_each_class_in_proportion(counts, validation, expected):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    _, held_out = stratified_split(labels, validation, np.random.default_rng(0), left=1)
    assert np.bincount(labels[held_out], minlength=len(counts)).tolist() == expected


@pytest.mark.parametrize("validation", [10, 100, 599])
def test_split_is_exact_disjoint_and_whole(validation):
    labels = np.random.default_rng(1).integers(0, 10, 600)
    training, held_out = stratified_split(labels, validation, np.random.default_rng(0))
    assert len(held_out) == validation
    assert sorted([*training, *held_out]) == list(range(600))
    assert (np.diff(held_out) > 0).all()
    assert (np.diff(training) > 0).all()


def test_split_is_fixed_by_its_seed_alone():
    labels = np.arange(600) % 10
    np.random.seed(0)
    first = stratified_split(labels, 100, np.random.default_rng(1))[1]
    np.random.seed(1)
    assert (stratified_split(labels, 100, np.random.default_rng(1))[1] == first).all()
    overlap = np.intersect1d(stratified_split(labels, 100, np.random.default_rng(2))[1], first)
    assert len(overlap) < 40  # about 100 * 100 / 600 = 17 by chance


def test_another_seed_of_the_split_holds_out_other_images():
    labels = np.arange(600) % 10
    first, again, other = (draw_parts(labels, labels, Split(60, seed))["validation"] for seed in (0, 0, 1))
    assert (again == first).all()
    assert len(np.intersect1d(other, first)) < 30  # about 60 * 60 / 600 = 6 by chance


@pytest.mark.parametrize(("highest", "counted_from"), [(3, 1), (2, 0)])
def test_labels_count_from_one_where_they_reach_the_number_of_classes(tmp_path, highest, counted_from):
    """Of three classes; labels 1 and 2 alone are those of a set without its first class."""
    given = {"train_labels": [1, 2, 1, 2, 1, 2], "test_labels": [1, highest]}
    found = read_labels(write_parts(tmp_path, **given), 3)
    assert {part: (values + counted_from).tolist() for part, values in found.items()} == given


def test_split_holds_out_no_block_of_the_file():
    _, held_out = stratified_split(np.arange(600) % 10, 60, np.random.default_rng(0))
    assert 200 < held_out.mean() < 400
    assert held_out.max() - held_out.min() > 500


def test_prepared_parts_hold_every_image_with_its_label(data, idx_files):
    images = read_idx(idx_files["train_images"].read_bytes(), "")
    labels = read_idx(idx_files["train_labels"].read_bytes(), "")
    prepared = list(zip(data.train_images, data.train_labels, strict=True))
    prepared += zip(data.validation_images, data.validation_labels, strict=True)
    assert (len(data.train_labels), len(data.validation_labels), len(data.test_labels)) == (500, 100, 200)
    assert sorted((image.numpy().tobytes(), label.item()) for image, label in prepared) == sorted(
        (image.tobytes(), label) for image, label in zip(images, labels, strict=True)
    )
    assert torch.bincount(data.validation_labels).tolist() == [10] * 10
    assert data.test_images.numpy().tobytes() == idx_files["test_images"].read_bytes()[16:]
    assert data.classes == 10
    assert data.image_shape == (1, 28, 28)


def test_normalised_training_pixels_have_mean_zero_and_variance_one(data):
    pixels = data.normalise(data.train_images)
    assert pixels.shape == (500, 1, 28, 28)
    assert pixels.dtype == torch.float32
    assert pixels.mean().item() == pytest.approx(0, abs=1e-5)
    assert pixels.std().item() == pytest.approx(1, abs=1e-4)


def test_mean_and_spread_are_of_the_training_part_alone(tmp_path):
    files = write_parts(tmp_path, train_images=(np.arange(24) ** 2 % 97).reshape(6, 2, 2))
    tensors, description = prepare_two_classes(files)
    pixels = tensors["train_images"].double() / 255
    assert description["mean"] == pytest.approx([pixels.mean().item()])
    assert description["std"] == pytest.approx([pixels.std(correction=0).item()])
    assert description["mean"][0] != pytest.approx((np.arange(24) ** 2 % 97).mean() / 255)


def test_limits_keep_a_stratified_part(idx_files):
    tensors, _ = prepare(idx_files, 10, Split(validation=20, seed=0, train_limit=120, test_limit=50))
    counts = {part: torch.bincount(tensors[f"{part}_labels"]).tolist() for part in ("train", "validation", "test")}
    assert counts == {"train": [10] * 10, "validation": [2] * 10, "test": [5] * 10}


def test_limits_above_the_data_set_keep_it_whole(tmp_path):
    tensors, description = prepare_two_classes(write_parts(tmp_path), train_limit=100, test_limit=100)
    assert [len(tensors[f"{part}_labels"]) for part in ("train", "validation", "test")] == [4, 2, 2]
    assert description["classes"] == 2


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"train_images": np.zeros((5, 2, 2))}, ["train_images.idx", "train_labels.idx", "5 images", "6 labels"]),
        ({"train_images": np.zeros((6, 4))}, ["train_images.idx", "(6, 4)"]),
        ({"test_labels": np.zeros((2, 1))}, ["test_labels.idx", "(2, 1)"]),
        ({"train_labels": [0, 1, 2, 0, 1, 0]}, ["train_labels.idx", "label 2", "1 of 6", "2 classes"]),
        ({"test_labels": [0, 255]}, ["test_labels.idx", "label 255"]),
        ({"test_images": np.zeros((0, 2, 2)), "test_labels": []}, ["test_labels.idx", "(0,)"]),
        ({"test_images": np.zeros((2, 3, 3))}, ["test_images.idx", "1x3x3"]),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path, parts, named):
    files = write_parts(tmp_path, **parts)
    with pytest.raises(InputError) as error:
        prepare_two_classes(files)
    assert all(word in str(error.value) for word in named)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("validation", [1, 5, 6, 1000])
def test_a_validation_part_that_does_not_fit_is_refused(tmp_path, validation):
    with pytest.raises(InputError, match=rf"split.validation: of 6 images, {validation} .* allowed: 2 to 4"):
        prepare_two_classes(write_parts(tmp_path), validation=validation)


def test_preparing_takes_a_few_times_the_images_memory(tmp_path):
    images, labels = np.zeros((40_000, 28, 28), np.uint8), np.arange(40_000) % 2
    images[:, 3] = np.arange(40_000)[:, None] % 256
    files = write_parts(tmp_path, train_images=images, train_labels=labels, test_images=images[:2])
    tracemalloc.start()
    prepare(files, 2, Split(1000, 0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * images.nbytes
