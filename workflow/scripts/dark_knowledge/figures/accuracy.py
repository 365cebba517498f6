"""Figures of accuracy: against the temperature, and against the cost."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullLocator

from dark_knowledge.analysis.costs import run_costs
from dark_knowledge.analysis.results import arm_of, by_seed, difference
from dark_knowledge.analysis.statistics import mean_interval
from dark_knowledge.figures.style import (
    PERCENT,
    POINTS,
    DrawnArm,
    legend,
    log_temperatures,
    seed_points,
    subplots,
    useful_limits,
)


def temperature(runs: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """Last-epoch accuracy minus the baseline's, paired by seed, against temperature; the teacher's lead as a band."""
    figure, axes = subplots(9.5, 4.2, columns=2, sharey=True)
    students = sorted((arm for arm in arms if arm.role == "student"), key=lambda arm: arm.temperature)
    teacher, baseline = arm_of(arms, "teacher"), arm_of(arms, "baseline")
    values = [0]
    for axis, part in zip(axes, ("validation", "test"), strict=True):
        of = {arm: 100 * by_seed(runs, arm, f"last_{part}_accuracy") for arm in (teacher, baseline, *students)}
        mean, low, high, _ = mean_interval(difference(of[teacher], of[baseline]))
        axis.axhspan(low, high, color=teacher.colour, alpha=0.12, linewidth=0)
        axis.axhline(mean, color=teacher.colour)
        axis.axhline(0, color=baseline.colour)
        values.append(mean)
        for arm in students:
            gains = difference(of[arm], of[baseline])
            mean, low, high, n = mean_interval(gains)
            seed_points(axis, np.full(n, arm.temperature * 2**-0.1), gains, arm.colour)
            values += [*gains]
            axis.errorbar(arm.temperature, mean, [[mean - low], [high - mean]], fmt="o", color=arm.colour, capsize=3)
        log_temperatures(axis, pd.Series([arm.temperature for arm in students]))
        axis.set(title=part.capitalize(), xlabel="Temperature (log scale)", ylabel="Accuracy minus baseline's (points)")
        axis.label_outer()
    axes[0].set_ylim(useful_limits(axes[0].get_ylim(), values, POINTS))
    keys = [Line2D([], [], color=arm.colour, label=arm.arm) for arm in (teacher, baseline)]
    colour = students[len(students) // 2].colour
    keys += [Line2D([], [], color=colour, marker="o", linestyle="", label="student, mean")]
    keys += [Line2D([], [], color=colour, marker=".", linestyle="", alpha=0.6, label="student, one seed")]
    if of[baseline].size > 1:
        keys += [Patch(color="#808080", alpha=0.25, linewidth=0, label="95 % interval of the mean")]
    figure.legend(handles=keys, loc="outside right upper")
    return figure


def cost(runs: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """Test accuracy against the cost of one run: hollow for its own training, filled with its teacher's share.

    What was trained elsewhere has no known cost: such an arm is left out, and one that it taught has no filled point.
    """
    costs_of = {arm: run_costs(runs, arm).mean() for arm in arms}
    arms = [arm for arm in arms if costs_of[arm].own_multiply_adds]
    figure, axes = subplots(9.5, 4, columns=2, sharey=True)
    units = {
        "seconds": (1, "Seconds (log scale)"),
        "multiply_adds": (1e-12, "Multiply-adds of training (10¹², log scale)"),
    }
    accuracies = {arm: mean_interval(100 * by_seed(runs, arm, "last_test_accuracy")) for arm in arms}
    for axis, (unit, (factor, title)) in zip(axes, units.items(), strict=True):
        for arm, (mean, low, high, _) in accuracies.items():
            own, total = (factor * costs_of[arm][f"{part}_{unit}"] for part in ("own", "total"))
            if costs_of[arm].elsewhere:
                total = own
            axis.plot([own, total], [mean, mean], color=arm.colour, linewidth=1, linestyle=":")
            axis.plot([total, total], [low, high], color=arm.colour, linewidth=1)
            axis.plot(own, mean, arm.point, color=arm.colour, markerfacecolor="white")
            if not costs_of[arm].elsewhere:
                axis.plot(total, mean, arm.point, color=arm.colour)
        axis.set(xlabel=title, ylabel="Test accuracy (%)", xscale="log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_locator(NullLocator())
        axis.label_outer()
    means = [interval.mean for interval in accuracies.values()]
    axes[0].set_ylim(useful_limits(axes[0].get_ylim(), means, PERCENT))
    points = {"white": "own training", "#808080": "with teacher and logits"}
    keys = [
        Line2D([], [], color="#808080", marker="o", linestyle="", markerfacecolor=fill, label=name)
        for fill, name in points.items()
    ]
    legend(figure, arms, keys)
    return figure
