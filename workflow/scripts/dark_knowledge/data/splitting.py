"""Drawing a part of the images with the classes in proportion."""

import numpy as np

from dark_knowledge.command import InputError


def stratified_split(
    labels: np.ndarray, count: int, random: np.random.Generator, *, least: int = 1, left: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw exactly `count` of images 0..n-1, classes in proportion: indices of the others and of the drawn, sorted.

    What proportions leave over goes to the classes with the largest remainders. Of each class at least `left` images
    stay, and then at least `least` are drawn, as far as it has so many.
    """
    classes, counts = np.unique(labels, return_counts=True)
    most = np.maximum(counts - left, 0)
    quota = _quotas(counts * count / len(labels), count, np.minimum(least, most), most)
    drawn = np.concatenate(
        [random.permutation(np.flatnonzero(labels == c))[:q] for c, q in zip(classes, quota, strict=True)]
    )
    others = np.setdiff1d(np.arange(len(labels)), drawn)
    return others, np.sort(drawn)


def _quotas(exact: np.ndarray, count: int, lowest: np.ndarray, highest: np.ndarray) -> np.ndarray:
    """Whole numbers near `exact` of sum `count`, each within its bounds."""
    if not lowest.sum() <= count <= highest.sum():
        raise InputError(
            f"{count} cannot be drawn with the classes in proportion; allowed: {lowest.sum()} to {highest.sum()}"
        )
    quota = np.floor(exact).astype(int)
    for largest in np.argsort(quota - exact, kind="stable")[: count - quota.sum()]:
        quota[largest] += 1
    quota = quota.clip(lowest, highest)
    while (missing := count - quota.sum()) != 0:
        step = int(np.sign(missing))
        may = quota < highest if step > 0 else quota > lowest
        quota[np.argmin(np.where(may, step * (quota - exact), np.inf))] += step
    return quota
