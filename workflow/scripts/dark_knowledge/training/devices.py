"""Where and how precisely to compute: the choice behind `accelerator` and `precision` in the config."""

import ctypes
import fcntl
import platform
import re
import resource
import sys
import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from getpass import getuser
from itertools import count
from pathlib import Path
from typing import TextIO

import torch

from dark_knowledge.command import InputError


@dataclass(frozen=True)
class Compute:
    """A device, and whether forward passes run in bfloat16 under autocast."""

    device: torch.device
    bfloat16: bool

    @property
    def precision(self) -> str:
        return "bfloat16" if self.bfloat16 else "float32"

    @property
    def machine(self) -> str:
        """The name of the GPU, or of the processor, as its maker gives it where the system tells."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        cpuinfo = Path("/proc/cpuinfo")
        if cpuinfo.exists() and (name := re.search(r"model name\s*: (.+)", cpuinfo.read_text())):
            return name[1]
        return platform.processor() or platform.machine()

    @property
    def scoring_batch(self) -> int:
        """Images of a forward pass without gradients: few enough for a processor's cache, enough to fill a GPU."""
        return 250 if self.device.type == "cpu" else 5000

    def autocast(self) -> AbstractContextManager:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16)


def choose_compute(accelerator: str, precision: str, threads: int) -> Compute:
    """Settle `auto`: CUDA before Apple's GPU before the CPU; bfloat16 where the device multiplies matrices in it."""
    torch.set_num_threads(threads)
    _keep_freed_memory()
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if accelerator == "auto":
        accelerator = next(name for name, present in available.items() if present)
    if not available[accelerator]:
        raise InputError(f"accelerator is {accelerator!r}, but this machine has none; use auto or cpu")
    device = torch.device(accelerator)
    if accelerator == "cuda":
        claims = Path(tempfile.gettempdir(), f"dark-knowledge-{getuser()}")
        device = torch.device("cuda", claim_gpu(_gpu_names(), claims))
        torch.cuda.set_device(device)
    bfloat16 = _gains_from_bfloat16(accelerator) if precision == "auto" else precision == "bfloat16"
    return Compute(device, bfloat16)


def claim_gpu(names: list[str], folder: Path) -> int:
    """Choose the GPU that the fewest jobs of this user on this machine hold; returns its index in `names`.

    A job holds a place on a GPU by a lock on a file in `folder`, until its process ends, however it ends. Jobs choose
    one after the other, so no two meet on a GPU while another is free.
    """
    assert names
    folder.mkdir(exist_ok=True)
    with (folder / "choosing").open("w") as choosing:
        fcntl.flock(choosing, fcntl.LOCK_EX)
        held = [sum(map(_is_held, folder.glob(f"{name}.*"))) for name in names]
        index = held.index(min(held))
        places = (folder / f"{names[index]}.{number}" for number in count())
        _claims.append(next(filter(None, map(_lock, places))))
    return index


_claims = []  # the open files whose locks this process holds for its life


def _is_held(place: Path) -> bool:
    if (file := _lock(place)) is not None:
        file.close()
    return file is None


def _lock(place: Path) -> TextIO | None:
    """The file, opened and locked; None if another process has locked it."""
    file = place.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _gpu_names() -> list[str]:
    """Names of the GPUs that CUDA_VISIBLE_DEVICES leaves, the same in every process whatever it leaves there."""
    return [str(torch.cuda.get_device_properties(index).uuid) for index in range(torch.cuda.device_count())]


def _keep_freed_memory() -> None:
    """Have glibc keep what is freed for the next batch: to ask the kernel anew takes up to 40 % of the time of scoring.

    The two numbers are M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h; another C library is left as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if platform.libc_ver()[0] == "glibc" else None
    if mallopt is not None:
        mallopt(-1, 2**31 - 1)
        mallopt(-3, 2**30)


def _gains_from_bfloat16(accelerator: str) -> bool:
    if accelerator == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if accelerator == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def peak_memory_mb() -> float:
    """Largest resident size of this process so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
