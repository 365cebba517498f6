"""The stream of augmented views that a model is trained on: a function of the seed and the epoch alone.

Every arm of a study that shares a recipe and a seed sees the same images in the same order under the same flips and
shifts. That pairs the arms by seed, and makes a teacher's logits on the stream worth storing.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad


@dataclass(frozen=True)
class Views:
    """One epoch of the stream over n images: `order` [n] of the batches and, per image, where its view is taken.

    `flip` [n] is boolean, None where nothing is flipped; `top` and `left` [n] are offsets in pixels, 0 to twice the
    largest shift.
    """

    order: Tensor
    flip: Tensor | None
    top: Tensor
    left: Tensor


def epoch_views(seed: int, epoch: int, n: int, *, flip: bool, shift: int, device: torch.device | str = "cpu") -> Views:
    """Draw the views of `epoch` for `seed`, on the CPU so that every device sees the same stream."""
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(n)
    flips = random.random(n) < 0.5
    top, left = random.integers(0, 2 * shift + 1, size=(2, n))
    order, flips, top, left = (torch.from_numpy(a).to(device) for a in (order, flips, top, left))
    return Views(order, flips if flip else None, top, left)


def pad_images(images: Tensor, shift: int) -> Tensor:
    """Surround uint8 images [n, c, h, w] with `shift` pixels of background on every side."""
    return pad(images, (shift, shift, shift, shift))


def render(padded: Tensor, index: Tensor, views: Views, shift: int) -> Tensor:
    """Cut the views of the images `index` [b] out of `padded` [n, c, h + 2 shift, w + 2 shift]: uint8."""
    if shift == 0:
        cut = padded.index_select(0, index)
    else:
        height, width = padded.shape[2] - 2 * shift, padded.shape[3] - 2 * shift
        windows = padded.unfold(2, height, 1).unfold(3, width, 1)
        cut = windows[index, :, views.top[index], views.left[index]]
    return cut if views.flip is None else torch.where(views.flip[index, None, None, None], cut.flip(3), cut)
