"""The networks. A new one is a function here, an entry in ARCHITECTURES and its keys in the schema."""

import math
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.functional import linear, log_softmax, pad, relu
from torch.utils.flop_counter import FlopCounterMode

from dark_knowledge.command import InputError, written_whole
from dark_knowledge.training import own_networks
from dark_knowledge.training.cifar_networks import cifar_resnet, wide_resnet
from dark_knowledge.training.convolution import Convolution
from dark_knowledge.training.layers import Classifier, ImageShape


def convolution(inputs: int, outputs: int, *, pool: bool = False) -> nn.Sequential:
    """3x3 convolution, optional 2x2 max-pool, batch norm, ReLU.

    Pooling comes first because the two after it then touch a quarter of the values; a max commutes with ReLU and with
    a normalisation of positive scale.
    """
    layers = [Convolution(inputs, outputs, 3)]
    if pool:
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class ResidualBlock(nn.Module):
    """The basic block of He et al. 2016 (arXiv 1512.03385), its shortcut a 1x1 convolution where widths differ."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv1 = Convolution(inputs, outputs, 3)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = Convolution(outputs, outputs, 3)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if inputs != outputs:
            self.shortcut = nn.Sequential(Convolution(inputs, outputs, 1), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        residual = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
        return relu(residual + self.shortcut(x))


def plain(image_shape: ImageShape, classes: int, *, channels: list[int], pool: list[bool]) -> nn.Sequential:
    """Plain convolutions, one a channel count, each followed by a 2x2 max-pool where `pool` says so."""
    _refuse_too_small(image_shape, poolings=sum(pool))
    colours, *sides = image_shape
    layers = [
        convolution(inputs, outputs, pool=pooled)
        for (inputs, outputs), pooled in zip(pairwise([colours, *channels]), pool, strict=True)
    ]
    height, width = (size // 2 ** sum(pool) for size in sides)
    return nn.Sequential(*layers, Classifier(channels[-1] * height * width, classes))


def resnet(image_shape: ImageShape, classes: int, *, stem: list[int], stages: list[list[int]]) -> nn.Sequential:
    """Pooled stem convolutions, stages of [channels, blocks] with a 2x2 max-pool between them, a global average.

    Pooling before a stage instead of striding inside it leaves the residual blocks all alike.
    """
    layers = [convolution(inputs, outputs, pool=True) for inputs, outputs in pairwise([image_shape[0], *stem])]
    inputs = stem[-1]
    for number, (outputs, blocks) in enumerate(stages):
        if number > 0:
            layers.append(nn.MaxPool2d(2))
        for _ in range(blocks):
            layers.append(ResidualBlock(inputs, outputs))
            inputs = outputs
    _refuse_too_small(image_shape, poolings=len(stem) + len(stages) - 1)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), Classifier(inputs, classes))


class PixelDropout(nn.Module):
    """Turn each pixel into background with a probability, and scale the others so that the mean stays.

    Background is the batch's least value, as it is with inputs between 0 and 1.
    """

    def __init__(self, probability: float):
        super().__init__()
        self.probability = probability

    def forward(self, pixels: Tensor) -> Tensor:
        if not self.training or self.probability == 0:
            return pixels
        background = pixels.detach().amin()
        return background + (pixels - background) * (_kept(pixels, self.probability) / (1 - self.probability))


def _kept(x: Tensor, probability: float) -> Tensor:
    """A mask like `x`, 0 with a probability, else 1.

    On a CPU, torch's own dropout takes a third of a perceptron's step; here one draw of 64 bits serves four values, the
    probability being exact to 2^-16.
    """
    if x.device.type != "cpu":
        return torch.empty_like(x).bernoulli_(1 - probability)
    bits = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    return (bits[: x.numel()] >= round(probability * 2**16) - 2**15).view(x.shape).to(x.dtype)


class Submatrix(torch.autograd.Function):
    """Rows and columns of a matrix [m, n]: index tensors of which no value repeats; without `columns`, whole rows.

    Torch's own gradient of chosen columns adds value by value; here both ways are copies, four times as fast.
    """

    @staticmethod
    def forward(ctx, matrix: Tensor, rows: Tensor, columns: Tensor | None) -> Tensor:
        ctx.rows, ctx.columns, ctx.shape = rows, columns, matrix.shape
        chosen = matrix.index_select(0, rows)
        return chosen if columns is None else chosen.index_select(1, columns)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        m, n = ctx.shape
        if ctx.columns is not None:
            place = torch.full((n,), len(ctx.columns), device=gradient.device)
            place[ctx.columns] = torch.arange(len(ctx.columns), device=gradient.device)
            gradient = pad(gradient, (0, 1)).index_select(1, place)
        return gradient.new_zeros(m, n).index_add_(0, ctx.rows, gradient), None, None


class Perceptron(nn.Module):
    """Fully connected ReLU layers of `hidden` units, with dropout after Hinton et al. 2012 (arXiv 1207.0580).

    Pixels are dropped image by image. Hidden units are dropped for a whole batch, the same share of each layer, so that
    a step computes the kept units alone: half of the units take a third of the arithmetic (Graham et al. 2015,
    arXiv 1502.02478).
    """

    def __init__(self, pixels: int, hidden: list[int], classes: int, input_dropout: float, hidden_dropout: float):
        super().__init__()
        self.pixel_dropout = PixelDropout(input_dropout)
        self.hidden = nn.ModuleList(nn.Linear(*widths) for widths in pairwise([pixels, *hidden]))
        self.classifier = Classifier(hidden[-1], classes)
        self.hidden_dropout = hidden_dropout

    def forward(self, images: Tensor) -> Tensor:
        x, kept = self.pixel_dropout(images.flatten(1)), None
        for layer in self.hidden:
            if not self.training or self.hidden_dropout == 0:
                x = relu(layer(x))
                continue
            units = len(layer.bias)
            drawn = self._draw_units(units, x.device)
            x = relu(linear(x, Submatrix.apply(layer.weight, drawn, kept), layer.bias[drawn])) * (units / len(drawn))
            kept = drawn
        return self.classifier(x, kept)

    def _draw_units(self, units: int, device: torch.device) -> Tensor:
        """Indices, in order, of the units that a batch keeps; at least one."""
        count = max(1, round(units * (1 - self.hidden_dropout)))
        return torch.randperm(units, device=device)[:count].sort().values


def mlp(
    image_shape: ImageShape, classes: int, *, hidden: list[int], input_dropout: float, hidden_dropout: float
) -> Perceptron:
    """Fully connected ReLU layers of `hidden` units with dropout."""
    return Perceptron(math.prod(image_shape), hidden, classes, input_dropout, hidden_dropout)


class Ensemble(nn.Module):
    """The mean prediction of several networks, as logits.

    geometric: the mean of the logits. arithmetic: the mean of the softmax probabilities at `temperature`, of which the
    softmax at that temperature gives back the mean (Hinton et al. 2015, section 1).
    """

    def __init__(self, members: list[nn.Module], mean: str, temperature: float):
        super().__init__()
        self.members = nn.ModuleList(members)
        self.mean, self.temperature = mean, temperature

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.stack([member(images) for member in self.members])
        if self.mean == "geometric":
            return logits.mean(0)
        log_probabilities = log_softmax(logits / self.temperature, dim=-1)
        return self.temperature * (log_probabilities.logsumexp(0) - math.log(len(logits)))

    @staticmethod
    def weights_of(members: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """The weights of the ensemble of networks with these weights, by its own names of them."""
        return {
            f"members.{number}.{name}": tensor
            for number, weights in enumerate(members)
            for name, tensor in weights.items()
        }


def ensemble(
    image_shape: ImageShape, classes: int, *, members: dict, count: int, mean: str, temperature: float = 1.0
) -> Ensemble:
    """`count` networks of the settings `members`, and the mean of what they say."""
    return Ensemble([build_model(members, image_shape, classes) for _ in range(count)], mean, temperature)


def _refuse_too_small(image_shape: ImageShape, poolings: int) -> None:
    _, height, width = image_shape
    if min(height, width) < 2**poolings:
        raise InputError(
            f"the network pools {poolings} times, but images are {height}x{width} pixels; "
            f"allowed: at most {min(height, width).bit_length() - 1} poolings"
        )


ARCHITECTURES = {
    "plain": plain,
    "resnet": resnet,
    "mlp": mlp,
    "ensemble": ensemble,
    "cifar-resnet": cifar_resnet,
    "wide-resnet": wide_resnet,
}


def build_model(settings: dict, image_shape: ImageShape, classes: int) -> nn.Module:
    """Build the network of a config entry for images of `image_shape` (channels, height, width).

    Its `architecture` names the function, its other keys are arguments.
    """
    architecture = settings["architecture"]
    if ":" in architecture:  # of the user's, whose entry has a hash of the code beside the arguments
        arguments = {key: value for key, value in settings.items() if key not in ("architecture", "code")}
        return own_networks.build(architecture, arguments, image_shape, classes)
    arguments = {key: value for key, value in settings.items() if key != "architecture"}
    return ARCHITECTURES[architecture](image_shape, classes, **arguments)


def save_weights(path: Path, model: nn.Module) -> None:
    """Write a network's weights; those that two layers share are written twice."""
    with written_whole(path) as temporary:
        temporary.write_bytes(save({name: value.contiguous().clone() for name, value in model.state_dict().items()}))


def load_weights(model: nn.Module, path: Path) -> None:
    """Read what `save_weights` wrote."""
    model.load_state_dict(load_file(path, device=str(next(model.parameters()).device)))


def limit_incoming_norms(model: nn.Module, limit: float) -> None:
    """Scale down, in place, the incoming weights of each hidden unit whose L2 norm exceeds `limit`.

    Hinton et al. 2012 (arXiv 1207.0580); the bound is on hidden units: the layer that the network has last, which is
    its classifier, is left alone.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
    with torch.no_grad():
        for layer in layers[:-1]:
            norms = torch.linalg.vector_norm(layer.weight.flatten(1), dim=1)
            layer.weight.mul_((limit / norms).clamp(max=1).view(-1, *[1] * (layer.weight.dim() - 1)))


def count_parameters(model: nn.Module) -> int:
    """Number of trained values."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_multiply_adds(model: nn.Module, image_shape: ImageShape) -> int:
    """Multiply-adds of the convolutions and linear layers in a forward pass of one image; leaves `model` as it is."""
    training = model.training
    image = torch.zeros(1, *image_shape, device=next(model.parameters()).device)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval()(image)
    model.train(training)
    return counter.get_total_flops() // 2
