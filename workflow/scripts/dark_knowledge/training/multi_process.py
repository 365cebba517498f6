"""CUDA's Multi-Process Service, by which jobs on one GPU compute side by side. https://docs.nvidia.com/deploy/mps"""

import os
import shutil
from pathlib import Path

START = "nvidia-cuda-mps-control -d"


def is_running() -> bool:
    """Whether the service runs: an exclusive GPU then serves many processes, and jobs need not take turns."""
    return Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps"), "control").exists()


def could_run() -> bool:
    """Whether this machine has a GPU's driver and the service."""
    return all(map(shutil.which, ("nvidia-smi", START.split()[0])))
