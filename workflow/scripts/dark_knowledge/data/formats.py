"""Decoding of image files."""

import math
import struct

import numpy as np

from dark_knowledge.command import InputError


def read_idx(payload: bytes, origin: str) -> np.ndarray:
    """Decode an IDX file of unsigned bytes (the MNIST format). `origin` names the file in errors."""
    if len(payload) < 4 or payload[:3] != b"\x00\x00\x08":
        raise InputError(f"{origin} is not an IDX file of unsigned bytes; its first bytes are {payload[:4].hex()}")
    dimensions = payload[3]
    start = 4 + 4 * dimensions
    if len(payload) < start:
        raise InputError(f"{origin} is cut off inside its header; fetch it again")
    shape = struct.unpack(f">{dimensions}I", payload[4:start])
    expected = start + math.prod(shape)
    if len(payload) != expected:
        raise InputError(f"{origin} holds {len(payload)} bytes, but its header announces {expected}; fetch it again")
    return np.frombuffer(payload, np.uint8, offset=start).reshape(shape)
