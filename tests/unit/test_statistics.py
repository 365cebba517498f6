"""Statistics, against hand-worked cases, printed tables, second implementations and small simulations of coverage."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance

from dark_knowledge.analysis.measures import (
    agreement,
    area_under_curve,
    calibration_bins,
    epochs_to_threshold,
    equal_frequency_bins,
    expected_calibration_error,
    gini,
    jensen_shannon,
    kappa_matrix,
    kl_to_teacher,
    largest_share,
    negative_log_likelihood,
    normalised_entropy,
    stability,
)
from dark_knowledge.analysis.statistics import (
    beyond_same_net,
    holm,
    least_sign_flip_p,
    mcnemar,
    mean_interval,
    pitman_morgan_p,
    prediction_interval,
    probability_of_superiority,
    ratio_interval,
    seeds_needed,
    sign_flip_p,
)

pytestmark = pytest.mark.filterwarnings("error")


def random(seed=0):
    return np.random.default_rng(seed)


def coverage(intervals, truth):
    return np.mean([interval.low <= truth <= interval.high for interval in intervals])


def no_interval(interval):
    return math.isnan(interval.low) and math.isnan(interval.high)


# Intervals


def test_interval_worked_by_hand():
    # mean 3, sd 1, standard error 1/sqrt(3); the table's t for 2 degrees of freedom at 97.5 % is 4.303
    interval = mean_interval([2, 3, 4])
    assert interval.mean == 3
    assert interval.high - 3 == pytest.approx(4.303 / math.sqrt(3), abs=5e-4)
    assert 3 - interval.low == pytest.approx(4.303 / math.sqrt(3), abs=5e-4)
    assert interval.n == 3


def test_the_interval_of_one_more_run_worked_by_hand():
    # mean 3, sd 1: 4.303 times sqrt(1 + 1/3) on each side
    interval = prediction_interval([2, 3, 4])
    assert interval.high - 3 == pytest.approx(4.303 * math.sqrt(4 / 3), abs=1e-3)
    assert (interval.mean, interval.n) == (3, 3)
    assert 3 - interval.low == pytest.approx(interval.high - 3)
    assert no_interval(prediction_interval([5]))


def test_one_more_run_falls_inside_as_often_as_said():
    runs = random().normal(size=(4000, 6))
    inside = [low <= more <= high for (*seen, more) in runs for _, low, high, _ in [prediction_interval(seen)]]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


def test_confidence_sets_the_width():
    # five values of sd sqrt(2.5); the table's t for 4 degrees of freedom at 95 % is 2.132
    interval = mean_interval([1, 2, 3, 4, 5], confidence=0.9)
    assert interval.high - interval.low == pytest.approx(2 * 2.132 * math.sqrt(2.5 / 5), abs=1e-3)


def test_one_value_has_no_interval():
    interval = mean_interval([0.93])
    assert (interval.mean, interval.n) == (0.93, 1)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


@pytest.mark.parametrize("values", [[0.5, 0.5], [0.3, 0.1 + 0.2, 0.3], [0, 0]])
@pytest.mark.parametrize("interval", [mean_interval, prediction_interval])
def test_of_equal_values_the_spread_is_not_known(interval, values):
    """Two runs may get as many images right by chance."""
    mean, low, high, n = interval(values)
    assert (mean, n) == (pytest.approx(values[0]), len(values))
    assert np.isnan([low, high]).all()


def test_a_ratio_worked_by_hand():
    numerator, denominator = [1, 2, 3], [4, 3, 5]
    interval = ratio_interval(numerator, denominator)
    assert interval.mean == 0.5
    for end in (interval.low, interval.high):  # where the t interval of numerator - end * denominator ends at zero
        rest = mean_interval(np.subtract(numerator, end * np.array(denominator)))
        assert min(abs(rest.low), abs(rest.high)) == pytest.approx(0, abs=1e-9)
    assert interval.low < 0.5 < interval.high


def test_a_ratio_is_covered_as_often_as_said():
    draw = random()
    pairs = [draw.multivariate_normal([0.7, 1], [[0.04, 0.02], [0.02, 0.04]], size=8).T for _ in range(1000)]
    assert coverage([ratio_interval(*pair) for pair in pairs], 0.7) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("numerator", "denominator", "ratio"),
    [([1], [2], 0.5), ([1], [-2], math.nan), ([1], [0], math.nan), ([1, 2], [-1, 1.1], math.nan)],
)
def test_a_ratio_of_one_pair_has_no_interval_and_one_to_nothing_is_none(numerator, denominator, ratio):
    interval = ratio_interval(numerator, denominator)
    assert interval.mean == pytest.approx(ratio, nan_ok=True)
    assert no_interval(interval)


def test_a_ratio_of_equal_pairs_has_no_interval():
    assert ratio_interval([1, 1, 1], [2, 2, 2]) == pytest.approx((0.5, np.nan, np.nan, 3), nan_ok=True)
    assert not np.isnan(ratio_interval([1, 1.1, 0.9], [2, 2.1, 1.9])).any()


@pytest.mark.parametrize(("numerator", "denominator"), [([1, 1.1], [2, 2]), ([1, 1], [2, 2.1])])
def test_a_ratio_has_no_interval_where_one_of_the_two_hides_its_spread(numerator, denominator):
    assert no_interval(ratio_interval(numerator, denominator))


# Tests


@pytest.mark.parametrize(("n", "least"), [(1, 1), (2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.03125), (10, 2 / 1024)])
def test_smallest_sign_flip_p(n, least):
    assert sign_flip_p(np.arange(1, n + 1)) == least_sign_flip_p(n) == least


@pytest.mark.parametrize("n", [17, 20, 100])
def test_smallest_p_of_drawn_sign_flips(n):
    assert least_sign_flip_p(n) == pytest.approx(2 / 65537)
    assert sign_flip_p(np.arange(1, n + 1)) >= least_sign_flip_p(n)


def test_sign_flip_worked_by_hand():
    # of the sums +-1 +-2 +-3 the observed 4 is reached by 6 and 4, and by -4 and -6: four of eight
    assert sign_flip_p([-1, 2, 3]) == 0.5


def test_sign_flip_against_all_flips_in_a_loop():
    differences = random().normal(0.4, 1, size=9)
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product([1, -1], repeat=9)]
    assert sign_flip_p(differences) == np.mean(np.array(sums) >= abs(differences.sum()) - 1e-12)


def test_flips_that_are_as_extreme_count_whatever_their_rounding():
    # errors of 10,000 images, as percentages: the sums of errors are whole and often tie
    draw = random()
    flips = np.array(list(itertools.product([1, -1], repeat=10)))
    for errors in draw.binomial(10_000, 0.009, size=(50, 2, 10)):
        whole = errors[1] - errors[0]
        accuracy = 100 * (1 - errors / 10_000)
        exact = np.mean(np.abs(flips @ whole) >= abs(whole.sum()))
        assert sign_flip_p(accuracy[0] - accuracy[1]) == sign_flip_p(whole) == exact


def test_drawn_flips_count_ties_too():
    whole = np.array([1, -1] * 9 + [1, 1])
    assert sign_flip_p(whole / 10_000 * 100) == sign_flip_p(whole)


def test_sign_flips_are_drawn_beyond_sixteen():
    differences = random().normal(0.3, 1, size=30)
    assert sign_flip_p(differences) == sign_flip_p(differences)
    assert sign_flip_p(differences) != sign_flip_p(differences, seed=1)
    assert sign_flip_p(differences) == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.02)


@pytest.mark.parametrize("differences", [[0], [0, 0, 0], [0.1, 0.2, -0.3], [1, -1] * 10])
def test_sign_flip_p_of_no_difference_is_one(differences):
    assert sign_flip_p(differences) == 1


def test_sign_flip_p_with_a_missing_pair_is_missing():
    assert math.isnan(sign_flip_p([1, 2, math.nan]))


def test_probability_of_superiority_worked_by_hand():
    # of six pairs, 2 > 1, 3 > 1 and 3 > 2 win, and 1 = 1 and 2 = 2 tie
    assert probability_of_superiority([1, 2, 3], [1, 2]) == pytest.approx(4 / 6)
    assert probability_of_superiority([2], [1]) == 1
    assert probability_of_superiority([1, 1], [1]) == 0.5


def test_probability_of_superiority_is_mann_whitneys():
    a, b = random().integers(0, 6, size=(2, 20))
    assert probability_of_superiority(a, b[:13]) == pytest.approx(stats.mannwhitneyu(a, b[:13]).statistic / 260)


def test_mcnemar_against_fagerland():
    # Fagerland et al. 2013, airway hyper-responsiveness: 1 against 7 discordant of 21, exact 0.0703, mid-p 0.0391
    before, after = np.repeat([1, 1, 0, 0], [1, 1, 7, 12]), np.repeat([1, 0, 1, 0], [1, 1, 7, 12])
    result = mcnemar(before, after)
    assert result == pytest.approx((1, 7, 18 / 256, 10 / 256))
    assert mcnemar(after, before) == pytest.approx((7, 1, 18 / 256, 10 / 256))


def test_mcnemar_of_equal_counts():
    # two against two: the point has probability 6/16, half of it taken off
    assert mcnemar([1, 1, 0, 0, 1], [0, 0, 1, 1, 1]) == pytest.approx((2, 2, 1, 1 - 3 / 16))


@pytest.mark.parametrize("wrong", [[0], [1], [0, 0, 0], [1, 0, 1]])
def test_mcnemar_without_discordant_images(wrong):
    assert mcnemar(wrong, wrong) == (0, 0, 1, 1)


def test_mcnemar_mid_p_keeps_its_level():
    draw = random()
    p = [mcnemar(*(draw.random((2, 400)) < 0.1)).mid_p for _ in range(400)]
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.075


def test_holm_worked_by_hand():
    # sorted 0.005 * 4, 0.01 * 3, 0.03 * 2, and 0.04 * 1 raised to the one before it
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_is_the_closed_test_of_bonferroni():
    p = random().random(6) ** 2
    subsets = [list(s) for size in range(1, 7) for s in itertools.combinations(range(6), size)]
    closed = [max(min(len(s) * p[s].min(), 1) for s in subsets if i in s) for i in range(6)]
    assert holm(p) == pytest.approx(closed)


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [([0.2], [0.2]), ([0.7, 0.7], [1, 1]), ([math.nan, 0.01, 0.04], [math.nan, 0.02, 0.04]), ([math.nan], [math.nan])],
)
def test_holm_at_the_edges(p, adjusted):
    assert holm(p) == pytest.approx(adjusted, nan_ok=True)


def test_holm_leaves_its_argument_alone():
    p = np.array([0.01, 0.01])
    holm(p)
    assert p.tolist() == [0.01, 0.01]


def of_effect(effect):
    """Differences of mean `effect` and sd 1."""
    return np.array([-1, 1]) / math.sqrt(2) + effect


@pytest.mark.parametrize(
    ("effect", "power", "n"),
    [(0.2, 0.8, 199), (0.5, 0.8, 34), (-0.5, 0.8, 34), (1, 0.8, 10), (2, 0.8, 5), (1, 0.99, 21), (1.5, 0.5, 4)],
)
def test_seeds_needed_against_statsmodels(effect, power, n):
    # statsmodels 0.15, TTestPower().solve_power(effect, power=power, alpha=0.05), rounded up
    assert seeds_needed(of_effect(effect), power=power) == n


def test_seeds_needed_reach_the_power():
    n = int(seeds_needed(of_effect(0.9)))
    draws = random().normal(0.9, 1, size=(4_000, n))
    assert np.mean(stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05) == pytest.approx(0.81, abs=0.03)


@pytest.mark.parametrize(
    ("differences", "n"),
    [
        ([0.1], math.nan),
        ([0, 0, 0], math.nan),
        ([1, math.nan], math.nan),
        ([1, -1], math.inf),
        (of_effect(0.01), math.inf),
        (of_effect(20), 2),
        ([0.1, 0.1, 0.1], 2),
    ],
)
def test_seeds_needed_at_the_edges(differences, n):
    assert seeds_needed(differences) == pytest.approx(n, nan_ok=True)


# Errors and their distribution over classes


def test_jensen_shannon_worked_by_hand():
    # p = (1, 0), q = (1/2, 1/2): divergence of p from the middle log2(4/3), of q 1/2 log2(2/3) + 1/2 log2 2
    divergence = (math.log2(4 / 3) + 0.5 * math.log2(2 / 3) + 0.5) / 2
    assert jensen_shannon([7, 0], [3, 3]) == pytest.approx(math.sqrt(divergence))
    assert jensen_shannon([1, 0], [0, 9]) == 1
    assert jensen_shannon([1, 2, 3], [10, 20, 30]) == 0


def test_jensen_shannon_is_scipys():
    p, q = random().integers(0, 90, size=(2, 10))
    assert jensen_shannon(p, q) == pytest.approx(distance.jensenshannon(p, q, base=2))


def test_jensen_shannon_of_nearly_equal_shares_is_a_number():
    draw = random()
    p = draw.random((200, 10))
    distances = [jensen_shannon(row, row * (1 + draw.normal(0, 1e-9, 10))) for row in p]
    assert all(0 <= distance < 1e-7 for distance in distances)


@pytest.mark.parametrize(("p", "q"), [([0, 0], [1, 2]), ([1, 2], [0, 0]), ([0], [0])])
def test_jensen_shannon_without_errors(p, q):
    assert math.isnan(jensen_shannon(p, q))


@pytest.mark.parametrize(
    ("counts", "coefficient"),
    [([5, 5, 5, 5], 0), ([0, 0, 0, 9], 0.75), ([1, 3], 0.25), ([1, 2, 3], 2 / 9), ([4], 0), ([0, 0], math.nan)],
)
def test_gini_worked_by_hand(counts, coefficient):
    assert gini(counts) == pytest.approx(coefficient, nan_ok=True)


def test_measures_of_spread_are_of_the_last_axis():
    counts = random().integers(0, 9, size=(2, 3, 5))
    for measure in (gini, normalised_entropy, largest_share):
        assert measure(counts)[1, 2] == pytest.approx(measure(counts[1, 2]))
        assert measure(counts).shape == (2, 3)
    assert largest_share([1, 2, 5]) == 5 / 8
    assert math.isnan(largest_share([0, 0]))


def test_gini_is_twice_the_area_above_the_lorenz_curve():
    counts = np.sort(random().integers(0, 100, size=10))
    lorenz = np.concatenate([[0], np.cumsum(counts) / counts.sum()])
    assert gini(counts) == pytest.approx(1 - 2 * np.trapezoid(lorenz, dx=0.1))


@pytest.mark.parametrize(
    ("counts", "entropy"),
    [([5, 5, 5], 1), ([9, 0, 0], 0), ([1, 1, 2, 0], 0.75), ([4], math.nan), ([0, 0], math.nan)],
)
def test_normalised_entropy_worked_by_hand(counts, entropy):
    assert normalised_entropy(counts) == pytest.approx(entropy, nan_ok=True)


# Calibration and fidelity


def test_calibration_error_worked_by_hand():
    # two bins: 0.3 and 0.5, on its edge, with one of two right; 0.9 and 1.0 with both right
    error = expected_calibration_error([0.3, 0.5, 0.9, 1.0], [1, 0, 1, 1], bins=2)
    assert error == pytest.approx((2 * 0.1 + 2 * 0.05) / 4)


def test_calibration_error_against_a_loop_over_bins():
    confidence = random().random(500)
    correct = random(1).random(500) < confidence**2
    expected = 0
    for i in range(15):
        inside = (confidence > i / 15) & (confidence <= (i + 1) / 15)
        expected += inside.sum() / 500 * abs(correct[inside].mean() - confidence[inside].mean())
    assert expected_calibration_error(confidence, correct) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("confidence", "correct", "error"), [([1.0], [True], 0), ([0.0], [True], 1), ([0.7, 0.7, 0.7], [1, 1, 0], 0.1 / 3)]
)
def test_calibration_error_at_the_edges(confidence, correct, error):
    assert expected_calibration_error(confidence, correct) == pytest.approx(error)


def test_negative_log_likelihood_worked_by_hand():
    # softmax of (log 3, 0) is (3/4, 1/4), whatever is added to both
    logits = np.array([[math.log(3), 0], [math.log(3) + 1000, 1000]])
    assert negative_log_likelihood(logits, [0, 1]) == pytest.approx(-(math.log(3 / 4) + math.log(1 / 4)) / 2)
    assert negative_log_likelihood([[1000, 0]], [1]) == 1000


def test_kl_to_teacher_worked_by_hand():
    # teacher (3/4, 1/4), student even; the other way round is another number
    even, teacher = [[0, 0], [7, 7]], [[math.log(3), 0], [math.log(3), 0]]
    assert kl_to_teacher(even, teacher) == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert kl_to_teacher(teacher, even) == pytest.approx(0.5 * math.log(2 / 3) + 0.5 * math.log(2))
    assert kl_to_teacher(teacher, teacher) == 0


def test_kl_to_a_certain_teacher_is_finite():
    assert kl_to_teacher([[0, 0]], [[5000, 0]]) == pytest.approx(math.log(2))


def test_agreement_worked_by_hand():
    assert agreement([[1, 2], [2, 1], [0, 5]], [[3, 4], [3, 4], [1, 2]]) == pytest.approx(2 / 3)


# Learning curves


@pytest.mark.parametrize(
    ("error", "area"), [([0.4, 0.2, 0.1], 0.225), ([0.3, 0.3], 0.3), ([0.1] * 30, 0.1), ([0.4], math.nan)]
)
def test_area_under_curve(error, area):
    assert area_under_curve(error) == pytest.approx(area, nan_ok=True)


@pytest.mark.parametrize(
    ("threshold", "epoch"), [(0.5, 1), (0.8, 2), (0.81, 4), (0.9, 4), (0.91, math.nan), (math.nan, math.nan)]
)
def test_epochs_to_threshold(threshold, epoch):
    assert epochs_to_threshold([0.5, 0.8, 0.7, 0.9, 0.6], threshold) == pytest.approx(epoch, nan_ok=True)


def test_an_accuracy_that_is_the_threshold_reaches_it():
    for correct in range(1, 1000):
        assert epochs_to_threshold([(correct - 1) / 1000, correct / 1000], correct / 10 / 100) == 2


def test_stability_worked_by_hand():
    # the line through 1, 0, 2 has slope 0.5 and mean 1: residuals 0.5, -1, 0.5
    result = stability([9, 9, 1, 0, 2], last=3)
    assert result.sd == pytest.approx(math.sqrt(1.5))
    assert result.mean_change == pytest.approx(1.5)


def test_stability_is_blind_to_the_slope():
    scatter = random().normal(size=20)
    assert stability(scatter + 0.3 * np.arange(20), last=12) == pytest.approx(stability(scatter, last=12))


@pytest.mark.parametrize("level", [0.96, 0.98, 0.99, 5.07])
def test_a_line_scatters_by_nothing_not_by_rounding(level):
    assert stability(np.full(20, level), last=5) == (0, 0)
    assert stability(level + 0.01 * np.arange(20), last=12) == (0, 0)


def test_stability_estimates_the_sd_of_the_scatter():
    variances = [stability(draw, last=8).sd ** 2 for draw in random().normal(0, 3, size=(500, 8))]
    assert np.mean(variances) == pytest.approx(9, rel=0.06)


@pytest.mark.parametrize(("epochs", "last"), [(1, 1), (2, 2), (5, 2), (3, 4)])
def test_stability_needs_three_epochs_and_a_full_window(epochs, last):
    assert np.isnan(stability(np.linspace(0, 1, epochs), last)).all()


# Against the null of two seeds of one net


def distances(a, b):
    return ((a[:, None] - b) ** 2).sum(axis=-1)


def test_beyond_same_net_worked_by_hand():
    between = np.array([[9, 5, 6], [7, 9, 8], [4, 6, 9]])  # the diagonal, of one seed, does not count
    within_a = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    within_b = np.array([[0, 2, 1], [2, 0, 3], [1, 3, 0]])
    values = beyond_same_net(between, within_a, within_b)
    assert values.mean() == pytest.approx(6 - 2)
    # Pairs' excess: (0, 1) 6 - 1.5, (0, 2) 5 - 1.5, (1, 2) 7 - 3. Tukey: n times all less n - 1 times all but one seed.
    assert values == pytest.approx([3 * 4 - 2 * 4, 3 * 4 - 2 * 3.5, 3 * 4 - 2 * 4.5])


def test_beyond_same_net_is_tukeys_jackknife():
    draw = random().normal(size=(2, 6, 4))
    a, b = draw[0], draw[1] + 1

    def excess(kept):
        pairs = list(itertools.permutations(kept, 2))
        pick = tuple(np.transpose(pairs))
        return np.mean(distances(a, b)[pick] - (distances(a, a)[pick] + distances(b, b)[pick]) / 2)

    everything = excess(range(6))
    expected = [6 * everything - 5 * excess([j for j in range(6) if j != i]) for i in range(6)]
    assert beyond_same_net(distances(a, b), distances(a, a), distances(b, b)) == pytest.approx(expected)


@pytest.mark.parametrize("apart", [0, 0.5, 2])
def test_beyond_same_net_covers_the_true_excess(apart):
    draw, intervals = random(1), []
    for _ in range(400):
        a, b = draw.normal(size=(10, 5)), draw.normal(size=(10, 5))
        b[:, 0] += apart
        intervals.append(mean_interval(beyond_same_net(distances(a, b), distances(a, a), distances(b, b))))
    assert 0.9 <= coverage(intervals, apart**2) <= 1


@pytest.mark.parametrize("n", [1, 2])
def test_beyond_same_net_needs_three_seeds(n):
    assert np.isnan(beyond_same_net(*np.ones((3, n, n)))).all()


def kappa_by_hand(a, b):
    """Cohen's kappa of two runs, from its definition."""
    observed, chance = np.mean(a == b), a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    return (observed - chance) / (1 - chance) if chance < 1 else math.nan


