"""IDX files from their sources, verified by the SHA-256 of what is inside."""

import gzip
import hashlib
import os
import subprocess
import tempfile
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from http.client import HTTPException
from pathlib import Path

from dark_knowledge.command import InputError

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


SYSTEM_FOLDER = Path("/usr/share/datasets")


TIMEOUT = 30


def fetch_part(name: str, part: str, source: dict) -> tuple[bytes, str]:
    """Find one file (`part`, a key of FILES) of the data set `name`: its uncompressed payload, and where it was found.

    `source` has the keys folder, mirrors, debian_package and sha256 of a data set in config.yaml. They are tried in
    order; one that cannot be read, or whose payload has another SHA-256, is passed over and named in the error. A file
    without a checksum comes from `folder` alone, if there is one.
    """
    expected = source["sha256"][part]
    failures = []
    for origin, read in _places(name, part, source):
        try:
            payload = _uncompressed(read())
        except (OSError, EOFError, ValueError, zlib.error, HTTPException, subprocess.SubprocessError) as error:
            failures.append(f"{origin}: {_reason(error)}")
            continue
        found = hashlib.sha256(payload).hexdigest()
        if expected in (None, found):
            return payload, origin
        failures.append(f"{origin} has SHA-256 {found}, expected {expected}")
    raise InputError(
        f"{FILES[part]} of data set {name!r} was found nowhere ({'; '.join(failures) or 'no source is named'}); "
        f"put the four IDX files into a folder and name it in the config (datasets.{name}.folder) or in the "
        "environment variable DARK_KNOWLEDGE_DATA"
    )


def _places(name: str, part: str, source: dict) -> Iterator[tuple[str, Callable[[], bytes]]]:
    file = FILES[part]
    if folder := source.get("folder"):
        yield from _files(folder, file)
        # Nothing else tells a file of another place, of another data set perhaps, from the one that is meant.
        if source["sha256"][part] is None:
            return
    if root := os.environ.get("DARK_KNOWLEDGE_DATA"):
        yield from _files(Path(root, name), file)
        yield from _files(root, file)
    yield from _files(SYSTEM_FOLDER / name, file)
    for mirror in source.get("mirrors") or []:
        address = f"{mirror.rstrip('/')}/{file}.gz"
        yield address, partial(_download, address)
    if package := source.get("debian_package"):
        yield f"Debian package {package}", lambda: (_unpacked(package) / name / f"{file}.gz").read_bytes()


def _files(folder: str | Path, file: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    # os.path's functions pass over a user who does not exist and a folder that may not be read; Path's raise.
    plain, packed = (Path(os.path.expanduser(folder), name) for name in (file, f"{file}.gz"))
    for path in [path for path in (plain, packed) if os.path.exists(path)] or [plain]:
        yield str(path), path.read_bytes


def _uncompressed(content: bytes) -> bytes:
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _reason(error: Exception) -> str:
    output = getattr(error, "stderr", None)
    return " ".join((output.decode(errors="replace") if output else str(error)).split())


def _download(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=TIMEOUT) as response:
        return response.read()


@cache
def _unpacked(package: str) -> Path:
    """The data folder of a Debian package, fetched with package lists of its own and unpacked, so without root."""
    keeper = tempfile.TemporaryDirectory()
    _unpacked.keeper = keeper  # removed when the process ends
    folder = Path(keeper.name)
    for needed in ("lists/partial", "cache/archives/partial"):
        (folder / needed).mkdir(parents=True)
    apt = [
        "apt-get",
        "-qq",
        f"-oDir::State::Lists={folder}/lists",
        f"-oDir::Cache={folder}/cache",
        "-oAPT::Sandbox::User=",
    ]
    commands = [
        [*apt, "update"],
        [*apt, "download", package],
        ["sh", "-c", "dpkg-deb -x ./*.deb ."],
    ]
    for command in commands:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder.joinpath(*SYSTEM_FOLDER.parts[1:])
