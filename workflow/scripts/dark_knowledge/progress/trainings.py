"""How far trainings are: from the logs that they write, a line an epoch, and the files that they leave.

Reads files only, so it serves a study that runs here as well as one on a cluster. No package is needed beside Python's
own: the Snakemake that asks may have an environment without the study's.
"""

import csv
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from dark_knowledge.study.arms import arms_of, is_trained
from dark_knowledge.study.paths import RUN_FILES, run_folder

# What dark_knowledge.training writes into a log; a test holds the two together.
EPOCH = re.compile(
    r"epoch +(?P<epoch>\d+)/(?P<epochs>\d+) .* validation (?P<accuracy>[\d.]+)% +(?P<speed>\d+) images/s "
    r"+(?P<left>\d+) s left$",
    re.MULTILINE,
)
CONTINUED = re.compile(r"^continuing after epoch (\d+) ", re.MULTILINE)
ENDED = re.compile(r"^(error: .*|stopped by .*|[\w.]*(Error|Interrupt)\b.*)$")

# A log that says nothing for so many seconds, and for three of its epochs, may be of a training that was killed.
SILENCE = 600


@dataclass(frozen=True)
class Run:
    """A training of a study, by the words of its path."""

    model: str
    supervision: str
    seed: int

    def __str__(self) -> str:
        return f"{self.model} {self.supervision} seed {self.seed}"

    @property
    def folder(self) -> str:
        """From the folder of the study's results."""
        return run_folder(self.model, self.supervision, self.seed)


@dataclass(frozen=True)
class Training:
    """What a log says. `accuracy` on validation in percent, `speed` in images a second, `age` of the last line in
    seconds; accuracy, speed and seconds are None before the first epoch of this process has ended."""

    run: Run
    epoch: int = 0
    epochs: int | None = None
    accuracy: float | None = None
    speed: int | None = None
    seconds_per_epoch: float | None = None
    age: float = 0.0
    said: str = ""

    @property
    def seconds_left(self) -> float | None:
        if self.seconds_per_epoch is None:
            return None
        return max(0.0, (self.epochs - self.epoch) * self.seconds_per_epoch - self.age)

    @property
    def fraction(self) -> float:
        """The part that is done, with as much of the present epoch as its predecessors foretell."""
        if self.seconds_per_epoch is None:
            return 0.0
        return min(1.0, (self.epoch + min(1.0, self.age / self.seconds_per_epoch)) / self.epochs)

    @property
    def has_ended(self) -> bool:
        """Whether the log says that the training stopped or failed."""
        return ENDED.match(self.said) is not None

    @property
    def was_stopped(self) -> bool:
        """Whether the log says that the training was stopped, so that the same command continues it."""
        return self.said.startswith("stopped by ")

    @property
    def is_silent(self) -> bool:
        return self.age > max(SILENCE, 3 * (self.seconds_per_epoch or 0))


def runs_of(config: dict) -> list[Run]:
    """All trainings of a study, without what is put together from others or comes from elsewhere."""
    return [
        Run(arm.model, arm.supervision, seed)
        for arm, seeds in arms_of(config).items()
        for seed in seeds
        if is_trained(config, arm.model)
    ]


def log_of(results: Path, run: Run) -> Path:
    return results / "logs" / f"{run.folder}.log"


def read_log(run: Run, path: Path) -> Training | None:
    """What a training's log says now; None where there is none."""
    try:
        text = path.read_text(errors="replace").rstrip()
        age = max(0.0, time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return None
    said = text[text.rfind("\n") + 1 :]
    lines = list(EPOCH.finditer(text))
    if not lines:
        continued = CONTINUED.search(text)
        return Training(run, epoch=int(continued[1]) if continued else 0, age=age, said=said)
    last = lines[-1]
    epoch, epochs = int(last["epoch"]), int(last["epochs"])
    # The last epoch's line has no seconds left to divide; the one before has.
    timed = next((line for line in reversed(lines) if int(line["epoch"]) < epochs), None)
    seconds = None if timed is None else int(timed["left"]) / (epochs - int(timed["epoch"]))
    return Training(run, epoch, epochs, float(last["accuracy"]), int(last["speed"]), seconds or None, age, said)


def is_done(results: Path, run: Run) -> bool:
    """Whether a training has left its record, the last of its files."""
    return (results / run.folder / RUN_FILES["metrics"]).exists()


def seconds_of(results: Path, run: Run) -> float | None:
    """How long the job of a finished training took, as Snakemake measured it; None where that is not there."""
    try:
        with (results / "benchmarks" / f"{run.folder}.tsv").open(newline="") as file:
            measured = next(csv.DictReader(file, delimiter="\t"), None)
    except FileNotFoundError:
        return None
    return None if measured is None else float(measured["s"])


def seconds_left(waiting: Iterable[Run], running: list[Training], taken: dict[Run, float]) -> float | None:
    """Seconds until all trainings are done, from measured speeds; None while nothing is measured.

    `taken`: seconds of finished trainings. One that waits takes as long as the median of its arm, else of its model,
    else of all; as many run at a time as now.
    """
    known = taken | {t.run: t.epochs * t.seconds_per_epoch for t in running if t.seconds_per_epoch}
    if not known:
        return None
    groups = {}
    for run, seconds in known.items():
        for key in ((run.model, run.supervision), run.model, None):
            groups.setdefault(key, []).append(seconds)
    typical = {key: median(values) for key, values in groups.items()}

    def expected(run: Run) -> float:
        return next(typical[key] for key in ((run.model, run.supervision), run.model, None) if key in typical)

    rest = [max(0.0, expected(t.run) - t.age) if t.seconds_left is None else t.seconds_left for t in running]
    work = sum(rest) + sum(map(expected, waiting))
    return max(work / max(1, len(running)), *rest, 0.0)
