"""Whether a stored file still holds what was written: asked where it is read, before anything rests on it."""

import hashlib
import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from dark_knowledge.command import InputError, sha256

MAKE_ANEW = "delete it and run the same command again, which makes it anew"


def tensors_sum(tensors: Mapping[str, ArrayLike]) -> str:
    """The SHA-256 of arrays, or of tensors on the processor: of their names, types, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array)
    return digest.hexdigest()


def check_tensors(path: str | PathLike, tensors: Mapping[str, ArrayLike], expected: str | None) -> None:
    """Refuse the tensors of a file that are not those whose sum the file itself names."""
    if tensors_sum(tensors) != expected:
        raise InputError(f"an input is damaged: {path}, which does not hold what was written; {MAKE_ANEW}")


def read_record(path: str | PathLike) -> dict:
    """What a JSON file says of the files beside it."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"an input is damaged: {path}, which is not JSON ({error}); {MAKE_ANEW}") from error


def checked_sum(path: str | PathLike, record: str | PathLike, *keys: str) -> str:
    """The SHA-256 of a file, refused unless the JSON file that was written beside it has it under `keys`."""
    found = sha256(path)
    known = read_record(record)
    for key in keys:
        known = known[key]
    if found != known:
        raise InputError(f"an input is damaged: {path}, which is not the file that {record} speaks of; {MAKE_ANEW}")
    return found
