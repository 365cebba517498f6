"""The style that all figures share: an arm has one colour throughout. Importing this module sets Matplotlib's style."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from dark_knowledge.analysis.formats import class_label
from dark_knowledge.analysis.results import ExperimentArm

MOST_TEMPERATURES = 10


# Black, orange, light green to dark blue, and purples. To people without red or green the last two are alike, so that
# controls have broken lines and square points besides.
TEACHER, BASELINE, STUDENTS, CONTROLS = "#1a1a1a", "#d55e00", "crest", "RdPu_r"


matplotlib.rcParams.update(
    sns.axes_style("ticks")
    | {
        # Matplotlib brings the first font along, so that every machine measures, and lays out, the same text; where a
        # reader's machine lacks it, the second is as wide.
        "font.family": ["sans-serif"],
        "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
        "font.size": 10,
        "axes.titlesize": 10,
        "axes.labelsize": 10,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.fontsize": 9,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#e8e8e8",
        "lines.linewidth": 1.6,
        "text.parse_math": False,
        "figure.constrained_layout.w_pad": 0.1,
        "figure.constrained_layout.h_pad": 0.08,
        "svg.fonttype": "none",
        "svg.hashsalt": "dark-knowledge",
    }
)


LEGEND_ROWS = 14


MOST_DRAWN_SEEDS = 20


MOST_ANNOTATED_CLASSES = 12


MOST_MARKED_EPOCHS = 20


# Of a class's name.
MOST_CHARACTERS = 24


# An axis's extent in percentage points or images, and how many extents of the values it goes beyond them.
LEAST_SPAN, REACH = 0.25, 2


PERCENT, POINTS, FROM_ZERO = (0, 100), (-100, 100), (0, np.inf)


LUMINANCE = (0.299, 0.587, 0.114)


@dataclass(frozen=True, kw_only=True)
class DrawnArm(ExperimentArm):
    """An arm with its colour."""

    colour: str

    @property
    def dashes(self) -> tuple[int, int] | tuple[()]:
        """Stroke and gap of its lines, in line widths: broken for a control."""
        return (4, 2) if self.role == "control" else ()

    @property
    def line(self) -> str | tuple:
        """The same as a line style of Matplotlib."""
        return (0, self.dashes) if self.dashes else "-"

    @property
    def point(self) -> str:
        """Its points: squares for a control."""
        return "s" if self.role == "control" else "o"


def drawn_arms(arms: list[ExperimentArm]) -> list[DrawnArm]:
    """The study's arms, experiment after experiment, with their colours.

    Students' colours spread over the temperatures of the whole study: a temperature looks alike in all experiments.
    """
    students = _palette(STUDENTS, sorted({arm.temperature for arm in arms if arm.role == "student"}))
    drawn = []
    for _, own in groupby(arms, key=lambda arm: arm.experiment):
        own = list(own)
        names = [arm.arm for arm in own if arm.role == "control"]
        controls = _palette(CONTROLS, names, palest=len(names) // 2)
        for arm in own:
            colour = {"teacher": TEACHER, "baseline": BASELINE}.get(arm.role) or controls.get(arm.arm)
            drawn.append(DrawnArm(**vars(arm), colour=colour or students[arm.temperature]))
    return drawn


def _palette(name: str, keys: list, palest: int = 0) -> dict:
    """A colour for each key; of a palette that ends pale, without its `palest` last."""
    return dict(zip(keys, sns.color_palette(name, len(keys) + palest).as_hex()[: len(keys)], strict=True))


def legible_arms(arms: list[DrawnArm]) -> list[DrawnArm]:
    """Of more temperatures than a figure can tell apart, the chosen one and others from the lowest to the highest."""
    temperatures = sorted({arm.temperature for arm in arms if arm.role == "student"})
    if len(temperatures) <= MOST_TEMPERATURES:
        return arms
    places = np.linspace(0, len(temperatures) - 1, MOST_TEMPERATURES).round().astype(int)
    kept = {temperatures[place] for place in places}
    return [arm for arm in arms if arm.role != "student" or arm.chosen or arm.temperature in kept]


def with_arms(table: pd.DataFrame, arms: list[DrawnArm]) -> pd.DataFrame:
    """The rows of the arms' runs, in the table's order, with the arms' fields beside them."""
    return table.merge(pd.DataFrame(arms), on=["model", "supervision"])


def save(figure: Figure, path: str | Path) -> None:
    """Write `figure` as SVG with text as text; the same figure gives the same bytes."""
    figure.savefig(path, format="svg", metadata={"Date": None})


