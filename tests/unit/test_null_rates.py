"""Under the null, each test of a claim says "supported" or "contradicted" in at most 5 % of studies.

Studies are simulated with realistic errors: hard images, of which two nets share some, runs that answer most of them
wrong and few others, classes of uneven difficulty, and seeds that differ in the classes they find difficult.

So few studies as are tried here would show a test that says so in 15 %. In 2,000 studies of 145 errors a net, with
no or all hard images shared, it was 4.3 or 4.4 % for accuracy, 4.8 or 4.3 % for a class's share, 3.5 or 4.3 % for
evenness (0c49d55).
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import optimize, stats

from dark_knowledge.analysis import image_noise
from dark_knowledge.analysis.measures import gini, jensen_shannon, kappa_matrix, shares
from dark_knowledge.analysis.statistics import beyond_same_net, mcnemar, sign_flip_p

DIFFICULTY = np.array([4, 3, 12, 8, 11, 8, 7, 12, 15, 20]) / 100  # share of each class in the errors of a net
CLASSES, SEEDS, LEVEL, LIMIT = 10, 10, 0.05, 0.05**2


def wrong_answers(
    draw: np.random.Generator,
    errors: tuple[float, float],
    shared: float,
    difficulty: np.ndarray = DIFFICULTY,
    spread: float = 0.15,
    seeds: int = SEEDS,
) -> tuple[np.ndarray, np.ndarray]:
    """Wrong answers [2, seeds, images] of two nets that make so many `errors` on average, and the images' labels.

    `difficulty` [classes] or [2, classes], a net's own; `spread`, of the seeds' log difficulties. Of a net's
    hard images the share `shared` is the other's too.
    """
    images = 400 if max(errors) < 100 else 10_000
    labels = np.arange(images) % CLASSES
    common, wrong = draw.random(images), []
    for mean_errors, of_class in zip(errors, np.broadcast_to(difficulty, (2, CLASSES)), strict=True):
        rate = mean_errors * of_class[labels] * CLASSES / images
        hard = np.where(draw.random(images) < shared, common, draw.random(images)) < 1.1 * rate
        of_seed = np.exp(draw.normal(0, spread, size=(seeds, CLASSES)))[:, labels]
        wrong.append(draw.random((seeds, images)) < of_seed * np.where(hard, 0.7, 0.23 * rate))
    return np.array(wrong), labels


def rate(p: Callable[[np.random.Generator], float], studies: int) -> float:
    """Share of simulated studies with a p of at most 0.05; a p that is not defined decides nothing."""
    draw = np.random.default_rng(0)
    return np.mean([p(draw) <= LEVEL for _ in range(studies)])


def at_most_the_level(found: float, studies: int) -> bool:
    """Whether a rate so high is to be expected (above 1 %) where the true one is the level."""
    return stats.binom.sf(round(found * studies) - 1, studies, LEVEL) > 0.01


def difference_p(values: np.ndarray, noise: np.ndarray) -> float:
    return image_noise.seeds_and_images(values, noise).p


def accuracy_p(wrong: np.ndarray, labels: np.ndarray) -> float:
    change = wrong[0].astype(float) - wrong[1]
    return difference_p(change.sum(axis=1), image_noise.flipped_images(change))


def class_errors_p(wrong: np.ndarray, labels: np.ndarray) -> float:
    return accuracy_p(wrong[..., labels == 9], labels)


def of_images(wrong: np.ndarray) -> float:
    return np.sqrt(image_noise.share_of_images(image_noise.share_differences(wrong)))


def class_share_p(wrong: np.ndarray, labels: np.ndarray) -> float:
    counts = image_noise.class_counts(wrong, labels, CLASSES)
    permuted = image_noise.permuted_counts(wrong, labels, CLASSES)
    of_seed, noise = shares(counts)[..., 9], shares(permuted)[..., 9].mean(axis=-1)
    return difference_p(of_seed[0] - of_seed[1], of_images(wrong) * (noise[:, 0] - noise[:, 1]))


def evenness_p(wrong: np.ndarray, labels: np.ndarray) -> float:
    counts = image_noise.class_counts(wrong, labels, CLASSES)
    thinned = gini(image_noise.at_equal_counts(np.broadcast_to(counts, (50, *counts.shape)))).mean(axis=0)
    noise = gini(image_noise.at_equal_counts(image_noise.permuted_counts(wrong, labels, CLASSES))).mean(axis=-1)
    return difference_p(thinned[0] - thinned[1], of_images(wrong) * (noise[:, 0] - noise[:, 1]))


def distance_p(wrong: np.ndarray, labels: np.ndarray) -> float:
    return image_noise.class_distance(*wrong, labels, CLASSES, LIMIT)[0].p


def at_the_limit(draw: np.random.Generator) -> np.ndarray:
    """Two nets' difficulties [2, classes] whose squared Jensen-Shannon distance is the limit, in a random direction."""
    direction = draw.normal(size=CLASSES)

    def pair(size: float) -> np.ndarray:
        both = np.clip(DIFFICULTY * (1 + size * np.array([[1], [-1]]) * direction), 1e-4, None)
        return both / both.sum(axis=1, keepdims=True)

    return pair(optimize.brentq(lambda size: jensen_shannon(*pair(size)) ** 2 - LIMIT, 0, 1, xtol=1e-3))


def distance_of(draw: np.random.Generator, errors: tuple, shared: float, difficulty: np.ndarray) -> float:
    return distance_p(*wrong_answers(draw, errors, shared, difficulty))


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch):
    monkeypatch.setattr(image_noise, "DRAWS", 300)


FEW = [(3, 3), (25, 25)]
MANY = [pytest.param((145, 145), marks=pytest.mark.slow), pytest.param((700, 700), marks=pytest.mark.slow)]


