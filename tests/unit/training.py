"""A training by its command line, in a process that can be killed, and what it found."""

import json
import multiprocessing
import os
import signal
import sys
import time
from itertools import count
from pathlib import Path

import pandas as pd
import pytest
import train_model

from dark_knowledge import command

# What a clock fills, and the checksums of files that hold it.
WALL_CLOCK = {"seconds", "images_per_second", "start_up_seconds", "peak_memory_mb", "files"}


def save_record(logits: Path) -> None:
    """Write what stands beside stored logits: the sum of their file."""
    logits.with_suffix(".json").write_text(json.dumps({"logits": command.sha256(logits)}))


class Training:
    """The command line that trains, in a folder of its own."""

    def __init__(self, inputs: Path, out: Path, recipe: dict, distilled: bool):
        self.out = out
        options = {
            "data": inputs / "dataset.safetensors",
            "architecture": json.dumps({"architecture": "plain", "channels": [4, 8], "pool": [True, True]}),
            "recipe": json.dumps(recipe),
            "seed": 3,
            "split-seed": 0,
            "accelerator": "cpu",
            "precision": "float32",
            "out": out,
        }
        if distilled:
            options |= {"teacher-logits": inputs / "logits.safetensors", "temperature": 4, "hard-weight": 0.1}
        self.words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]

    @property
    def checkpoint(self) -> Path:
        return self.out / "resume.pt"

    @property
    def said(self) -> str:
        """All that was said in this folder so far."""
        return self.out.with_suffix(".log").read_text()

    def run_here(self) -> None:
        """Train in this process: what PyTorch imports at its first step is then there for all forks."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["train_model.py", *self.words])
            train_model.main()

    def start(self, kill_in=None) -> multiprocessing.Process:
        """A process of its own: a fork, which need not import everything anew. `kill_in`: (object, name of a function,
        n) - the n-th call of the function kills the process."""
        process = multiprocessing.get_context("fork").Process(target=self._main, args=(kill_in,))
        process.start()
        return process

    def _main(self, kill_in) -> None:
        sys.argv = ["train_model.py", *self.words]
        if kill_in:
            kill_in_call(*kill_in)
        sys.stdout = sys.stderr = self.out.with_suffix(".log").open("a", buffering=1)
        command.run(train_model.main)

    def start_and_wait_for_checkpoint(self) -> multiprocessing.Process:
        process = self.start()
        deadline = time.monotonic() + 120
        while not self.checkpoint.exists():
            assert process.is_alive(), self.said
            assert time.monotonic() < deadline
            time.sleep(0.002)
        return process

    def refusal(self) -> str:
        """Train until it fails; returns its one line, which is all that it says beside its progress."""
        process = self.start()
        process.join(120)
        assert process.exitcode == 1, self.said
        assert "Traceback" not in self.said
        errors = [line for line in self.said.splitlines() if not line.startswith(("epoch ", "continuing "))]
        assert len(errors) == 1, self.said
        self.out.with_suffix(".log").unlink()
        assert not (self.out / "metrics.json").exists()  # the last output of a run
        return errors[0]

    def end(self) -> None:
        """Train to the end."""
        process = self.start()
        process.join(120)
        assert process.exitcode == 0, self.said

    def found(self) -> dict:
        """All that the run found, without the columns that a clock fills."""
        metrics = json.loads((self.out / "metrics.json").read_text())
        return {
            "weights": (self.out / "weights.safetensors").read_bytes(),
            "selected": (self.out / "selected.safetensors").read_bytes(),
            "history": without_clock(pd.read_parquet(self.out / "history.parquet")),
            "steps": without_clock(pd.read_parquet(self.out / "steps.parquet")),
            "metrics": {key: value for key, value in metrics.items() if key not in WALL_CLOCK},
        }


def kill_in_call(place: object, name: str, number: int) -> None:
    """Let the `number`-th call of a function kill this process with a signal that nothing can catch."""
    calls = count(1)
    function = getattr(place, name)

    def dying(*arguments, **settings):
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **settings)

    setattr(place, name, dying)


def without_clock(table: pd.DataFrame) -> str:
    """The table as text, floats to their last bit."""
    return table.drop(columns=WALL_CLOCK, errors="ignore").to_csv(float_format=float.hex)
