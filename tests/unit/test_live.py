"""What a training shows while it runs: its lines, and curves, read back by TensorBoard's own reader."""

import errno
import importlib.util
import sys

import pytest
import torch

from dark_knowledge.training.live import CURVES, live_curves, log_line
from dark_knowledge.training.losses import learn_from_labels

from ..conftest import lacking


class KilledError(Exception):
    """Stands for a kill between two steps of a training."""


@pytest.fixture
def reader():
    """TensorBoard's reader of a folder's event files."""
    if importlib.util.find_spec("tensorboard") is None:
        lacking("the package tensorboard is not installed", "to install it: make install")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return lambda folder: EventAccumulator(str(folder), size_guidance={"scalars": 0})


def shown(accumulator) -> dict[str, list[tuple[int, float]]]:
    """All curves that a reader shows now, as points of epoch and value."""
    accumulator.Reload()
    tags = accumulator.Tags()["scalars"]
    return {tag: [(event.step, event.value) for event in accumulator.Scalars(tag)] for tag in tags}


def expected(history: list[dict]) -> dict[str, list[tuple[int, float]]]:
    """The same from a history: without the soft loss, which labels do not have."""
    return {
        tag: [(row["epoch"] + 1, pytest.approx(row[column], rel=1e-6)) for row in history]
        for column, tag in CURVES.items()
        if column != "soft_loss"
    }


def killed_in(data, epoch: int):
    """Supervision by labels that dies in the first batch of an epoch."""
    labels = learn_from_labels(data.train_labels, 0)

    def supervision(logits, number, index, mix):
        if number == epoch:
            raise KilledError
        return labels(logits, number, index)

    return supervision


@pytest.mark.parametrize(
    ("seconds", "epochs", "left"),
    [
        ([7], 4, 21),
        ([7, 5], 2, 0),
        ([5, 60, 6], 5, 12),  # one epoch was held up
        ([1, 1, 1, 1, 1, 11, 12, 10], 10, 22),  # continued on a slower machine
    ],
)
def test_the_seconds_left_follow_the_pace_of_the_last_epochs(seconds, epochs, left):
    losses = {"loss": 1.25, "hard_loss": 1.5, "soft_loss": 1.2, "train_accuracy": 0.5, "validation_accuracy": 0.75}
    history = [losses | {"seconds": each, "images_per_second": 600 / each} for each in seconds]
    assert log_line(history, epochs) == (
        f"epoch {len(seconds):3d}/{epochs}  loss 1.2500 (hard 1.5000, soft 1.2000)  train 50.00%  validation 75.00%  "
        f"{600 / seconds[-1]:.0f} images/s  {left} s left"
    )


def test_each_epoch_is_shown_as_soon_as_it_is_over(data, run, reader, tmp_path):
    with pytest.raises(KilledError):
        run(supervision=killed_in(data, 2), checkpoint=tmp_path / "resume.pt", epochs=4)
    accuracies = shown(reader(tmp_path))["accuracy/validation"]
    assert [epoch for epoch, _ in accuracies] == [1, 2]


def test_a_training_shows_its_history(run, reader, tmp_path):
    _, progress = run(checkpoint=tmp_path / "resume.pt", epochs=3, score_test=True)
    assert shown(reader(tmp_path)) == expected(progress.history)  # and so nothing of the test set


@pytest.mark.parametrize("kept", [True, False], ids=["continued", "begun again"])
def test_a_killed_training_shows_no_epoch_twice(data, run, reader, tmp_path, kept):
    """Neither to a TensorBoard that looks afterwards nor to one that has looked on all the time."""
    looks_on = reader(tmp_path)
    for epoch in (1, 3):
        with pytest.raises(KilledError):
            run(supervision=killed_in(data, epoch), checkpoint=tmp_path / "resume.pt", epochs=4)
        assert len(shown(looks_on)["loss/training"]) == epoch
        if not kept:
            (tmp_path / "resume.pt").unlink()
    _, progress = run(checkpoint=tmp_path / "resume.pt", epochs=4)
    assert shown(reader(tmp_path)) == expected(progress.history)
    assert shown(looks_on) == expected(progress.history)


def test_a_kill_between_the_curves_and_the_checkpoint_leaves_no_trace(run, reader, tmp_path, monkeypatch):
    def killed(*_):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("dark_knowledge.training.loop.save_checkpoint", killed)
        with pytest.raises(KilledError):
            run(checkpoint=tmp_path / "resume.pt", epochs=2)
    assert len(shown(reader(tmp_path))["loss/training"]) == 1
    _, progress = run(checkpoint=tmp_path / "resume.pt", epochs=2)
    assert shown(reader(tmp_path)) == expected(progress.history)


def test_curves_change_no_bit_and_need_no_package(run, tmp_path, monkeypatch):
    model, _ = run(checkpoint=tmp_path / "with" / "resume.pt")
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)  # which lets its import fail
    other, _ = run(checkpoint=tmp_path / "without" / "resume.pt")
    assert not list((tmp_path / "without").glob("events*"))
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())


def test_a_full_disk_is_told_with_the_files_name(reader, tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tensorboard.summary.writer.record_writer.RecordWriter.write", full)
    with pytest.raises(OSError, match=r"events\.out\.tfevents"), live_curves(tmp_path, 0):
        pass
