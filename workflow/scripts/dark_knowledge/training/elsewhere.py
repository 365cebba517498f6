"""What was trained elsewhere: weights of a named network, and logits of the data set's images."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from dark_knowledge.command import InputError, host_memory_is_full
from dark_knowledge.data.prepared import Dataset

# The parts of a prepared data set that each array of given logits has rows of.
PARTS_OF = {"train": ("train", "validation"), "test": ("test",)}
# Logits that agree with the labels by more standard deviations above chance are taken for those of the images, in their
# order; in a random order one file in 30,000 does.
DEVIATIONS = 4


def read_weights(path: Path, model: nn.Module) -> None:
    """Load a file of weights, .safetensors or a state_dict of PyTorch, into `model`; nothing in the file is run.

    A checkpoint that holds one state_dict beside other things is taken for it. Refused are weights that do not fit the
    network name by name and shape by shape, or are not finite.
    """
    weights = _state_dict(path)
    own = model.state_dict()
    wrong = [
        *(f"{name} is missing" for name in own if name not in weights),
        *(f"{name} is not of this network" for name in weights if name not in own),
        *(
            f"{name} has shape {tuple(weights[name].shape)}, not {tuple(value.shape)}"
            for name, value in own.items()
            if name in weights and weights[name].shape != value.shape
        ),
        *(f"{name} is not finite" for name, value in weights.items() if not value.isfinite().all()),
    ]
    if wrong:
        raise InputError(
            f"{path} does not fit the network: {_some(wrong)}; allowed: the state_dict of this very network"
        )
    model.load_state_dict(weights)


def _state_dict(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        return _tensors(path)
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # what is no checkpoint can make the unpickler raise anything
        if isinstance(error, OSError) or host_memory_is_full(error):
            raise
        raise InputError(
            f"{path} does not load with weights_only ({type(error).__name__}); allowed: what torch.save writes of "
            "model.state_dict()"
        ) from error
    inner = list(content.values()) if isinstance(content, dict) else []
    found = [value for value in (content, *inner) if _is_state_dict(value)]
    if len(found) != 1:
        raise InputError(f"{path} holds {len(found)} state_dicts; allowed: one, from names to tensors")
    return found[0]


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise InputError(f"{path} is no whole .safetensors file ({error}); allowed: what safetensors writes") from error


def _is_state_dict(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(tensor, Tensor) for tensor in value.values())


def read_logits(path: Path, data: Dataset, images: dict[str, int]) -> dict[str, Tensor]:
    """Logits [n, c] of each part of `data`, from a file's arrays `train` and `test`, in the order of its source.

    `images` has the numbers of training and test images in the source: `train` has a row for each of the former,
    validation included, unaugmented. Refused are arrays of another shape, values that are not finite, probabilities,
    and rows that agree with the labels no better than chance: they are in another order, or of another data set.
    """
    arrays = _tensors(path) if path.suffix == ".safetensors" else _arrays(path)
    if set(arrays) != PARTS_OF.keys():
        raise InputError(f"{path} holds {_some(sorted(arrays)) or 'nothing'}; allowed: the arrays train and test")
    logits = {}
    for name, parts in PARTS_OF.items():
        array = _checked_logits(f"{path}: {name}", arrays[name], (images[name], data.classes))
        rows = {part: array[getattr(data, f"{part}_index").long()].contiguous() for part in parts}
        answers = torch.cat([rows[part].argmax(1) for part in parts])
        labels = torch.cat([getattr(data, f"{part}_labels") for part in parts])
        _refuse_chance(f"{path}: {name}", answers, labels, data.classes)
        logits |= rows
    return logits


def _checked_logits(place: str, array: Tensor, shape: tuple[int, int]) -> Tensor:
    """The array in float32; refused unless it holds logits, a row for each image."""
    if array.shape != shape:
        raise InputError(
            f"{place} has shape {tuple(array.shape)}; allowed: {shape}, a row for each image of the data set's source"
        )
    array = array.float()
    if not array.isfinite().all():
        raise InputError(f"{place} has values that are not finite; allowed: logits before the softmax")
    if (array >= 0).all() and ((array.sum(1) - 1).abs() < 0.01).all():  # also where they were rounded to 16 bits
        raise InputError(
            f"{place} has probabilities: none is negative, and each row sums to 1; allowed: logits before the softmax, "
            "or the probabilities' logarithms"
        )
    return array


def _refuse_chance(place: str, answers: Tensor, labels: Tensor, classes: int) -> None:
    """Refuse answers [n] that are right no more often than the same ones would be in a random order.

    Over random orders the number that is right has exactly this mean and variance, whatever the shares of the classes.
    """
    n = len(labels)
    answered, labelled = (values.bincount(minlength=classes).double() for values in (answers, labels))
    pairs = answered * labelled
    mean = pairs.sum() / n
    variance = (pairs.sum() + mean**2 - (pairs * (answered + labelled)).sum() / n) / max(n - 1, 1)
    deviation, right = variance.clamp(min=0).sqrt(), (answers == labels).sum()
    if right <= mean + DEVIATIONS * deviation:
        raise InputError(
            f"{place} agrees with the labels of {right / n:.1%} of the images, in a random order it would with "
            f"{mean / n:.1%}, give or take {deviation / n:.1%}; allowed: logits of the data set's images in their "
            f"order, more than {DEVIATIONS} times that above chance"
        )


def _arrays(path: Path) -> dict[str, Tensor]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: torch.from_numpy(file[name]) for name in file.files}
    except (ValueError, TypeError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is no archive of numeric arrays ({error}); allowed: what numpy.savez writes"
        ) from error


def _some(words: list[str]) -> str:
    """The first three of many."""
    more = f" and {len(words) - 3} more" if len(words) > 3 else ""
    return ", ".join(words[:3]) + more
