"""Statistics: pure functions on arrays."""

from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """A mean, the ends of its interval (NaN where n is 1) and the number of values."""

    mean: float
    low: float
    high: float
    n: int


def mean_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Mean of `values` [n] with Student's t interval: the values are runs, and another seed is another run.

    The t interval stays honest at three seeds, where it is wide; a bootstrap of three values cannot reach beyond them.
    One value has no interval.
    """
    values = np.asarray(values, dtype=float)
    n, mean = len(values), values.mean()
    if n < 2:
        return Interval(mean, np.nan, np.nan, n)
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)
