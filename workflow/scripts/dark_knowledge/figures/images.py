"""Figures that show images of the data set."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dark_knowledge.analysis.error_sets import common_wrong
from dark_knowledge.analysis.results import arm_of, rows_of
from dark_knowledge.figures.style import DrawnArm, class_labels, legible_name, subplots

# What is white when it is drawn, of grey and of coloured images.
PAPER = {1: 0, 3: 255}

SAMPLES = 12  # images of a class


def samples(images: np.ndarray, labels: np.ndarray, classes: list[str]) -> Figure:
    """The first images of each class, a row per class: images uint8 [n, c, h, w], labels [n]."""
    channels, height, width = images.shape[1:]
    sheet = np.full((channels, len(classes) * (height + 2), SAMPLES * (width + 2)), PAPER[channels], np.uint8)
    for label in range(len(classes)):
        for column, image in enumerate(images[labels == label][:SAMPLES]):
            top, left = label * (height + 2) + 1, column * (width + 2) + 1
            sheet[:, top : top + height, left : left + width] = image
    names = class_labels(classes)
    figure, (axis,) = subplots(
        0.5 * SAMPLES + 0.4 + 0.08 * max(map(len, names)), 0.5 * len(classes) * height / width + 0.2
    )
    _show(axis, sheet)
    axis.set_yticks((np.arange(len(classes)) + 0.5) * (height + 2), names)
    axis.tick_params(length=0)
    axis.xaxis.set_visible(False)
    axis.grid(visible=False)
    sns.despine(ax=axis, left=True, bottom=True)
    return figure


def _show(axis: Axes, image: np.ndarray) -> None:
    """Draw an image uint8 [c, h, w]: grey ones dark on light, as the background of most is 0."""
    axis.imshow(image.transpose(1, 2, 0), cmap="gray_r", vmin=0, vmax=255, interpolation="none")


GALLERY_COLUMNS, GALLERY_CHARACTERS = 10, 13


def image_gallery(
    predictions: pd.DataFrame, arms: list[DrawnArm], images: np.ndarray, labels: np.ndarray, classes: list[str]
) -> Figure:
    """The test images that distillation repairs, that it breaks and that all arms get wrong in the most seeds.

    `images` uint8 [n, c, h, w] and `labels` [n] are the test set. Under an image: its class, and the wrong class that
    it is most often given.
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
                _show(axis, images[image])
                true, taken = (
                    legible_name(classes[label], GALLERY_CHARACTERS) for label in (labels[image], given[image])
                )
                text = f"{true}\nas {taken}\n{times[image]} of {seeds}"
                axis.text(0.5, -0.04, text, transform=axis.transAxes, fontsize=8, ha="center", va="top")
    return figure
