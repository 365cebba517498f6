"""The figure that says when the teacher pays."""

from itertools import cycle

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dark_knowledge.figures.style import POINTS, STUDENTS, legible_name, subplots, useful_limits

MARKERS = "osD^vP<>Xph*8d"


def payoff(table: pd.DataFrame) -> Figure:
    """Gain over the best arm without the teacher against the teacher's lead, a point an experiment of `payoff_table`.

    Experiments of as many images share a colour, and have markers of their own.
    """
    figure, (axis,) = subplots(8.2, 4.6)
    sizes = sorted(table.images.unique())
    colours = dict(zip(sizes, sns.color_palette(STUDENTS, len(sizes)).as_hex(), strict=True))
    markers, keys = {size: cycle(MARKERS) for size in sizes}, []
    for row in table.itertuples():
        colour, marker = colours[row.images], next(markers[row.images])
        # In points of the axis, and none of one seed.
        across, up = ([[mid - low], [high - mid]] for low, mid, high in (_ends(row, "lead"), _ends(row, "gain")))
        axis.errorbar(row.lead, row.gain, up, across, fmt=marker, color=colour, elinewidth=1, capsize=0)
        name = legible_name(row.experiment, 40)
        keys.append(Line2D([], [], color=colour, marker=marker, linestyle="", label=f"{name} ({row.images:,})"))
    axis.axhline(0, color="#1a1a1a", linewidth=1)
    values = [0, *table.lead, *table.gain]
    limits = [useful_limits(drawn, values, POINTS) for drawn in (axis.get_xlim(), axis.get_ylim())]
    axis.axline((0, 0), slope=1, color="#808080", linewidth=1, linestyle=":")
    keys.append(Line2D([], [], color="#808080", linewidth=1, linestyle=":", label="the teacher's whole lead"))
    axis.set(xlim=limits[0], ylim=limits[1])
    axis.set(
        xlabel="Teacher minus baseline, test accuracy (points)",
        ylabel="Student minus the best without its teacher (points)",
    )
    figure.legend(handles=keys, loc="outside right upper", title="Experiment (training images)")
    return figure


def _ends(row: tuple, name: str) -> tuple[float, float, float]:
    """Low end, mean and high end; the mean thrice where there is no interval."""
    middle = getattr(row, name)
    ends = [getattr(row, f"{name}_{end}") for end in ("low", "high")]
    low, high = (middle if np.isnan(end) else end for end in ends)
    return low, middle, high
