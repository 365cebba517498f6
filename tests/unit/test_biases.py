"""Shifts of class biases, on cases worked by hand and against a search over all shifts."""

import numpy as np
import pytest
from scipy.special import softmax

from dark_knowledge.biases import oracle_shift, prior_shift, shifted


def errors(logits, labels) -> int:
    return int((logits.argmax(1) != labels).sum())


def test_a_shift_moves_its_classes_alone():
    logits = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert shifted(logits, [0, 2], 0.5).tolist() == [[1.5, 2.0, 3.5], [4.5, 5.0, 6.5]]
    assert logits[0, 0] == 1


def test_the_oracle_finds_a_constructed_bias():
    # Class 2 lost 3 on its logit: without the loss every image is right, by a margin of 1.
    labels = np.array([0, 1, 2, 2, 0])
    logits = np.eye(3)[labels] - np.array([0, 0, 3.0])
    assert errors(logits, labels) == 2
    shift = oracle_shift(logits, labels, [2])
    assert 2 < shift < 4
    assert errors(shifted(logits, [2], shift), labels) == 0


def test_without_anything_to_gain_the_oracle_leaves_the_biases_alone():
    labels = np.array([0, 1, 2])
    assert oracle_shift(5 * np.eye(3)[labels], labels, [1]) == 0


@pytest.mark.parametrize("classes", [[3], [7, 8], [0, 4, 5]])
@pytest.mark.parametrize("seed", range(5))
def test_no_shift_beats_the_oracle(classes, seed):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, 200)
    logits = np.round(random.normal(size=(200, 10)) + 2 * np.eye(10)[labels], 1)  # rounded, so that gaps tie
    found = errors(shifted(logits, classes, oracle_shift(logits, labels, classes)), labels)
    assert found == min(errors(shifted(logits, classes, shift), labels) for shift in np.arange(-15, 15, 0.05) + 0.025)


def test_the_prior_is_met():
    random = np.random.default_rng(0)
    logits = random.normal(scale=4, size=(500, 10)) - 7.6 * np.isin(np.arange(10), [7, 8])
    shift = prior_shift(logits, [7, 8], 0.2)
    assert softmax(shifted(logits, [7, 8], shift), axis=1)[:, [7, 8]].sum(1).mean() == pytest.approx(0.2)


def test_the_prior_is_met_where_a_class_has_almost_no_mass():
    logits = np.zeros((4, 3)) - np.array([0, 0, 60.0])
    assert prior_shift(logits, [2], 1 / 3) == pytest.approx(60)
