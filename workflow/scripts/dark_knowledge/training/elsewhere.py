"""What was trained elsewhere: weights of a named network, and logits of the data set's images."""

import zipfile
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dark_knowledge.command import InputError
from dark_knowledge.data.prepared import Dataset
from dark_knowledge.training.evaluate import accuracy


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
        return load_file(path)
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
    except (UnpicklingError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} does not load with weights_only ({type(error).__name__}); allowed: what torch.save writes of "
            "model.state_dict()"
        ) from error
    inner = list(content.values()) if isinstance(content, dict) else []
    found = [value for value in (content, *inner) if _is_state_dict(value)]
    if len(found) != 1:
        raise InputError(f"{path} holds {len(found)} state_dicts; allowed: one, from names to tensors")
    return found[0]


def _is_state_dict(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(tensor, Tensor) for tensor in value.values())


def read_logits(path: Path, data: Dataset) -> dict[str, Tensor]:
    """Logits [n, c] of each part of `data`, from a file's arrays `train` and `test`, in the order of its source.

    `train` has a row for each training image of the source, validation included, unaugmented. Refused are arrays of
    another shape, values that are not finite, and rows that agree with the labels no better than chance: they are in
    another order, or of another data set.
    """
    arrays = load_file(path) if path.suffix == ".safetensors" else _arrays(path)
    if set(arrays) != {"train", "test"}:
        raise InputError(f"{path} holds {_some(sorted(arrays)) or 'nothing'}; allowed: the arrays train and test")
    logits = {}
    for part in ("train", "validation", "test"):
        name, index = ("test" if part == "test" else "train"), getattr(data, f"{part}_index").long()
        array = arrays[name]
        if array.ndim != 2 or array.shape[1] != data.classes or len(array) <= index.max():
            raise InputError(
                f"{path}: {name} has shape {tuple(array.shape)}; allowed: [n, {data.classes}], a row for each "
                f"{name} image of the data set, more than {index.max()}"
            )
        logits[part] = array[index].float().contiguous()
        if not logits[part].isfinite().all():
            raise InputError(f"{path}: {name} has values that are not finite; allowed: logits before the softmax")
        share = accuracy(logits[part], getattr(data, f"{part}_labels"))
        if share < 1.5 / data.classes:
            raise InputError(
                f"{path}: {name} agrees with the labels of {share:.0%} of the {part} images, as chance would; allowed: "
                "logits of the data set's images in their order"
            )
    return logits


def _arrays(path: Path) -> dict[str, Tensor]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: torch.from_numpy(file[name]) for name in file.files}
    except (ValueError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is no archive of numeric arrays ({error}); allowed: what numpy.savez writes"
        ) from error


def _some(words: list[str]) -> str:
    """The first three of many."""
    more = f" and {len(words) - 3} more" if len(words) > 3 else ""
    return ", ".join(words[:3]) + more
