"""How a terminal shows trainings: a line each, one for the whole, drawn again in place."""

import os
import re
import shutil
from dataclasses import dataclass
from typing import TextIO

from dark_knowledge.progress.trainings import Training

GREEN, DIM, RESET = "\033[32m", "\033[2m", "\033[0m"
BAR = re.compile("(?=[━─])(━*)(─*)")
SHORTEST_BAR, LONGEST_BAR = 6, 30
NUMBERS = 40  # columns that epoch, accuracy, speed and time left take, with the spaces before them


@dataclass(frozen=True)
class Whole:
    """How far the study is: trainings done, notes beside them, and the names of other jobs that run."""

    done: int
    of: int
    notes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


class Screen:
    """Lines at the lower end of a terminal that stay below whatever else is printed there."""

    def __init__(self, stream: TextIO, colour: bool = True):
        self.stream, self.colour = stream, colour
        self._drawn: list[int] = []

    def draw(self, trainings: list[Training], whole: Whole) -> None:
        """Show the trainings that run, in place of what was shown before."""
        size = shutil.get_terminal_size()
        lines = frame(trainings, whole, size.columns - 1, size.lines - 1)
        self._drawn, back = [len(line) for line in lines], self._back()
        self.stream.write(back + "".join(f"{self._coloured(line)}\n" for line in lines))
        self.stream.flush()

    def erase(self) -> None:
        """Take the lines away, and leave the cursor where they began."""
        self.stream.write(self._back())
        self.stream.flush()
        self._drawn = []

    def _back(self) -> str:
        """Control sequence that goes back to where the drawn lines begin and clears all from there."""
        width = shutil.get_terminal_size().columns
        rows = sum(max(1, -(-length // width)) for length in self._drawn)  # a narrowed terminal has wrapped them
        return f"\033[{rows}F\033[J" if rows else "\r\033[J"

    def _coloured(self, line: str) -> str:
        """Green what is done of a bar, dim the rest of it."""
        return BAR.sub(rf"{GREEN}\1{RESET}{DIM}\2{RESET}", line) if self.colour else line


def can_show(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can move its cursor and knows the marks of a bar."""
    if not stream.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return False
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def frame(trainings: list[Training], whole: Whole, width: int, height: int) -> list[str]:
    """The lines, none wider than `width`, no more than `height`: the trainings nearest to their end, and the whole."""
    room = max(1, height - 3)
    done = f"{whole.done} of {whole.of} trainings"
    shown = sorted(trainings, key=lambda training: str(training.run))
    if len(shown) > room:
        nearest = sorted(shown, key=lambda training: -training.fraction)[: room - 1]
        shown = [training for training in shown if training in nearest]
    names = max([len(done), *(len(str(training.run)) for training in shown)])
    names = min(names, max(len(done), width - NUMBERS - SHORTEST_BAR - 1))
    bar = min(LONGEST_BAR, width - NUMBERS - names - 1)
    bar = bar if bar >= SHORTEST_BAR else 0
    lines = (
        [f"{'training':{names}} {'':{bar}}{'epoch':>9}{'validation':>12}{'images/s':>10}{'left':>9}"] if shown else []
    )
    lines += [_training_line(training, names, bar) for training in shown]
    if len(shown) < len(trainings):
        lines.append(f"and {len(trainings) - len(shown)} more trainings that run")
    if whole.others:
        lines.append("also running: " + ", ".join(whole.others))
    lines.append(_whole_line(whole, done, names, bar, width))
    return [_cut(line, width) for line in lines]


def _whole_line(whole: Whole, done: str, names: int, bar: int, width: int) -> str:
    """The bar gives way where what stands behind it needs the room."""
    rest = ", ".join(whole.notes)
    bar = min(bar, width - names - 3 - len(rest))
    drawn = f" {bar_of(whole.done / max(1, whole.of), bar)}" if bar >= SHORTEST_BAR else ""
    return f"{done:{names}}{drawn}  {rest}" if rest or drawn else done


def _training_line(training: Training, names: int, bar: int) -> str:
    name = f"{_cut(str(training.run), names):{names}} "
    if training.accuracy is None:
        return name + _before_first_epoch(training)
    left = f"silent {clock(training.age)}" if training.is_silent else clock(training.seconds_left)
    epoch = f"{training.epoch}/{training.epochs}"
    return f"{name}{bar_of(training.fraction, bar)}{epoch:>9}{training.accuracy:>10.2f} %{training.speed:>10,}{left:>9}"


def _before_first_epoch(training: Training) -> str:
    if training.said.startswith("this job waits"):
        return training.said
    epoch = f"continues after epoch {training.epoch}" if training.epoch else "first epoch"
    return f"{epoch}, {clock(training.age)}"


def time_left(seconds: float | None) -> str:
    """How long the whole will take; None while nothing is measured."""
    return "time left not yet known" if seconds is None else f"about {clock(seconds)} left"


def bar_of(fraction: float, width: int) -> str:
    """A bar of `width` columns, full only at the end."""
    full = int(fraction * width)
    return "━" * full + "─" * (width - full)


def clock(seconds: float | None) -> str:
    """Minutes and seconds, or hours and minutes, as a clock shows them; a dash for None."""
    if seconds is None:
        return "-"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes:02d}" if hours else f"{minutes}:{seconds:02d}"


def _cut(text: str, width: int) -> str:
    """Text of at most `width` columns; the middle gives way, for the ends of names tell them apart."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}" if width > 1 else text[:width]