def test_kappa_worked_by_hand():
    # 20 both, 5 only a, 10 only b, 15 neither: 0.7 observed, 0.5 * 0.6 + 0.5 * 0.4 = 0.5 expected
    a, b = np.repeat([1, 1, 0, 0], [20, 5, 10, 15]), np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert kappa_matrix(np.array([a, b])) == pytest.approx(np.array([[1, 0.4], [0.4, 1]]))


@pytest.mark.parametrize(
    ("wrong_a", "wrong_b", "kappa"),
    [
        ([0, 0, 0], [0, 0, 0], math.nan),
        ([1, 1, 1], [1, 1, 1], math.nan),
        ([0], [1], 0),
        ([0, 0, 0], [0, 1, 0], 0),
        ([0, 1, 1], [0, 1, 1], 1),
        ([0, 1], [1, 0], -1),
    ],
)
def test_kappa_at_the_edges(wrong_a, wrong_b, kappa):
    assert kappa_matrix(np.array([wrong_a, wrong_b]))[0, 1] == pytest.approx(kappa, nan_ok=True)


def test_kappa_of_many_runs_is_that_of_each_pair():
    wrong = random().random((4, 50)) < 0.3
    wrong[3] = False
    matrix = kappa_matrix(wrong)
    for i, j in itertools.product(range(4), repeat=2):
        assert matrix[i, j] == pytest.approx(kappa_by_hand(wrong[i], wrong[j]), nan_ok=True)
    assert math.isnan(matrix[3, 3])
    assert matrix[0, 3] == 0


