"""A prepared data set: checked, split, measured, and where training finds it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from dark_knowledge.command import InputError, written_whole
from dark_knowledge.data.formats import read_idx


@dataclass(frozen=True)
class Dataset:
    """A prepared data set on one device: uint8 images [n, h, w] and int64 labels [n] of three parts.

    The index [n] of a part says where each of its images stands in the source, from 0; validation's are of training.
    """

    train_images: Tensor
    train_labels: Tensor
    validation_images: Tensor
    validation_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    train_index: Tensor
    validation_index: Tensor
    test_index: Tensor
    classes: list[str]
    mean: float
    std: float

    @property
    def image_size(self) -> tuple[int, int]:
        return tuple(self.train_images.shape[1:])

    def normalise(self, images: Tensor) -> Tensor:
        """Scale uint8 images [b, h, w] to zero mean and unit variance over the training part: float32 [b, 1, h, w]."""
        scaled = images.float().sub_(255 * self.mean).div_(255 * self.std)
        return scaled.unsqueeze(1).contiguous(memory_format=torch.channels_last)


def stratified_split(labels: np.ndarray, validation: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split images 0..n-1 into training and validation indices, both sorted, classes in proportion.

    `validation` is the exact number of validation images; what proportions leave over goes to the classes with the
    largest remainders.
    """
    classes, counts = np.unique(labels, return_counts=True)
    exact = counts * validation / len(labels)
    quota = np.floor(exact).astype(int)
    for largest in np.argsort(quota - exact, kind="stable")[: validation - quota.sum()]:
        quota[largest] += 1
    random = np.random.default_rng(seed)
    held_out = np.concatenate(
        [random.permutation(np.flatnonzero(labels == c))[:q] for c, q in zip(classes, quota, strict=True)]
    )
    training = np.setdiff1d(np.arange(len(labels)), held_out)
    return training, np.sort(held_out)


def prepare(files: dict[str, Path], *, classes: list[str], validation: int, seed: int, train_limit: int | None,
            test_limit: int | None) -> tuple[dict[str, Tensor], dict]:  # fmt: skip
    """Read, check, cut, split and measure a data set: tensors and description for `save_dataset`.

    `train_limit` and `test_limit` keep a stratified part, for quick studies. Mean and standard deviation are of the
    training part's pixels, in units of full white.
    """
    arrays = {part: read_idx(path.read_bytes(), str(path)) for part, path in files.items()}
    places = {part: np.arange(len(arrays[f"{part}_labels"])) for part in ("train", "test")}
    for part, limit in (("train", train_limit), ("test", test_limit)):
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        _check(files, part, images, labels, classes)
        if images.shape[1:] != arrays["train_images"].shape[1:]:
            raise InputError(
                f"{files['test_images']} has shape {images.shape}, but training images {arrays['train_images'].shape}; "
                "both parts need images of one size"
            )
        if limit is not None and limit < len(labels):
            _, kept = stratified_split(labels, limit, seed)
            arrays[f"{part}_images"], arrays[f"{part}_labels"] = images[kept], labels[kept]
            places[part] = kept
    images, labels = arrays["train_images"], arrays["train_labels"]
    if not len(classes) <= validation < len(labels):
        raise InputError(
            f"split.validation is {validation}; allowed are {len(classes)} (the classes) to {len(labels) - 1} images"
        )
    train_index, validation_index = stratified_split(labels, validation, seed)
    tensors = {
        "train_images": images[train_index],
        "train_labels": labels[train_index],
        "validation_images": images[validation_index],
        "validation_labels": labels[validation_index],
        "test_images": arrays["test_images"],
        "test_labels": arrays["test_labels"],
        "train_index": places["train"][train_index],
        "validation_index": places["train"][validation_index],
        "test_index": places["test"],
    }
    pixels = tensors["train_images"] / 255
    description = {"classes": classes, "mean": float(pixels.mean()), "std": float(pixels.std())}
    return {name: torch.from_numpy(array.copy()) for name, array in tensors.items()}, description


def _check(files: dict, part: str, images: np.ndarray, labels: np.ndarray, classes: list[str]) -> None:
    if images.ndim != 3 or labels.ndim != 1 or not 0 < len(images) == len(labels):
        raise InputError(
            f"{files[f'{part}_images']} has shape {images.shape} and {files[f'{part}_labels']} {labels.shape}; "
            "expected [n, height, width] and [n], n above 0"
        )
    if labels.max() >= len(classes):
        raise InputError(
            f"{files[f'{part}_labels']} holds label {labels.max()}, but `classes` names only {len(classes)} classes"
        )


def save_dataset(path: str, tensors: dict[str, Tensor], description: dict) -> None:
    """Write a prepared data set, the same bytes each time: of several metadata keys the order in the file is random."""
    with written_whole(path) as temporary:
        temporary.write_bytes(save(tensors, {"description": json.dumps(description)}))


def load_dataset(path: str, device: torch.device | str = "cpu") -> Dataset:
    """Load a prepared data set onto `device`, where it stays."""
    with safe_open(path, framework="pt", device=str(device)) as file:
        description = json.loads(file.metadata()["description"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    for name in tensors:
        if name.endswith("_labels"):
            tensors[name] = tensors[name].long()
    return Dataset(**tensors, **description)
