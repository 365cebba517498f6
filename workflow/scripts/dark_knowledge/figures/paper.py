"""Figures beside a paper's numbers: functions from the tidy tables of `paper` to a Figure."""

import math

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from dark_knowledge.analysis.results import ExperimentArm, rows_of
from dark_knowledge.analysis.statistics import mean_interval
from dark_knowledge.figures.style import (
    BASELINE,
    FROM_ZERO,
    LUMINANCE,
    class_labels,
    drawn_arms,
    in_percent,
    log_temperatures,
    subplots,
    useful_limits,
    whole_numbers,
)

CORRECTIONS = {
    "none": ("student as trained", "#1a1a1a"),
    "fixed": ("student, the paper's shift", "#3b7a9e"),
    "oracle": ("student, oracle (has seen the test labels)", "#9dc4d8"),
    "label-free": ("student, label-free", "#2f9e6e"),
}


def width_map(table: pd.DataFrame) -> Figure:
    """Mean test errors by width (row) and temperature (column), with the nets on labels in the first column."""
    labels = 0  # as a temperature, which has none
    columns = table.assign(column=table.temperature.fillna(labels))
    values = columns.pivot(index="experiment", columns="column", values="errors").loc[table.experiment.unique()]
    widths = table.groupby("experiment", sort=False).width.first()
    figure, (axis,) = subplots(2.6 + 0.72 * values.shape[1], 1.3 + 0.5 * len(values))
    shown = np.ma.masked_invalid(values.to_numpy(float))
    # An error count of 0 has no logarithm.
    least = max(shown.min(), 1)
    scale = LogNorm(least, max(shown.max(), 1.1 * least))
    mesh = axis.pcolormesh(shown.clip(1), cmap="mako_r", norm=scale)
    for row, column in zip(*np.nonzero(~np.ma.getmaskarray(shown)), strict=True):
        ink = "white" if np.dot(mesh.to_rgba(max(shown[row, column], 1))[:3], LUMINANCE) < 0.5 else "black"
        text = f"{shown[row, column]:.1f}"
        axis.text(column + 0.5, row + 0.5, text, color=ink, fontsize=8, ha="center", va="center")
    axis.axvline(1, color="white", linewidth=4)
    axis.set_xticks(np.arange(values.shape[1]) + 0.5, ["labels" if c == labels else f"{c:g}" for c in values])
    axis.set_yticks(np.arange(len(values)) + 0.5, widths)
    axis.set(xlabel="Learned from labels, or at temperature", ylabel="Units a hidden layer", ylim=(len(values), 0))
    axis.set_facecolor("#e0e0e0")
    axis.tick_params(length=0)
    axis.grid(visible=False)
    sns.despine(ax=axis, left=True, bottom=True)
    bar = figure.colorbar(
        mesh, ax=axis, label="Test errors (log scale)", format="{x:g}", ticks=_ticks(scale.vmin, scale.vmax)
    )
    bar.minorticks_off()
    return figure


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high for a log scale."""
    rounds = [digit * 10.0**power for power in range(-2, 6) for digit in (1, 2, 5)]
    return [value for value in rounds if low <= value <= high]


def width_lines(table: pd.DataFrame) -> Figure:
    """Test errors against temperature, a panel per width: mean and 95 % t interval, the net on labels as a band."""
    experiments = table.experiment.unique()
    figure, axes = subplots(1.5 + 2.4 * len(experiments), 3.4, columns=len(experiments), sharex=True)
    colours = sns.color_palette("crest", len(experiments)).as_hex()
    temperatures = pd.Series(sorted(table.temperature.dropna().unique()))
    for axis, experiment, colour in zip(axes, experiments, colours, strict=True):
        own = table[table.experiment == experiment]
        students = own[own.temperature.notna()].sort_values("temperature")
        for line in own[own.temperature.isna()].itertuples():
            axis.axhspan(line.low, line.high, color=BASELINE, alpha=0.15, linewidth=0)
            axis.axhline(line.errors, color=BASELINE)
        ends = [students.errors - students.low, students.high - students.errors]
        axis.errorbar(students.temperature, students.errors, ends, color=colour, marker="o", markersize=4, capsize=3)
        log_temperatures(axis, temperatures, characters=27)
        axis.set(title=f"{own.width.iloc[0]} units", xlabel="Temperature (log scale)")
        axis.set_ylim(useful_limits(axis.get_ylim(), own.errors, FROM_ZERO))
        axis.yaxis.set_major_locator(whole_numbers(6))
    axes[0].set_ylabel("Test errors")
    keys = [
        Line2D([], [], color=colours[len(colours) // 2], marker="o", markersize=4, label="soft targets"),
        Line2D([], [], color=BASELINE, label="labels"),
        Patch(color="#808080", alpha=0.25, linewidth=0, label="95 % interval of the mean"),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=3)
    return figure


def bias_corrections(corrected: pd.DataFrame, classes: list[str]) -> Figure:
    """Test errors per class, a panel per experiment: the net on labels, and the student as trained and corrected."""
    experiments = corrected.experiment.unique()
    columns = min(len(experiments), 2)
    rows = math.ceil(len(experiments) / columns)
    height = min(1.2 + 0.62 * len(classes), 60)
    figure, places = subplots(4.6 * columns, height * rows, rows, columns, sharey=True)
    axes, spare = np.split(places, [len(experiments)])
    for axis in spare:
        axis.remove()
    nets = [("baseline", "none", "net on the same labels", BASELINE)]
    nets += [("student", correction, name, colour) for correction, (name, colour) in CORRECTIONS.items()]
    apart = 0.84 / len(nets)
    for axis, experiment in zip(axes, experiments, strict=True):
        own = corrected[corrected.experiment == experiment]
        students = own[own.role == "student"]
        # Of several temperatures the first: one student a panel.
        drawn = own[(own.role == "baseline") | (own.arm == students.arm.iloc[0])]
        for number, (role, correction, _, colour) in enumerate(nets):
            errors = drawn[(drawn.role == role) & (drawn.correction == correction)]
            of_class = [mean_interval(values.errors) for _, values in errors.groupby("label")]
            heights = np.arange(len(of_class)) + (number - (len(nets) - 1) / 2) * apart
            means, lows, highs, _ = np.transpose(of_class)
            # Dots: a bar's length would mean nothing on this scale.
            ends = [means - np.maximum(lows, 0), np.minimum(highs, errors.groupby("label").images.first()) - means]
            axis.errorbar(means, heights, xerr=ends, fmt="o", color=colour, markersize=4, elinewidth=1)
        for between in range(1, len(classes)):
            axis.axhline(between - 0.5, color="#e8e8e8", linewidth=1)
        axis.set_yticks(range(len(classes)), class_labels(classes))
        axis.set(title=f"{experiment}, {students.arm.iloc[0]}", xlabel="Test errors (linear to 10, then log)")
        # A class without its images loses nearly all of them; on a linear scale the other classes would not be seen.
        axis.set_xscale("symlog", linthresh=10)
        axis.set(xlim=(-0.5, None), ylim=(len(classes) - 0.5, -0.5))
        axis.xaxis.set_major_locator(FixedLocator([0, 5, *_ticks(10, max(own.errors.max(), 10))]))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.grid(visible=False, axis="y")
        axis.tick_params(axis="y", length=0)
    for axis in axes[::columns]:
        axis.set_ylabel("Class")
    keys = [
        Line2D([], [], color=colour, marker="o", markersize=4, linestyle="", label=name) for *_, name, colour in nets
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=2)
    return figure


def early_stopping(
    epochs: pd.DataFrame, runs: pd.DataFrame, arms: list[ExperimentArm], experiments: list[str]
) -> Figure:
    """Test errors by epoch on labels and on soft targets: mean, lowest to highest seed, and the selected epochs."""
    figure, axes = subplots(1.5 + 5.5 * len(experiments), 3.9, columns=len(experiments))
    drawn = drawn_arms(arms)
    for axis, experiment in zip(axes, experiments, strict=True):
        for arm in drawn:
            if arm.experiment != experiment or arm.role not in ("baseline", "student"):
                continue
            curves, stopped = (in_percent(rows_of(table, arm)) for table in (epochs, runs))
            of_epoch = (100 - curves.set_index("epoch").test_accuracy).groupby("epoch")
            ends = of_epoch.mean().index + 1
            axis.fill_between(ends, of_epoch.min(), of_epoch.max(), color=arm.colour, alpha=0.18, linewidth=0)
            axis.plot(ends, of_epoch.mean(), color=arm.colour, label=arm.arm)
            axis.plot(
                stopped.selected_epoch + 1, 100 - stopped.selected_test_accuracy, "o", color=arm.colour,
                markerfacecolor="white", markersize=5,
            )  # fmt: skip
        axis.set(title=experiment, xlabel="Epoch", ylabel="Test errors (%, log scale)", yscale="log")
        ticks = _ticks(*axis.get_ylim())
        axis.yaxis.set_major_locator(FixedLocator(ticks) if len(ticks) > 1 else MaxNLocator(6))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_locator(whole_numbers(8))
        handles = [*axis.get_legend_handles_labels()[0]]
        handles.append(Line2D([], [], color="#808080", marker="o", markerfacecolor="white", linestyle="", markersize=5,
                              label="a seed at its selected epoch"))  # fmt: skip
        axis.legend(handles=handles, loc="upper right")
    return figure


def side_by_side(rows: pd.DataFrame, arms: list[ExperimentArm]) -> Figure:
    """Test errors of the arms of several experiments, `rows` of `lined_up`: every run, mean and 95 % t interval."""
    colours = {(arm.experiment, arm.arm): arm.colour for arm in drawn_arms(arms)}
    groups = list(rows.groupby(["experiment", "arm"], sort=False))
    figure, (axis,) = subplots(8.5, 1.1 + 0.42 * len(groups))
    for place, (key, own) in enumerate(groups):
        mean, low, high, n = mean_interval(own.errors)
        colour = colours[key]
        axis.plot(own.errors, np.full(n, place), ".", color=colour, alpha=0.45, markersize=6)
        axis.plot([low, high], [place + 0.25] * 2, color=colour)
        axis.plot(mean, place + 0.25, "o", color=colour, markersize=5)
    names = [f"{arm} ({experiment}), n = {len(own)}" for (experiment, arm), own in groups]
    axis.set_yticks(range(len(groups)), names)
    axis.set_xlim(useful_limits(axis.get_xlim(), rows.errors, FROM_ZERO))
    axis.set(xlabel="Test errors", ylim=(len(groups) - 0.4, -0.6))
    axis.xaxis.set_major_locator(whole_numbers(8))
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)
    return figure