def test_pitman_morgan_is_the_test_of_a_correlation():
    a, b = random().normal(size=(2, 12))
    r = np.corrcoef(a + b, a - b)[0, 1]
    t = r * math.sqrt(10 / (1 - r**2))
    assert pitman_morgan_p(a, b) == pytest.approx(2 * stats.t.sf(abs(t), 10))
    assert pitman_morgan_p(a, b) == pytest.approx(pitman_morgan_p(b, a + 7))


def test_pitman_morgan_is_exact_for_correlated_pairs():
    draw = random(2)
    pairs = draw.multivariate_normal([0, 3], [[1, 0.8], [0.8, 1]], size=(2000, 8))
    assert np.mean([pitman_morgan_p(*pair.T) < 0.05 for pair in pairs]) == pytest.approx(0.05, abs=0.015)
    assert pitman_morgan_p(pairs[0, :, 0], 20 * pairs[1, :, 0]) < 0.001


@pytest.mark.parametrize(("a", "b"), [([1], [2]), ([1, 2], [2, 1]), ([1, 1, 1], [2, 2, 2]), ([1, 2, 3], [1, 2, 3])])
def test_pitman_morgan_is_not_defined_for_few_or_constant_values(a, b):
    assert math.isnan(pitman_morgan_p(a, b))


def test_equal_frequency_bins_by_hand():
    binned = equal_frequency_bins(np.array([0.9, 0.2, 0.6, 0.4, 1.0]), np.array([1, 0, 0, 1, 1]), most=3, fewest=2)
    assert binned.images.tolist() == [3, 2]
    np.testing.assert_allclose(binned.confidence, [0.4, 0.95])
    np.testing.assert_allclose(binned.accuracy, [1 / 3, 1])
    assert equal_frequency_bins(np.array([0.9]), np.array([1])).images.tolist() == [1]


def test_calibration_bins_by_hand():
    binned = calibration_bins([0.1, 0.5, 0.6, 1.0], [0, 1, 0, 1], bins=2)
    assert list(binned.images) == [2, 2]  # 0.5 is the upper edge of the first
    assert list(binned.confidence) == pytest.approx([0.3, 0.8])
    assert list(binned.accuracy) == [0.5, 0.5]
    empty = calibration_bins([0.9], [1], bins=3)
    assert list(empty.images) == [0, 0, 1]
    assert np.isnan(empty.accuracy[:2]).all()
