"""Networks of a user's own, for tests of the doors that the workflow opens to them."""

import torch
import torchvision
from torch import nn


def wide(num_classes: int, image_shape: tuple[int, int, int], width: int = 8) -> nn.Module:
    """Two convolutions, the second of many channels, and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(image_shape[0], width, 5, stride=4), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * width, num_classes),
    )  # fmt: skip


def grey_mobilenet(num_classes: int, image_shape: tuple[int, int, int]) -> nn.Module:
    """A network of torchvision whose first layer takes images of any number of channels, grey ones too."""
    network = torchvision.models.mobilenet_v3_small(num_classes=num_classes, width_mult=0.25)
    first = network.features[0][0]
    network.features[0][0] = nn.Conv2d(image_shape[0], first.out_channels, 3, stride=1, padding=1, bias=False)
    return network


def broken(num_classes: int) -> nn.Module:
    """Raises an error of its own."""
    return _broken_within(num_classes)


def _broken_within(number: int) -> nn.Module:
    raise RuntimeError(f"no network of {number}")


def of_another_shape(num_classes: int) -> nn.Module:
    """A network with one class too many."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(num_classes + 1))


class FailsOnImages(nn.Module):
    """A network that is built, and fails when it sees images."""

    def __init__(self, num_classes: int):
        super().__init__()
        self.linear = nn.Linear(3, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.linear(images)
