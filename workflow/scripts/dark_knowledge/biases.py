"""Mending the biases of classes that the transfer set left out, from stored logits (Hinton et al. 2015, section 3).

A student that never saw a class has learned too small a bias for it; one that saw only some classes, too large a bias
for those. Each function takes logits [n, c] and finds, or applies, one shift for the biases of a set of classes.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax


def shifted(logits: np.ndarray, classes: list[int], shift: float) -> np.ndarray:
    """`logits` [n, c] with `shift` added to those of `classes`."""
    moved = np.array(logits, dtype=float)
    moved[:, classes] += shift
    return moved


def oracle_shift(logits: np.ndarray, labels: np.ndarray, classes: list[int]) -> float:
    """The shift of `classes` with the fewest errors on these very images [n]: an oracle, it has seen their labels.

    Exact: an image goes over to `classes` where the shift passes the gap between its best logit outside and inside, so
    the errors change at those gaps alone. Among equals the shift nearest to zero.
    """
    logits, labels = np.asarray(logits, dtype=float), np.asarray(labels)
    others = np.setdiff1d(np.arange(logits.shape[1]), classes)
    inside, outside = (group[logits[:, group].argmax(1)] for group in (np.asarray(classes), others))
    rows = np.arange(len(logits))
    gaps, place = np.unique(np.round(logits[rows, outside] - logits[rows, inside], 9), return_inverse=True)
    # A shift above the first k gaps gives their images to `classes`, and the rest to the others.
    change = np.bincount(place, weights=(inside != labels).astype(int) - (outside != labels))
    errors = (outside != labels).sum() + np.concatenate([[0], np.cumsum(change)])
    shifts = np.concatenate([[gaps[0] - 1], (gaps[:-1] + gaps[1:]) / 2, [gaps[-1] + 1]])
    if 0 not in gaps:
        shifts[np.searchsorted(gaps, 0)] = 0
    best = shifts[errors == errors.min()]
    return float(best[np.abs(best).argmin()])


def prior_shift(logits: np.ndarray, classes: list[int], prior: float) -> float:
    """The shift at which the mean softmax mass of `classes` over the images [n] is `prior`: it needs no labels."""
    mass = softmax(np.asarray(logits, dtype=float), axis=1)[:, classes].sum(1)
    # The mass after a shift s follows from the mass before it: m e^s / (1 - m + m e^s).
    log_odds = np.log(mass) - np.log1p(-np.minimum(mass, 1 - 1e-16))
    return brentq(lambda shift: (1 / (1 + np.exp(-(log_odds + shift)))).mean() - prior, -200, 200)
