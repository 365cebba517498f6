"""The figure of losses: what the students of one teacher gain by each."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dark_knowledge.analysis.losses import taught_alike
from dark_knowledge.analysis.results import arm_of, by_seed, difference
from dark_knowledge.analysis.statistics import mean_interval
from dark_knowledge.figures.style import POINTS, DrawnArm, seed_points, subplots, useful_limits


def losses(runs: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """Gain over the baseline of each student and of each arm of another loss: seeds, mean and 95 % t interval."""
    rows = taught_alike(arms)[::-1]
    figure, (axis,) = subplots(8, 1.4 + 0.35 * len(rows))
    baseline = 100 * by_seed(runs, arm_of(arms, "baseline"), "last_test_accuracy")
    axis.axvline(0, color="#808080", linewidth=1)
    values = [0]
    for place, arm in enumerate(rows):
        gains = difference(100 * by_seed(runs, arm, "last_test_accuracy"), baseline)
        mean, low, high, n = mean_interval(gains)
        seed_points(axis, gains, np.full(n, place + 0.15), arm.colour)
        values += [*gains]
        axis.errorbar(mean, place, xerr=[[mean - low], [high - mean]], fmt=arm.point, color=arm.colour, capsize=3)
    axis.set_yticks(range(len(rows)), [arm.arm for arm in rows])
    axis.set_xlim(useful_limits(axis.get_xlim(), values, POINTS))
    axis.set(xlabel="Test accuracy less the baseline's of the same seed (points)")
    return figure
