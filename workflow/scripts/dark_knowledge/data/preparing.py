"""From the four IDX files of a data set to its three parts: cut, split, measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dark_knowledge.command import InputError
from dark_knowledge.data.formats import open_idx
from dark_knowledge.data.splitting import stratified_split

CHUNK = 2**22  # bytes looked at in one go


@dataclass(frozen=True)
class Split:
    """How the images are cut and split. The fields are the keys of `split` in config.yaml, where each is explained."""

    validation: int
    seed: int
    train_limit: int | None = None
    test_limit: int | None = None


def read_parts(files: dict[str, Path], classes: list[str]) -> dict[str, np.ndarray]:
    """The IDX files' images uint8 [n, c, h, w], from disk as they are used, and labels [n] that begin with 0.

    Images [n, h, w] are grey. Labels from 1 to the number of classes, with no 0 among them, are counted anew.
    """
    parts = {name: open_idx(path) for name, path in files.items()}
    for name, array in parts.items():
        _check_shape(files[name], name, array)
        if name.endswith("_images") and array.ndim == 3:
            parts[name] = array[:, None]
    labels = ("train_labels", "test_labels")
    if min(parts[name].min() for name in labels) == 1 and max(parts[name].max() for name in labels) == len(classes):
        parts |= {name: parts[name] - 1 for name in labels}
    return parts


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
    kept = np.arange(len(train_labels))
    if split.train_limit is not None and split.train_limit < len(train_labels):
        kept = _drawn("train_limit", train_labels, split.train_limit, split.seed, least=2)[1]
    train, validation = _drawn("validation", train_labels[kept], split.validation, split.seed, least=1, left=1)
    test = np.arange(len(test_labels))
    if split.test_limit is not None and split.test_limit < len(test_labels):
        test = _drawn("test_limit", test_labels, split.test_limit, split.seed, least=1)[1]
    return {"train": kept[train], "validation": kept[validation], "test": test}


def _drawn(key: str, labels: np.ndarray, count: int, seed: int, **bounds: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        return stratified_split(labels, count, seed, **bounds)
    except InputError as error:
        raise InputError(f"split.{key}: of {len(labels)} images, {error}, so that no class is lost") from error


def prepare(files: dict[str, Path], classes: list[str], split: Split) -> tuple[dict[str, Tensor], dict]:
    """Cut, split and measure a data set: tensors and description for `save_dataset`.

    Mean and standard deviation are of the training part's pixels, by channel, in units of full white.
    """
    parts = read_parts(files, classes)
    tensors = {}
    for part, index in draw_parts(parts["train_labels"], parts["test_labels"], split).items():
        source = "test" if part == "test" else "train"
        tensors[f"{part}_index"] = torch.from_numpy(index)
        for kind in ("images", "labels"):
            tensors[f"{part}_{kind}"] = torch.from_numpy(np.asarray(parts[f"{source}_{kind}"][index]))
    mean, std = mean_and_spread(tensors["train_images"].numpy())
    return tensors, {"classes": classes, "mean": mean, "std": std}


def mean_and_spread(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of uint8 images [n, c, h, w] by channel, in units of full white.

    From a histogram of the bytes, so that no copy in another type is made. A channel of one value has no spread to
    divide by, and gets 1.
    """
    channels = images.shape[1]
    counts = np.zeros((channels, 256), np.int64)
    for chunk in chunks(images):
        for channel in range(channels):
            counts[channel] += np.bincount(chunk[:, channel].ravel(), minlength=256)
    values, pixels = np.arange(256) / 255, counts[0].sum()
    mean = counts @ values / pixels
    std = np.sqrt((counts * (values - mean[:, None]) ** 2).sum(1) / pixels)
    return mean.tolist(), np.where(std > 0, std, 1).tolist()


def chunks(images: np.ndarray) -> Iterator[np.ndarray]:
    """Successive parts of images [n, ...], of some megabytes each."""
    size = max(1, CHUNK // max(1, images[0].size))
    for first in range(0, len(images), size):
        yield images[first : first + size]
