"""Figures of an experiment: functions from tidy tables to a Figure, in which an arm has one colour throughout.

`arms` is what `drawn_arms` returns; the other tables are those of collect_results.py, all arms and seeds. Accuracies
are shares in the tables and percent in the figures. Importing this module sets Matplotlib's style.
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator

from dark_knowledge.statistics import mean_interval
from dark_knowledge.tables import class_error_table, class_label

# Told apart by people with any colour vision, and in grey: black, orange, light green to dark blue, and purples.
MOST_TEMPERATURES = 10
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

STEP_POINTS = 60
LEGEND_ROWS = 14
MOST_DRAWN_SEEDS = 20
MOST_ANNOTATED_CLASSES = 12
MOST_MARKED_EPOCHS = 20
LUMINANCE = (0.299, 0.587, 0.114)


def drawn_arms(arms: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """The experiment's arms with a column more: `colour`.

    Students' colours spread over the temperatures of the whole study: a temperature looks alike in all experiments.
    """
    temperatures = sorted(arms[arms.role == "student"].temperature.unique())
    students = dict(zip(temperatures, sns.color_palette(STUDENTS, len(temperatures)).as_hex(), strict=True))
    own = arms[arms.experiment == experiment]
    controls = own[own.role == "control"].arm
    of_control = dict(zip(controls, sns.color_palette(CONTROLS, len(controls)).as_hex(), strict=True))
    colours = [
        {"teacher": TEACHER, "baseline": BASELINE}.get(arm.role) or of_control.get(arm.arm) or students[arm.temperature]
        for arm in own.itertuples()
    ]
    return own.assign(colour=colours)


def legible_arms(arms: pd.DataFrame, chosen: float) -> pd.DataFrame:
    """Of more temperatures than a figure can tell apart, the `chosen` one and others from the lowest to the highest."""
    temperatures = np.sort(arms[arms.role == "student"].temperature.unique())
    if len(temperatures) <= MOST_TEMPERATURES:
        return arms
    places = np.linspace(0, len(temperatures) - 1, MOST_TEMPERATURES).round().astype(int)
    return arms[(arms.role != "student") | arms.temperature.isin([*temperatures[places], chosen])]


def save(figure: Figure, path: str | Path) -> None:
    """Write `figure` as SVG with text as text; the same figure gives the same bytes."""
    figure.savefig(path, format="svg", metadata={"Date": None})


def loss_by_step(steps: pd.DataFrame, arms: pd.DataFrame) -> Figure:
    """The loss that each arm minimises, by training step, a panel per role."""
    figure, axes = _by_step(steps, arms, "loss", "Training loss (log scale)")
    for axis in axes:
        _log_losses(axis)
    return figure


def accuracy_by_step(steps: pd.DataFrame, arms: pd.DataFrame) -> Figure:
    """The accuracy on the batches as they are learned, by training step, a panel per role."""
    return _by_step(in_percent(steps), arms, "train_accuracy", "Batch accuracy (%)")[0]


def loss_by_epoch(epochs: pd.DataFrame, arms: pd.DataFrame) -> Figure:
    """The loss that each arm minimises, and its cross-entropy with the labels on validation images."""
    figure, axes = subplots(9.5, 3.8, columns=2)
    columns = {"loss": "Training (loss minimised)", "validation_loss": "Validation (cross-entropy)"}
    for axis, (column, title) in zip(axes, columns.items(), strict=True):
        _draw_epochs(axis, epochs, arms, column, "Loss (log scale)", title)
        _log_losses(axis)
    legend(figure, arms)
    return figure


def accuracy_by_epoch(epochs: pd.DataFrame, arms: pd.DataFrame) -> Figure:
    """Accuracy on the augmented training images as they are learned, and on validation images."""
    figure, axes = subplots(9.5, 3.8, columns=2, sharey=True)
    for axis, part in zip(axes, ("train", "validation"), strict=True):
        title = {"train": "Training", "validation": "Validation"}[part]
        _draw_epochs(axis, in_percent(epochs), arms, f"{part}_accuracy", "Accuracy (%)", title)
    legend(figure, arms)
    return figure


def student_losses(epochs: pd.DataFrame, arms: pd.DataFrame) -> Figure:
    """The students' two losses apart, unweighted, with the baseline's cross-entropy beside the hard one."""
    figure, axes = subplots(9.5, 3.8, columns=2)
    shown = arms[arms.role != "teacher"]
    columns = {"hard_loss": "Hard labels: cross-entropy", "soft_loss": "Soft targets: T² · KL divergence"}
    for axis, (column, title) in zip(axes, columns.items(), strict=True):
        _draw_epochs(axis, epochs, shown, column, "Training loss (log scale)", title)
        _log_losses(axis)
    legend(figure, shown)
    return figure


def validation_accuracy(epochs: pd.DataFrame, arms: pd.DataFrame) -> Figure:
    """Validation accuracy of all arms: the whole training, and its second half enlarged."""
    figure, axes = subplots(9.5, 3.8, columns=2)
    last = epochs.groupby(["model", "supervision"]).epoch.transform("max")
    second_half = epochs[epochs.epoch >= last // 2]
    for axis, part, title in zip(axes, (epochs, second_half), ("All epochs", "Second half, enlarged"), strict=True):
        _draw_epochs(axis, in_percent(part), arms, "validation_accuracy", "Validation accuracy (%)", title)
    legend(figure, arms)
    return figure


def seed_points(axis: Axes, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    """A point per seed; as pixels where they are so many that they would weigh more than all else in a figure."""
    crowded = len(x) > MOST_DRAWN_SEEDS
    # Below all lines, one arm's points after another's, so that their pixels make one picture.
    axis.plot(x, y, ".", color=colour, alpha=0.6, markersize=5, zorder=1.9, rasterized=crowded)


def temperature(runs: pd.DataFrame, arms: pd.DataFrame) -> Figure:
    """Last-epoch accuracy against temperature: seeds, mean and 95 % t interval, other arms as bands."""
    figure, axes = subplots(9.5, 4.2, columns=2, sharey=True)
    students = arms[arms.role == "student"].sort_values("temperature")
    others = arms[arms.role.isin(["teacher", "baseline"])]
    for axis, part in zip(axes, ("validation", "test"), strict=True):
        scores = in_percent(runs).merge(arms, on=["model", "supervision"])
        scores = scores.assign(accuracy=scores[f"last_{part}_accuracy"]).groupby("arm").accuracy
        for arm in others.itertuples():
            mean, low, high, _ = mean_interval(scores.get_group(arm.arm))
            axis.axhspan(low, high, color=arm.colour, alpha=0.12, linewidth=0)
            axis.axhline(mean, color=arm.colour)
        for arm in students.itertuples():
            values = scores.get_group(arm.arm)
            mean, low, high, n = mean_interval(values)
            seed_points(axis, np.full(n, arm.temperature * 2**-0.1), values, arm.colour)
            axis.errorbar(arm.temperature, mean, [[mean - low], [high - mean]], fmt="o", color=arm.colour, capsize=3)
        log_temperatures(axis, students.temperature)
        axis.set(title=part.capitalize(), xlabel="Temperature (log scale)", ylabel="Last-epoch accuracy (%)")
        axis.label_outer()
    axes[0].set_ylim(possible_percent(axes[0].get_ylim()))
    keys = [Line2D([], [], color=arm.colour, label=arm.arm) for arm in others.itertuples()]
    colour = students.colour.iloc[len(students) // 2]
    keys += [Line2D([], [], color=colour, marker="o", linestyle="", label="student, mean")]
    keys += [Line2D([], [], color=colour, marker=".", linestyle="", alpha=0.6, label="student, one seed")]
    keys += [Patch(color="#808080", alpha=0.25, linewidth=0, label="95 % interval of the mean")]
    figure.legend(handles=keys, loc="outside right upper")
    return figure


def errors_per_class(predictions: pd.DataFrame, arms: pd.DataFrame, classes: list[str]) -> Figure:
    """Test errors of each class at the last epoch, the given arms side by side, with 95 % t intervals."""
    figure, (axis,) = subplots(8, min(1 + 0.48 * len(classes), 60))
    errors = class_error_table(predictions, arms, classes)
    height = 0.8 / len(arms)
    for number, arm in enumerate(arms.itertuples()):
        own = errors[errors.role == arm.role]
        places = own.label + (number - (len(arms) - 1) / 2) * height
        axis.barh(places, own.errors, height, color=arm.colour, label=arm.arm)
        # Below zero an interval means nothing.
        ends = [own.errors - own.errors_low.clip(lower=0), own.errors_high - own.errors]
        axis.errorbar(own.errors, places, xerr=ends, fmt="none", ecolor="#808080", elinewidth=1, capsize=1.5)
    axis.set_yticks(range(len(classes)), class_labels(classes))
    axis.set(xlabel="Test errors", ylim=(len(classes) - 0.5, -0.5), xlim=(0, None))
    axis.xaxis.set_major_locator(whole_numbers(8))
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)
    legend(figure, arms)
    return figure


def confusion(predictions: pd.DataFrame, arms: pd.DataFrame, classes: list[str]) -> Figure:
    """Confusion matrices at the last epoch, of a teacher, a baseline and one student, and student minus baseline."""
    size = np.clip(0.42 * len(classes), 3, 12)
    figure, axes = subplots(2 * size + 2.2, 2 * size + 1.4, rows=2, columns=2, sharex=True, sharey=True)
    last = predictions[predictions.epoch == "last"].merge(arms, on=["model", "supervision"])
    shares = {role: confusion_shares(rows.label, rows.prediction, len(classes)) for role, rows in last.groupby("role")}
    for axis, arm in zip(axes, arms.itertuples(), strict=False):
        scale = PowerNorm(0.5, 0, 100)
        mesh = _draw_matrix(
            axis, shares[arm.role], _as_title(arm.arm), "Greys", scale, smallest=1, text="{:.0f}".format
        )
        if arm.role == "baseline":
            figure.colorbar(mesh, ax=axis, label="Share of the true class (%)", ticks=[0, 1, 5, 20, 50, 100])
    change = shares["student"] - shares["baseline"]
    end = max(np.nanmax(np.abs(change)), 0.1)
    mesh = _draw_matrix(
        axes[3], change, "Student minus baseline", "PuOr", Normalize(-end, end), smallest=end / 4, text=_signed
    )
    figure.colorbar(mesh, ax=axes[3], label="Percentage points")
    every = 1 + len(classes) // 50
    centres = np.arange(0, len(classes), every) + 0.5
    for axis in axes:
        axis.set_xticks(centres, classes[::every], rotation=90)
        axis.set_yticks(centres, class_labels(classes)[::every])
        axis.set(xlabel="Predicted class", ylabel="True class")
        axis.label_outer()
    return figure


def confusion_shares(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Percentage of each true class (row) given to each class (column), [classes, classes]; NaN in an empty row.

    Rows of several seeds may follow one another: all seeds see the same images, so that the share in all of them
    together is the mean of the seeds' shares.
    """
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, predictions), 1)
    images = counts.sum(1, keepdims=True)
    return 100 * np.divide(counts, images, out=np.full_like(counts, np.nan), where=images > 0)


