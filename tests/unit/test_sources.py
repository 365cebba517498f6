"""Every form of source ends as the same four files, pixel for pixel."""

import csv
import gzip
import hashlib
import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from dark_knowledge.command import InputError
from dark_knowledge.data import identity as data_identity
from dark_knowledge.data import pictures, sources
from dark_knowledge.data.checks import check, findings
from dark_knowledge.data.formats import open_idx
from dark_knowledge.data.identity import identity_of
from dark_knowledge.data.listing import class_names
from dark_knowledge.data.parts import Split
from dark_knowledge.data.prepared import load_dataset, save_dataset
from dark_knowledge.data.preparing import mean_and_spread, prepare
from dark_knowledge.data.sources import FILES
from dark_knowledge.data.storing import store

from .pictures import PER_CLASS, arrays, folder_of_pictures, pixels, save
from .test_prepared import idx, write_parts


def stored(dataset: dict, out: Path) -> dict[str, np.ndarray]:
    dataset = {"classes": class_names(dataset)} | dataset
    list(store("mine", dataset, out))
    return {part: np.array(open_idx(out / f"{part}.idx")) for part in FILES}


@pytest.fixture(autouse=True)
def _no_other_source(tmp_path, monkeypatch):
    monkeypatch.delenv("DARK_KNOWLEDGE_DATA", raising=False)
    monkeypatch.setattr(sources, "SYSTEM_FOLDER", tmp_path / "system")


def test_a_folder_of_colour_pictures(tmp_path):
    root = folder_of_pictures(tmp_path / "pets", ("猫", "собака", "ślimak"))
    found = stored({"image_folder": str(root)}, tmp_path)
    names = class_names({"image_folder": str(root)})
    assert sorted(names) == sorted(["猫", "собака", "ślimak"])
    assert found["train_images"].shape == (3 * PER_CLASS, 3, 8, 8)
    for part in ("train", "test"):
        for image, label in zip(found[f"{part}_images"], found[f"{part}_labels"], strict=True):
            originals = [np.asarray(Image.open(path)) for path in (root / part / names[label]).iterdir()]
            assert any((image.transpose(1, 2, 0) == original).all() for original in originals)


def test_the_order_of_named_classes_is_that_of_the_labels(tmp_path):
    root = folder_of_pictures(tmp_path / "pets")
    usual = stored({"image_folder": str(root)}, tmp_path / "usual")["train_labels"]
    turned = stored({"image_folder": str(root), "classes": ["dog", "cat"]}, tmp_path / "turned")["train_labels"]
    assert sorted(usual) == sorted(turned)
    assert (np.bincount(usual) == PER_CLASS).all()
    assert class_names({"image_folder": str(root)}) == ["cat", "dog"]


def test_grey_pictures_stay_grey(tmp_path):
    root = folder_of_pictures(tmp_path / "pets", grey=True)
    assert stored({"image_folder": str(root)}, tmp_path)["train_images"].shape == (2 * PER_CLASS, 8, 8)


def test_a_share_is_split_off_once_whatever_the_split(tmp_path):
    root = folder_of_pictures(tmp_path / "pets", parts=("train",))
    found = stored({"image_folder": str(root), "test_share": 0.34}, tmp_path)
    assert np.bincount(found["test_labels"]).tolist() == [2, 2]
    assert np.bincount(found["train_labels"]).tolist() == [4, 4]
    images = np.concatenate([found["train_images"], found["test_images"]])
    assert len({image.tobytes() for image in images}) == 2 * PER_CLASS


def test_hidden_files_are_no_pictures(tmp_path):
    root = folder_of_pictures(tmp_path / "pets")
    for name in ("train/.DS_Store", "train/cat/.DS_Store", "train/dog/Thumbs.db"):
        (root / name).write_bytes(b"x")
    assert len(stored({"image_folder": str(root)}, tmp_path)["train_labels"]) == 2 * PER_CLASS


RED = np.zeros((8, 8, 3), np.uint8)
RED[:4] = [200, 10, 30]


