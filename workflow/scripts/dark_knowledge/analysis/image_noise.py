"""Tests and intervals that hold for other seeds and for other test images.

Wrong answers are bool [seeds, images], of two nets, their seeds paired. What other test images alone would do is drawn
where the nets differ by nothing: signs flipped by image, or class labels permuted over the images that some run gets
wrong. What single runs answer by chance is in the images' means too; it counts once, with the seeds.
"""

from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from dark_knowledge.analysis.measures import jensen_shannon
from dark_knowledge.analysis.statistics import ALPHA, ROUNDING, Interval, all_equal, sign_flip_p

BLOCK, DRAWS = 256, 2**14  # at p = 0.0056, the strictest of nine under Holm, to ± 10 %


class Tested(NamedTuple):
    """An effect with its interval, and the two-sided p that it is as large as its reference."""

    interval: Interval
    p: float


def seeds_and_images(values: np.ndarray, noise: np.ndarray, reference: float = 0) -> Tested:
    """Mean of `values` [n], one a seed, tested against `reference` over other seeds and other test images.

    `noise` [draws] is what other images alone do to the mean. To each draw comes Student's t of the seeds' standard
    error; p is how often the sum is as large as the effect, and at least that of flipped signs over the seeds. One
    value has neither interval nor p, and equal ones, whose spread is not known, have no interval.
    """
    values, noise = np.asarray(values, dtype=float), np.asarray(noise, dtype=float)
    n, mean, scale = len(values), values.mean(), max(np.abs(values).max(), np.abs(noise).max())
    if n < 2 or np.isnan(mean):
        return Tested(Interval(mean, np.nan, np.nan, n), np.nan)
    p, error = sign_flip_p(values - reference), max(values.std(ddof=1) / np.sqrt(n), 1e-12 * scale)
    if error:
        p = max(p, share_beyond(abs(mean - reference) * (1 - 10.0**-ROUNDING), noise, error, n))
    if all_equal(values):
        return Tested(Interval(mean, np.nan, np.nan, n), p)
    most = np.abs(noise).max() + error * stats.t.isf(ALPHA / 4, n - 1)
    half = optimize.brentq(lambda size: share_beyond(size, noise, error, n) - ALPHA, 0, most)
    return Tested(Interval(mean, mean - half, mean + half, n), p)


def share_beyond(size: float, noise: np.ndarray, error: float, n: int) -> float:
    """How often a draw of `noise` and Student's t of n seeds with standard error `error` come to `size`, either way."""
    beyond = special.stdtr(n - 1, (noise - size) / error) + special.stdtr(n - 1, (-size - noise) / error)
    return (1 + min(beyond.sum(), len(noise))) / (1 + len(noise))


def flipped_images(differences: np.ndarray) -> np.ndarray:
    """What other images do to the sum of `differences` [seeds, images], averaged over seeds: [draws], signs flipped.

    An image's differences, of all seeds, change sign together, as if its two nets were exchanged.
    """
    of_seed, rng, flipped = np.asarray(differences, dtype=float), np.random.default_rng(0), np.zeros(DRAWS)
    of_image = of_seed.mean(axis=0)
    of_image = of_image[of_image != 0]
    for some in np.split(of_image, range(BLOCK, len(of_image), BLOCK)):  # all draws of many images are large
        flipped += (2 * rng.integers(2, size=(DRAWS, len(some)), dtype=np.int8) - 1) @ some
    return flipped * np.sqrt(share_of_images(of_seed))


def share_of_images(differences: np.ndarray) -> float:
    """Of the squares of the images' mean `differences` [seeds, images], the share that is not chance of single runs.

    A mean of n seeds holds the images' own difference and a noise of variance s² / n, which the spread of the seeds'
    means tells too.
    """
    squares = (differences.mean(axis=0) ** 2).sum()
    if len(differences) < 2 or not squares:
        return 1.0
    return max(0.0, 1 - (differences.var(axis=0, ddof=1) / len(differences)).sum() / squares)


def share_differences(wrong: np.ndarray) -> np.ndarray:
    """What each image adds to the difference of two nets' shares of errors: [seeds, images] of `wrong` [2, ...]."""
    errors = wrong.sum(axis=-1, keepdims=True)
    return np.subtract(*np.divide(wrong, errors, out=np.zeros(wrong.shape), where=errors > 0))