def samples(images: np.ndarray, labels: np.ndarray, classes: list[str], count: int = 12) -> Figure:
    """The first `count` images of each class, a row per class: images uint8 [n, h, w], labels [n]."""
    height, width = images.shape[1:]
    sheet = np.zeros((len(classes) * (height + 2), count * (width + 2)), np.uint8)
    for label in range(len(classes)):
        for column, image in enumerate(images[labels == label][:count]):
            top, left = label * (height + 2) + 1, column * (width + 2) + 1
            sheet[top : top + height, left : left + width] = image
    figure, (axis,) = subplots(0.5 * count + 1.5, 0.5 * len(classes) * height / width + 0.2)
    axis.imshow(sheet, cmap="gray_r", vmin=0, vmax=255, interpolation="none")
    axis.set_yticks((np.arange(len(classes)) + 0.5) * (height + 2), class_labels(classes))
    axis.tick_params(length=0)
    axis.xaxis.set_visible(False)
    axis.grid(visible=False)
    sns.despine(ax=axis, left=True, bottom=True)
    return figure


def subplots(width: float, height: float, rows: int = 1, columns: int = 1, **sharing) -> tuple[Figure, np.ndarray]:
    """An empty figure of the given size in inches, and its axes [rows * columns]."""
    figure = Figure((width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **sharing).ravel()


def in_percent(table: pd.DataFrame) -> pd.DataFrame:
    columns = table.columns[table.columns.str.endswith("accuracy")]
    return table.assign(**{column: 100 * table[column] for column in columns})


def possible_percent(limits: tuple[float, float]) -> tuple[float, float]:
    """An axis's limits without what lies below 0 or above 100: there an interval means nothing."""
    return max(limits[0], 0), min(limits[1], 100)


def class_labels(classes: list[str]) -> list[str]:
    """Class names with their numbers, unless the name is the number."""
    return [class_label(name, label) for label, name in enumerate(classes)]


def _as_title(name: str) -> str:
    return name[0].upper() + name[1:]


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")


def _draw_lines(axis: Axes, table: pd.DataFrame, arms: pd.DataFrame, x: str, y: str) -> None:
    """A line per arm: the mean over the rows of each x, in a band from the lowest to the highest."""
    rows = table.merge(arms, on=["model", "supervision"])
    colours = dict(zip(arms.arm, arms.colour, strict=True))
    band = {"alpha": min(0.15, 1 / len(arms)), "linewidth": 0}
    sns.lineplot(
        rows, x=x, y=y, hue="arm", hue_order=list(colours), palette=colours, ax=axis, legend=False,
        errorbar=("pi", 100), err_kws=band,
    )  # fmt: skip


def _draw_epochs(axis: Axes, epochs: pd.DataFrame, arms: pd.DataFrame, column: str, label: str, title: str) -> None:
    _draw_lines(axis, epochs.assign(epoch=epochs.epoch + 1), arms, "epoch", column)
    if epochs.epoch.nunique() <= MOST_MARKED_EPOCHS:
        for line in axis.lines:
            line.set(marker=".", markersize=6, markeredgewidth=0)
    axis.set(title=title, xlabel="Epoch", ylabel=label)
    ends = epochs.merge(arms, on=["model", "supervision"]).groupby("arm").epoch.max() + 1
    if ends.max() > 4 * ends.min():  # the short trainings would be a stroke at the edge
        axis.set(xlabel="Epoch (log scale)", xscale="log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_locator(NullLocator())
    else:
        axis.xaxis.set_major_locator(whole_numbers(8))


def _by_step(steps: pd.DataFrame, arms: pd.DataFrame, column: str, label: str) -> tuple[Figure, np.ndarray]:
    roles = arms.role.unique()
    figure, axes = subplots(9.5, 3.8, columns=len(roles), sharey=True)
    binned = steps.assign(step=steps.groupby(["model", "supervision"]).step.transform(bin_centres))
    for axis, role in zip(axes, roles, strict=True):
        _draw_lines(axis, binned, arms[arms.role == role], "step", column)
        axis.set(title=role.capitalize(), xlabel="Training step", ylabel=label)
        axis.xaxis.set_major_locator(whole_numbers(3))
        axis.label_outer()
    legend(figure, arms)
    return figure, axes


def bin_centres(steps: pd.Series, bins: int = STEP_POINTS) -> pd.Series:
    """Replace each step by the mean of its bin, one of at most `bins` runs of neighbouring logged steps."""
    places = steps.rank(method="dense").astype(int) - 1
    return steps.groupby(places * bins // max(places.max() + 1, bins)).transform("mean")


def whole_numbers(most: int) -> MaxNLocator:
    """Ticks at up to `most` round whole numbers, even where only one epoch or error is in sight."""
    return MaxNLocator(most, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)


def _log_losses(axis: Axes) -> None:
    axis.set_yscale("log")
    low, high = axis.get_ylim()
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 5 * low else MaxNLocator(6))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_locator(NullLocator())


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


def _draw_matrix(
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


def legend(figure: Figure, arms: pd.DataFrame) -> None:
    keys = [Line2D([], [], color=arm.colour, linewidth=3, label=arm.arm) for arm in arms.itertuples()]
    columns = 1 + len(keys) // LEGEND_ROWS
    figure.set_figwidth(figure.get_figwidth() + 2 * (columns - 1))
    figure.legend(handles=keys, loc="outside right upper", ncols=columns)
