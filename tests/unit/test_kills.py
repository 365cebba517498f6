"""A training that is killed, again and again, ends as if nothing had happened."""

import json
import multiprocessing
import os
import pickle
import random
import signal
import sys
import time
from dataclasses import asdict
from itertools import count
from pathlib import Path

import pandas as pd
import pytest
import torch
import train_model

from dark_knowledge import command
from dark_knowledge.data import prepare, save_dataset
from dark_knowledge.recipes import Recipe
from dark_knowledge.transfer import save_teacher_logits

EPOCHS = 12
KILLS = 10
WALL_CLOCK = {"seconds", "images_per_second", "start_up_seconds", "peak_memory_mb"}


class Training:
    """The command line that trains, in a folder of its own."""

    def __init__(self, inputs: Path, out: Path, recipe: dict, distilled: bool):
        self.out = out
        options = {
            "data": inputs / "dataset.safetensors",
            "architecture": json.dumps({"architecture": "plain", "channels": [4, 8], "pool": [True, True]}),
            "recipe": json.dumps(recipe),
            "seed": 3,
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
        with self.out.with_suffix(".log").open("a", buffering=1) as log:
            sys.stdout = sys.stderr = log
            command.run(train_model.main)

    def start_and_wait_for_checkpoint(self) -> multiprocessing.Process:
        process = self.start()
        deadline = time.monotonic() + 120
        while not self.checkpoint.exists():
            assert process.is_alive(), self.said
            assert time.monotonic() < deadline
            time.sleep(0.002)
        return process

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


@pytest.fixture(scope="module")
def training(idx_files, tmp_path_factory):
    """Make a training in a folder: from labels, or from labels and the logits of a teacher that was never trained."""
    inputs = tmp_path_factory.mktemp("inputs")
    recipe = Recipe(EPOCHS, 50, 0.1, warmup=0.2, momentum=0.9, weight_decay=5e-4, label_smoothing=0, flip=True, shift=2)
    prepared = prepare(
        idx_files, classes=[str(c) for c in range(10)], validation=100, seed=0, train_limit=None, test_limit=None
    )
    save_dataset(inputs / "dataset.safetensors", *prepared)
    logits = torch.randn(EPOCHS, 500, 10, generator=torch.Generator().manual_seed(0)).half()
    save_teacher_logits(inputs / "logits.safetensors", logits, recipe, seed=3)
    return lambda out, distilled=False: Training(inputs, out, asdict(recipe), distilled)


@pytest.fixture(scope="module")
def uninterrupted(training, tmp_path_factory):
    """What a run finds that nobody disturbs, from labels (False) and from a teacher (True)."""
    found = {}
    for distilled in (False, True):
        whole = training(tmp_path_factory.mktemp("whole") / "run", distilled)
        whole.end()
        found[distilled] = whole.found()
    return found


@pytest.mark.parametrize("distilled", [False, True], ids=["labels", "teacher"])
def test_kills_at_random_steps_leave_no_trace(training, uninterrupted, distilled, tmp_path):
    """An epoch has ten steps: some attempts die before their first checkpoint, others some epochs later."""
    draw = random.Random(int(distilled))
    killed = training(tmp_path / "run", distilled)
    for _ in range(KILLS):
        process = killed.start((torch.optim.SGD, "step", draw.randint(1, 14)))
        process.join(120)
        assert process.exitcode == -signal.SIGKILL, killed.said
    killed.end()
    assert "continuing" in killed.said
    assert killed.found() == uninterrupted[distilled]
    assert not killed.checkpoint.exists()


@pytest.mark.parametrize("number", [1, 2, EPOCHS + 2])
def test_a_kill_while_a_file_is_written_leaves_no_trace(training, uninterrupted, number, tmp_path):
    """The kill falls between writing and renaming the n-th file: a checkpoint, or a table after the last epoch."""
    killed = training(tmp_path / "run")
    process = killed.start((os, "replace", number))
    process.join(120)
    assert process.exitcode == -signal.SIGKILL, killed.said
    assert list(killed.out.glob(".*.tmp"))
    killed.end()
    assert killed.found() == uninterrupted[False]
    assert not list(killed.out.glob(".*.tmp"))


def test_sigterm_leaves_a_checkpoint_to_continue_from(training, uninterrupted, tmp_path):
    told = training(tmp_path / "run")
    process = told.start_and_wait_for_checkpoint()
    process.terminate()
    process.join(60)
    assert process.exitcode not in (0, None), told.said
    assert "Traceback" not in told.said
    assert told.checkpoint.exists()
    assert not (told.out / "weights.safetensors").exists()
    told.end()
    assert "continuing" in told.said
    assert told.found() == uninterrupted[False]


@pytest.fixture(scope="module")
def checkpoint(training, tmp_path_factory):
    """The bytes of a checkpoint, some epochs into a training."""
    killed = training(tmp_path_factory.mktemp("killed") / "run")
    process = killed.start_and_wait_for_checkpoint()
    process.kill()
    process.join()
    return killed.checkpoint.read_bytes()


class Malicious:
    """A pickle that runs a command when it is read by a careless reader."""

    def __reduce__(self):
        return os.system, ("touch harmed",)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def harm(path: Path) -> None:
    torch.save({"identity": Malicious()}, path)


def harm_plainly(path: Path) -> None:
    path.write_bytes(pickle.dumps(Malicious()))


def change_settings(path: Path) -> None:
    state = torch.load(path, weights_only=True)
    state["identity"] = state["identity"].replace('"seed": 3', '"seed": 4')
    torch.save(state, path)


@pytest.mark.parametrize("damage", [truncate, empty, harm, harm_plainly, change_settings])
def test_a_bad_checkpoint_is_refused_in_one_line(training, uninterrupted, checkpoint, damage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    damaged = training(tmp_path / "run")
    damaged.out.mkdir()
    damaged.checkpoint.write_bytes(checkpoint)
    damage(damaged.checkpoint)
    damaged.end()
    refusals = [line for line in damaged.said.splitlines() if "is not continued" in line]
    assert len(refusals) == 1
    assert str(damaged.checkpoint) in refusals[0]
    assert refusals[0].endswith("training starts afresh")
    assert "continuing" not in damaged.said
    assert damaged.found() == uninterrupted[False]
    assert not (tmp_path / "harmed").exists()


def test_an_undamaged_checkpoint_is_continued(training, uninterrupted, checkpoint, tmp_path):
    continued = training(tmp_path / "run")
    continued.out.mkdir()
    continued.checkpoint.write_bytes(checkpoint)
    continued.end()
    assert "continuing" in continued.said
    assert continued.found() == uninterrupted[False]
