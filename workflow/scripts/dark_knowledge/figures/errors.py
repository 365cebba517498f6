"""Figures of what is got wrong: by class, by image and by run."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from dark_knowledge.analysis.class_errors import class_differences, class_error_table, hardest_class_rows
from dark_knowledge.analysis.error_sets import wrong_images
from dark_knowledge.analysis.measures import kappa_matrix
from dark_knowledge.analysis.results import arm_of, rows_of
from dark_knowledge.figures.style import (
    FROM_ZERO,
    PERCENT,
    DrawnArm,
    as_title,
    class_labels,
    draw_matrix,
    legend,
    legible_name,
    show_signed,
    subplots,
    useful_limits,
    whole_numbers,
    with_arms,
)
from dark_knowledge.study.arms import ALL_SEEDS


def errors_per_class(predictions: pd.DataFrame, arms: list[DrawnArm], classes: list[str]) -> Figure:
    """Test errors of each class at the last epoch, the given arms side by side, with 95 % t intervals."""
    figure, (axis,) = subplots(8, min(1 + 0.48 * len(classes), 60))
    errors = class_error_table(predictions, arms, classes)
    height = 0.8 / len(arms)
    for number, arm in enumerate(arms):
        own = errors[errors.role == arm.role]
        places = own.label + (number - (len(arms) - 1) / 2) * height
        axis.barh(places, own.errors, height, color=arm.colour, label=arm.arm)
        # Below zero and above the class's images an interval means nothing.
        low, high = own.errors_low.clip(lower=0), own.errors_high.clip(upper=own.images)
        ends = [own.errors - low, high - own.errors]
        drawn = axis.errorbar(own.errors, places, xerr=ends, fmt="none", ecolor="#404040", elinewidth=1, capsize=1.5)
        for line in drawn.get_children():  # seen on a bar of any colour
            line.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    axis.set_yticks(range(len(classes)), class_labels(classes))
    axis.set(xlabel="Test errors", ylim=(len(classes) - 0.5, -0.5))
    axis.set_xlim(0, useful_limits(axis.get_xlim(), [0, *errors.errors], (0, errors.images.max()))[1])
    axis.xaxis.set_major_locator(whole_numbers(8))
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)
    legend(figure, arms)
    return figure


def confusion(predictions: pd.DataFrame, arms: list[DrawnArm], classes: list[str]) -> Figure:
    """Confusion matrices at the last epoch, of a teacher, a baseline and one student, and student minus baseline."""
    size = np.clip(0.42 * len(classes), 3, 12)
    figure, axes = subplots(2 * size + 2.2, 2 * size + 1.4, rows=2, columns=2, sharex=True, sharey=True)
    shares = {
        role: confusion_shares(rows.label, rows.prediction, len(classes))
        for role, rows in with_arms(predictions, arms).groupby("role")
    }
    for axis, arm in zip(axes, arms, strict=False):
        scale = PowerNorm(0.5, 0, 100)
        mesh = draw_matrix(axis, shares[arm.role], as_title(arm.arm), "Greys", scale, smallest=1, text="{:.0f}".format)
        if arm.role == "baseline":
            figure.colorbar(mesh, ax=axis, label="Share of the true class (%)", ticks=[0, 1, 5, 20, 50, 100])
    student, baseline = (rows_of(predictions, arm_of(arms, role)) for role in ("student", "baseline"))
    change = np.subtract(
        *(
            confusion_shares(rows.label, rows.prediction, len(classes))
            for rows in (student[student.seed.isin(baseline.seed)], baseline[baseline.seed.isin(student.seed)])
        )
    )
    end = max(np.nanmax(np.abs(change)), 0.1)
    mesh = draw_matrix(
        axes[3], change, "Student minus baseline", "PuOr", Normalize(-end, end), smallest=end / 4, text=show_signed
    )
    figure.colorbar(mesh, ax=axes[3], label="Percentage points")
    every = 1 + len(classes) // 50
    centres = np.arange(0, len(classes), every) + 0.5
    for axis in axes:
        axis.set_xticks(centres, list(map(legible_name, classes[::every])), rotation=90)
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


MOST_LABELLED_RUNS, MOST_RUNS = 40, 200


MOST_TITLE_CHARACTERS = 16  # of a class's name


def class_differences_figure(
    class_errors: pd.DataFrame, arms: list[DrawnArm], classes: list[str], level: float
) -> Figure:
    """Errors per class less the baseline's, with 95 % t intervals; filled where Holm's p is at most `level`."""
    rows = class_differences(class_errors, arms, classes).rename(columns={"difference": "mean"})
    others = [arm for arm in arms if arm.role != "baseline"]
    figure, (axis,) = subplots(8, min(1.2 + 0.42 * len(classes), 60))
    _dots(axis, rows.assign(place=rows.label, filled=rows.p_holm <= level), others)
    _categories(axis, class_labels(classes))
    axis.axvline(0, color="#808080", linewidth=1)
    most = class_errors[class_errors.part == "test"].images.max()
    axis.set_xlim(useful_limits(axis.get_xlim(), [0, *rows["mean"]], (-most, most)))
    axis.set(xlabel="Test errors less the baseline's")
    legend(figure, others)
    return figure


def hardest_class_figure(predictions: pd.DataFrame, arms: list[DrawnArm], label: int, classes: list[str]) -> Figure:
    """Recall and precision of one class, and the images that it loses to and takes from other classes."""
    rows = hardest_class_rows(predictions, arms, label, classes).assign(filled=True)
    name = class_labels(classes, MOST_TITLE_CHARACTERS)[label]
    flows = rows[rows.quantity.str.match("to |from ")]
    flows = flows.assign(other=flows.quantity.str.replace("^(to|from) ", "", regex=True))
    seen = flows.groupby("other")["mean"].sum()
    others = [other for other in classes if seen.get(other, 0) > 0] or list(seen.index)  # all, if none is confused
    figure, axes = subplots(11, max(1.6 + 0.42 * len(others), 2.6), columns=3)
    shares = rows[rows.quantity.isin(["recall, %", "precision, %"])]
    _dots(axes[0], shares.assign(place=shares.quantity.map({"recall, %": 0, "precision, %": 1})), arms)
    _categories(axes[0], ["Recall", "Precision"])
    axes[0].set(title=name, xlabel="Percent")
    axes[0].set_xlim(useful_limits(axes[0].get_xlim(), shares["mean"], PERCENT))
    for axis, way, title in zip(axes[1:], ("to", "from"), (f"{name} taken for", f"Taken for {name}"), strict=True):
        shown = flows[flows.quantity.str.startswith(f"{way} ") & flows.other.isin(others)]
        _dots(axis, shown.assign(place=shown.other.map(others.index)), arms)
        _categories(axis, list(map(legible_name, others)))
        axis.set(title=title, xlabel="Test images")
        axis.set_xlim(0, useful_limits(axis.get_xlim(), [0, *shown["mean"]], FROM_ZERO)[1])
        axis.xaxis.set_major_locator(whole_numbers(5))
    legend(figure, arms)
    return figure


def _dots(axis: Axes, rows: pd.DataFrame, arms: list[DrawnArm]) -> None:
    """A point with interval per row at its `place` on the y axis, arms beside one another; hollow unless `filled`."""
    offsets = {arm.arm: 0.6 * ((place + 0.5) / len(arms) - 0.5) for place, arm in enumerate(arms)}
    drawn = {arm.arm: arm for arm in arms}
    for row in rows.itertuples():
        arm = drawn[row.arm]
        place, colour = row.place + offsets[row.arm], arm.colour
        axis.plot([row.low, row.high], [place, place], color=colour, linewidth=1)
        inside = colour if row.filled else "white"
        axis.plot(row.mean, place, arm.point, color=colour, markerfacecolor=inside, markersize=5)


def _categories(axis: Axes, names: list[str]) -> None:
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)


def error_similarity(predictions: pd.DataFrame, arms: list[DrawnArm]) -> Figure:
    """Cohen's kappa of every two runs' wrong images, the runs in the order of an average-linkage clustering."""
    seeds = max(1, MOST_RUNS // len(arms))
    frames = {arm.arm: wrong_images(predictions, arm).head(seeds) for arm in arms}
    wrong = pd.concat(frames, names=["arm", "seed"])
    kappa = kappa_matrix(wrong.to_numpy())
    # Runs without an error have no kappa with one another; as far as errors go they are the same.
    distance = np.clip(1 - np.nan_to_num(kappa, nan=1.0), 0, None)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    off_diagonal = np.where(np.eye(len(kappa), dtype=bool), np.nan, kappa)
    defined = off_diagonal[~np.isnan(off_diagonal)]
    low, high = (defined.min(), defined.max()) if defined.size else (0, 1)
    names = [f"{arm}, {'all seeds' if seed == ALL_SEEDS else f'seed {seed}'}" for arm, seed in wrong.index]
    colours = {arm.arm: arm.colour for arm in arms}
    seeds_drawn = sorted({seed for _, seed in wrong.index})
    greys = dict(zip(seeds_drawn, sns.color_palette("Greys", len(seeds_drawn)).as_hex(), strict=True))
    strips = [[colours[arm] for arm, _ in wrong.index], [greys[seed] for _, seed in wrong.index]]
    few = len(names) <= MOST_LABELLED_RUNS
    side = np.clip(3.5 + 0.3 * len(names), 6, 14)
    margin = 0.5 + 0.08 * max(map(len, names))  # for the runs' names and the legend
    grid = sns.clustermap(
        pd.DataFrame(off_diagonal, names, names), mask=np.isnan(off_diagonal), row_linkage=tree, col_linkage=tree,
        row_colors=strips, cmap="mako_r", vmin=low, vmax=high, rasterized=not few,
        figsize=(side + margin, side), xticklabels=False, yticklabels=few, dendrogram_ratio=0.12, colors_ratio=0.025,
    )  # fmt: skip
    grid.gs.update(right=side / (side + margin))  # moves open figures only
    grid.ax_cbar.set_position((0.02, 0.87, 0.025, 0.08))
    pyplot.close(grid.figure)
    grid.ax_cbar.set_title("Kappa", loc="left")
    grid.ax_heatmap.set(xlabel="", ylabel="", facecolor="#d0d0d0")
    for axis in (grid.ax_heatmap, grid.ax_row_colors):
        axis.grid(visible=False)
        axis.tick_params(length=0)
    keys = [Line2D([], [], color=colour, linewidth=4, label=arm) for arm, colour in colours.items()]
    grid.figure.legend(handles=keys, loc="upper right")
    return grid.figure
