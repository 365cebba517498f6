"""Shifts of class biases, on cases worked by hand and against a search over all shifts."""

import numpy as np
import pytest
from scipy.special import softmax

from dark_knowledge.analysis.bias_correction import corrected_errors, oracle_shift, prior_shift, shifted


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


def test_of_equal_shifts_the_oracle_takes_the_one_nearest_to_zero():
    logits = np.array([[-4, 0], [-3, 0], [-1, 0]])  # one error below -3, and one above -1
    assert oracle_shift(logits, np.array([1, 0, 1]), [1]) == 0


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


def test_the_prior_is_met_where_a_class_has_all_the_mass():
    # As a net says that saw only the first two classes; rounding makes the mass 1 on every image.
    logits = np.array([[60.0, 0, 0], [80, 0, 0], [0, 90, 0]])
    shift = prior_shift(logits, [0, 1], 2 / 3)
    assert softmax(shifted(logits, [0, 1], shift), axis=1)[:, :2].sum(1).mean() == pytest.approx(2 / 3)
    assert -90 < shift < -60


def test_each_mend_counts_the_errors_of_every_class():
    # Class 2 lost 3 on its logit; without the loss all images are right, by a margin of 1.
    labels = np.array([0, 1, 2, 2, 0])
    logits = np.eye(3)[labels] - np.array([0, 0, 3.0])
    rows = corrected_errors(logits, labels, logits, [2], fixed=50.0, prior=0.4).set_index(["correction", "label"])
    assert rows.images.groupby("correction").agg(list).map(tuple).unique().tolist() == [(2, 1, 2)]
    errors = rows.errors.unstack()
    assert errors.loc["none"].tolist() == [0, 0, 2]
    assert errors.loc["oracle"].tolist() == errors.loc["label-free"].tolist() == [0, 0, 0]
    assert errors.loc["fixed"].tolist() == [2, 1, 0]  # far too much
    assert rows.xs(0, level="label")["shift"][["none", "fixed"]].tolist() == [0, 50]


def test_the_label_free_shift_does_not_see_the_test_images():
    labels = np.array([0, 1, 2])
    validation = np.eye(3)[labels] - np.array([0, 0, 3.0])
    shifts = [
        corrected_errors(test, labels, validation, [2], 1.0, 1 / 3)
        .set_index("correction")["shift"]["label-free"]
        .iloc[0]
        for test in (np.eye(3), np.zeros((3, 3)))
    ]
    assert shifts[0] == shifts[1] == pytest.approx(3)
