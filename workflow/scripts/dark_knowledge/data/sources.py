"""IDX files from their sources, verified by the SHA-256 of what is inside."""

import gzip
import hashlib
import os
import re
import subprocess
import tempfile
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from dark_knowledge.command import InputError
from dark_knowledge.data.formats import read_idx

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}

SYSTEM_FOLDER = Path("/usr/share/datasets")

TIMEOUT = 30
TRIES = 3


def fetch_part(name: str, part: str, source: dict, *, local: bool = False) -> tuple[bytes, str]:
    """Find one file (`part`, a key of FILES) of the data set `name`: its uncompressed payload, and where it was found.

    `source` has the keys folder, mirrors, debian_package and sha256 of a data set in config.yaml. They are tried in
    order, with `local` those on this machine alone; one that cannot be read, is no such IDX file, or has another
    SHA-256, is passed over and named in the log and in the error. A file without a checksum comes from `folder`
    alone, if there is one.
    """
    expected = checksum_of(source, part)
    failures = []
    for origin, read in _places(name, part, source, local):
        try:
            payload = _uncompressed(read())
            if expected is None:
                _check_kind(payload, part, origin)
        except InputError as error:
            failures.append(str(error))
        except _PASSED_OVER as error:
            failures.append(f"{origin}: {_reason(error)}")
        else:
            found = hashlib.sha256(payload).hexdigest()
            if expected in (None, found):
                return payload, origin
            failures.append(f"{origin} has SHA-256 {found}, expected {expected}")
        if not local:
            print(f"passed over {failures[-1]}", flush=True)
    raise InputError(
        f"{FILES[part]} of data set {name!r} was found nowhere ({'; '.join(failures) or 'no source is named'}); "
        f"put the four IDX files into a folder and name it in the config (datasets.{name}.folder) or in the "
        "environment variable DARK_KNOWLEDGE_DATA"
    )


_PASSED_OVER = (OSError, EOFError, ValueError, RuntimeError, zlib.error, HTTPException, subprocess.SubprocessError)


def checksum_of(source: dict, part: str) -> str | None:
    """The SHA-256 of a file's payload, where the config names it."""
    return source.get("sha256", {}).get(part)


def _check_kind(payload: bytes, part: str, origin: str) -> None:
    """Refuse what is no IDX file, and images where labels are looked for."""
    axes = read_idx(payload, origin).ndim
    if (axes == 1) != part.endswith("_labels"):
        raise InputError(f"{origin} has {axes} axes, which is not an IDX file of {part.partition('_')[2]}")


def _places(name: str, part: str, source: dict, local: bool) -> Iterator[tuple[str, Callable[[], bytes]]]:
    if folder := source.get("folder"):
        yield from _files(Path(folder), part)
        # Nothing else tells a file of another place, of another data set perhaps, from the one that is meant.
        if checksum_of(source, part) is None:
            return
    if root := os.environ.get("DARK_KNOWLEDGE_DATA"):
        yield from _files(Path(root, name), part)
        yield from _files(Path(root), part)
    yield from _files(SYSTEM_FOLDER / name, part)
    if local:
        return
    for mirror in source.get("mirrors") or []:
        address = f"{mirror.rstrip('/')}/{FILES[part]}.gz"
        yield address, partial(_download, address)
    if package := source.get("debian_package"):
        yield f"Debian package {package}", lambda: (_unpacked(package) / name / f"{FILES[part]}.gz").read_bytes()


def _files(folder: Path, part: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The files of a folder that have the part's name: the usual one, plain and compressed, then other spellings."""
    usual = FILES[part]
    try:
        folder = folder.expanduser()
        spelled = sorted(file for file in folder.iterdir() if _NAMES[part].fullmatch(file.name.lower()))
    except _PASSED_OVER:
        spelled = []  # reading the usual name tells why
    names = [folder / usual, folder / f"{usual}.gz"]
    found = [file for file in names if file in spelled]
    if not found and len(plain := {file.name.lower().replace(".gz", "") for file in spelled}) > 1:
        yield str(folder), partial(_refuse_several, sorted(plain))
        return
    for path in found or spelled or names[:1]:
        yield str(path), partial(_read, path)


# As archives, EMNIST and Kaggle spell them: emnist-letters-test-images-idx3-ubyte.gz, train-images.idx3-ubyte.
_NAMES = {
    f"{part}_{kind}": re.compile(rf"(.*[-_])?({words})[-_.]{kind}[-_.]idx{axes}[-_.]ubyte(\.gz)*")
    for part, words in (("train", "train"), ("test", "t10k|test"))
    for kind, axes in (("images", "[34]"), ("labels", "1"))
}


def _refuse_several(names: list[str]) -> bytes:
    raise ValueError(f"several files could be meant, {', '.join(names)}; leave one of them there")


def _read(path: Path) -> bytes:
    path = path.expanduser()
    # An unpacked archive may hold the file in a folder of its own name.
    return (path / path.name if path.is_dir() else path).read_bytes()


def _uncompressed(content: bytes) -> bytes:
    while content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    return content


def _reason(error: Exception) -> str:
    output = getattr(error, "stderr", None)
    return " ".join((output.decode(errors="replace") if output else str(error)).split())


def _download(address: str) -> bytes:
    """What an address answers. A connection that fails is tried again; an answer that there is nothing is final.

    Here and not by Snakemake's `retries`, which would repeat every refusal.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT) as response:
                return response.read()
        except HTTPError:
            raise
        except (OSError, HTTPException):
            if not tries_left:
                raise


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