@pytest.mark.parametrize("shared", [0, 1])
@pytest.mark.parametrize("errors", FEW + MANY)
@pytest.mark.parametrize("p", [accuracy_p, class_errors_p])
def test_nets_that_err_as_often_are_seldom_told_apart(p, errors, shared):
    assert at_most_the_level(rate(lambda draw: p(*wrong_answers(draw, errors, shared)), 50), 50)


@pytest.mark.parametrize("shared", [0, 1])
@pytest.mark.parametrize(
    "errors", [*FEW, (25, 3), *MANY, *(pytest.param(e, marks=pytest.mark.slow) for e in ((94, 145), (500, 700)))]
)
@pytest.mark.parametrize("p", [class_share_p, evenness_p])
def test_errors_of_one_distribution_are_seldom_told_apart_whatever_their_number(p, errors, shared):
    assert at_most_the_level(rate(lambda draw: p(*wrong_answers(draw, errors, shared)), 40), 40)


@pytest.mark.parametrize("shared", [0, 1])
@pytest.mark.parametrize("errors", [*FEW, (3, 25), (73, 145), *MANY])
def test_a_distance_at_the_limit_is_seldom_judged(errors, shared):
    found = rate(lambda draw: distance_of(draw, errors, shared, at_the_limit(draw)), 60)
    assert at_most_the_level(found, 60)


@pytest.mark.parametrize("errors", [*FEW, (3, 25), (73, 145), *MANY])
def test_one_distribution_is_hardly_ever_called_two(errors):
    """Teacher and baseline share no hard images here, which two seeds of one net do."""
    draw = np.random.default_rng(0)
    tested = [
        image_noise.class_distance(*(own := wrong_answers(draw, errors, 0))[0], own[1], CLASSES, LIMIT)
        for _ in range(100)
    ]
    called_two = [of.p <= LEVEL and observed - noise > LIMIT for of, observed, noise in tested]
    assert np.mean(called_two) <= 0.05


@pytest.mark.parametrize(("mean_errors", "images"), [(3, 400), (25, 400), (145, 10_000), (700, 10_000)])
@pytest.mark.parametrize("n", [5, 10])
def test_sign_flips_of_whole_errors_keep_their_level(mean_errors, images, n):
    def p(draw: np.random.Generator) -> float:
        accuracy = 100 * (1 - draw.binomial(images, mean_errors / images, size=(2, n)) / images)
        return sign_flip_p(accuracy[0] - accuracy[1])

    assert at_most_the_level(rate(p, 300), 300)


@pytest.mark.parametrize("errors", [3, 25, 145, 700])
def test_two_halves_of_the_runs_of_one_net_are_seldom_called_two_nets(errors):
    """By kappa beyond two seeds of one net, of the sets of wrong images."""

    def p(draw: np.random.Generator) -> float:
        (wrong, _), _ = wrong_answers(draw, (errors, errors), 1, seeds=2 * SEEDS)
        kappa = kappa_matrix(wrong)
        a, b = slice(None, SEEDS), slice(SEEDS, None)
        return sign_flip_p(beyond_same_net(kappa[a, b], kappa[a, a], kappa[b, b]))

    assert at_most_the_level(rate(p, 60), 60)


@pytest.mark.parametrize(("mean_errors", "images"), [(3, 400), (25, 400), (145, 10_000), (700, 10_000)])
def test_mcnemars_exact_test_keeps_its_level(mean_errors, images):
    def p(draw: np.random.Generator) -> float:
        return mcnemar(*(draw.random((2, images)) < mean_errors / images)).exact_p

    assert at_most_the_level(rate(p, 300), 300)


# What is there is found.


def test_a_lead_of_fifty_errors_is_found():
    p = [accuracy_p(*wrong_answers(np.random.default_rng(seed), (94, 145), 0.7)) for seed in range(20)]
    assert np.mean(np.array(p) <= LEVEL) > 0.8


def test_a_class_mended_alone_is_found_in_its_share():
    mended = np.array([DIFFICULTY, DIFFICULTY])
    mended[0, 9] /= 8
    p = [
        class_share_p(*wrong_answers(np.random.default_rng(seed), (145, 145), 0.7, mended / mended.sum(1)[:, None]))
        for seed in range(10)
    ]
    assert np.mean(np.array(p) <= LEVEL) > 0.8


def test_even_errors_are_found_at_another_number_of_errors():
    even = np.array([np.full(CLASSES, 0.1), np.repeat([0.02, 0.18], 5)])
    p = [evenness_p(*wrong_answers(np.random.default_rng(seed), (94, 145), 0.7, even)) for seed in range(10)]
    assert np.mean(np.array(p) <= LEVEL) > 0.8


@pytest.mark.parametrize(
    ("errors", "difficulty", "far"),
    [
        ((145, 145), np.array([np.full(CLASSES, 0.1), np.repeat([0.02, 0.18], 5)]), True),
        ((700, 700), DIFFICULTY, False),
    ],
)
def test_far_and_near_distributions_are_found_so(errors, difficulty, far):
    tested, observed, noise = image_noise.class_distance(
        *(own := wrong_answers(np.random.default_rng(0), errors, 1, difficulty, spread=0.03))[0], own[1], CLASSES, LIMIT
    )
    assert tested.p <= LEVEL
    assert (observed - noise > LIMIT) == far
    assert (tested.interval.low > LIMIT) == far == (tested.interval.high > LIMIT)


def test_three_errors_against_twenty_five_are_no_evidence_of_difference():
    found = [distance_p(*wrong_answers(np.random.default_rng(seed), (3, 25), 1, DIFFICULTY)) for seed in range(50)]
    assert np.nanmin(found) > LEVEL