def palette() -> Image.Image:
    return Image.fromarray(RED).convert("P", palette=Image.Palette.ADAPTIVE)


def half_transparent() -> Image.Image:
    alpha = np.zeros((8, 8), np.uint8)
    alpha[:4] = 255
    return Image.fromarray(np.dstack([np.broadcast_to(np.uint8([200, 10, 30]), (8, 8, 3)), alpha]))


def turned() -> Image.Image:
    """Stored lying on its side, with the camera's note that it is to be turned."""
    image = Image.fromarray(np.rot90(RED).copy())
    image.getexif()[0x0112] = 6
    return image


@pytest.mark.parametrize(
    ("make", "suffix"),
    [
        (lambda: Image.fromarray(RED), "png"),
        (lambda: Image.fromarray(RED), "webp"),
        (lambda: Image.fromarray(RED), "bmp"),
        (palette, "png"),
        (half_transparent, "png"),
        (turned, "png"),
    ],
    ids=["RGB", "WebP", "BMP", "palette", "transparency", "turned"],
)
def test_colour_of_every_mode(tmp_path, make, suffix):
    root = folder_of_pictures(tmp_path / "pets")
    image = make()
    options = {"lossless": True} if suffix == "webp" else {}
    image.save(root / "train" / "cat" / f"0.{suffix}", exif=image.getexif(), **options)
    found = stored({"image_folder": str(root)}, tmp_path)["train_images"][0]
    assert np.array_equal(found.transpose(1, 2, 0), RED)


GREY = pixels(5, (8, 8))


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(GREY),
        Image.fromarray(GREY.astype(np.uint16) * 257),
        Image.fromarray(np.dstack([GREY, np.full((8, 8), 255, np.uint8)]), "LA"),
    ],
    ids=["L", "16 bits", "LA"],
)
def test_grey_of_every_mode(tmp_path, image):
    root = folder_of_pictures(tmp_path / "pets", grey=True)
    image.save(root / "train" / "cat" / "0.png")
    assert np.array_equal(stored({"image_folder": str(root)}, tmp_path)["train_images"][0], GREY)


def test_bits_are_black_and_white(tmp_path):
    root = folder_of_pictures(tmp_path / "pets", grey=True)
    Image.fromarray(GREY > 100).save(root / "train" / "cat" / "0.png")
    assert np.array_equal(stored({"image_folder": str(root)}, tmp_path)["train_images"][0], 255 * (GREY > 100))


def test_size_resizes_pictures_of_any_size(tmp_path):
    root = folder_of_pictures(tmp_path / "pets")
    half = np.zeros((40, 20, 3), np.uint8)
    half[20:] = 200
    save(root / "train" / "cat" / "0.png", half)
    found = stored({"image_folder": str(root), "size": [4, 6]}, tmp_path)["train_images"]
    assert found.shape[1:] == (3, 4, 6)
    assert found[0, 0, 0].tolist() == [0] * 6
    assert found[0, 0, 3].tolist() == [200] * 6


def test_what_does_not_fit_into_memory_is_refused_with_a_size_that_would(tmp_path, monkeypatch):
    root = folder_of_pictures(tmp_path / "pets")
    needed = 24 * 3 * 8 * 8 * pictures.COPIES
    monkeypatch.setattr("os.sysconf", lambda name: needed // 4 if name == "SC_PHYS_PAGES" else 1)
    with pytest.raises(InputError, match=r"24 images of 8x8 pixels and 3 channels .* a `size` of \[4, 4\] would fit"):
        stored({"image_folder": str(root)}, tmp_path)


def npz(folder: Path, **parts) -> str:
    np.savez(folder / "mine.npz", **arrays() | parts)
    return str(folder / "mine.npz")


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 3, 1, 2)], ids=["channels last", "channels first"])
def test_arrays_of_colour(tmp_path, axes):
    colour = pixels(3, (12, 8, 9, 3))
    parts = {"train_images": colour.transpose(axes), "test_images": colour.transpose(axes)}
    found = stored({"arrays": npz(tmp_path, **parts), "classes": ["a", "b"]}, tmp_path)
    assert np.array_equal(found["train_images"], colour.transpose(0, 3, 1, 2))
    assert found["test_labels"].tolist() == [0, 1] * 6


