"""From the four IDX files of a data set to its prepared form: cut, split, measured."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dark_knowledge.data.parts import Split, chunks, draw_parts, read_parts


def prepare(files: dict[str, Path], classes: int, split: Split) -> tuple[dict[str, Tensor], dict]:
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
