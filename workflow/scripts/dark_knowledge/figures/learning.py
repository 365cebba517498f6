"""Figures of losses and accuracies along the training.

`arms` are of `style.drawn_arms`; the tables are the collected ones, all arms and seeds. Accuracies are
shares in the tables and percent in the figures.
"""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from dark_knowledge.analysis.convergence import bin_centres, differences_by_epoch
from dark_knowledge.analysis.results import arm_of, rows_of
from dark_knowledge.figures.style import (
    BASELINE,
    MOST_MARKED_EPOCHS,
    PERCENT,
    POINTS,
    DrawnArm,
    arm_keys,
    in_percent,
    legend,
    subplots,
    useful_limits,
    whole_numbers,
    with_arms,
)

RATE = "#606060"  # of what belongs to no arm alone


def loss_by_step(steps: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """The loss that each arm minimises, by training step, a panel per role."""
    figure, axes = _by_step(steps, arms, "loss", "Training loss (log scale)")
    for axis in axes:
        _log_losses(axis)
    return figure


def accuracy_by_step(steps: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """The accuracy on the batches as they are learned, by training step, a panel per role."""
    figure, axes = _by_step(in_percent(steps), arms, "train_accuracy", "Batch accuracy (%)")
    _limit_to_percent(axes[0])
    return figure


def loss_by_epoch(epochs: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """The loss that each arm minimises, and its cross-entropy with the labels on validation images."""
    titles = {"loss": "Training (loss minimised)", "validation_loss": "Validation (cross-entropy)"}
    return _two_losses(epochs, arms, titles, "Loss (log scale)")


def accuracy_by_epoch(epochs: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """Accuracy on the augmented training images as they are learned, and on validation images."""
    figure, axes = subplots(9.5, 3.8, columns=2, sharey=True)
    for axis, part in zip(axes, ("train", "validation"), strict=True):
        title = {"train": "Training", "validation": "Validation"}[part]
        _draw_epochs(axis, in_percent(epochs), arms, f"{part}_accuracy", "Accuracy (%)", title)
    _limit_to_percent(axes[0])
    legend(figure, arms)
    return figure


def student_losses(epochs: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """The students' two losses apart, unweighted, with the baseline's cross-entropy beside the hard one."""
    shown = [arm for arm in arms if arm.role != "teacher"]
    titles = {"hard_loss": "Hard labels: cross-entropy", "soft_loss": "Soft targets: soft loss"}
    return _two_losses(epochs, shown, titles, "Training loss (log scale)")


def _two_losses(epochs: pd.DataFrame, arms: list[DrawnArm], titles: dict[str, str], label: str) -> Figure:
    """Two columns of `epochs`, a panel each, by their titles."""
    figure, axes = subplots(9.5, 3.8, columns=2)
    for axis, (column, title) in zip(axes, titles.items(), strict=True):
        _draw_epochs(axis, epochs, arms, column, label, title)
        _log_losses(axis)
    legend(figure, arms)
    return figure


def validation_accuracy(epochs: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """Validation accuracy of all arms: the whole training, and the second half of the longest one enlarged."""
    figure, axes = subplots(9.5, 3.8, columns=2)
    half = with_arms(epochs, arms).epoch.max() // 2
    last = epochs.groupby(["model", "supervision"]).epoch.transform("max")
    # A training that ends before is seen too.
    second_half = epochs[epochs.epoch >= (last // 2).where(last < half, half)]
    for axis, part, title in zip(axes, (epochs, second_half), ("All epochs", "Second half, enlarged"), strict=True):
        _draw_epochs(axis, in_percent(part), arms, "validation_accuracy", "Validation accuracy (%)", title)
        _limit_to_percent(axis)
    legend(figure, arms)
    return figure


def difference_by_epoch(epochs: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """Validation accuracy of each student minus the baseline's, paired by seed, above the learning rate of both."""
    figure, (above, below) = subplots(8.2, 4.6, rows=2, sharex=True, height_ratios=[3, 1])
    baseline, students = arm_of(arms, "baseline"), [arm for arm in arms if arm.role == "student"]
    means = [0]
    for arm in students:
        points = differences_by_epoch(epochs, arm, baseline)
        epoch = points.epoch + 1
        above.fill_between(epoch, points.low, points.high, color=arm.colour, alpha=min(0.2, 1 / len(arms)), linewidth=0)
        means += [*points["mean"]]
        above.plot(epoch, points["mean"], color=arm.colour, marker=_marker(epochs))
    rates = rows_of(epochs, baseline).groupby("epoch").learning_rate.first()
    below.plot(rates.index + 1, rates, color=RATE, marker=_marker(epochs))
    above.axhline(0, color=BASELINE, linewidth=1)
    above.set_ylim(useful_limits(above.get_ylim(), means, POINTS))
    above.set(ylabel="Student minus baseline,\nvalidation accuracy (points)")
    below.set(xlabel="Epoch", ylabel="Learning rate", ylim=(0, 1.15 * rates.max()))
    below.xaxis.set_major_locator(whole_numbers(8))
    figure.align_ylabels()
    keys = [Line2D([], [], color=BASELINE, label="baseline"), *arm_keys(students)]
    figure.legend(
        handles=[*keys, Patch(color="#808080", alpha=0.25, linewidth=0, label="95 % interval")],
        loc="outside right upper",
    )
    return figure


def _limit_to_percent(axis: Axes) -> None:
    drawn = axis.get_ylim()
    axis.set_ylim(useful_limits(drawn, drawn, PERCENT))


def _marker(epochs: pd.DataFrame) -> str:
    """A point at each epoch, where they are few enough to be seen."""
    return "." if epochs.epoch.nunique() <= MOST_MARKED_EPOCHS else ""


def _draw_lines(axis: Axes, table: pd.DataFrame, arms: list[DrawnArm], x: str, y: str) -> None:
    """A line per arm: the mean over the rows of each x, in a band from the lowest to the highest."""
    rows = with_arms(table, arms)
    colours = {arm.arm: arm.colour for arm in arms}
    band = {"alpha": min(0.15, 1 / len(arms)), "linewidth": 0}
    sns.lineplot(
        rows, x=x, y=y, hue="arm", hue_order=list(colours), palette=colours, ax=axis, legend=False,
        style="arm", dashes={arm.arm: arm.dashes for arm in arms},
        errorbar=("pi", 100), err_kws=band,
    )  # fmt: skip


def _draw_epochs(axis: Axes, epochs: pd.DataFrame, arms: list[DrawnArm], column: str, label: str, title: str) -> None:
    _draw_lines(axis, epochs.assign(epoch=epochs.epoch + 1), arms, "epoch", column)
    if epochs.epoch.nunique() <= MOST_MARKED_EPOCHS:
        _mark(axis)
    axis.set(title=title, xlabel="Epoch", ylabel=label)
    ends = with_arms(epochs, arms).groupby("arm").epoch.max() + 1
    if ends.max() > 4 * ends.min():  # the short trainings would be a stroke at the edge
        axis.set(xlabel="Epoch (log scale)", xscale="log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_locator(NullLocator())
    else:
        axis.xaxis.set_major_locator(whole_numbers(8))


def _mark(axis: Axes) -> None:
    """A point at each value of the lines."""
    for line in axis.lines:
        line.set(marker=".", markersize=6, markeredgewidth=0)


def _by_step(steps: pd.DataFrame, arms: list[DrawnArm], column: str, label: str) -> tuple[Figure, np.ndarray]:
    roles = list(dict.fromkeys(arm.role for arm in arms))
    figure, axes = subplots(9.5, 3.8, columns=len(roles), sharey=True)
    binned = steps.assign(step=steps.groupby(["model", "supervision"]).step.transform(bin_centres))
    for axis, role in zip(axes, roles, strict=True):
        _draw_lines(axis, binned, [arm for arm in arms if arm.role == role], "step", column)
        if binned.step.nunique() <= MOST_MARKED_EPOCHS:
            _mark(axis)
        axis.set(title=role.capitalize(), xlabel="Training step", ylabel=label)
        axis.xaxis.set_major_locator(whole_numbers(3))
        axis.label_outer()
    legend(figure, arms)
    return figure, axes


def _log_losses(axis: Axes) -> None:
    axis.set_yscale("log")
    low, high = axis.get_ylim()
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 5 * low else MaxNLocator(6))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_locator(NullLocator())
