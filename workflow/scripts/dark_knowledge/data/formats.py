"""The IDX format, in which every data set is kept between its source and its preparation."""

import math
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dark_knowledge.command import InputError, written_whole
from dark_knowledge.integrity import MAKE_ANEW


def read_idx(payload: bytes, origin: str) -> np.ndarray:
    """Decode an IDX file of unsigned bytes (the MNIST format). `origin` names the file in errors."""
    shape, start = _header(payload, len(payload), origin, "fetch it again")
    return np.frombuffer(payload, np.uint8, offset=start).reshape(shape)


def open_idx(path: Path) -> np.ndarray:
    """The array of a stored IDX file, read from disk as it is used."""
    with path.open("rb") as file:
        shape, start = _header(file.read(4 + 4 * 255), path.stat().st_size, f"an input is damaged: {path}", MAKE_ANEW)
    return np.memmap(path, np.uint8, mode="r", offset=start, shape=shape)


def write_idx(path: Path, shape: tuple[int, ...], chunks: Iterable[bytes]) -> None:
    """Write unsigned bytes of `shape`, given piece by piece in C order, as an IDX file, whole or not at all."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        file.write(bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape))
        for chunk in chunks:
            file.write(chunk)


def _header(payload: bytes, length: int, origin: str, advice: str) -> tuple[tuple[int, ...], int]:
    """Shape and first byte of the values, from the beginning of a file of `length` bytes."""
    if len(payload) < 4 or payload[:3] != b"\x00\x00\x08":
        raise InputError(
            f"{origin} is not an IDX file of unsigned bytes, for its first bytes are {payload[:4].hex()}; {advice}"
        )
    dimensions = payload[3]
    start = 4 + 4 * dimensions
    if len(payload) < start:
        raise InputError(f"{origin} is cut off inside its header; {advice}")
    shape = struct.unpack(f">{dimensions}I", payload[4:start])
    expected = start + math.prod(shape)
    if length != expected:
        raise InputError(f"{origin} holds {length} bytes, but its header announces {expected}; {advice}")
    return shape, start
