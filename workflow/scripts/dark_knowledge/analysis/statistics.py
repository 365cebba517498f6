"""Statistics: pure functions on arrays; a quantity that the values do not define is NaN."""

from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """A mean (or the estimate a function names), the ends of its interval (NaN: no interval), the number of values."""

    mean: float
    low: float
    high: float
    n: int

    def columns(self, name: str) -> dict[str, float]:
        """Mean and ends as a table has them: `name`, `name`_low and `name`_high."""
        return {name: self.mean, f"{name}_low": self.low, f"{name}_high": self.high}


ALPHA = 0.05  # how often an interval may miss the truth, where a function is not told otherwise
ROUNDING = 9  # decimals, of a number in units of the one that it is held against: what differs by less is the same


# Intervals


def mean_interval(values: np.ndarray, confidence: float = 1 - ALPHA) -> Interval:
    """Mean of `values` [n] with Student's t interval: the values are runs, and another seed is another run.

    The t interval stays honest at three seeds, where it is wide; a bootstrap of three values cannot reach beyond them.
    One value has no interval, and equal ones have none: what they were rounded to hides their spread. The mean of no
    values is NaN.
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    mean = values.mean() if n else np.nan
    if n < 2 or all_equal(values):
        return Interval(mean, np.nan, np.nan, n)
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def all_equal(values: np.ndarray) -> bool:
    """Whether `values` [n] are one number, but for rounding."""
    return bool(np.ptp(values) <= 10.0**-ROUNDING * np.abs(values).max())


def prediction_interval(values: np.ndarray, confidence: float = 1 - ALPHA, more: int = 1) -> Interval:
    """Mean of `values` [n] with the interval of the mean of so many `more` runs: mean ± t sd sqrt(1/n + 1/more).

    For normal runs. It says whether runs made elsewhere could be of the same kind as these. One value has no interval,
    nor have equal ones.
    """
    mean, _, high, n = mean_interval(values, confidence)
    half = (high - mean) * np.sqrt(1 + n / more)
    return Interval(mean, mean - half, mean + half, n)


def ratio_interval(numerator: np.ndarray, denominator: np.ndarray, confidence: float = 1 - ALPHA) -> Interval:
    """Mean of `numerator` [n] over the mean of `denominator` [n], paired by run, with Fieller's interval.

    Fieller 1954, Journal of the Royal Statistical Society B 16:175. NaN unless the mean of the denominator lies above
    zero, with its whole t interval where it has one: of a gap that may be none there is no share. No interval where
    either is one number in all runs, which hides its spread.
    """
    pairs = np.stack([numerator, denominator]).astype(float)
    n, (above, below) = pairs.shape[1], pairs.mean(axis=1)
    if n < 2 or any(map(all_equal, pairs)):
        return Interval(above / below if below > 0 else np.nan, np.nan, np.nan, n)
    square = stats.t.ppf((1 + confidence) / 2, n - 1) ** 2
    variance = np.cov(pairs) / n
    a, b, c = np.array([below**2, above * below, above**2]) - square * variance[[1, 0, 0], [1, 1, 0]]
    if not (below > 0 and a > 0):
        return Interval(np.nan, np.nan, np.nan, n)
    half = np.sqrt(max(b**2 - a * c, 0))
    return Interval(above / below, (b - half) / a, (b + half) / a, n)


# Tests


MOST_FLIPS = 2**16


def sign_flip_p(differences: np.ndarray, seed: int = 0) -> float:
    """Two-sided p of a zero mean of paired `differences` [n], by flipping signs (Fisher 1935, Design of Experiments).

    All 2^n flips to n = 16; beyond, 2^16 flips drawn with `seed`. A flip as extreme as what was observed counts, also
    where the two sums differ by rounding, as those of percentages do. NaN among the differences gives NaN.
    """
    differences = np.asarray(differences, dtype=float)
    if np.isnan(differences).any():
        return np.nan
    observed = abs(differences.mean())
    if len(differences) < 2 or round(observed / (np.abs(differences).max() or 1), ROUNDING) == 0:
        return 1.0

    def in_observed_means(flipped: np.ndarray, axis: int) -> np.ndarray:
        return np.round(flipped.mean(axis=axis) / observed, ROUNDING)

    return stats.permutation_test(
        (differences,), in_observed_means, permutation_type="samples", n_resamples=MOST_FLIPS, batch=2**12, rng=seed
    ).pvalue


def least_sign_flip_p(n: int) -> float:
    """The smallest p that `sign_flip_p` can give for n differences."""
    return max(2 / 2 ** int(n), 2 / (MOST_FLIPS + 1) if 2 ** int(n) > MOST_FLIPS else 0)


def probability_of_superiority(a: np.ndarray, b: np.ndarray) -> float:
    """P(A > B) over all pairs of `a` [n] and `b` [m], a tie counting half (Vargha & Delaney 2000)."""
    above = np.asarray(a, dtype=float)[:, None] - np.asarray(b, dtype=float)
    return np.heaviside(above, 0.5).mean()


class McNemar(NamedTuple):
    """Images that only a or only b gets wrong, and the two-sided p values that both are as likely."""

    only_a: int
    only_b: int
    exact_p: float
    mid_p: float


def mcnemar(wrong_a: np.ndarray, wrong_b: np.ndarray) -> McNemar:
    """McNemar's test of two runs' errors [images] on the same images: exact, and mid-p, which is less conservative.

    Fagerland, Lydersen & Laake 2013, BMC Medical Research Methodology 13:91. It speaks for these two runs, not for
    other seeds. Without a discordant image both p are 1.
    """
    wrong_a, wrong_b = np.asarray(wrong_a, dtype=bool), np.asarray(wrong_b, dtype=bool)
    only_a, only_b = int((wrong_a & ~wrong_b).sum()), int((wrong_b & ~wrong_a).sum())
    discordant = only_a + only_b
    if discordant == 0:
        return McNemar(0, 0, 1.0, 1.0)
    exact = stats.binomtest(only_a, discordant).pvalue
    point = stats.binom.pmf(only_a, discordant, 0.5)
    return McNemar(only_a, only_b, exact, exact - (point / 2 if only_a == only_b else point))


def holm(p: np.ndarray) -> np.ndarray:
    """Adjusted p values of `p` [m] that hold the family-wise error rate (Holm 1979); NaN stays and is not counted."""
    adjusted = np.array(p, dtype=float)
    order = np.argsort(adjusted, kind="stable")[: np.count_nonzero(~np.isnan(adjusted))]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(adjusted[order] * factors), 1)
    return adjusted


def pitman_morgan_p(a: np.ndarray, b: np.ndarray) -> float:
    """Two-sided p that paired `a` and `b` [n] have the same variance (Pitman 1939, Morgan 1939, Biometrika 31).

    Variances are equal just where sum and difference are uncorrelated. NaN for fewer than three pairs, and where sum
    or difference does not vary.
    """
    total, difference = np.add(a, b, dtype=float), np.subtract(a, b, dtype=float)
    if len(total) < 3 or np.ptp(total) == 0 or np.ptp(difference) == 0:
        return np.nan
    return stats.pearsonr(total, difference).pvalue


def seeds_needed(differences: np.ndarray, level: float = ALPHA, power: float = 0.8, most: int = 1_000) -> float:
    """Paired seeds at which the two-sided t test has `power`, were the mean and sd of `differences` [n] the true ones.

    Noncentral t (Cohen 1988, Statistical Power Analysis), counting only verdicts of the right sign. A figure to plan
    with: the observed mean is itself uncertain. At least 2; inf for more than `most`; NaN for one value, for zeros
    alone, or with a NaN among them.
    """
    differences = np.asarray(differences, dtype=float)
    if len(differences) < 2 or not differences.any() or np.isnan(differences).any():
        return np.nan
    mean, sd = abs(differences.mean()), differences.std(ddof=1)
    effect = mean / max(sd, mean / 100)  # at 100 sd two seeds suffice
    for n in range(2, most + 1):
        if stats.nct.sf(stats.t.ppf(1 - level / 2, n - 1), n - 1, np.sqrt(n) * effect) >= power:
            return float(n)
    return np.inf


def beyond_same_net(between: np.ndarray, within_a: np.ndarray, within_b: np.ndarray) -> np.ndarray:
    """How much more two nets' runs differ than two runs of one net, as jackknife pseudo-values [n], one a seed.

    Each argument is a distance (or a similarity) [n, n] of seed i's run to seed j's: net a's to net b's, a's to a's,
    b's to b's. The pseudo-values' mean is the mean of `between` less that of both others, over different seeds, as in
    the energy distance (Szekely & Rizzo 2013, Journal of Statistical Planning and Inference 143:1249). One run is in
    many pairs, so the pairs are no sample; Tukey's pseudo-values of such a mean are (Arvesen 1969, Annals of
    Mathematical Statistics 40:2076). All NaN below three seeds.
    """
    within = (np.asarray(within_a, dtype=float) + within_b) / 2
    excess = (np.asarray(between, dtype=float) + np.transpose(between)) / 2 - within
    n = len(excess)
    if n < 3:
        return np.full(n, np.nan)
    of_seed = excess[~np.eye(n, dtype=bool)].reshape(n, n - 1).mean(axis=1)
    return (2 * (n - 1) * of_seed - n * of_seed.mean()) / (n - 2)