@pytest.mark.parametrize(
    ("scale", "low", "high"), [(1 / 255, 0, 1), (2 / 255, -1, 1), (1.0, 0, 255)], ids=["0 to 1", "-1 to 1", "0 to 255"]
)
def test_floats_of_a_stated_range(tmp_path, scale, low, high):
    images = arrays()["train_images"]
    scaled = (images * scale + low).astype(np.float32)
    source = {"arrays": npz(tmp_path, train_images=scaled, test_images=scaled)}
    found = stored(source | {"range": [low, high], "classes": ["a", "b"]}, tmp_path)
    assert np.array_equal(found["train_images"], images)


@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 3)], ids=["grey", "colour"])
@pytest.mark.parametrize("size", [[5, 12], [8, 9]], ids=str)
def test_arrays_are_resized_as_a_folder_of_the_same_pictures_is(tmp_path, shape, size):
    images = arrays(shape)["train_images"]
    for number, image in enumerate(images):
        save(tmp_path / "pets" / "train" / "ab"[number % 2] / f"{number:02}.png", image)
        save(tmp_path / "pets" / "test" / "ab"[number % 2] / f"{number:02}.png", image)
    expected = stored({"image_folder": str(tmp_path / "pets"), "size": size}, tmp_path / "folder")["train_images"]
    whole = {"arrays": npz(tmp_path, train_images=images, test_images=images), "classes": ["a", "b"], "size": size}
    found = stored(whole, tmp_path / "whole")["train_images"]
    assert found.shape[-2:] == tuple(size)
    assert np.array_equal(found[[*range(0, 12, 2), *range(1, 12, 2)]], expected)  # a folder has class after class
    scaled = (images / 255).astype(np.float32)
    whole |= {"arrays": npz(tmp_path, train_images=scaled, test_images=scaled), "range": [0, 1]}
    assert np.array_equal(stored(whole, tmp_path / "scaled")["train_images"], found)


def test_a_folder_of_arrays_under_kerass_names(tmp_path):
    for part, array in arrays().items():
        name = part.replace("train_images", "x_train").replace("test_images", "x_test")
        np.save(tmp_path / f"{name}.npy", array[:, None] if part.endswith("labels") else array)
    found = stored({"arrays": str(tmp_path), "classes": ["a", "b"]}, tmp_path / "out")
    assert all(np.array_equal(found[part], array) for part, array in arrays().items())


def test_torchvision_reads_its_own_format_in_colour(tmp_path):
    """GTSRB as torchvision stores it: .ppm files of many sizes, the test labels in a table."""
    root = tmp_path / "gtsrb"
    for label in range(2):
        for number in range(4):
            save(
                root / "GTSRB" / "Training" / f"{label:05}" / f"{number}.ppm",
                pixels(10 * label + number, (9, 8 + number, 3)),
            )
    with (root / "GT-final_test.csv").open("w") as file:
        table = csv.writer(file, delimiter=";")
        table.writerow(["Filename", "ClassId"])
        for number in range(4):
            save(root / "GTSRB" / "Final_Test" / "Images" / f"{number}.ppm", pixels(50 + number, (12, 12, 3)))
            table.writerow([f"{number}.ppm", number % 2])
    source = {"torchvision": "GTSRB", "folder": str(tmp_path), "classes": ["stop", "go"], "size": [8, 8]}
    found = stored(source, tmp_path / "out")
    assert found["train_images"].shape == (8, 3, 8, 8)
    assert found["train_labels"].tolist() == [0] * 4 + [1] * 4
    assert found["test_labels"].tolist() == [0, 1, 0, 1]


