"""What every command line shares: one-line errors and outputs that appear whole or not at all."""

import hashlib
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(Exception):
    """Something the user can put right. Its message says what is wrong, where, what is allowed and what to do."""


class UserCodeError(InputError):
    """Code that the user brought raised the error that is this one's cause, whose own traceback is shown below it."""


def run(main: Callable[[], None]) -> None:
    """Run a command line; an error that the user can put right ends it with one line and exit status 1."""
    try:
        main()
    except UserCodeError as error:
        sys.exit(f"error: {error}; its own traceback:\n{_own_traceback(error.__cause__)}")
    except InputError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        sys.exit(f"error: {error.strerror or error}{place}; mend this and run the same command again")
    except Exception as error:
        if (message := _library_error(error)) is None:
            raise
        sys.exit(f"error: {message} ({' '.join(str(error).split())})")


def _own_traceback(error: BaseException) -> str:
    """The traceback of an error from where other code than this library's begins."""
    step, own = error.__traceback__, str(Path(__file__).parent)
    while step.tb_next and step.tb_frame.f_code.co_filename.startswith((own, "<frozen importlib")):
        step = step.tb_next
    return "".join(traceback.format_exception(type(error), error, step)).rstrip()


def memory_is_full(error: Exception) -> bool:
    """Whether a library found no memory on a GPU: PyTorch, CUDA, cuBLAS, cuDNN and Metal each say so in their way."""
    said = str(error)
    is_gpu = any(name in said for name in ("CUDA", "CUBLAS", "CUDNN", "HIP", "MPS"))
    return is_gpu and re.search("out of memory|ALLOC(ATION)?_FAILED|STATUS_NOT_INITIALIZED", said) is not None


def host_memory_is_full(error: Exception) -> bool:
    """Whether Python or PyTorch found no memory on this machine."""
    return isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error)


def _library_error(error: Exception) -> str | None:
    """What an error of a library that takes too long to import here means, and what to do; None for any other."""
    if memory_is_full(error):
        return (
            "the GPU's memory is full; lower `batch_size` of this model's recipe, or let fewer jobs share the GPU, "
            "and run the same command again"
        )
    if host_memory_is_full(error):
        return "this machine's memory is full; let fewer jobs run at a time and run the same command again"
    if type(error).__name__ == "SafetensorError" and (damaged := ", ".join(_damaged(sys.argv[1:]))):
        return f"an input is damaged: {damaged}; delete it and run the same command again, which makes it anew"
    return None


def _damaged(words: list[str]) -> Iterator[str]:
    """The safetensors files that do not open, of those that a command line names or holds in a folder it names."""
    from safetensors import SafetensorError, safe_open

    for word in words:  # some are no paths, and longer than a path may be
        for file in Path(word).rglob("*.safetensors") if os.path.isdir(word) else [Path(word)]:
            if file.suffix == ".safetensors" and os.path.isfile(file):
                try:
                    with safe_open(file, framework="np"):
                        pass
                except SafetensorError:
                    yield str(file)


@contextmanager
def written_whole(path: str | os.PathLike):
    """Yield a temporary path beside `path` that takes its place once the block has succeeded.

    Fill it by `write_bytes` or `write_text`: unlike some libraries' own writers, they report a full disk as an OSError.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say which file it was
        raise
    finally:
        temporary.unlink(missing_ok=True)


def sha256(path: str | os.PathLike) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: str | os.PathLike, content: dict) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
