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


@pytest.mark.parametrize("seeds", [1, 3, 10])
def test_signs_flipped_by_image_vary_as_the_images_do_whatever_single_runs_answer(seeds):
    """The chance of single runs is in the images' means, and counts with the seeds."""
    draw = np.random.default_rng(1)
    of_image = draw.normal(0, 1, 4000)
    differences = of_image + (0 if seeds == 1 else draw.normal(0, 2, (seeds, len(of_image))))
    noise = flipped_images(np.atleast_2d(differences))
    assert noise.var() == pytest.approx((of_image**2).sum(), rel=0.1)


def test_without_a_part_of_the_images_no_noise_is_theirs():
    differences = np.random.default_rng(1).choice([-1, 1], size=(5, 60))
    differences[:, ::2] *= np.resize([1, -1], (5, 1))  # each means less than chance would
    assert not flipped_images(differences).any()


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


def test_the_noise_of_a_distance_is_the_images_and_the_seeds_each_once(wrong):
    """The chance of single runs is in the images' means and in the seeds' spread; it is taken out of the former."""
    answers, labels = wrong
    n, counts, errors = answers.shape[1], answers @ np.eye(CLASSES)[labels], answers.sum(axis=-1)
    some, of_all = answers.any(axis=(0, 1)).sum(), np.bincount(labels[answers.any(axis=(0, 1))], minlength=CLASSES)
    shares = counts / counts.sum(axis=-1, keepdims=True)
    seeds = (np.var(shares[0] - shares[1], axis=0, ddof=1) / (of_all / some)).sum() / n
    by_seed = np.subtract(*(answers / errors.mean(axis=1)[:, None, None]))
    own = (by_seed.mean(axis=0) ** 2 - by_seed.var(axis=0, ddof=1) / n).sum()
    images = (CLASSES - 1) * (own * some / (some - 1) + (1 / errors.mean(axis=1) ** 2).sum())
    *_, noise = distance(answers, labels)
    assert own > 0
    assert 8 * math.log(2) * noise == pytest.approx(images + seeds)