def cifar(root: Path, monkeypatch, n: int = 4) -> np.ndarray:
    """CIFAR-10 as torchvision stores it, with n images a batch, and its checksums put in place of the real ones."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    images = pixels(1, (6 * n, 3, 32, 32))
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    for number, name in enumerate(names):
        rows = images[number * n : (number + 1) * n].reshape(n, -1)
        (folder / name).write_bytes(pickle.dumps({"data": rows, "labels": [number % 2, 1, 0, 1][:n]}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": ["plane", "car"]}))
    sums = [[name, hashlib.md5((folder / name).read_bytes()).hexdigest()] for name in names]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", sums[:5])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", sums[5:])
    meta = hashlib.md5((folder / "batches.meta").read_bytes()).hexdigest()
    monkeypatch.setattr(datasets.CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": meta})
    return images


def test_cifar_comes_in_pixel_for_pixel(tmp_path, monkeypatch):
    images = cifar(tmp_path, monkeypatch)
    source = {"torchvision": "CIFAR10", "folder": str(tmp_path), "classes": ["plane", "car"]}
    found = stored(source, tmp_path / "out")
    assert np.array_equal(np.concatenate([found["train_images"], found["test_images"]]), images)


def test_a_cameras_picture_with_a_preview_is_one_picture(tmp_path):
    root = folder_of_pictures(tmp_path / "pets")
    first, preview = (Image.fromarray(pixels(number)) for number in (98, 99))
    first.save(root / "train" / "cat" / "1.jpg", "MPO", save_all=True, append_images=[preview])
    with Image.open(root / "train" / "cat" / "1.jpg") as picture:
        assert (picture.format, picture.n_frames) == ("MPO", 2)
    assert len(stored({"image_folder": str(root)}, tmp_path / "out")["train_labels"]) == 2 * PER_CLASS + 1


def test_a_damaged_torchvision_set_is_passed_over_and_named(tmp_path, monkeypatch):
    cifar(tmp_path, monkeypatch)
    batch = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    batch.write_bytes(batch.read_bytes()[:-1])
    monkeypatch.setattr(datasets.CIFAR10, "url", "http://127.0.0.1:1/cifar.tar.gz")
    source = {"torchvision": "CIFAR10", "folder": str(tmp_path), "classes": ["plane", "car"]}
    with pytest.raises(
        InputError, match=rf"{tmp_path}: Dataset not found or corrupted.*download: .*datasets.mine.folder"
    ):
        stored(source, tmp_path / "out")


def test_torchvisions_classes_in_another_order_are_refused(tmp_path, monkeypatch):
    cifar(tmp_path, monkeypatch)
    source = {"torchvision": "CIFAR10", "folder": str(tmp_path), "classes": ["car", "plane"]}
    with pytest.raises(InputError, match=r"not in the order of CIFAR10: \['plane', 'car'\]"):
        stored(source, tmp_path / "out")


def test_emnists_labels_from_1_are_counted_from_0(tmp_path):
    """EMNIST/letters as torchvision stores it; its labels go from 1 to 26."""
    root = tmp_path / "EMNIST" / "raw"
    root.mkdir(parents=True)
    for part in ("train", "test"):
        (root / f"emnist-letters-{part}-images-idx3-ubyte").write_bytes(idx(pixels(1, (52, 28, 28))))
        (root / f"emnist-letters-{part}-labels-idx1-ubyte").write_bytes(idx(1 + np.arange(52) % 26))
    for split in datasets.EMNIST.splits:
        for part in ("train", "test"):
            for kind in ("images-idx3", "labels-idx1"):
                (root / f"emnist-{split}-{part}-{kind}-ubyte").touch()
    classes = [chr(ord("a") + number) for number in range(26)]
    source = {"torchvision": "EMNIST/letters", "folder": str(tmp_path), "classes": classes}
    stored(source, tmp_path / "out")
    files = {part: tmp_path / "out" / f"{part}.idx" for part in FILES}
    check(files, classes, Split(26, 0))
    tensors, _ = prepare(files, len(classes), Split(26, 0))
    assert torch.bincount(tensors["test_labels"].long()).tolist() == [2] * 26


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte.gz.gz", "TRAIN-LABELS-IDX1-UBYTE"),
        ("train-images-idx3-ubyte/train-images-idx3-ubyte", "train-labels.idx1-ubyte/train-labels.idx1-ubyte"),
    ],
    ids=["dots", "EMNIST", "gzip twice", "a folder a file"],
)
def test_idx_files_under_other_names(tmp_path, images, labels):
    parts = arrays()
    for name, part in ((images, "train_images"), (labels, "train_labels")):
        content = idx(parts[part])
        for _ in range(name.count(".gz")):
            content = gzip.compress(content)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    for part in ("test_images", "test_labels"):
        (tmp_path / FILES[part]).write_bytes(idx(parts[part]))
    found = stored({"folder": str(tmp_path), "classes": ["a", "b"]}, tmp_path / "out")
    assert all(np.array_equal(found[part], array) for part, array in parts.items())


def test_mean_and_spread_are_of_each_channel():
    images = pixels(1, (50, 3, 4, 5))
    images[:, 1] = 7
    mean, std = mean_and_spread(images)
    values = images.transpose(1, 0, 2, 3).reshape(3, -1) / 255
    assert mean == pytest.approx(values.mean(1).tolist(), rel=1e-12)
    assert std == pytest.approx([values[0].std(), 1, values[2].std()], rel=1e-12)


def test_colour_is_normalised_by_channel(tmp_path):
    root = folder_of_pictures(tmp_path / "pets")
    list(store("mine", {"image_folder": str(root)}, tmp_path))
    files = {part: tmp_path / f"{part}.idx" for part in FILES}
    save_dataset(tmp_path / "data.safetensors", *prepare(files, 2, Split(4, 0)))
    data = load_dataset(tmp_path / "data.safetensors")
    pixels_of = data.normalise(data.train_images)
    assert data.image_shape == (3, 8, 8)
    assert pixels_of.mean((0, 2, 3)).numpy() == pytest.approx(0, abs=1e-6)
    assert pixels_of.std((0, 2, 3), correction=0).numpy() == pytest.approx(1, abs=1e-6)


def test_what_a_reader_should_know_is_counted(tmp_path):
    parts = arrays()
    parts["test_images"][:3] = parts["train_images"][:3]  # three test images to learn from
    parts["train_images"][11] = parts["train_images"][4]  # one under two classes
    parts["test_images"][6] = parts["test_images"][8]  # one twice
    parts["test_images"][10] = 5  # one blank
    files = write_parts(tmp_path, **parts)
    found = findings(files, ["a", "b"], Split(4, 0))
    assert found == {
        "images": {"train": 8, "validation": 4, "test": 12},
        "missing_classes": {"train": [], "validation": [], "test": []},
        "blank": {"train": 0, "test": 1},
        "repeated": {"train": 1, "test": 1},
        "under_two_classes": 1,
        "test_images_in_training": 3,
    }


def test_a_class_without_validation_or_test_images_is_named(tmp_path):
    parts = {"train_labels": [0, 1, 0, 1, 0, 2], "test_labels": [0, 1]}
    files = write_parts(tmp_path, **parts)
    found = findings(files, ["a", "b", "c"], Split(3, 0))
    assert found["missing_classes"] == {"train": [], "validation": ["c"], "test": ["c"]}


# Identity: what makes images be read again


def identity(dataset: dict, folder: Path) -> str:
    return identity_of("mine", dataset, folder / "stored")


def forms(folder: Path) -> dict[str, dict]:
    """A data set in each form that is on this machine, below a folder."""
    folder.mkdir(exist_ok=True)
    np.savez(folder / "mine.npz", **arrays())
    (folder / "idx").mkdir()
    for part, array in arrays().items():
        (folder / "idx" / FILES[part]).write_bytes(idx(array))
    return {
        "image_folder": {"image_folder": str(folder_of_pictures(folder / "pets"))},
        "arrays": {"arrays": str(folder / "mine.npz"), "classes": ["a", "b"]},
        "idx": {"folder": str(folder / "idx"), "classes": ["a", "b"]},
    }


@pytest.mark.parametrize("form", ["image_folder", "arrays", "idx"])
def test_a_copy_elsewhere_is_the_same_data_set_and_a_changed_byte_another(tmp_path, form):
    here = forms(tmp_path / "here")[form]
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    there = json.loads(json.dumps(here).replace(f"{tmp_path}/here", f"{tmp_path}/there"))
    assert identity(here, tmp_path) == identity(there, tmp_path)
    place = Path(next(value for value in there.values() if isinstance(value, str)))
    file = next(path for path in (place.rglob("*") if place.is_dir() else [place]) if path.is_file())
    file.write_bytes(file.read_bytes()[:-1] + bytes([file.read_bytes()[-1] ^ 1]))
    assert identity(here, tmp_path) != identity(there, tmp_path)


def test_compressed_files_are_the_same_data_set(tmp_path):
    source = forms(tmp_path / "here")["idx"]
    before = identity(source, tmp_path)
    plain = tmp_path / "here" / "idx" / FILES["train_images"]
    plain.with_name(f"{plain.name}.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert identity(source, tmp_path) == before


def test_mirrors_are_no_part_of_a_data_set_with_checksums():
    source = {"classes": ["a", "b"], "sha256": {part: part for part in FILES}}
    record = Path("none")
    assert identity_of("mine", source | {"mirrors": ["http://a"]}, record) == identity_of("mine", source, record)
    other = source | {"sha256": source["sha256"] | {"test_labels": "another"}}
    assert identity_of("mine", other, record) != identity_of("mine", source, record)


def test_how_pictures_are_read_is_part_of_it(tmp_path):
    source = forms(tmp_path / "here")["image_folder"]
    others = [source, source | {"size": [4, 4]}, source | {"classes": ["dog", "cat"]}]
    assert len({identity(other, tmp_path) for other in others}) == 3


def test_the_code_that_lays_images_out_is_part_of_it(tmp_path, monkeypatch):
    read_by = []
    monkeypatch.setattr(data_identity, "code_fingerprint", lambda path: read_by.append(path.name) or "code")
    for source in forms(tmp_path / "here").values():
        identity(source, tmp_path)
    assert read_by == ["storing.py"] * 2  # an IDX file is taken as it is


def test_pictures_that_are_gone_are_what_was_read_of_them(tmp_path):
    source = forms(tmp_path / "here")["image_folder"]
    source |= {"classes": class_names(source)}
    before = identity(source, tmp_path)
    (tmp_path / "stored" / before).mkdir(parents=True)
    (tmp_path / "stored" / before / "source.json").write_text(json.dumps(source))
    shutil.rmtree(source["image_folder"])
    assert class_names(source) == source["classes"]
    assert identity(source, tmp_path) == before
    del source["classes"]
    with pytest.raises(InputError, match="to go on with what was read of one that is gone, name its classes"):
        class_names(source)


def test_a_source_that_is_gone_is_what_was_read_of_it(tmp_path):
    source = forms(tmp_path / "here")["arrays"]
    before = identity(source, tmp_path)
    (tmp_path / "stored" / before).mkdir(parents=True)
    (tmp_path / "stored" / before / "source.json").write_text(json.dumps(source))
    mistyped = source | {"arrays": str(tmp_path / "typo.npz")}
    assert identity(mistyped, tmp_path) != before
    damaged = Path(source["arrays"])
    damaged.write_bytes(b"")
    assert identity(source, tmp_path) != before
    damaged.unlink()
    assert identity(source, tmp_path) == before
    later = tmp_path / "stored" / "0-read-later"
    later.mkdir()
    (later / "source.json").write_text(json.dumps(source))
    os.utime(tmp_path / "stored" / before / "source.json", (0, 0))
    assert identity(source, tmp_path) == later.name
    os.utime(tmp_path / "stored" / before / "source.json")
    os.utime(later / "source.json", (0, 0))
    assert identity(source, tmp_path) == before
