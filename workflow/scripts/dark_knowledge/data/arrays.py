"""Arrays in an .npz file, or in .npy files of one folder."""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from PIL import Image

from dark_knowledge.command import InputError
from dark_knowledge.data.listing import place_of
from dark_knowledge.data.parts import chunks

# Each array's names; the second is Keras's.
NAMES = {
    "train_images": ("train_images", "x_train"),
    "train_labels": ("train_labels", "y_train"),
    "test_images": ("test_images", "x_test"),
    "test_labels": ("test_labels", "y_test"),
}


def open_arrays(dataset: dict) -> tuple[dict[str, np.ndarray], str]:
    """Images and labels as they are stored, by part, and where they are."""
    place = place_of(dataset, "arrays")
    try:
        stored = _folder(place) if place.is_dir() else np.load(place)
        if not hasattr(stored, "keys"):
            raise InputError(f"{place} holds a single array; an .npz file or a folder of .npy files is needed")
        with nullcontext(stored) if place.is_dir() else stored:
            return {part: stored[_name_of(part, stored, place)] for part in NAMES}, str(place)
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        what = "no plain arrays are in it" if "pickle" in str(error) else getattr(error, "strerror", None) or error
        raise InputError(f"{place} cannot be read ({what}); save plain arrays by numpy.savez or numpy.save") from error


def _name_of(part: str, stored: Mapping, place: Path) -> str:
    for name in NAMES[part]:
        if name in stored:
            return name
    known = ", ".join(sorted(stored.keys())) or "nothing"
    raise InputError(f"{place} has no array {' or '.join(NAMES[part])}; it has {known}")


def _folder(place: Path) -> dict[str, np.ndarray]:
    return {path.stem: np.load(path, mmap_mode="r") for path in sorted(place.glob("*.npy"))}


def image_bytes(
    images: np.ndarray, origin: str, value_range: list[float] | None, size: list[int] | None = None
) -> tuple[tuple[int, ...], Iterator[bytes]]:
    """Shape and bytes of uint8 images [n, h, w] or [n, c, h, w], from images of these forms or [n, h, w, c].

    `value_range` are the values of black and white, which images that are not uint8 need; `size` is a height and width
    to which they are stretched.
    """
    images = _channels_first(images, origin)
    pieces = _eight_bits(images, origin, value_range)
    if size is None:
        return images.shape, (piece.tobytes() for piece in pieces)
    return (*images.shape[:-2], *size), (_resized(piece, *size).tobytes() for piece in pieces)


def _eight_bits(images: np.ndarray, origin: str, value_range: list[float] | None) -> Iterator[np.ndarray]:
    """The images as uint8, piece by piece; refused at once where their type says that they cannot be."""
    if images.dtype == np.uint8 and value_range is None:
        return chunks(images)
    if images.dtype.kind not in "uifb":
        raise InputError(f"{origin} are of type {images.dtype}; allowed are uint8, or numbers with a `range`")
    if value_range is None:
        raise InputError(
            f"{origin} are of type {images.dtype}; uint8 is taken as it is, others need the values of black and white, "
            "such as range: [0, 1]"
        )
    return (_scaled(chunk, origin, *value_range) for chunk in chunks(images))


def _channels_first(images: np.ndarray, origin: str) -> np.ndarray:
    allowed = "allowed: [n, h, w], [n, h, w, c] and [n, c, h, w] with 1 or 3 channels"
    if images.ndim == 3 and images.size:
        return images
    if images.ndim != 4 or not images.size:
        raise InputError(f"{origin} have shape {images.shape}; {allowed}")
    first, last = images.shape[1] in (1, 3), images.shape[3] in (1, 3)
    if first == last:
        raise InputError(f"{origin} have shape {images.shape}; {allowed}, on one axis alone")
    return images if first else images.transpose(0, 3, 1, 2)


def _scaled(images: np.ndarray, origin: str, black: float, white: float) -> np.ndarray:
    values = (images.astype(np.float64) - black) / (white - black)
    outside = ~((values >= 0) & (values <= 1))  # nan is outside too
    if outside.any():
        raise InputError(
            f"{origin} hold {images[outside].flat[0]}, outside of range [{black}, {white}], which are the "
            "values of black and white"
        )
    return np.rint(255 * values).astype(np.uint8)


def _resized(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """uint8 images [..., h, w] as pictures of a folder are resized, each channel by itself."""
    planes = images.reshape(-1, *images.shape[-2:])
    resized = [Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR) for plane in planes]
    return np.stack(resized).reshape(*images.shape[:-2], height, width)


def label_bytes(labels: np.ndarray, origin: str) -> tuple[tuple[int], bytes]:
    """Shape and bytes of labels [n] or [n, 1] of any whole type, 0 to 255."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "ui" or not labels.size:
        raise InputError(f"{origin} have shape {labels.shape} and type {labels.dtype}; whole numbers [n] are needed")
    if labels.min() < 0 or labels.max() > 255:
        raise InputError(
            f"{origin} go from {labels.min()} to {labels.max()}; allowed: 0 to 255, the places in `classes`"
        )
    return labels.shape, labels.astype(np.uint8).tobytes()
