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


# Intervals


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


def prediction_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Mean of `values` [n] with the interval in which one more run falls: mean ± t sd sqrt(1 + 1/n), for normal runs.

    It says whether a single run made elsewhere could be one of these. One value has no interval.
    """
    mean, _, high, n = mean_interval(values, confidence)
    half = (high - mean) * np.sqrt(n + 1)
    return Interval(mean, mean - half, mean + half, n)


def bca_interval(values: np.ndarray, confidence: float = 0.95, seed: int = 0, resamples: int = 9_999) -> Interval:
    """Mean of `values` [n] with the BCa bootstrap interval (Efron 1987, JASA 82:171), which follows their skew.

    It never reaches beyond the values and is too narrow at few: for 0.95 it covers the mean of ten normal values in
    0.89 of cases and of three in 0.72, where `mean_interval` covers 0.95. One value, or values all equal, have no
    interval.
    """
    values = np.asarray(values, dtype=float)
    n, mean = len(values), values.mean()
    if n < 2 or np.isnan(mean) or np.ptp(values) == 0:
        return Interval(mean, np.nan, np.nan, n)
    result = stats.bootstrap(
        (values,), np.mean, confidence_level=confidence, n_resamples=resamples, method="BCa", rng=seed
    )
    return Interval(mean, *result.confidence_interval, n)


def two_way_bootstrap(
    a: np.ndarray, b: np.ndarray, confidence: float = 0.95, seed: int = 0, resamples: int = 2_000
) -> Interval:
    """Mean difference of accuracies, `a` minus `b` [seeds, images] of hits, over new seeds and new images; n is seeds.

    Percentiles of the pigeonhole bootstrap (Owen 2007, Annals of Applied Statistics 1:386), which draws seeds and
    images independently and both arms alike. It counts the noise of single predictions up to three times, so it is
    too wide where that rules (0.99 covered for 0.95), and too narrow where few seeds differ much (0.7 at three);
    `two_way_interval` is neither. No interval for one seed or one image.
    """
    difference = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    seeds, images = difference.shape
    if min(seeds, images) < 2:
        return Interval(difference.mean(), np.nan, np.nan, seeds)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    for i in range(resamples):
        weights = np.bincount(rng.integers(seeds, size=seeds), minlength=seeds) / seeds
        means[i] = (weights @ difference)[rng.integers(images, size=images)].mean()
    return _percentile_interval(difference.mean(), means, seeds, confidence)


def two_way_interval(a: np.ndarray, b: np.ndarray, confidence: float = 0.95) -> Interval:
    """Mean difference of accuracies, `a` minus `b` [seeds, images] of hits, over new seeds and new images; n is seeds.

    Analysis of variance with seeds and images both random and t intervals of Hillis's degrees of freedom, as for
    readers and cases in radiology (Hillis, Berbaum & Metz 2008, Academic Radiology 15:647). Without an effect of its
    own of the image it is `mean_interval` of the differences by seed. No interval for one seed or one image.
    """
    difference = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    (seeds, images), mean = difference.shape, difference.mean()
    if min(seeds, images) < 2:
        return Interval(mean, np.nan, np.nan, seeds)
    by_seed, by_image = difference.mean(axis=1, keepdims=True), difference.mean(axis=0, keepdims=True)
    noise = ((difference - by_seed - by_image + mean) ** 2).sum() / ((seeds - 1) * (images - 1))
    seed_square, image_square = images * by_seed.var(ddof=1), seeds * by_image.var(ddof=1)
    square = seed_square + max(image_square - noise, 0)
    freedom = (seeds - 1) * (square / seed_square) ** 2 if seed_square else np.inf
    half = stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(square / (seeds * images))
    return Interval(mean, mean - half, mean + half, seeds)


def wilson_interval(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Share `k` of `n` with Wilson's score interval (1927, JASA 22:209), of some width at 0 and n; NaN for n = 0."""
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    return Interval(k / n, *stats.binomtest(int(k), int(n)).proportion_ci(confidence, method="wilson"), n)


def _percentile_interval(estimate: float, resampled: np.ndarray, n: int, confidence: float) -> Interval:
    return Interval(estimate, *np.nanquantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2]), n)


# Tests


MOST_FLIPS = 2**16


def sign_flip_p(differences: np.ndarray, seed: int = 0) -> float:
    """Two-sided p of a zero mean of paired `differences` [n], by flipping signs (Fisher 1935, Design of Experiments).

    All 2^n flips to n = 16; beyond, 2^16 flips drawn with `seed`. NaN among the differences gives NaN.
    """
    differences = np.asarray(differences, dtype=float)
    if np.isnan(differences).any():
        return np.nan
    if len(differences) < 2:
        return 1.0
    return stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=MOST_FLIPS, batch=2**12, rng=seed
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


def seeds_needed(differences: np.ndarray, level: float = 0.05, power: float = 0.8, most: int = 1_000) -> float:
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
