"""What is refused in a data set before anything is made from it, and what its reader should know."""

from collections import Counter
from hashlib import blake2b
from pathlib import Path

import numpy as np

from dark_knowledge.command import InputError
from dark_knowledge.data.parts import Split, chunks, draw_parts, read_labels, read_parts


def check(files: dict[str, Path], classes: list[str], split: Split) -> None:
    """Refuse, in one line, a data set that cannot be learned as the study says. `files` are the IDX files by part."""
    check_labels(files, classes, split)
    parts = read_parts(files, len(classes))
    for part in ("train", "test"):
        images, labels = (len(parts[f"{part}_{kind}"]) for kind in ("images", "labels"))
        if images != labels:
            raise InputError(
                f"{files[f'{part}_images']} holds {images} images, but {files[f'{part}_labels']} {labels} labels; they "
                "must be as many"
            )
    shapes = ["x".join(map(str, parts[f"{part}_images"].shape[1:])) for part in ("train", "test")]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"{files['test_images']} holds images of {shapes[1]} (channels, height, width), but training images are "
            f"{shapes[0]}; both parts need images of one size"
        )
    _check_blank(files, _blank(parts["train_images"]), parts["train_labels"], classes)
    first = parts["train_images"][:1]
    if all((chunk == first).all() for chunk in chunks(parts["train_images"])):
        raise InputError(
            f"{files['train_images']} holds the same image {len(parts['train_images'])} times; give others"
        )


def check_labels(files: dict[str, Path], classes: list[str], split: Split) -> None:
    """Refuse labels that do not fit the classes, and a split that would lose a class."""
    labels = read_labels(files, len(classes))
    for part, values in labels.items():
        if values.max() >= len(classes):
            raise InputError(
                f"{files[part]} holds label {values.max()} ({(values >= len(classes)).sum()} of {len(values)} labels "
                f"are above {len(classes) - 1}), but `classes` names only {len(classes)} classes"
            )
    _check_classes(files, labels["train_labels"], classes)
    draw_parts(labels["train_labels"], labels["test_labels"], split)


def findings(files: dict[str, Path], classes: list[str], split: Split) -> dict:
    """What a reader should know of the images that the study uses.

    Their number by part, the classes that a part lacks, the blank ones, those that repeat another of their part, those
    that stand under two classes, and the test images that are also images to learn or choose from.
    """
    parts = read_parts(files, len(classes))
    drawn = draw_parts(parts["train_labels"], parts["test_labels"], split)
    used = {"train": np.concatenate([drawn["train"], drawn["validation"]]), "test": drawn["test"]}
    digests = {part: _digests(parts[f"{part}_images"])[index] for part, index in used.items()}
    return {
        "images": {part: len(index) for part, index in drawn.items()},
        "missing_classes": {
            part: [name for label, name in enumerate(classes) if label not in parts[_labels_of(part)][index]]
            for part, index in drawn.items()
        },
        "blank": {part: int(_blank(parts[f"{part}_images"])[index].sum()) for part, index in used.items()},
        "repeated": {part: _repeated(own) for part, own in digests.items()},
        "under_two_classes": _under_two_classes(digests["train"], parts["train_labels"][used["train"]]),
        "test_images_in_training": int(np.isin(digests["test"], digests["train"]).sum()),
    }


def _labels_of(part: str) -> str:
    return "test_labels" if part == "test" else "train_labels"


def _check_classes(files: dict, labels: np.ndarray, classes: list[str]) -> None:
    counts = np.bincount(labels, minlength=len(classes))
    missing = [name for name, count in zip(classes, counts, strict=True) if count == 0]
    if missing:
        raise InputError(
            f"{files['train_labels']} holds no image of class {missing[0]!r}"
            + (f" and of {len(missing) - 1} other classes" if missing[1:] else "")
            + "; leave out of `classes` what has no training image"
        )


def _blank(images: np.ndarray) -> np.ndarray:
    """Which images [n] of [n, c, h, w] have one colour everywhere."""
    return np.concatenate([(chunk == chunk[:, :, :1, :1]).all(axis=(1, 2, 3)) for chunk in chunks(images)])


def _check_blank(files: dict, blank: np.ndarray, labels: np.ndarray, classes: list[str]) -> None:
    for label, name in enumerate(classes):
        own = blank[labels == label]
        if own.all():
            raise InputError(
                f"{files['train_images']}: all {len(own)} training images of class {name!r} are blank, one value "
                "everywhere; give images that differ"
            )


def _digests(images: np.ndarray) -> np.ndarray:
    """A hash [n] of the bytes of each image."""
    return np.array([blake2b(image.tobytes(), digest_size=16).digest() for image in images], dtype="S16")


def _repeated(digests: np.ndarray) -> int:
    return len(digests) - len(set(digests))


def _under_two_classes(digests: np.ndarray, labels: np.ndarray) -> int:
    """How many different images have more than one label."""
    labels_of = Counter(digest for digest, _ in set(zip(digests.tolist(), labels.tolist(), strict=True)))
    return sum(count > 1 for count in labels_of.values())
