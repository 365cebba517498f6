"""The networks. A new one is a function here, an entry in ARCHITECTURES and its keys in the schema."""

import torch
from torch import Tensor, nn
from torch.nn.functional import relu


class Classifier(nn.Linear):
    """A linear layer on flattened features that computes float32 logits whatever the autocast around it."""

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.flatten(1).float())


def convolution(inputs: int, outputs: int, *, pool: bool = False) -> nn.Sequential:
    """3x3 convolution, optional 2x2 max-pool, batch norm, ReLU.

    Pooling comes first because the two after it then touch a quarter of the values; a max commutes with ReLU and with
    a normalisation of positive scale.
    """
    layers = [nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)]
    if pool:
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class ResidualBlock(nn.Module):
    """The basic block of He et al. 2016 (arXiv 1512.03385), its shortcut a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        residual = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
        return relu(residual + self.shortcut(x))


def plain(image_size: tuple[int, int], classes: int, *, channels: list[int], pool: list[bool]) -> nn.Sequential:
    """Plain convolutions, one a channel count, each followed by a 2x2 max-pool where `pool` says so."""
    layers, (height, width) = [], image_size
    for inputs, outputs, pooled in zip([1, *channels[:-1]], channels, pool, strict=True):
        layers.append(convolution(inputs, outputs, pool=pooled))
        if pooled:
            height, width = height // 2, width // 2
    return nn.Sequential(*layers, Classifier(channels[-1] * height * width, classes))


def resnet(image_size: tuple[int, int], classes: int, *, stem: int, stages: list[list[int]]) -> nn.Sequential:
    """A pooled stem, stages of [channels, blocks] that halve the resolution from the second on, a global average."""
    layers, inputs = [convolution(1, stem, pool=True)], stem
    for number, (outputs, blocks) in enumerate(stages):
        for block in range(blocks):
            layers.append(ResidualBlock(inputs, outputs, stride=2 if number > 0 and block == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), Classifier(inputs, classes))


ARCHITECTURES = {"plain": plain, "resnet": resnet}


def build_model(settings: dict, image_size: tuple[int, int], classes: int) -> nn.Module:
    """Build the network of a config entry: its `architecture` names the function, its other keys are arguments."""
    arguments = {key: value for key, value in settings.items() if key != "architecture"}
    return ARCHITECTURES[settings["architecture"]](image_size, classes, **arguments)


def count_parameters(model: nn.Module) -> int:
    """Number of trained values."""
    return sum(parameter.numel() for parameter in model.parameters())
