"""Bias correction for classes that the transfer set left out, from stored logits (Hinton et al. 2015, section 3).

A student that never saw a class has learned too small a bias for it; one that saw only some classes, too large a bias
for those. Here one shift for the biases of a set of classes is found, or applied, in logits [n, c].
"""

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit, logsumexp

from dark_knowledge.analysis.collecting import load_logits
from dark_knowledge.analysis.records import Records
from dark_knowledge.study.arms import arms_of, roles_of

KEYS = ["experiment", "role", "arm", "model", "supervision", "seed"]
COLUMNS = [*KEYS, "correction", "shift", "label", "images", "errors"]


def corrected_table(
    records: Records, corrections: dict, train_labels: np.ndarray, test_labels: np.ndarray
) -> pd.DataFrame:
    """COLUMNS of the baseline's and the students' runs of each experiment in `corrections`, the config's.

    `train_labels` [n] tell how often the classes occur, which the label-free correction takes to be known.
    """
    seeds = arms_of(records.design)
    tables = [pd.DataFrame(columns=COLUMNS)]
    for role in roles_of(records.design):
        if role.experiment not in corrections or role.role not in ("baseline", "student"):
            continue
        classes, shift = (corrections[role.experiment][key] for key in ("classes", "shift"))
        prior = np.isin(train_labels, classes).mean()
        _, logits = load_logits(records.logits(role.arm, seeds[role.arm]), seeds[role.arm])
        for seed, test, validation in zip(seeds[role.arm], logits["last/test"], logits["last/validation"], strict=True):
            rows = corrected_errors(test, test_labels, validation, classes, shift, prior)
            keys = (role.experiment, role.role, role.label, role.arm.model, role.arm.supervision, seed)
            tables.append(rows.assign(**dict(zip(KEYS, keys, strict=True)))[COLUMNS])
    return pd.concat(tables[1:] or tables, ignore_index=True)


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
    logits = np.asarray(logits, dtype=float)
    others = np.setdiff1d(np.arange(logits.shape[1]), classes)
    # A shift adds to the mass's log odds. They are taken from the logits, for a mass near 1 has lost them by rounding.
    log_odds = logsumexp(logits[:, classes], axis=1) - logsumexp(logits[:, others], axis=1)
    lowest, highest = logit(prior) - log_odds.max() - 1, logit(prior) - log_odds.min() + 1
    return brentq(lambda shift: expit(log_odds + shift).mean() - prior, lowest, highest)


def corrected_errors(
    test: np.ndarray, labels: np.ndarray, validation: np.ndarray, classes: list[int], fixed: float, prior: float
) -> pd.DataFrame:
    """Test errors of one run by correction and label, with the shift of `classes`: none, and three corrections.

    `test` [n, c] and `validation` [m, c] are logits, `labels` [n] those of the test images. Fixed: the given shift.
    Oracle: the fewest errors on these very test images. Label-free: on validation images the mean mass of `classes`
    becomes `prior`.
    """
    shifts = {
        "none": 0.0,
        "fixed": fixed,
        "oracle": oracle_shift(test, labels, classes),
        "label-free": prior_shift(validation, classes, prior),
    }
    count = test.shape[1]
    images = np.bincount(labels, minlength=count)
    tables = []
    for correction, shift in shifts.items():
        wrong = shifted(test, classes, shift).argmax(1) != labels
        errors = np.bincount(labels[wrong], minlength=count)
        tables.append(
            pd.DataFrame(
                {
                    "correction": correction,
                    "shift": shift,
                    "label": np.arange(count),
                    "images": images,
                    "errors": errors,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
