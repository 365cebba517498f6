"""The weight gradient by one matrix product: the right numbers, where it is chosen, and the same bits again."""

import pytest
import torch
from torch.nn.functional import conv2d

from dark_knowledge.training import convolution
from dark_knowledge.training.convolution import Convolution, ProductGradient

SHAPES = [(1, 5, 3, 4, 3), (3, 8, 3, 3, 5), (16, 12, 3, 4, 4), (6, 4, 1, 3, 3), (48, 96, 3, 7, 7), (2, 3, 5, 8, 6)]


def drawn(inputs, outputs, size, height, width, *, batch=8):
    """Images, weight and the output's gradient in bfloat16, channels last as in training."""
    torch.manual_seed(0)
    shapes = (batch, inputs, height, width), (outputs, inputs, size, size), (batch, outputs, height, width)
    return [torch.randn(shape).bfloat16().contiguous(memory_format=torch.channels_last) for shape in shapes]


def gradients(function, images, weight, gradient):
    images, weight = (value.detach().clone().requires_grad_() for value in (images, weight))
    output = function(images, weight)
    output.backward(gradient)
    return [output.detach().double(), images.grad.double(), weight.grad.double()]


def in_torch(images, weight):
    return conv2d(images, weight, padding=weight.shape[2] // 2)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_torchs_convolution_in_float64_to_bfloat16s_rounding(shape):
    values = drawn(*shape)
    ours = gradients(ProductGradient.apply, *values)
    exact = gradients(in_torch, *(value.double() for value in values))
    for found, true in zip(ours, exact, strict=True):
        assert (found - true).norm() <= 2**-8 * true.norm()


@pytest.mark.parametrize("shape", SHAPES)
def test_its_weight_gradient_is_as_near_as_torchs_own(shape):
    values = drawn(*shape)
    exact = gradients(in_torch, *(value.double() for value in values))[2]
    ours, theirs = (gradients(function, *values)[2] for function in (ProductGradient.apply, in_torch))
    assert (ours - exact).norm() <= 1.1 * (theirs - exact).norm() + 1e-6 * exact.norm()


def test_the_first_layers_images_need_no_gradient():
    images, weight, gradient = drawn(3, 4, 3, 4, 4)
    weight.requires_grad_()
    ProductGradient.apply(images, weight).backward(gradient)
    assert images.grad is None
    assert weight.grad is not None


def test_the_same_bits_again():
    first, second = (gradients(ProductGradient.apply, *drawn(96, 124, 3, 3, 3, batch=128)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("amx", "size", "chosen"), [(True, 8, 1), (True, 9, 0), (False, 4, 1), (False, 5, 0)])
def test_a_rule_of_size_and_instruction_set_chooses(amx, size, chosen, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert times_chosen(monkeypatch, size, torch.autocast("cpu", torch.bfloat16)) == chosen


@pytest.mark.parametrize(
    "around",
    [torch.autocast("cpu", enabled=False), torch.autocast("cpu", torch.float16), torch.no_grad()],
    ids=["float32", "float16", "scoring"],
)
def test_elsewhere_it_is_torchs_own(around, monkeypatch):
    assert times_chosen(monkeypatch, 2, around) == 0


def times_chosen(monkeypatch, size, around):
    calls = []
    monkeypatch.setattr(
        convolution.ProductGradient, "apply", lambda images, weight: calls.append(1) or in_torch(images, weight)
    )
    with around:
        Convolution(3, 4, 3)(torch.randn(2, 3, size, size))
    return len(calls)


def test_under_autocast_the_weights_gradient_is_float32():
    layer = Convolution(3, 4, 3)
    with torch.autocast("cpu", torch.bfloat16):
        output = layer(torch.randn(2, 3, 3, 3))
    output.float().sum().backward()
    assert output.dtype == torch.bfloat16
    assert layer.weight.grad.dtype == torch.float32
