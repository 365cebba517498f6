"""A place on a GPU: which one a job computes on, and since when its memory has room for the job."""

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import NamedTuple, TextIO

import torch

from dark_knowledge.command import memory_is_full
from dark_knowledge.training import multi_process

CONTEXT = 600 * 2**20  # bytes of a process's CUDA context and kernels, outside of PyTorch's allocator
LARGEST_SHARE = 0.75  # of a GPU's memory that a job waits for: no two such share, and a desktop leaves as much


@dataclass(frozen=True)
class Gpu:
    """A GPU, or an instance of one that is cut up (MIG). `name` is the same in every process; memory is in bytes.

    `index` is CUDA's number, None for what CUDA shows only to a process whose CUDA_VISIBLE_DEVICES names it. `free` is
    what all processes leave, `total` where the driver does not tell. An `exclusive` GPU refuses a second process.
    """

    name: str
    index: int | None
    total: int
    free: int
    exclusive: bool = False


def visible_gpus() -> list[Gpu]:
    """The GPUs that this process may use, found without a context on any of them. CUDA_VISIBLE_DEVICES is respected."""
    if not torch.backends.cuda.is_built():
        return []
    told = _told_by_driver()
    if any(gpu.cut_up for gpu in told.values()):  # before CUDA starts, which then shows one instance alone
        return _instances_and_whole_gpus(told)
    if not torch.cuda.is_available():
        return []
    gpus = []
    for index in range(torch.accelerator.device_count()):  # torch.cuda counts through NVML, which may see others
        properties = torch.cuda.get_device_properties(index)
        name = f"GPU-{str(properties.uuid).removeprefix('GPU-')}"
        gpu = Gpu(name, index, properties.total_memory, properties.total_memory)
        if name in told:
            exclusive = told[name].exclusive and not multi_process.is_running()
            gpu = replace(gpu, free=min(gpu.total, told[name].free), exclusive=exclusive)
        gpus.append(gpu)
    return gpus


def take_gpu(need: int) -> tuple[torch.device, float]:
    """Wait for `need` bytes on a GPU and take them for the life of this process; returns also the seconds waited.

    PyTorch's allocator holds the bytes from then on, so that neither another job nor another program can take them.
    """
    waiting = _Waiting()
    claims = Path(tempfile.gettempdir(), f"dark-knowledge-{os.getuid()}")  # a user in a container may have no name
    gpu, granted = claim_gpu(visible_gpus, need, claims, waiting.look_again_later)
    if gpu.index is None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu.name
    device = torch.device("cuda", gpu.index or 0)
    while not _allocated(device, granted - CONTEXT):
        waiting.look_again_later("the GPU, which other programs hold", 0.5)
    return device, waiting.seconds


def claim_gpu(
    list_gpus: Callable[[], list[Gpu]], need: int, folder: Path, look_again_later: Callable[[str, float], None]
) -> tuple[Gpu, int]:
    """Wait until a GPU has room for `need` bytes; returns that with the fewest jobs of this user, and what it grants.

    A job holds its bytes by a lock on a file in `folder` that names them, until its process ends, however it ends. Jobs
    choose one after the other, so that no two meet on a GPU while another is free. Of those that see the same GPUs none
    overtakes one that waits for room.
    """
    folder.mkdir(exist_ok=True)
    seen = hashlib.sha256(" ".join(sorted(gpu.name for gpu in list_gpus())).encode()).hexdigest()[:12]
    with (folder / f"waiting.{seen}").open("w") as queue, (folder / "choosing").open("w") as choosing:
        while not _locked(queue):
            look_again_later("its turn to choose a GPU", 0.02)
        while (found := _chosen(list_gpus, need, folder, choosing)) is None:
            look_again_later("room in the memory of a GPU", 0.5)
    return found


def _chosen(list_gpus: Callable[[], list[Gpu]], need: int, folder: Path, choosing: TextIO) -> tuple[Gpu, int] | None:
    """A GPU with room, and what it grants, which this process then holds; None where there is none just now."""
    fcntl.flock(choosing, fcntl.LOCK_EX)
    try:
        if (found := _with_room(list_gpus(), need, folder)) is not None:
            gpu, granted = found
            place = next(filter(None, (_locked_file(folder / f"{gpu.name}.{number}") for number in count())))
            place.truncate(0)
            print(granted, file=place, flush=True)
            _claims.append(place)
        return found
    finally:
        fcntl.flock(choosing, fcntl.LOCK_UN)


