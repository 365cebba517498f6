"""The stream of augmented views that a model is trained on: a function of the seed and the epoch alone.

Every arm of a study that shares a recipe and a seed sees the same images in the same order under the same flips, shifts
and erasures, mixed with the same partners. That pairs the arms by seed, and makes a teacher's logits on the stream
worth storing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from dark_knowledge.streams import generator


class Mix(NamedTuple):
    """An epoch's MixUp: each image's partner [n], and the weight [n] of its own view, the rest being the partner's."""

    partner: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Views:
    """One epoch of the stream over n images: `order` [n] of the batches and, per image, where its view is taken.

    `flip` [n] is boolean, None where nothing is flipped; `top` and `left` [n] are offsets in pixels, 0 to twice the
    largest shift; `erased` [n, 4] are the rows and columns, first and one past the last, of a rectangle
    that becomes background, None where nothing is erased. `mix` is None where nothing is mixed.
    """

    order: Tensor
    flip: Tensor | None
    top: Tensor
    left: Tensor
    erased: Tensor | None = None
    mix: Mix | None = None


def epoch_views(
    seed: int,
    epoch: int,
    n: int,
    *,
    flip: bool,
    shift: int,
    erase: float = 0,
    mixup: float = 0,
    size: tuple[int, int] = (0, 0),
    device: torch.device | str = "cpu",
) -> Views:
    """Draw the views of `epoch` for `seed`, on the CPU so that every device sees the same stream.

    `erase` is the probability that an image of `size` (height, width) loses a rectangle, `mixup` the parameter of the
    beta distribution from which the weights of mixed images come, 0 for none.
    """
    random = generator("views", seed, epoch)
    order = random.permutation(n)
    flips = random.random(n) < 0.5
    top, left = random.integers(0, 2 * shift + 1, size=(2, n))
    order, flips, top, left = (torch.from_numpy(a).to(device) for a in (order, flips, top, left))
    erased = torch.from_numpy(_rectangles(seed, epoch, n, erase, size)).to(device) if erase > 0 else None
    mix = _partners(seed, epoch, n, mixup, device) if mixup > 0 else None
    return Views(order, flips if flip else None, top, left, erased, mix)


def _rectangles(seed: int, epoch: int, n: int, probability: float, size: tuple[int, int]) -> np.ndarray:
    """Rectangles [n, 4] of random erasing (Zhong et al. 2020, arXiv 1708.04896), empty where an image keeps all.

    They cover 2 to 33 % of the image and are up to 3.3 times as high as wide, or as wide as high; what would stick out
    is cut off.
    """
    random = generator("erasing", seed, epoch)
    area = random.uniform(0.02, 0.33, n) * size[0] * size[1]
    ratio = np.exp(random.uniform(np.log(0.3), np.log(1 / 0.3), n))
    erased = random.random(n) < probability
    bounds = []
    for side, length in zip(size, (np.sqrt(area * ratio), np.sqrt(area / ratio)), strict=True):
        length = np.rint(length).astype(int).clip(1, side) * erased
        first = random.integers(0, side - length + 1)
        bounds += [first, first + length]
    return np.stack(bounds, 1)


def _partners(seed: int, epoch: int, n: int, alpha: float, device: torch.device | str) -> Mix:
    """MixUp (Zhang et al. 2018, arXiv 1710.09412), each image's weight a draw of its own from Beta(alpha, alpha).

    In distillation, teacher and student see the very same mixtures (Beyer et al. 2022, arXiv 2106.05237).
    """
    random = generator("mixing", seed, epoch)
    partner, weight = random.permutation(n), random.beta(alpha, alpha, n).astype(np.float32)
    return Mix(torch.from_numpy(partner).to(device), torch.from_numpy(weight).to(device))


def blend(value: Callable[[Tensor], Tensor], index: Tensor, mix: Mix | None) -> Tensor:
    """`value` [b, ...] of the images `index` [b], blended with that of their partners where they are mixed."""
    own = value(index)
    if mix is None:
        return own
    weight = mix.weight[index].view(-1, *[1] * (own.dim() - 1))
    return weight * own + (1 - weight) * value(mix.partner[index])


def pad_images(images: Tensor, shift: int, padding: str = "background") -> Tensor:
    """Surround uint8 images [n, c, h, w] with `shift` pixels on every side: of background, or reflected from inside."""
    if shift == 0:
        return images
    if padding == "background":
        return pad(images, (shift, shift, shift, shift))
    for axis in (2, 3):
        index = np.pad(np.arange(images.shape[axis]), shift, mode="reflect")
        images = images.index_select(axis, torch.from_numpy(index).to(images.device))
    return images


def render(padded: Tensor, index: Tensor, views: Views, shift: int) -> Tensor:
    """The views of the images `index` [b], uint8 [b, c, h, w], or float32 where they are mixed.

    Cut out of `padded` [n, c, h + 2 shift, w + 2 shift].
    """
    return blend(lambda images: _cut(padded, images, views, shift), index, views.mix)


def _cut(padded: Tensor, index: Tensor, views: Views, shift: int) -> Tensor:
    height, width = padded.shape[2] - 2 * shift, padded.shape[3] - 2 * shift
    if shift == 0:
        cut = padded.index_select(0, index)
    else:
        windows = padded.unfold(2, height, 1).unfold(3, width, 1)
        cut = windows[index, :, views.top[index], views.left[index]]
    if views.flip is not None:
        cut = torch.where(views.flip[index, None, None, None], cut.flip(3), cut)
    if views.erased is None:
        return cut
    top, bottom, left, right = views.erased[index].T[..., None]
    rows, columns = (torch.arange(side, device=cut.device) for side in (height, width))
    inside = ((rows >= top) & (rows < bottom))[:, :, None] & ((columns >= left) & (columns < right))[:, None]
    return cut.masked_fill(inside[:, None], 0)
