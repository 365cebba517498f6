"""Measures of one run's, or two runs', answers: agreement, spread of errors, calibration, learning curves."""

from typing import NamedTuple

import numpy as np
from scipy import special, stats

from dark_knowledge.analysis.statistics import ROUNDING

# Errors and their distribution over classes


def kappa_matrix(wrong: np.ndarray) -> np.ndarray:
    """Cohen's kappa (1960) of every two runs' errors: `wrong` [runs, images] to [runs, runs].

    1: the same images are wrong; 0: as many in common as chance gives. NaN where both runs are right, or wrong, on
    every image.
    """
    wrong = np.asarray(wrong, dtype=float)
    both, only_a, only_b = wrong @ wrong.T, wrong @ (1 - wrong).T, (1 - wrong) @ wrong.T
    neither = wrong.shape[1] - both - only_a - only_b
    return _kappa(np.stack([neither, only_b, only_a, both], axis=-1))


def _kappa(counts: np.ndarray) -> np.ndarray:
    """Kappa of `counts` [..., 4] of images: both right, only b wrong, only a wrong, both wrong."""
    share = counts / counts.sum(axis=-1, keepdims=True)
    wrong_a, wrong_b = share[..., 2] + share[..., 3], share[..., 1] + share[..., 3]
    observed = share[..., 0] + share[..., 3]
    expected = wrong_a * wrong_b + (1 - wrong_a) * (1 - wrong_b)
    with np.errstate(invalid="ignore"):
        return (observed - expected) / (1 - expected)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon distance, base 2, 0 to 1, of two distributions given as counts [k]; NaN where a total is 0.

    The root of the divergence (Endres & Schindelin 2003). Sampling alone keeps it above 0, so it needs two seeds of
    one net beside it. SciPy's own is NaN for near-equal arguments, where rounding takes the divergence below 0.
    """
    p, q = np.asarray(p, dtype=float), np.asarray(q, dtype=float)
    if not (p.sum() and q.sum()):
        return np.nan
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2
    divergence = (special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum() / 2
    return np.sqrt(max(divergence, 0) / np.log(2))


def gini(counts: np.ndarray) -> np.ndarray:
    """Gini coefficient of `counts` [..., k]: 0 where all are equal, 1 - 1/k where one class has all; NaN: all are 0."""
    ordered = np.sort(np.asarray(counts, dtype=float), axis=-1)
    k = ordered.shape[-1]
    with np.errstate(invalid="ignore"):
        return (ordered @ (2 * np.arange(k) + 1 - k)) / (k * ordered.sum(axis=-1))


def normalised_entropy(counts: np.ndarray) -> np.ndarray:
    """Entropy of `counts` [..., k] over log k: 1 where all are equal, 0 where one has all; NaN: all are 0, k is 1."""
    counts = np.asarray(counts, dtype=float)
    with np.errstate(invalid="ignore"):
        return stats.entropy(counts, axis=-1) / np.log(counts.shape[-1])


def shares(counts: np.ndarray) -> np.ndarray:
    """Each of `counts` [..., k] over their sum; NaN where all are 0."""
    counts = np.asarray(counts, dtype=float)
    with np.errstate(invalid="ignore"):
        return counts / counts.sum(axis=-1, keepdims=True)


def largest_share(counts: np.ndarray) -> np.ndarray:
    """Share of the largest of `counts` [..., k]; NaN where all are 0."""
    return shares(counts).max(axis=-1)


# Calibration and fidelity


class CalibrationBins(NamedTuple):
    """Per equal-width bin of confidence: images, mean confidence and share correct (both NaN in an empty bin)."""

    images: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def calibration_bins(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> CalibrationBins:
    """Sort predictions of `confidence` [n], `correct` [n] or not, into bins that hold their upper edge."""
    confidence, correct = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=float)
    bin_of = np.digitize(confidence, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    images = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(bin_of, weights=values, minlength=bins) / images for values in (confidence, correct)]
    return CalibrationBins(images, *means)


def equal_frequency_bins(
    confidence: np.ndarray, correct: np.ndarray, most: int = 15, fewest: int = 10
) -> CalibrationBins:
    """Sort predictions of `confidence` [n], `correct` [n] or not, into up to `most` bins of equally many.

    Each has at least `fewest`, if there are so many. Bins of equal width leave a good network's predictions in two or
    three of them (Nguyen & O'Connor 2015, arXiv 1508.05154).
    """
    bins = max(1, min(most, len(confidence) // fewest))
    parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
    means = [
        np.array([np.asarray(values, dtype=float)[part].mean() for part in parts]) for values in (confidence, correct)
    ]
    return CalibrationBins(np.array([len(part) for part in parts]), *means)


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    """Gap between mean `confidence` [n] and share `correct` [n], averaged over equal-width bins weighted by size.

    Guo et al. 2017, On Calibration of Modern Neural Networks; a bin holds its upper edge, as there.
    """
    binned = calibration_bins(confidence, correct, bins)
    return np.nansum(binned.images * np.abs(binned.accuracy - binned.confidence)) / len(correct)


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log likelihood, in nats, of `labels` [n] under the softmax of `logits` [n, classes]."""
    log_p = special.log_softmax(np.asarray(logits, dtype=float), axis=1)
    return -np.take_along_axis(log_p, np.asarray(labels, dtype=int)[:, None], axis=1).mean()


def agreement(logits_a: np.ndarray, logits_b: np.ndarray) -> float:
    """Share of images on which two nets' `logits` [n, classes] rank the same class first (Stanton et al. 2021)."""
    return (np.argmax(logits_a, axis=1) == np.argmax(logits_b, axis=1)).mean()


def kl_to_teacher(student: np.ndarray, teacher: np.ndarray) -> float:
    """Mean KL(teacher || student), in nats, of the softmax at T = 1 of logits [n, classes] (Stanton et al. 2021)."""
    log_student = special.log_softmax(np.asarray(student, dtype=float), axis=1)
    log_teacher = special.log_softmax(np.asarray(teacher, dtype=float), axis=1)
    return (np.exp(log_teacher) * (log_teacher - log_student)).sum(axis=1).mean()


# Learning curves


def area_under_curve(error: np.ndarray) -> float:
    """Area under the validation `error` [epochs], by trapezoids, over its length: a mean error; NaN for one epoch."""
    return np.trapezoid(error) / (len(error) - 1) if len(error) > 1 else np.nan


def epochs_to_threshold(accuracy: np.ndarray, threshold: float) -> float:
    """First epoch, counted from 1, whose `accuracy` [epochs] is at least `threshold`; NaN (censored) if none."""
    reached = np.flatnonzero(np.asarray(accuracy) >= threshold - 1e-9)  # 93.9 / 100 is above 939 / 1000 by rounding
    return float(reached[0] + 1) if len(reached) else np.nan


class Stability(NamedTuple):
    """How an accuracy scatters about its line: residual sd, and mean absolute change from one epoch to the next."""

    sd: float
    mean_change: float


def stability(accuracy: np.ndarray, last: int) -> Stability:
    """Scatter of the `last` epochs of `accuracy` [epochs] about their least-squares line, whose slope is learning.

    The sd has n - 2 degrees of freedom, the line having taken two. NaN for a window of fewer than three epochs, and
    for a run shorter than the window.
    """
    if last < 3 or len(accuracy) < last:
        return Stability(np.nan, np.nan)
    tail, epochs = np.asarray(accuracy, dtype=float)[-last:], np.arange(last)
    residual = tail - np.polyval(np.polyfit(epochs, tail, 1), epochs)
    residual[np.abs(residual) <= 10.0**-ROUNDING * np.abs(tail).max()] = 0  # a line's own residuals are rounding
    return Stability(np.sqrt((residual**2).sum() / (last - 2)), np.abs(np.diff(residual)).mean())
