"""Figures of an experiment's errors: functions from tidy tables to a Figure.

`arms` is what `plots.drawn_arms` returns, or the arms among them that validation leaves to compare; the other tables
are those of collect_results.py. All errors are on test images after the last epoch.
"""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from dark_knowledge.class_errors import class_differences, hardest_class_rows
from dark_knowledge.error_sets import common_wrong, wrong_images
from dark_knowledge.plots import class_labels, legend, possible_percent, subplots, whole_numbers
from dark_knowledge.statistics import kappa_matrix
from dark_knowledge.study import ALL_SEEDS
from dark_knowledge.tables import arm_of, rows_of

MOST_LABELLED_RUNS, MOST_RUNS = 40, 200
GALLERY_COLUMNS = 10


def class_differences_figure(
    class_errors: pd.DataFrame, arms: pd.DataFrame, classes: list[str], level: float
) -> Figure:
    """Errors per class less the baseline's, with 95 % t intervals; filled where Holm's p is at most `level`."""
    rows = class_differences(class_errors, arms, classes).rename(columns={"difference": "mean"})
    others = arms[arms.role != "baseline"]
    figure, (axis,) = subplots(8, min(1.2 + 0.42 * len(classes), 60))
    _dots(axis, rows.assign(place=rows.label, filled=rows.p_holm <= level), others)
    _categories(axis, class_labels(classes))
    axis.axvline(0, color="#808080", linewidth=1)
    axis.set(xlabel="Test errors less the baseline's")
    legend(figure, others)
    return figure


def hardest_class_figure(predictions: pd.DataFrame, arms: pd.DataFrame, label: int, classes: list[str]) -> Figure:
    """Recall and precision of one class, and the images that it loses to and takes from other classes."""
    rows = hardest_class_rows(predictions, arms, label, classes).assign(filled=True)
    name = class_labels(classes)[label]
    flows = rows[rows.quantity.str.match("to |from ")]
    flows = flows.assign(other=flows.quantity.str.replace("^(to|from) ", "", regex=True))
    seen = flows.groupby("other")["mean"].sum()
    others = [other for other in classes if seen.get(other, 0) > 0] or list(seen.index)  # all, if none is confused
    figure, axes = subplots(11, max(1.6 + 0.42 * len(others), 2.6), columns=3)
    shares = rows[rows.quantity.isin(["recall, %", "precision, %"])]
    _dots(axes[0], shares.assign(place=shares.quantity.map({"recall, %": 0, "precision, %": 1})), arms)
    _categories(axes[0], ["Recall", "Precision"])
    axes[0].set(title=name, xlabel="Percent")
    axes[0].set_xlim(possible_percent(axes[0].get_xlim()))
    for axis, way, title in zip(axes[1:], ("to", "from"), (f"{name} taken for", f"Taken for {name}"), strict=True):
        shown = flows[flows.quantity.str.startswith(f"{way} ") & flows.other.isin(others)]
        _dots(axis, shown.assign(place=shown.other.map(others.index)), arms)
        _categories(axis, others)
        axis.set(title=title, xlabel="Test images")
        axis.set_xlim(left=0)
        axis.xaxis.set_major_locator(whole_numbers(5))
    legend(figure, arms)
    return figure


def _dots(axis: Axes, rows: pd.DataFrame, arms: pd.DataFrame) -> None:
    """A point with interval per row at its `place` on the y axis, arms beside one another; hollow unless `filled`."""
    offsets = dict(zip(arms.arm, 0.6 * ((np.arange(len(arms)) + 0.5) / len(arms) - 0.5), strict=True))
    colours = dict(zip(arms.arm, arms.colour, strict=True))
    for row in rows.itertuples():
        place, colour = row.place + offsets[row.arm], colours[row.arm]
        axis.plot([row.low, row.high], [place, place], color=colour, linewidth=1)
        axis.plot(row.mean, place, "o", color=colour, markerfacecolor=colour if row.filled else "white", markersize=5)


def _categories(axis: Axes, names: list[str]) -> None:
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)


def error_similarity(predictions: pd.DataFrame, arms: pd.DataFrame) -> Figure:
    """Cohen's kappa of every two runs' wrong images, the runs in the order of an average-linkage clustering."""
    seeds = max(1, MOST_RUNS // len(arms))
    frames = {arm.arm: wrong_images(predictions, arm).head(seeds) for arm in arms.itertuples()}
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
    colours = dict(zip(arms.arm, arms.colour, strict=True))
    few = len(names) <= MOST_LABELLED_RUNS
    side = np.clip(3.5 + 0.3 * len(names), 6, 14)
    margin = 0.5 + 0.08 * max(map(len, names))  # for the runs' names and the legend
    grid = sns.clustermap(
        pd.DataFrame(off_diagonal, names, names), mask=np.isnan(off_diagonal), row_linkage=tree, col_linkage=tree,
        row_colors=[colours[arm] for arm, _ in wrong.index], cmap="mako_r", vmin=low, vmax=high, rasterized=not few,
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


def image_gallery(
    predictions: pd.DataFrame, arms: pd.DataFrame, images: np.ndarray, labels: np.ndarray, classes: list[str]
) -> Figure:
    """The test images that distillation repairs, that it breaks and that all arms get wrong in the most seeds.

    `images` uint8 [n, h, w] and `labels` [n] are the test set. Under an image: its class, and the wrong class that it
    is most often given.
    """
    teacher, baseline, student = (arm_of(arms, role) for role in ("teacher", "baseline", "student"))
    wrong = dict(zip("tbs", common_wrong(predictions, teacher, baseline, student), strict=True))
    rows = {
        "Repaired": (wrong["b"] & ~wrong["s"], baseline),
        "Broken": (~wrong["b"] & wrong["s"], student),
        "Wrong for all three": (wrong["t"] & wrong["b"] & wrong["s"], baseline),
    }
    figure = Figure((1.15 * GALLERY_COLUMNS, 1.9 * len(rows)), layout="constrained")
    for line, (title, (happens, arm)) in zip(figure.subfigures(len(rows)), rows.items(), strict=True):
        times, seeds = happens.sum(axis=0), len(happens)
        in_all, in_some = (times == seeds).sum(), (times > 0).sum()
        line.suptitle(f"{title}: {in_all} images in every seed, {in_some} in some", x=0.01, ha="left", fontsize=10)
        given = rows_of(predictions, arm)
        given = given[given.prediction != given.label].groupby("image").prediction.agg(lambda values: values.mode()[0])
        most = np.argsort(-times, kind="stable")[:GALLERY_COLUMNS]
        for axis, image in zip(line.subplots(1, GALLERY_COLUMNS), most, strict=False):
            axis.set_axis_off()
            if times[image]:
                axis.imshow(images[image], cmap="gray_r", vmin=0, vmax=255, interpolation="none")
                text = f"{classes[labels[image]]}\nas {classes[given[image]]}\n{times[image]} of {seeds}"
                axis.text(0.5, -0.04, text, transform=axis.transAxes, fontsize=8, ha="center", va="top")
    return figure
