"""The images and labels of the four IDX files, and which of them are for training, validation and test."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dark_knowledge.command import InputError
from dark_knowledge.data.formats import open_idx
from dark_knowledge.data.splitting import stratified_split
from dark_knowledge.streams import generator

CHUNK = 2**22  # bytes looked at in one go


@dataclass(frozen=True)
class Split:
    """How the images are cut and split. The fields are the keys of `split` in config.yaml, where each is explained."""

    validation: int
    seed: int
    train_limit: int | None = None
    test_limit: int | None = None


LABEL_PARTS = ("train_labels", "test_labels")


def read_parts(files: dict[str, Path], classes: int) -> dict[str, np.ndarray]:
    """The IDX files' images uint8 [n, c, h, w], from disk as they are used, and labels [n]; [n, h, w] is grey."""
    parts = read_labels(files, classes)
    for part in ("train_images", "test_images"):
        images = open_idx(files[part])
        _check_shape(files[part], part, images)
        parts[part] = images[:, None] if images.ndim == 3 else images
    return parts


def read_labels(files: dict[str, Path], classes: int) -> dict[str, np.ndarray]:
    """The labels [n] of both IDX parts; where they go from 1 to the number of classes, they are counted anew from 0."""
    labels = {part: np.array(open_idx(files[part])) for part in LABEL_PARTS}
    for part, values in labels.items():
        _check_shape(files[part], part, values)
    if min(map(np.min, labels.values())) == 1 and max(map(np.max, labels.values())) == classes:
        return {part: values - 1 for part, values in labels.items()}
    return labels


def _check_shape(path: Path, name: str, array: np.ndarray) -> None:
    if name.endswith("_labels"):
        fits, expected = array.ndim == 1, "[n]"
    else:
        fits = array.ndim == 3 or (array.ndim == 4 and array.shape[1] in (1, 3))
        expected = "[n, height, width], or [n, channels, height, width] with 1 or 3 channels"
    if not fits or 0 in array.shape:
        raise InputError(f"{path} has shape {array.shape}; expected {expected}, n above 0")


def draw_parts(train_labels: np.ndarray, test_labels: np.ndarray, split: Split) -> dict[str, np.ndarray]:
    """Indices of the training, validation and test images, each sorted: of the labels [n] of both IDX parts.

    Every class keeps an image to train on and, where it has two or more, one for validation; a limit keeps two of each
    class in training and one in test, where there are so many.
    """
    seed, held_out, kept = split.seed, split.validation, np.arange(len(train_labels))
    if split.train_limit is not None and split.train_limit < len(train_labels):
        kept = draw("split.train_limit", train_labels, split.train_limit, generator("training limit", seed), least=2)[1]
    random = generator("split", seed)
    train, validation = draw("split.validation", train_labels[kept], held_out, random, least=1, left=1)
    test = np.arange(len(test_labels))
    if split.test_limit is not None and split.test_limit < len(test_labels):
        test = draw("split.test_limit", test_labels, split.test_limit, generator("test limit", seed), least=1)[1]
    return {"train": kept[train], "validation": kept[validation], "test": test}


def draw(
    key: str, labels: np.ndarray, count: int, random: np.random.Generator, **bounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """`stratified_split`, whose refusal names the configuration's `key`."""
    try:
        return stratified_split(labels, count, random, **bounds)
    except InputError as error:
        raise InputError(f"{key}: of {len(labels)} images, {error}, so that no class is lost") from error


def chunks(images: np.ndarray) -> Iterator[np.ndarray]:
    """Successive parts of images [n, ...], of some megabytes each."""
    size = max(1, CHUNK // max(1, images[0].size))
    for first in range(0, len(images), size):
        yield images[first : first + size]
