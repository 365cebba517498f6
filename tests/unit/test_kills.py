"""A training that is killed, again and again, ends as if nothing had happened."""

import os
import pickle
import random
import signal
from pathlib import Path

import pytest
import torch

from .conftest import EPOCHS

KILLS = 10  # of each kind of training


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
def checkpoint(training, uninterrupted, tmp_path_factory):
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
