"""Figures of calibration, and of similarity to the teacher."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from dark_knowledge.analysis.measures import equal_frequency_bins
from dark_knowledge.analysis.results import arm_of, by_seed, rows_of
from dark_knowledge.analysis.statistics import mean_interval
from dark_knowledge.figures.style import (
    FROM_ZERO,
    LEAST_SPAN,
    PERCENT,
    DrawnArm,
    legend,
    seed_points,
    subplots,
    useful_limits,
)

BINS = 15


# The range of 1 - confidence that is shown: beyond it nearly all predictions are right.
DOUBT = 1, 0.0005


def reliability(predictions: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """Accuracy minus confidence, by confidence in equal-frequency bins, and the distribution of confidence."""
    figure, axes = subplots(9.5, 4, columns=2)
    edges = np.linspace(0, 1, BINS + 1)
    axes[0].axhline(0, color="#808080", linewidth=1, linestyle="--")
    for arm in arms:
        runs = [run for _, run in rows_of(predictions, arm).groupby("seed")]
        binned = [equal_frequency_bins(run.confidence.to_numpy(), run.prediction == run.label, BINS) for run in runs]
        _, confidence, accuracy = (np.array(values) for values in zip(*binned, strict=True))
        doubt, gap = 1 - confidence.mean(axis=0), 100 * (accuracy - confidence)
        line = {"linestyle": arm.line, "color": arm.colour}
        axes[0].plot(doubt, gap.mean(axis=0), marker=".", markersize=6, markeredgewidth=0, **line)
        axes[0].fill_between(doubt, gap.min(axis=0), gap.max(axis=0), color=arm.colour, alpha=0.12, linewidth=0)
        images = np.mean([np.histogram(run.confidence, edges)[0] for run in runs], axis=0)
        axes[1].stairs(100 * images / images.sum(), edges, color=arm.colour, linewidth=1.6)
    axes[0].set(
        xlabel="1 \N{MINUS SIGN} confidence (log scale)", ylabel="Right minus confidence (points)", xscale="log"
    )
    axes[0].xaxis.set_major_locator(LogLocator(numticks=8))
    axes[0].xaxis.set_major_formatter("{x:g}")
    axes[0].xaxis.set_minor_locator(NullLocator())
    axes[0].set_xlim(DOUBT)
    axes[1].set(xlabel="Confidence", ylabel="Test images (%, log scale)", yscale="log", xlim=(0, 1))
    axes[1].yaxis.set_major_formatter("{x:g}")
    axes[1].yaxis.set_minor_locator(NullLocator())
    legend(figure, arms)
    return figure


def fidelity(fidelity: pd.DataFrame, runs: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """Test accuracy against similarity to the teacher: seeds, means and 95 % t intervals.

    The dashed lines are the teacher: its accuracy, and how similar its own seeds are.
    """
    figure, axes = subplots(9.5, 4, columns=2, sharey=True)
    titles = {"agreement": (100, "Agreement with the teacher (%)"), "kl": (1, "KL divergence from the teacher (nats)")}
    teacher, others = arm_of(arms, "teacher"), [arm for arm in arms if arm.role != "teacher"]
    fidelity = fidelity[fidelity.experiment == teacher.experiment]
    accuracies = []
    for axis, (column, (factor, title)) in zip(axes, titles.items(), strict=True):
        similarities = []
        for arm in others:
            scores = 100 * by_seed(runs, arm, "last_test_accuracy")
            similarity = by_seed(fidelity[fidelity.arm == arm.arm], arm, column)
            _cross(axis, factor * similarity, scores, arm)
            similarities += [*factor * similarity]
            accuracies += [*scores]
        mean = 100 * by_seed(runs, teacher, "last_test_accuracy").mean()
        axis.axhline(mean, color=teacher.colour, linestyle="--", linewidth=1)
        own = factor * by_seed(fidelity[fidelity.arm == teacher.arm], teacher, column).mean()
        if not np.isnan(own):  # one seed has no other
            axis.axvline(own, color=teacher.colour, linestyle="--", linewidth=1)
        possible, least = (PERCENT, LEAST_SPAN) if column == "agreement" else (FROM_ZERO, 0.01)
        axis.set_xlim(useful_limits(axis.get_xlim(), [own, *similarities], possible, least))
        axis.set(xlabel=title, ylabel="Test accuracy (%)")
        axis.label_outer()
    axes[0].set_ylim(useful_limits(axes[0].get_ylim(), [mean, *accuracies], PERCENT))
    axes[1].xaxis.set_major_locator(MaxNLocator(5))  # its labels have many digits
    legend(figure, arms)
    return figure


def _cross(axis: Axes, x: pd.Series, y: pd.Series, arm: DrawnArm) -> None:
    """The seeds as small points, and their mean with intervals both ways."""
    x, y = x.align(y, join="inner")
    across, up = mean_interval(x), mean_interval(y)
    seed_points(axis, x, y, arm.colour)
    axis.plot([across.low, across.high], [up.mean, up.mean], color=arm.colour, linewidth=1)
    axis.plot([across.mean, across.mean], [up.low, up.high], color=arm.colour, linewidth=1)
    axis.plot(across.mean, up.mean, arm.point, color=arm.colour, markersize=5)