def seed_points(axis: Axes, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    """A point per seed; as pixels where they are so many that they would weigh more than all else in a figure."""
    crowded = len(x) > MOST_DRAWN_SEEDS
    # Below all lines, one arm's points after another's, so that their pixels make one picture.
    axis.plot(x, y, ".", color=colour, alpha=0.6, markersize=5, zorder=1.9, rasterized=crowded)


def subplots(width: float, height: float, rows: int = 1, columns: int = 1, **sharing) -> tuple[Figure, np.ndarray]:
    """An empty figure of the given size in inches, and its axes [rows * columns]."""
    figure = Figure((width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **sharing).ravel()


def in_percent(table: pd.DataFrame) -> pd.DataFrame:
    columns = table.columns[table.columns.str.endswith("accuracy")]
    return table.assign(**{column: 100 * table[column] for column in columns})


def useful_limits(
    drawn: tuple[float, float], values: Iterable[float], possible: tuple[float, float], least: float = LEAST_SPAN
) -> tuple[float, float]:
    """An axis's limits: of those `drawn`, what is possible and near the values that intervals stand for.

    Of two seeds an interval may be a hundred times as long as all that is compared. Equal values have no extent, and
    get the `least` one.
    """
    known = [value for value in values if not np.isnan(value)] or drawn
    reach = REACH * max(np.ptp(known), least)
    low, high = max(drawn[0], min(known) - reach), min(drawn[1], max(known) + reach)
    lacking = max(least - (high - low), 0)
    return max(low - lacking, possible[0]), min(high + lacking, possible[1])


def class_labels(classes: list[str], most: int = MOST_CHARACTERS) -> list[str]:
    """Class names, as a figure has room for them, with their numbers, unless the name is the number."""
    return [class_label(legible_name(name, most), label) for label, name in enumerate(classes)]


def legible_name(name: str, most: int = MOST_CHARACTERS) -> str:
    """A name on one line, cut where it is longer than so many characters."""
    line = " ".join(name.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def as_title(name: str) -> str:
    return name[0].upper() + name[1:]


def show_signed(value: float) -> str:
    """A number with its sign, short enough for a matrix's cell."""
    return f"{value:+.{1 if abs(value) < 10 else 0}f}".replace("-", "\N{MINUS SIGN}")


def whole_numbers(most: int) -> MaxNLocator:
    """Ticks at up to `most` round whole numbers, even where only one epoch or error is in sight."""
    return MaxNLocator(most, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)


def log_temperatures(axis: Axes, temperatures: pd.Series, characters: int = 40) -> None:
    """A log axis, as long as so many characters, for the sorted temperatures; labels that have no room are left out."""
    axis.set_xscale("log", base=2)
    axis.set_xlim(temperatures.min() / 1.3, temperatures.max() * 1.3)
    low, high = axis.get_xlim()
    axis.xaxis.set_major_locator(FixedLocator(spaced_out(temperatures, characters / np.log2(high / low))))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_locator(NullLocator())


def spaced_out(temperatures: pd.Series, characters: float) -> list[float]:
    """Those of the sorted temperatures whose labels have room where a doubling is as long as so many characters."""
    shown = [temperatures.iloc[0]]
    for value in temperatures:
        half_labels = (len(f"{shown[-1]:g}") + len(f"{value:g}")) / 2
        if characters * np.log2(value / shown[-1]) >= half_labels + 1:
            shown.append(value)
    return shown


def draw_matrix(
    axis: Axes, values: np.ndarray, title: str, colours: str, scale: Normalize, smallest: float, text: Callable
) -> QuadMesh:
    """A matrix [c, c] of percentages as coloured cells, those of at least `smallest` with their number."""
    few = len(values) <= MOST_ANNOTATED_CLASSES
    mesh = axis.pcolormesh(values, cmap=colours, norm=scale, rasterized=not few)
    axis.set(title=title, aspect="equal", ylim=(len(values), 0))
    axis.grid(visible=False)
    if few:
        for row, column in np.argwhere(np.abs(values) >= smallest):
            value = values[row, column]
            ink = "white" if np.dot(mesh.to_rgba(value)[:3], LUMINANCE) < 0.5 else "black"
            axis.text(column + 0.5, row + 0.5, text(value), color=ink, fontsize=8, ha="center", va="center")
    return mesh


def arm_keys(arms: list[DrawnArm]) -> list[Line2D]:
    """What a legend shows of arms."""
    return [Line2D([], [], color=arm.colour, linestyle=arm.line, linewidth=3, label=arm.arm) for arm in arms]


def legend(figure: Figure, arms: list[DrawnArm], others: Sequence[Line2D] = ()) -> None:
    """The arms' names beside a figure, and what else is to be explained."""
    keys = [*arm_keys(arms), *others]
    columns = 1 + len(keys) // LEGEND_ROWS
    figure.set_figwidth(figure.get_figwidth() + 2 * (columns - 1))
    figure.legend(handles=keys, loc="outside right upper", ncols=columns)
