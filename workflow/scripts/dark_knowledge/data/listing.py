"""What the configuration can know of a data set before any job: the classes of a folder, and whether it changed.

Imported while Snakemake parses the workflow, so nothing heavy is imported here.
"""

import hashlib
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from dark_knowledge.command import InputError

# Keys of a data set that name where its images lie.
PLACES = ("image_folder", "arrays", "folder")
# Those that say where its images are, and how its classes are called, and not what the images are.
NAMES = {*PLACES, "mirrors", "debian_package", "classes"}
# What file managers leave in folders.
IGNORED = {"thumbs.db", "desktop.ini"}
MOST_CLASSES = 256  # labels are stored as bytes


def place_of(dataset: dict, key: str) -> Path:
    """The file or folder that a key of a data set names."""
    try:
        return Path(dataset[key]).expanduser()
    except RuntimeError as error:  # ~nobody
        raise InputError(f"{key} is {dataset[key]!r}: {str(error).rstrip('.')}; name a folder that exists") from error


def pictures_of(dataset: dict) -> dict[str, list[tuple[Path, str]]]:
    """The files of an image folder with their class, sorted by class and name: `train`, and `test` where it has one.

    Refuses, in one line, whatever is not train/<class>/<picture> and test/<class>/<picture>.
    """
    root = place_of(dataset, "image_folder")
    if not (root / "train").is_dir():
        gone = "" if root.exists() else "; to go on with what was read of one that is gone, name its classes"
        raise InputError(f"{root} has no folder train; pictures are looked for in {root}/train/<class>/{gone}")
    parts = {"train": _by_class(root / "train")}
    classes = {name for _, name in parts["train"]}
    if len(classes) < 2:
        raise InputError(
            f"{root / 'train'} has one class, {min(classes)!r}; a folder a class, and at least two are needed"
        )
    if len(classes) > MOST_CLASSES:
        raise InputError(f"{root / 'train'} has {len(classes)} classes; allowed: 2 to {MOST_CLASSES}")
    if (root / "test").is_dir():
        if "test_share" in dataset:
            raise InputError(f"test_share is given, but {root / 'test'} is there; leave one of them out")
        parts["test"] = _by_class(root / "test")
        if unknown := sorted({name for _, name in parts["test"]} - classes):
            raise InputError(f"{root / 'test' / unknown[0]} is a class that {root / 'train'} has not{_more(unknown)}")
    elif "test_share" not in dataset:
        raise InputError(f"{root} has no folder test; add it, or name the share to split off for it, test_share: 0.2")
    return parts


def _by_class(folder: Path) -> list[tuple[Path, str]]:
    entries = _entries(folder)
    if loose := [entry for entry in entries if not entry.is_dir()]:
        raise InputError(f"{loose[0]} lies beside the folders of the classes{_more(loose)}; put it into one of them")
    if not entries:
        raise InputError(f"{folder} is empty; pictures are looked for in {folder}/<class>/")
    found = []
    for entry in entries:
        files = _entries(entry)
        if inner := [file for file in files if file.is_dir()]:
            raise InputError(
                f"{inner[0]} is a folder inside that of a class{_more(inner)}; put its pictures into {entry}"
            )
        if not files:
            raise InputError(f"{entry} is empty; put pictures there, or remove it")
        found += [(file, unicodedata.normalize("NFC", entry.name)) for file in files]
    return found


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, sorted, without hidden files."""
    entries = [
        entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.name.lower() not in IGNORED
    ]
    # As archives made on another system leave them; such a name can be written into no page.
    if odd := [entry for entry in entries if os.fsencode(entry.name).decode(errors="replace") != entry.name]:
        raise InputError(f"{folder} holds {odd[0].name!a}, whose name is not UTF-8{_more(odd)}; rename it")
    return sorted(entries, key=lambda entry: unicodedata.normalize("NFC", entry.name))


def _more(items: list) -> str:
    return f" (and {len(items) - 1} others)" if items[1:] else ""


def class_names(dataset: dict) -> list[str]:
    """The classes of a data set in the order of their labels: an image folder's are its folders.

    If that is gone they are those that the data set names, so that what was read there can still be worked with.
    """
    if "image_folder" not in dataset or ("classes" in dataset and not place_of(dataset, "image_folder").exists()):
        return dataset["classes"]
    found = list(dict.fromkeys(name for _, name in pictures_of(dataset)["train"]))
    named = dataset.get("classes", found)
    if sorted(named) != sorted(found):
        missing, unknown = sorted(set(found) - set(named)), sorted(set(named) - set(found))
        what = f"lacks {missing[0]!r}{_more(missing)}" if missing else f"has {unknown[0]!r}{_more(unknown)}"
        raise InputError(f"classes {what}; they must be the folders of {dataset['image_folder']}/train, or left out")
    return named


def content_of(paths: list[tuple[Path, str]]) -> str:
    """SHA-256 of files, each under a name of its own, wherever they lie."""
    digest = hashlib.sha256()
    for path, name in paths:
        with path.open("rb") as file:
            digest.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\0".encode())
    return digest.hexdigest()


def array_files(place: Path) -> Iterator[Path]:
    """The file of arrays, or those in a folder."""
    return iter(sorted(place.glob("*.npy"))) if place.is_dir() else iter([place])
