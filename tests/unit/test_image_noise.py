"""Tests over seeds and images, against the tests that they become where one of the two noises is away."""

import math

import numpy as np
import pytest
from scipy import stats

from dark_knowledge.analysis.image_noise import class_distance, flipped_images, seeds_and_images
from dark_knowledge.analysis.statistics import mean_interval, sign_flip_p

CLASSES = 4


def test_without_noise_of_images_it_is_students_t_and_never_below_the_sign_flip():
    draw, still, larger = np.random.default_rng(0), np.zeros(100_000), set()
    for n, reference in ((4, 0), (8, 0), (8, 0.5), (12, 0.3)):
        values = draw.normal(1, 1, n)
        interval, p = seeds_and_images(values, still, reference)
        of_t, flipped = stats.ttest_1samp(values, reference).pvalue, sign_flip_p(values - reference)
        assert interval[:3] == pytest.approx(mean_interval(values)[:3], rel=1e-3)
        assert p == pytest.approx(max(of_t, flipped), rel=1e-3, abs=2e-5)
        larger.add(of_t > flipped)
    assert larger == {True, False}


def test_one_seed_has_neither_interval_nor_p():
    interval, p = seeds_and_images([2.0], np.linspace(-1, 1, 100))
    assert interval.mean == 2
    assert all(map(math.isnan, (interval.low, interval.high, p)))


def test_signs_flipped_by_image_vary_as_the_mean_over_the_seeds():
    differences = np.random.default_rng(1).integers(-1, 2, size=(5, 60))
    noise = flipped_images(differences)
    assert noise.var() == pytest.approx((differences.mean(axis=0) ** 2).sum(), rel=0.1)


@pytest.fixture
def wrong():
    """Two nets' wrong answers [2, seeds, images] with the images' labels; they are hard on other classes."""
    draw, labels = np.random.default_rng(2), np.arange(800) % CLASSES
    rates = np.array([[0.02, 0.05, 0.1, 0.2], [0.2, 0.1, 0.05, 0.02]])
    return draw.random((2, 6, len(labels))) < rates[:, labels][:, None], labels


def distance(wrong, labels, reference=0.0):
    return class_distance(*wrong, labels, CLASSES, reference)


def test_the_ends_of_a_distances_interval_are_where_p_is_five_percent(wrong):
    interval = distance(*wrong)[0].interval
    assert interval.low > 0
    for end in (interval.low, interval.high):
        assert distance(*wrong, reference=end)[0].p == pytest.approx(0.05, rel=1e-3)


def test_more_seeds_of_the_same_spread_take_their_part_of_the_noise_away(wrong):
    answers, labels = wrong
    counts = answers @ np.eye(CLASSES)[labels]
    of_all = np.bincount(labels[answers.any(axis=(0, 1))], minlength=CLASSES)
    shares = counts / counts.sum(axis=-1, keepdims=True)
    spread = (np.var(shares[0] - shares[1], axis=0, ddof=1) / (of_all / of_all.sum())).sum()
    (*_, once), (*_, twice) = distance(answers, labels), distance(np.tile(answers, (1, 2, 1)), labels)
    n = answers.shape[1]
    twice_spread = spread * 2 * (n - 1) / (2 * n - 1)  # of the same values twice
    assert 8 * math.log(2) * (once - twice) == pytest.approx(spread / n - twice_spread / (2 * n))
