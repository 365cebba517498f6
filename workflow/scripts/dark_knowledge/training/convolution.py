"""The convolution of this project's networks: torch's, with a faster weight gradient where images have become small."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad


class Convolution(nn.Conv2d):
    """A convolution of square kernels that keeps the size of an image, without bias and with stride 1.

    In bfloat16 on a CPU, oneDNN takes up to 15 times as long for the weight gradient of a small image as one matrix
    product of the output's gradients and the input's patches. A rule of size and instruction set chooses between the
    two, never a measurement, so that a training repeats bit for bit.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int):
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.shape[2] * images.shape[3]
        if torch.is_grad_enabled() and _in_bfloat16_on_a_cpu(images) and pixels <= largest_image_for_products():
            return ProductGradient.apply(images, self.weight)
        return super().forward(images)


def _in_bfloat16_on_a_cpu(images: Tensor) -> bool:
    return (
        images.device.type == "cpu"
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == torch.bfloat16
    )


def largest_image_for_products() -> int:
    """Up to how many pixels the product is faster: 8x8 with matrix units (AMX), elsewhere 4x4."""
    return 64 if torch.cpu._is_amx_tile_supported() else 16


class ProductGradient(torch.autograd.Function):
    """A convolution [b, c, h, w] with `weight` [o, c, k, k], k odd, whose weight gradient is one matrix product.

    Both ways add up the same products in float32; only the order differs.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)
    def forward(ctx, images: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(images, weight)
        return conv2d(images, weight, padding=weight.shape[2] // 2)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor]:
        images, weight = ctx.saved_tensors
        outputs, inputs, size, _ = weight.shape
        of_images = None
        if ctx.needs_input_grad[0]:
            of_images = torch.nn.grad.conv2d_input(images.shape, weight, gradient, padding=size // 2)
        rows = gradient.permute(0, 2, 3, 1).reshape(-1, outputs)
        product = rows.t() @ patches(images, size)
        return of_images, product.view(outputs, size, size, inputs).permute(0, 3, 1, 2)


def patches(images: Tensor, size: int) -> Tensor:
    """The neighbourhoods of `size` x `size` pixels, `size` odd, of images [b, c, h, w]: [b h w, size size c]."""
    margin = size // 2
    padded = pad(images.permute(0, 2, 3, 1), (0, 0, margin, margin, margin, margin))
    windows = padded.unfold(1, size, 1).unfold(2, size, 1)  # [b, h, w, c, size, size]
    return windows.permute(0, 1, 2, 4, 5, 3).reshape(-1, size * size * images.shape[1])
