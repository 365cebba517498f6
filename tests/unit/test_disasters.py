"""What a training says when the machine fails it, and that the same command goes on once the cause is gone."""

import shutil
import subprocess
from pathlib import Path

import pytest
import torch
import train_model

from ..conftest import undone

pytestmark = pytest.mark.slow


@pytest.fixture
def run(training, uninterrupted, tmp_path):
    return training(tmp_path / "run", distilled=True)


@pytest.mark.parametrize("size", ["8k", "80k"])
def test_a_full_disk(run, uninterrupted, size):
    """A disk too small for a checkpoint, and one that holds it but not the outputs beside it."""
    run.out.mkdir()
    with undone(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(run.out)], ["umount", str(run.out)]):
        refusal = run.refusal()
        assert refusal.startswith("error: No space left on device: ")
        assert str(run.out) in refusal
        assert refusal.endswith("mend this and run the same command again")
        assert not list(run.out.glob(".*.tmp"))
        subprocess.run(["mount", "-o", "remount,size=10m", str(run.out)], check=True)
        run.end()
        assert run.found() == uninterrupted[True]


def test_a_read_only_disk(run, uninterrupted):
    run.out.mkdir()
    with undone(["mount", "--bind", str(run.out), str(run.out)], ["umount", str(run.out)]):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(run.out)], check=True)
        assert run.refusal().startswith(f"error: Read-only file system: {run.out}")
    run.end()
    assert run.found() == uninterrupted[True]


def test_a_folder_that_may_not_be_written(run, uninterrupted):
    run.out.mkdir()
    with undone(["chattr", "+i", str(run.out)], ["chattr", "-i", str(run.out)]):
        assert run.refusal().startswith(f"error: Operation not permitted: {run.out}")
    run.end()
    assert run.found() == uninterrupted[True]


@pytest.mark.parametrize("option", ["--data", "--teacher-logits"])
@pytest.mark.parametrize("size", [0, 6, 1000, -1])
def test_an_input_that_is_cut_off(run, uninterrupted, option, size, tmp_path):
    place = run.words.index(option) + 1
    whole = run.words[place]
    run.words[place] = str(tmp_path / "cut.safetensors")
    with open(whole, "rb") as file:
        (tmp_path / "cut.safetensors").write_bytes(file.read()[:size])
    if (record := Path(whole).with_suffix(".json")).exists():
        shutil.copy(record, tmp_path / "cut.json")
    refusal = run.refusal()
    assert refusal.startswith(f"error: an input is damaged: {tmp_path / 'cut.safetensors'}")
    assert run.words[place] in refusal
    assert "delete it and run the same command again" in refusal
    run.words[place] = whole
    run.end()
    assert run.found() == uninterrupted[True]


@pytest.mark.parametrize("option", ["--data", "--teacher-logits"])
def test_an_input_that_has_vanished(run, uninterrupted, option, tmp_path):
    place = run.words.index(option) + 1
    whole, run.words[place] = run.words[place], str(tmp_path / "gone.safetensors")
    assert run.refusal().startswith(f"error: No such file or directory: {tmp_path / 'gone.safetensors'}")
    run.words[place] = whole
    run.end()
    assert run.found() == uninterrupted[True]


def test_a_training_that_diverges(run):
    place = run.words.index("--recipe") + 1
    run.words[place] = run.words[place].replace('"learning_rate": 0.1', '"learning_rate": 1e30')
    refusal = run.refusal()
    assert refusal.startswith("error: the loss is nan in epoch 1, step ")
    assert "lower `learning_rate`" in refusal


def test_a_gpu_whose_memory_is_full(run, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(train_model, "train", full)
    refusal = run.refusal()
    assert refusal.startswith("error: the GPU's memory is full; lower `batch_size`")
    assert "fewer jobs share the GPU" in refusal
    assert "Tried to allocate 2.00 GiB" in refusal
