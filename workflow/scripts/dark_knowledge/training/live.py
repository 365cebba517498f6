"""What a training shows while it runs: a line per epoch, and curves for TensorBoard."""

import math
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

# Curves by the column of a run's history that they show. The test set is none of them: it decides nothing.
CURVES = {
    "loss": "loss/training",
    "soft_loss": "loss/soft",
    "validation_loss": "loss/validation",
    "train_accuracy": "accuracy/training",
    "validation_accuracy": "accuracy/validation",
    "learning_rate": "learning_rate",
    "images_per_second": "images_per_second",
}


def log_line(history: list[dict], epochs: int) -> str:
    """The last epoch of a run's history, and the seconds that the rest of `epochs` will take at the last ones' pace."""
    row, done = history[-1], len(history)
    left = (epochs - done) * median(each["seconds"] for each in history[-3:])
    soft = "" if math.isnan(row["soft_loss"]) else f" (hard {row['hard_loss']:.4f}, soft {row['soft_loss']:.4f})"
    return (
        f"epoch {done:3d}/{epochs}  loss {row['loss']:.4f}{soft}  "
        f"train {row['train_accuracy']:.2%}  validation {row['validation_accuracy']:.2%}  "
        f"{row['images_per_second']:.0f} images/s  {left:.0f} s left"
    )


@contextmanager
def live_curves(folder: Path, epoch: int) -> Iterator[Callable[[dict], None]]:
    """Yield a function that adds a row of a run's history to a new event file in `folder`; `epoch` are done before.

    Earlier attempts at the run have files of their own there. This one's begins with the mark by which TensorBoard
    forgets whatever they have from the first epoch to come on, so that no epoch is shown twice. Without the package
    tensorboard nothing is written: who looks at curves has it. Not PyTorch's SummaryWriter, which writes in a thread,
    where a full disk ends in a traceback.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError:
        yield lambda row: None
        return
    folder.mkdir(parents=True, exist_ok=True)
    now = time.time()
    # TensorBoard goes from a file to the next in the order of their names.
    path = folder / f"events.out.tfevents.{now:.3f}.{socket.gethostname()}.{os.getpid()}"

    with path.open("wb", buffering=0) as file:
        writer = RecordWriter(file)

        def write(event: Event) -> None:
            try:
                writer.write(event.SerializeToString())
            except OSError as error:
                error.filename = str(path)  # a full disk does not say which file it was
                raise

        def add(row: dict) -> None:
            values = [
                Summary.Value(tag=tag, simple_value=row[column])
                for column, tag in CURVES.items()
                if not math.isnan(row[column])
            ]
            write(Event(wall_time=time.time(), step=row["epoch"] + 1, summary=Summary(value=values)))

        write(Event(wall_time=now, file_version="brain.Event:2"))
        write(Event(wall_time=now, step=epoch + 1, session_log=SessionLog(status=SessionLog.START)))
        yield add
