"""From pictures of any mode to the bytes of images of one size, grey or colour, one after another."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dark_knowledge.command import InputError

GREY = {"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"}

# Preparing holds so many copies of the images in memory.
COPIES = 4


class Picture(NamedTuple):
    """A picture: its name for errors, how it is opened, and its label."""

    name: str
    open: Callable[[], Image.Image]
    label: int


@dataclass(frozen=True)
class Form:
    """What all pictures become: images of `channels` (1 or 3), `height` and `width`."""

    channels: int
    height: int
    width: int


def common_form(pictures: list[Picture], size: list[int] | None) -> Form:
    """The form of all pictures: grey if all are, of `size` [height, width] or else of the size that they share."""
    grey, sizes, faults = True, {}, []
    for picture in pictures:
        try:
            with picture.open() as image:
                _refuse_frames(image)
                grey = grey and _is_grey(image)
                sizes.setdefault(_upright_size(image), picture.name)
        except _UNREADABLE as error:
            faults.append(f"{picture.name} is no picture that can be read: {_reason(error)}")
    refuse(faults)
    if size is None and len(sizes) > 1:
        (one, first), (other, second), *more = sizes.items()
        raise InputError(
            f"{first} is {one[0]}x{one[1]} pixels (height x width), but {second} {other[0]}x{other[1]}"
            + (f", and there are {len(more)} other sizes" if more else "")
            + "; name one `size` for all, such as [32, 32]"
        )
    form = Form(1 if grey else 3, *(size or next(iter(sizes))))
    _refuse_too_large(len(pictures), form)
    return form


def decoded(
    pictures: list[Picture], form: Form, resize: bool, seen: dict[bytes, Picture] | None = None
) -> Iterator[bytes]:
    """The bytes [c, h, w] of each picture; damaged ones are refused once all were seen.

    A rotation that the camera noted is carried out, transparency becomes black, 16 bits become 8. With `seen`, which
    collects pictures by their bytes, blank ones and those that stand under two classes are refused too: from a folder
    they can be removed.
    """
    faults = []
    for picture in pictures:
        try:
            with picture.open() as image:
                pixels = _pixels(image, form, resize)
        except _UNREADABLE as error:
            faults.append(f"{picture.name} is damaged: {_reason(error)}")
            continue
        content = pixels.tobytes()
        if seen is not None:
            if (pixels == pixels[:, :1, :1]).all():
                faults.append(f"{picture.name} is blank, one colour everywhere")
            first = seen.setdefault(blake2b(content).digest(), picture)
            if first.label != picture.label:
                faults.append(f"{picture.name} is the same picture as {first.name}, under two classes")
        yield content
    refuse(faults)


_UNREADABLE = (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError, EOFError)


def refuse(faults: list[str]) -> None:
    """Refuse pictures in one line that names the first and says how many others there are."""
    if faults:
        more = f" (and {len(faults) - 1} other pictures are at fault)" if faults[1:] else ""
        raise InputError(f"{faults[0]}{more}; repair or remove what is named")


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "its format is unknown, or it is empty"
    return " ".join((getattr(error, "strerror", None) or str(error)).split()) or type(error).__name__


def _refuse_frames(image: Image.Image) -> None:
    """Refuse a moving picture, or several pages; what a camera adds to its picture (MPO) is a preview."""
    if image.format != "MPO" and (frames := getattr(image, "n_frames", 1)) > 1:
        raise ValueError(f"it has {frames} frames; give each a file of its own")


def _is_grey(image: Image.Image) -> bool:
    if image.mode != "P":
        return image.mode in GREY
    colours = np.array(image.getpalette("RGB")).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width once the rotation that the camera noted is carried out."""
    width, height = image.size
    turned = image.getexif().get(0x0112) in (5, 6, 7, 8)
    return (width, height) if turned else (height, width)


def _pixels(image: Image.Image, form: Form, resize: bool) -> np.ndarray:
    """uint8 [c, h, w]."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise ValueError("its values are floats, whose range is not known")
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    image = image.convert("L" if form.channels == 1 else "RGB")
    if resize:
        image = image.resize((form.width, form.height), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(form.height, form.width, form.channels).transpose(2, 0, 1)


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() >= 2**16:
        raise ValueError("its values need more than 16 bits")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))


def _refuse_too_large(count: int, form: Form) -> None:
    """Refuse what does not fit into memory, with the size that would."""
    pixels = form.height * form.width
    needed = COPIES * count * form.channels * pixels
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        scale = (memory / needed) ** 0.5
        fits = [max(1, int(scale * side)) for side in (form.height, form.width)]
        raise InputError(
            f"{count} images of {form.height}x{form.width} pixels and {form.channels} channels take {needed / 1e9:.0f} "
            f"GB to prepare, and this machine has {memory / 1e9:.0f} GB; a `size` of {fits} would fit"
        )