def class_counts(wrong: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Errors per class, float [..., classes], of `wrong` [..., images]."""
    return np.asarray(wrong, dtype=float) @ np.eye(classes)[labels]


def permuted_counts(wrong: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Errors per class, [draws, ..., classes], of `wrong` [..., images] were the classes of the images chance.

    Labels are permuted over the images that some run gets wrong, so that each run keeps its number of errors, and each
    two runs the number that they share.
    """
    some = wrong.any(axis=tuple(range(wrong.ndim - 1)))
    wrong, labels, rng = wrong[..., some], labels[some], np.random.default_rng(0)
    drawn = (class_counts(wrong, rng.permutation(labels), classes) for _ in range(DRAWS))
    return np.stack([counts.astype(np.float32) for counts in drawn])


def at_equal_counts(counts: np.ndarray) -> np.ndarray:
    """Errors per class `counts` [..., 2, n, classes] of paired runs, those of the larger of two sets thinned.

    As many of them as the smaller has are drawn without replacement (rarefaction, Hurlbert 1971, Ecology 52:577). Few
    errors are uneven by chance alone, so two sets are compared at one number of errors.
    """
    remaining = counts.sum(axis=-1).astype(np.int32)
    wanted = np.broadcast_to(remaining.min(axis=-2, keepdims=True), remaining.shape)
    rng, thinned = np.random.default_rng(0), []
    for errors in np.moveaxis(counts.astype(np.int32), -1, 0):
        remaining = remaining - errors
        thinned.append(rng.hypergeometric(errors, remaining, wanted))
        wanted = wanted - thinned[-1]
    return np.stack(thinned, axis=-1, dtype=np.float32)


def class_distance(
    wrong_a: np.ndarray, wrong_b: np.ndarray, labels: np.ndarray, classes: int, reference: float
) -> tuple[Tested, float, float]:
    """How far apart two nets' distributions of errors over the classes are, beyond noise; observed; and the noise.

    All as squared Jensen-Shannon distance in bits, of the errors of all seeds together. Were classes chance, 8 ln 2
    times it would be a sum of chi-squares with the variances that labels permuted over the wrong images and the spread
    of the seeds give; it is taken for one chi-square of their mean and variance (Rao & Scott 1981, JASA 76:221), the
    noise being the mean. Interval and p, against `reference`, are of the noncentral one. One more image is counted as
    wrong for each net alone, so that a few equal errors are no evidence. NaN for one seed, where a net has no errors,
    and where one class has all.
    """
    wrong = np.stack([wrong_a, wrong_b])
    n, some = wrong.shape[1], wrong.any(axis=(0, 1))
    counts, of_class = class_counts(wrong, labels, classes), np.bincount(labels[some], minlength=classes)
    present = of_class > 0
    if n < 2 or not counts.any(axis=-1).all() or present.sum() < 2:
        return Tested(Interval(np.nan, np.nan, np.nan, n), np.nan), np.nan, np.nan
    mean_errors = counts.sum(axis=-1).mean(axis=1)
    of_seed = np.subtract(*wrong / mean_errors[:, None, None])
    of_image = of_seed.mean(axis=0)
    one_more = (1 / mean_errors**2).sum()
    root = np.sqrt(of_class[present] / some.sum())
    by_seed = np.subtract(*counts / counts.sum(axis=-1, keepdims=True))[:, present] / root
    labels_permuted = np.eye(len(root)) - np.outer(root, root)
    images = share_of_images(of_seed) * (of_image**2).sum() * some.sum() / (some.sum() - 1) + one_more
    variance = images * labels_permuted + np.atleast_2d(np.cov(by_seed.T)) / n
    mean, square = np.trace(variance), (variance**2).sum()
    bits, freedom = square / mean / (8 * np.log(2)), mean**2 / square
    observed = jensen_shannon(*counts.sum(axis=1)) ** 2
    least, most = observed / bits, (observed + one_more * (len(root) - 1) / (8 * np.log(2))) / bits
    shift = reference / bits
    p = 2 * min(stats.ncx2.sf(least, freedom, shift), stats.ncx2.cdf(most, freedom, shift), 0.5)
    low, high = (bits * _noncentrality(chi, freedom, tail) for chi, tail in ((least, 1 - ALPHA / 2), (most, ALPHA / 2)))
    noise = bits * freedom
    return Tested(Interval(max(observed - noise, 0), low, high, n), p), observed, noise


def _noncentrality(chi: float, freedom: float, share_below: float) -> float:
    """The noncentrality at which a chi-square lies below `chi` with a probability of `share_below`; 0 for none."""
    if stats.chi2.cdf(chi, freedom) <= share_below:
        return 0.0
    most = (np.sqrt(chi) + 10) ** 2
    return optimize.brentq(lambda shift: stats.ncx2.cdf(chi, freedom, shift) - share_below, 0, most)