_claims = []  # the open files whose locks this process holds for its life


def _with_room(gpus: list[Gpu], need: int, folder: Path) -> tuple[Gpu, int] | None:
    """The GPU with the fewest jobs, then the most room, among those that can take one more, and what it grants."""
    fitting = []
    for gpu in gpus:
        held = _bytes_held(gpu, folder)
        granted = min(need, int(LARGEST_SHARE * gpu.total))
        room = min(gpu.total - sum(held), gpu.free)  # the first counts jobs that have not allocated yet
        if granted <= room and not (gpu.exclusive and held):
            fitting.append((len(held), -room, gpu, granted))
    return min(fitting, key=lambda option: option[:2])[2:] if fitting else None


def _bytes_held(gpu: Gpu, folder: Path) -> list[int]:
    """What each job on a GPU holds there."""
    held = []
    for place in folder.glob(f"{gpu.name}.*"):
        if (file := _locked_file(place)) is None:
            held.append(int(place.read_text()))
        else:
            file.close()
    return held


def _locked_file(place: Path) -> TextIO | None:
    """The file, opened and locked; None if another process has locked it."""
    file = place.open("a")
    if _locked(file):
        return file
    file.close()
    return None


def _locked(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Waiting:
    """Counts the seconds that a job waits, and says in its log what for, once it is more than a moment."""

    def __init__(self) -> None:
        self.seconds, self._said = 0.0, set()

    def look_again_later(self, what: str, pause: float) -> None:
        if self.seconds > 2 and what not in self._said:
            print(f"this job waits for {what}", file=sys.stderr, flush=True)
            self._said.add(what)
        started = time.perf_counter()
        time.sleep(pause)
        self.seconds += time.perf_counter() - started


def _allocated(device: torch.device, size: int) -> bool:
    """Have PyTorch's allocator take `size` bytes and keep them; False while others hold the GPU or its memory."""
    try:
        torch.cuda.set_device(device)
        torch.empty(max(size, 1), dtype=torch.uint8, device=device)
        torch.cuda.reset_peak_memory_stats(device)  # a job's own peak is without what it asked for
    except RuntimeError as error:
        if memory_is_full(error) or "busy or unavailable" in str(error):
            return False
        raise
    return True


class _Told(NamedTuple):
    """What the driver tells of a GPU: memory in bytes, whether it refuses a second process, whether it is cut up."""

    total: int
    free: int
    exclusive: bool
    cut_up: bool


def _told_by_driver() -> dict[str, _Told]:
    """What the driver tells of each GPU, by its name."""
    lines = _nvidia_smi(
        "--query-gpu=uuid,memory.total,memory.free,compute_mode,mig.mode.current", "--format=csv,noheader,nounits"
    )
    return {
        name: _Told(int(total) * 2**20, int(free) * 2**20, mode.startswith("Exclusive"), mig == "Enabled")
        for name, total, free, mode, mig in re.findall(r"^(GPU-\S+), (\d+), (\d+), (\w+), (\S+)$", lines, re.MULTILINE)
    }


def _instances_and_whole_gpus(told: dict[str, _Told]) -> list[Gpu]:
    """MIG instances, and the GPUs beside them that are not cut up.

    An instance's memory is read off its name in `nvidia-smi -L`, as in "MIG 1g.10gb", less a twentieth, which the
    hardware keeps.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    units = []
    for number, name, below in re.findall(
        r"^GPU (\d+):.*\(UUID: (GPU-\S+)\)\n?((?:[ \t]+MIG.*\n?)*)", _nvidia_smi("-L"), re.MULTILINE
    ):
        found = {
            instance: int(gigabytes) * 2**30 * 95 // 100
            for gigabytes, instance in re.findall(r"MIG \S*?(\d+)gb.*\(UUID: (MIG-\S+)\)", below)
        }
        gpus = [Gpu(instance, None, size, size) for instance, size in found.items()]
        if not told[name].cut_up:
            exclusive = told[name].exclusive and not multi_process.is_running()
            gpus = [Gpu(name, None, told[name].total, told[name].free, exclusive)]
        units += [gpu for gpu in gpus if visible is None or {number, name, gpu.name} & set(visible.split(","))]
    return units


def _nvidia_smi(*words: str) -> str:
    """What the driver's own tool says; nothing where it is missing or fails, as in a container without it."""
    try:
        return subprocess.run(["nvidia-smi", *words], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
