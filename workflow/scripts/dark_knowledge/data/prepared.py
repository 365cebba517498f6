"""A prepared data set, as training finds it."""

import json
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from dark_knowledge.command import written_whole
from dark_knowledge.integrity import check_tensors, tensors_sum


@dataclass(frozen=True)
class Dataset:
    """A prepared data set on one device: uint8 images [n, c, h, w] and int64 labels [n] of three parts.

    `mean` and `std` [c] are of the training part's pixels, by channel, in units of full white. A part's index [n] says
    where its images stand in the source, from 0; those of validation stand among the source's training images. Of the
    classes it has the number alone: their names are for what shows them, and training does not depend on a name.
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
    classes: int
    mean: list[float]
    std: list[float]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return tuple(self.train_images.shape[1:])

    def to(self, device: torch.device | str) -> "Dataset":
        """The data set on `device`."""
        moved = {name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **moved)

    @cached_property
    def _mean_and_std(self) -> tuple[Tensor, Tensor]:
        """Both [c, 1, 1], of pixels up to 255, copied to the device once: a copy for each batch would wait for it."""
        return tuple(
            self.train_images.new_tensor([[[255 * value]] for value in values], dtype=torch.float32)
            for values in (self.mean, self.std)
        )

    def normalise(self, images: Tensor) -> Tensor:
        """Scale images [b, c, h, w] of 0 to 255 to mean 0, variance 1 of each channel of the training part: float32."""
        mean, std = self._mean_and_std
        return images.to(torch.float32, copy=True).sub_(mean).div_(std).contiguous(memory_format=torch.channels_last)


def save_dataset(path: str, tensors: dict[str, Tensor], description: dict) -> None:
    """Write a prepared data set, the same bytes each time: of several metadata keys the order in the file is random."""
    with written_whole(path) as temporary:
        temporary.write_bytes(save(tensors, {"description": json.dumps(description | {"sum": tensors_sum(tensors)})}))


def load_dataset(path: str, device: torch.device | str = "cpu") -> Dataset:
    """Load a prepared data set onto `device`, where it stays; refuse one that is damaged."""
    with safe_open(path, framework="pt") as file:
        description = json.loads(file.metadata()["description"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    check_tensors(path, tensors, description.pop("sum", None))
    for name in tensors:
        if name.endswith("_labels"):
            tensors[name] = tensors[name].long()
    return Dataset(**tensors, **description).to(device)
