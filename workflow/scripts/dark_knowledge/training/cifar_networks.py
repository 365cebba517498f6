"""The residual networks that tables on small images are of: CIFAR ResNets, and wide ones."""

from torch import Tensor, nn
from torch.nn.functional import relu

from dark_knowledge.training.convolution import Convolution
from dark_knowledge.training.layers import Classifier, ImageShape


class CifarBlock(nn.Module):
    """Two 3x3 convolutions, each with batch norm, and a shortcut: a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = Convolution(outputs, outputs, 3)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        residual = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
        return relu(residual + self.shortcut(x))


class WideBlock(nn.Module):
    """Batch norm and ReLU before each of two 3x3 convolutions; where widths differ, a 1x1 convolution beside them."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = Convolution(outputs, outputs, 3)
        self.shortcut = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        activated = relu(self.norm1(x))
        residual = self.conv2(relu(self.norm2(self.conv1(activated))))
        return residual + (x if self.shortcut is None else self.shortcut(activated))


def cifar_resnet(image_shape: ImageShape, classes: int, *, depth: int, channels: list[int]) -> nn.Sequential:
    """The network for CIFAR of He et al. 2016 (arXiv 1512.03385, section 4.2), with convolutions as shortcuts.

    `channels` are of the first convolution and the three stages: 16, 16, 32, 64 for ResNet-20 and 56, and 32, 64, 128,
    256 for 8x4 and 32x4, as in RepDistiller (Tian et al. 2020, arXiv 1910.10699).
    """
    first, *stages = channels
    layers = [Convolution(image_shape[0], first, 3), nn.BatchNorm2d(first), nn.ReLU(inplace=True)]
    layers += _stages(CifarBlock, first, stages, blocks=(depth - 2) // 6)
    return _initialised(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), Classifier(stages[-1], classes)))


def wide_resnet(image_shape: ImageShape, classes: int, *, depth: int, widen: int) -> nn.Sequential:
    """WRN-depth-widen of Zagoruyko & Komodakis 2016 (arXiv 1605.07146), without dropout."""
    stages = [16 * widen, 32 * widen, 64 * widen]
    layers = [
        Convolution(image_shape[0], 16, 3),
        *_stages(WideBlock, 16, stages, blocks=(depth - 4) // 6),
    ]
    layers += [nn.BatchNorm2d(stages[-1]), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1)]
    return _initialised(nn.Sequential(*layers, Classifier(stages[-1], classes)))


def _stages(block: type[nn.Module], inputs: int, stages: list[int], blocks: int) -> list[nn.Module]:
    """So many blocks a stage; the first block of all stages but the first halves the image."""
    layers = []
    for number, outputs in enumerate(stages):
        for place in range(blocks):
            layers.append(block(inputs, outputs, stride=2 if number > 0 and place == 0 else 1))
            inputs = outputs
    return layers


def _initialised(model: nn.Sequential) -> nn.Sequential:
    """He et al. 2015 (arXiv 1502.01852, eq. 14) by the outputs, as both papers' networks are begun."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model
