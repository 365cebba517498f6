"""Intervals, against values from a printed table of Student's t."""

import math

import pytest

from dark_knowledge.statistics import mean_interval


def test_interval_worked_by_hand():
    # mean 3, sd 1, standard error 1/sqrt(3); the table's t for 2 degrees of freedom at 97.5 % is 4.303
    interval = mean_interval([2, 3, 4])
    assert interval.mean == 3
    assert interval.high - 3 == pytest.approx(4.303 / math.sqrt(3), abs=5e-4)
    assert 3 - interval.low == pytest.approx(4.303 / math.sqrt(3), abs=5e-4)
    assert interval.n == 3


def test_confidence_sets_the_width():
    # five values of sd sqrt(2.5); the table's t for 4 degrees of freedom at 95 % is 2.132
    interval = mean_interval([1, 2, 3, 4, 5], confidence=0.9)
    assert interval.high - interval.low == pytest.approx(2 * 2.132 * math.sqrt(2.5 / 5), abs=1e-3)


def test_one_value_has_no_interval():
    interval = mean_interval([0.93])
    assert (interval.mean, interval.n) == (0.93, 1)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_equal_values_have_a_point_interval():
    assert mean_interval([0.5, 0.5])[:3] == (0.5, 0.5, 0.5)
