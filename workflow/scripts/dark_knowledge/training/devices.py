"""Where and how precisely to compute: the choice behind `accelerator` and `precision` in the config."""

import ctypes
import math
import os
import platform
import re
import resource
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch

from dark_knowledge.command import InputError
from dark_knowledge.training.gpus import take_gpu, visible_gpus

SMALL_IMAGE = 3 * 32 * 32  # values of an image of which a scoring batch is as below; of larger ones it has fewer
CPU_SCORING_BATCH, GPU_SCORING_BATCH = 250, 2500


@dataclass(frozen=True)
class Compute:
    """A device, whether forward passes run in bfloat16 under autocast, and the seconds waited for the device."""

    device: torch.device
    bfloat16: bool
    waited: float = 0.0

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

    def scoring_batch(self, image_shape: Sequence[int]) -> int:
        """Images of a forward pass without gradients: few enough for a processor's cache, enough to fill a GPU."""
        return scoring_batch(CPU_SCORING_BATCH if self.device.type == "cpu" else GPU_SCORING_BATCH, image_shape)

    def autocast(self) -> AbstractContextManager:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16)


def scoring_batch(small_images: int, image_shape: Sequence[int]) -> int:
    """How many images take about the memory of so many small ones."""
    return max(1, small_images * SMALL_IMAGE // max(SMALL_IMAGE, math.prod(image_shape)))


def choose_compute(accelerator: str, precision: str, threads: int, need: Callable[[], int] = lambda: 0) -> Compute:
    """Settle `auto`: CUDA before Apple's GPU before the CPU; bfloat16 where the device multiplies matrices in it.

    On a CUDA GPU, wait until one has room for the bytes that `need` tells.
    """
    torch.set_num_threads(threads)
    _keep_freed_memory()
    available = {
        "cuda": accelerator in ("auto", "cuda") and bool(visible_gpus()),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    asked = accelerator
    if accelerator == "auto":
        accelerator = next(name for name, present in available.items() if present)
    if not available[accelerator]:
        reason = f" ({_why_no_gpu()})" if accelerator == "cuda" else ""
        raise InputError(f"accelerator is {accelerator!r}, but this machine has none{reason}; use auto or cpu")
    if (asked, accelerator) == ("auto", "cpu") and (owner := _owner_of_a_gpu()):
        print(f"this run computes on the CPU, though {owner} has a GPU: {_why_no_gpu()}", file=sys.stderr, flush=True)
    device, waited = torch.device(accelerator), 0.0
    if accelerator == "cuda":
        device, waited = take_gpu(need())
        _repeat_bit_for_bit()
    bfloat16 = _gains_from_bfloat16(accelerator) if precision == "auto" else precision == "bfloat16"
    return Compute(device, bfloat16, waited)


def _owner_of_a_gpu() -> str | None:
    """Who has an NVIDIA GPU that CUDA_VISIBLE_DEVICES does not hide on purpose; None where nothing speaks of one."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return None
    if os.environ.get("SLURM_JOB_GPUS"):
        return "this cluster job"
    return "this machine" if any(DRIVER.glob("gpus/*")) else None


DRIVER = Path("/proc/driver/nvidia")


def _why_no_gpu() -> str:
    """What PyTorch says against CUDA here: no driver, one that is too old, a PyTorch without CUDA, no visible GPU."""
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return str(error).strip().split(". ")[0]
    return "no GPU is visible; see CUDA_VISIBLE_DEVICES"


def _repeat_bit_for_bit() -> None:
    """Choose convolutions that always add in the same order, never by timing, and let float32 be float32, not TF32."""
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def _keep_freed_memory() -> None:
    """Have glibc keep what is freed for the next batch: to ask the kernel anew takes up to 40 % of the time of scoring.

    The two numbers are M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h; another C library is left as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if platform.libc_ver()[0] == "glibc" else None
    if mallopt is not None:
        mallopt(-1, 2**31 - 1)
        mallopt(-3, 2**30) or mallopt(-3, 2**25)  # an older glibc refuses the former


def _gains_from_bfloat16(accelerator: str) -> bool:
    if accelerator == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if accelerator == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def peak_memory_mb(device: torch.device) -> float:
    """Largest memory of this process so far, in MB: of its tensors on a CUDA GPU, elsewhere its resident size."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
