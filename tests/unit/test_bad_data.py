"""Wrong data sets, each refused in one line that names the file or the key, before any training."""

import gzip
import os
import struct
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from dark_knowledge.command import InputError
from dark_knowledge.data import sources
from dark_knowledge.data.checks import check
from dark_knowledge.data.parts import Split
from dark_knowledge.data.sources import FILES
from dark_knowledge.data.storing import store
from dark_knowledge.study.checking import check_config

from .pictures import arrays, folder_of_pictures, pixels, save

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"


def refusal(dataset: dict, folder: Path, split: dict) -> str:
    """What the configuration's check, the reading or the data set's check says, as the workflow calls them in turn."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config["datasets"]["mine"] = dataset
    config |= {"dataset": "mine", "split": {"validation": 4, "seed": 0} | split}
    for recipe in config["recipes"].values():
        recipe["batch_size"] = 2
    config["experiments"]["resnet"]["published"] = None
    with pytest.raises(InputError) as error:
        come_in(config, folder / "out")
    message = str(error.value)
    assert "\n" not in message
    return message


def come_in(config: dict, out: Path) -> None:
    check_config(config, SCHEMA)
    dataset = config["datasets"]["mine"]
    list(store("mine", dataset, out))
    check({part: out / f"{part}.idx" for part in FILES}, dataset["classes"], Split(**config["split"]))


def pictures(folder: Path, **keys) -> dict:
    return {"image_folder": str(folder_of_pictures(folder / "pets"))} | keys


def changed(change, folder: Path, **keys) -> dict:
    """A folder of pictures after `change`, which gets its path."""
    dataset = pictures(folder, **keys)
    change(Path(dataset["image_folder"]))
    return dataset


def remove(path: Path) -> None:
    for inner in sorted(path.rglob("*"), reverse=True):
        inner.rmdir() if inner.is_dir() else inner.unlink()
    path.rmdir()


def two_damaged(root: Path) -> None:
    for name in ("1.png", "8.png"):
        file = next(root.glob(f"train/*/{name}"))
        file.write_bytes(file.read_bytes()[:-60])


def write(name: str, content: bytes, root: Path) -> None:
    (root / name).write_bytes(content)


def copy(source: str, target: str, root: Path) -> None:
    (root / target).parent.mkdir(exist_ok=True)
    (root / target).write_bytes((root / source).read_bytes())


def two_pages(name: str, root: Path) -> None:
    first, second = (Image.fromarray(pixels(number)) for number in (98, 99))
    first.save(root / "train" / "cat" / name, save_all=True, append_images=[second])


def many_classes(root: Path) -> None:
    for number in range(300):
        copy("train/cat/1.png", f"train/{number}/1.png", root)


def odd_name(root: Path) -> None:
    (root / "train" / "cat" / "1.png").rename(root / "train" / "cat" / os.fsdecode(b"Fran\xe7ais.png"))


PICTURES = [
    ("no folder", lambda f: {"image_folder": str(f / "typo")}, ["datasets.mine", "typo", "no folder train"]),
    ("a user that is not there", lambda f: {"image_folder": "~nosuchuser/pets"}, ["datasets.mine", "~nosuchuser"]),
    (
        "no train",
        partial(changed, lambda r: (r / "train").rename(r / "training")),
        ["no folder train", "/train/<class>/"],
    ),
    ("an empty train", partial(changed, lambda r: (remove(r / "train"), (r / "train").mkdir())), ["train is empty"]),
    ("one class", partial(changed, lambda r: remove(r / "train" / "dog")), ["one class, 'cat'", "at least two"]),
    ("too many classes", partial(changed, many_classes), ["train has 302 classes", "2 to 256"]),
    ("a name of another system", partial(changed, odd_name), ["train/cat holds 'Fran\\udce7ais.png'", "not UTF-8"]),
    ("an empty class", partial(changed, lambda r: (r / "train" / "eel").mkdir()), ["train/eel is empty"]),
    (
        "a class in test alone",
        partial(changed, lambda r: copy("test/cat/13.png", "test/eel/1.png", r)),
        ["test/eel", "train has not"],
    ),
    ("no test", partial(changed, lambda r: remove(r / "test")), ["no folder test", "test_share: 0.2"]),
    ("a test and a share", partial(pictures, test_share=0.2), ["test_share is given", "leave one of them out"]),
    ("a share of 0", partial(pictures, test_share=0), ["datasets.mine.test_share is 0", "above 0 and below 1"]),
    (
        "a share below the classes",
        partial(changed, lambda r: remove(r / "test"), test_share=0.01),
        ["test_share: of 12 images, 1 cannot be drawn", "allowed: 2 to 10"],
    ),
    ("a share of 1", partial(pictures, test_share=1), ["datasets.mine.test_share is 1", "above 0 and below 1"]),
    (
        "loose pictures",
        partial(changed, lambda r: copy("train/cat/1.png", "train/1.png", r)),
        ["train/1.png", "beside the folders"],
    ),
    (
        "a folder in a class",
        partial(changed, lambda r: (r / "train" / "cat" / "more").mkdir()),
        ["train/cat/more", "is a folder inside"],
    ),
    (
        "a text among pictures",
        partial(changed, partial(write, "train/cat/notes.txt", b"see below")),
        ["notes.txt", "no picture", "format"],
    ),
    ("an empty file", partial(changed, partial(write, "train/cat/0.png", b"")), ["train/cat/0.png", "empty"]),
    (
        "a file cut off",
        partial(changed, two_damaged),
        ["train/cat/1.png", "file is truncated", "1 other pictures"],
    ),
    (
        "a blank picture",
        partial(changed, lambda r: save(r / "train" / "cat" / "1.png", np.full((8, 8, 3), 7, np.uint8))),
        ["train/cat/1.png", "blank"],
    ),
    (
        "another size",
        partial(changed, lambda r: save(r / "test" / "dog" / "19.png", pixels(0, (9, 8, 3)))),
        ["test/dog/19.png 9x8", "8x8", "`size`"],
    ),
    (
        "floats",
        partial(
            changed,
            lambda r: Image.fromarray(pixels(0, (8, 8)).astype(np.float32)).save(r / "train" / "cat" / "1.tiff"),
        ),
        ["train/cat/1.tiff", "floats"],
    ),
    (
        "numbers of 32 bits",
        partial(
            changed,
            lambda r: Image.fromarray(pixels(0, (8, 8)).astype(np.int32) * 70000).save(r / "train" / "cat" / "1.tiff"),
        ),
        ["train/cat/1.tiff", "16 bits"],
    ),
    *(
        (
            f"two pages, {name}",
            partial(changed, partial(two_pages, name)),
            [name, "it has 2 frames; give"],
        )
        for name in ("1.gif", "1.tiff", "1.webp", "0.png")
    ),
    ("a size of one number", partial(pictures, size=32), ["datasets.mine.size is 32", "height and width"]),
    ("a size of zero", partial(pictures, size=[0, 8]), ["datasets.mine.size.0 is 0", "1 to 1024"]),
    ("classes that are not folders", partial(pictures, classes=["cat", "cow"]), ["datasets.mine", "'dog'", "folders"]),
    (
        "the key of another source",
        partial(pictures, range=[0, 1]),
        ["unknown key 'datasets.mine.range'", "image_folder"],
    ),
    (
        "a picture under two classes",
        partial(changed, lambda r: copy("train/cat/1.png", "train/dog/1.png", r)),
        ["train/dog/1.png", "train/cat/1.png", "two classes"],
    ),
]


def npz(folder: Path, keys: dict | None = None, *, without: str = "", **parts) -> dict:
    """An .npz file with the given arrays in place of good ones."""
    content = {name: array for name, array in (arrays() | parts).items() if name != without}
    np.savez(folder / "mine.npz", **content)
    return {"arrays": str(folder / "mine.npz"), "classes": ["a", "b"]} | (keys or {})


def raw(content: bytes, folder: Path, name: str = "mine.npz") -> dict:
    (folder / name).write_bytes(content)
    return {"arrays": str(folder / name), "classes": ["a", "b"]}


def cut_off(folder: Path) -> dict:
    whole = Path(npz(folder)["arrays"]).read_bytes()
    return raw(whole[:900], folder)


def single(folder: Path) -> dict:
    np.save(folder / "mine.npy", pixels(0))
    return {"arrays": str(folder / "mine.npy"), "classes": ["a", "b"]}


FLOATS = pixels(1, (12, 8, 8)) / 255
ARRAYS = [
    ("no file", lambda f: {"arrays": str(f / "typo.npz"), "classes": ["a", "b"]}, ["typo.npz", "No such file"]),
    ("no arrays file", partial(raw, b"hello"), ["mine.npz", "no plain arrays"]),
    ("an empty file", partial(raw, b""), ["mine.npz", "cannot be read"]),
    ("a file cut off", cut_off, ["mine.npz", "cannot be read"]),
    ("a single array", single, ["mine.npy", "single array"]),
    (
        "an empty folder",
        lambda f: {"arrays": str(f), "classes": ["a", "b"]},
        ["train_images or x_train", "it has nothing"],
    ),
    ("no test labels", partial(npz, without="test_labels"), ["no array test_labels or y_test", "train_images"]),
    ("objects", partial(npz, train_images=np.array([None, 1], object)), ["mine.npz", "no plain arrays"]),
    ("flat images", partial(npz, train_images=pixels(1, (12, 64))), ["train_images of", "(12, 64)", "[n, h, w]"]),
    ("four channels", partial(npz, train_images=pixels(1, (12, 8, 8, 4))), ["(12, 8, 8, 4)", "1 or 3 channels"]),
    (
        "channels on either axis",
        partial(npz, train_images=pixels(1, (12, 3, 8, 3))),
        ["(12, 3, 8, 3)", "one axis alone"],
    ),
    ("no images", partial(npz, train_images=pixels(1, (0, 8, 8))), ["train_images of", "(0, 8, 8)"]),
    ("floats without a range", partial(npz, train_images=FLOATS), ["train_images of", "float64", "range: [0, 1]"]),
    (
        "values outside the range",
        partial(npz, keys={"range": [0, 1]}, train_images=2 * FLOATS),
        ["train_images of", "outside of range [0, 1]"],
    ),
    (
        "not a number",
        partial(npz, keys={"range": [0, 1]}, train_images=np.where(FLOATS > 0.9, np.nan, FLOATS)),
        ["train_images of", "hold nan"],
    ),
    ("a range of one number", partial(npz, keys={"range": [0]}), ["datasets.mine.range is [0]", "black and white"]),
    ("a size of one number", partial(npz, keys={"size": [8]}), ["datasets.mine.size is [8]", "height and width"]),
    ("words as images", partial(npz, train_images=np.full((12, 8, 8), "a")), ["train_images of", "<U1"]),
    ("words as labels", partial(npz, train_labels=np.array(["a"] * 12)), ["train_labels of", "whole numbers"]),
    ("labels for other images", partial(npz, train_labels=np.arange(11) % 2), ["12 images", "11 labels"]),
    ("negative labels", partial(npz, train_labels=np.arange(12) % 2 - 1), ["train_labels of", "from -1 to 0"]),
    ("labels above a byte", partial(npz, train_labels=np.arange(12) * 30), ["train_labels of", "0 to 330", "0 to 255"]),
    ("labels without a class", partial(npz, train_labels=np.arange(12) % 3), ["label 2 (4 of 12", "2 classes"]),
    ("a class without images", partial(npz, train_labels=np.zeros(12, int)), ["no image of class 'b'"]),
    (
        "one label a class",
        partial(npz, train_labels=np.eye(2)[np.arange(12) % 2].astype(int)),
        ["train_labels of", "(12, 2)"],
    ),
    ("other sizes in test", partial(npz, test_images=pixels(2, (12, 8, 9))), ["test_images", "1x8x9", "1x8x8"]),
    ("grey and colour", partial(npz, test_images=pixels(2, (12, 8, 8, 3))), ["test_images", "3x8x8", "1x8x8"]),
    ("blank images", partial(npz, train_images=np.zeros((12, 8, 8), np.uint8)), ["class 'a' are blank", "all 6"]),
    (
        "one image again and again",
        partial(npz, train_images=np.repeat(pixels(1, (1, 8, 8)), 12, 0)),
        ["the same image 12 times"],
    ),
    (
        "no classes",
        lambda f: {key: value for key, value in npz(f).items() if key != "classes"},
        ["'datasets.mine.classes' is missing"],
    ),
]


def idx(array) -> bytes:
    array = np.asarray(array, np.uint8)
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def idx_folder(folder: Path, **files: bytes) -> dict:
    """The four files, plain, with the given contents in place of good ones."""
    for part, array in arrays().items():
        (folder / FILES[part]).write_bytes(files.get(part, idx(array)))
    return {"folder": str(folder), "classes": ["a", "b"]}


def several(folder: Path) -> dict:
    dataset = idx_folder(folder)
    for name in ("letters", "digits"):
        (folder / f"emnist-{name}-train-images-idx3-ubyte").write_bytes(idx(arrays()["train_images"]))
    (folder / FILES["train_images"]).unlink()
    return dataset


IDX = [
    (
        "no folder",
        lambda f: {"folder": str(f / "typo"), "classes": ["a", "b"]},
        ["typo/train-images-idx3-ubyte", "datasets.mine.folder"],
    ),
    (
        "a user that is not there",
        lambda f: {"folder": "~nosuchuser/mnist", "classes": ["a", "b"]},
        ["~nosuchuser", "home directory"],
    ),
    (
        "no source",
        lambda f: {"classes": ["a", "b"]},
        ["train-images-idx3-ubyte of data set 'mine'", "datasets.mine.folder"],
    ),
    (
        "a page instead of a file",
        partial(idx_folder, test_images=b"<html>Not found</html>"),
        ["t10k-images-idx3-ubyte", "not an IDX file"],
    ),
    (
        "an archive cut off",
        partial(idx_folder, train_images=gzip.compress(idx(pixels(1)))[:-9]),
        ["train-images-idx3-ubyte", "ended before"],
    ),
    (
        "labels for images",
        partial(idx_folder, train_images=idx(np.arange(12) % 2)),
        ["train-images-idx3-ubyte has 1 axes", "images"],
    ),
    (
        "a file cut off",
        partial(idx_folder, test_labels=idx(np.arange(12) % 2)[:-1]),
        ["t10k-labels-idx1-ubyte holds 19 bytes", "announces 20"],
    ),
    ("several that fit", several, ["several files could be meant", "emnist-digits", "emnist-letters"]),
    (
        "two channels",
        partial(idx_folder, train_images=idx(pixels(1, (12, 2, 8, 8)))),
        ["train_images.idx", "(12, 2, 8, 8)", "1 or 3"],
    ),
    ("labels from 1 and 0", partial(idx_folder, train_labels=idx(np.arange(12) % 3)), ["label 2 (4 of 12"]),
    (
        "a wrong torchvision set",
        lambda f: {"torchvision": "CIFAR11", "classes": ["a", "b"]},
        ["datasets.mine.torchvision is 'CIFAR11'", "CIFAR100"],
    ),
    (
        "a set without a test part",
        lambda f: {"torchvision": "EuroSAT", "classes": ["a", "b"]},
        ["'EuroSAT'", "fixed training and test part"],
    ),
    (
        "a set of pictures of several sizes",
        lambda f: {"torchvision": "DTD", "classes": ["a", "b"]},
        ["key 'datasets.mine.size' is missing; add it"],
    ),
]

# Of twelve images in three classes.
SPLITS = [
    ("validation below the classes", {"validation": 2}, ["split.validation is 2", "at least 3"]),
    ("validation of everything", {"validation": 12}, ["split.validation: of 12 images, 12", "allowed: 3 to 9"]),
    ("a class would not be learned", {"validation": 10}, ["of 12 images, 10", "3 to 9", "no class is lost"]),
    ("validation beyond the images", {"validation": 9000}, ["split.validation: of 12 images, 9000"]),
    ("few test images", {"test_limit": 2}, ["split.test_limit is 2", "at least 3"]),
    ("few training images", {"train_limit": 5, "validation": 3}, ["split.train_limit: of 12 images, 5", "6 to 12"]),
]


@pytest.fixture(autouse=True)
def _no_other_source(tmp_path, monkeypatch):
    monkeypatch.delenv("DARK_KNOWLEDGE_DATA", raising=False)
    monkeypatch.setattr(sources, "SYSTEM_FOLDER", tmp_path / "system")


CASES = PICTURES + ARRAYS + IDX


@pytest.mark.parametrize(("dataset", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_wrong_data_set_is_refused(tmp_path, dataset, words):
    message = refusal(dataset(tmp_path), tmp_path, {})
    assert not [word for word in words if word not in message], message


@pytest.mark.parametrize(("split", "words"), [case[1:] for case in SPLITS], ids=[case[0] for case in SPLITS])
def test_a_wrong_split_is_refused(tmp_path, split, words):
    labels = np.arange(12) % 3
    dataset = npz(tmp_path, {"classes": ["a", "b", "c"]}, train_labels=labels, test_labels=labels)
    message = refusal(dataset, tmp_path, split)
    assert not [word for word in words if word not in message], message


@pytest.mark.parametrize("key", ["image_folder", "arrays"])
def test_images_are_looked_for_beside_the_configuration_and_where_snakemake_runs(tmp_path, monkeypatch, key):
    """As networks and weights are. A place that is gone keeps its name, by which what was read there is found again."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study").mkdir()
    dataset = pictures(tmp_path / "study") if key == "image_folder" else npz(tmp_path / "study")
    place = Path(dataset[key])
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")) | {"dataset": "mine"}
    for named, folders, found in (
        (place.name, [Path("study"), Path()], f"study/{place.name}"),
        (place.name, [Path("elsewhere"), tmp_path / "study"], f"study/{place.name}"),
        (f"study/{place.name}", [Path("study"), Path()], f"study/{place.name}"),
        (str(place), [Path("study"), Path()], str(place)),
    ):
        config["datasets"]["mine"] = dataset | {key: named}
        config["experiments"]["resnet"]["published"] = None
        check_config(config, SCHEMA, folders)
        assert config["datasets"]["mine"][key] == found


def test_these_are_at_least_forty():
    assert len(CASES) + len(SPLITS) >= 40


def test_a_good_one_passes_all_checks(tmp_path):
    """Else every refusal above could be one and the same."""
    for number, dataset in enumerate((pictures(tmp_path), npz(tmp_path), idx_folder(tmp_path))):
        list(store("mine", dataset, tmp_path / str(number)))
        files = {part: tmp_path / str(number) / f"{part}.idx" for part in FILES}
        check(files, ["a", "b"], Split(validation=4, seed=0))
