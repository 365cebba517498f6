"""How numbers are written for readers."""

import math

import numpy as np
import pytest

from dark_knowledge.analysis import formats


@pytest.mark.parametrize(
    ("mean", "high", "shown"),
    [
        (93.123, 93.4, "93.12 ± 0.28"),
        (93.123, None, "93.12"),
        (-0.1, 0.1, "\N{MINUS SIGN}0.10 ± 0.20"),
        (None, None, formats.NO_NUMBER),
    ],
)
def test_intervals_are_shown_as_half_widths(mean, high, shown):
    assert formats.show_interval(mean, high) == shown


@pytest.mark.parametrize(
    ("value", "signed", "shown"),
    [
        (0.314, True, "+0.31"),
        (-0.314, True, "\N{MINUS SIGN}0.31"),
        (-0.001, True, "0.00"),
        (np.float64(0.015), True, "+0.01"),
        (0.314, False, "0.31"),
    ],
)
def test_numbers_have_a_true_minus_and_zero_no_sign(value, signed, shown):
    assert formats.show_number(value, 2, signed=signed) == shown


def test_differences_are_shown_with_their_sign():
    assert formats.show_difference(0.31, 0.61) == "+0.31 ± 0.30"
    assert formats.show_difference(-1.0, None, 1) == "\N{MINUS SIGN}1.0"
    assert formats.show_difference(None, None) == formats.NO_NUMBER


@pytest.mark.parametrize(("p", "shown"), [(0.25, "0.250"), (0.0002, "< 0.001"), (None, formats.NO_NUMBER)])
def test_p_values_are_shown_with_three_decimals(p, shown):
    assert formats.show_p(p) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0123456, "0.0123"),
        (1.2345, "1.23"),
        (869.013, "869"),
        (18234.5, "18234"),
        (0, "0"),
        (math.nan, formats.NO_NUMBER),
    ],
)
def test_three_digits_say_something(value, shown):
    assert formats.show_significant(math.nan) == formats.NO_NUMBER
    assert formats.show_significant(value) == shown
    if value > 0:
        assert formats.show_significant(value, signed=True) == f"+{shown}"
        assert formats.show_significant(-value) == f"\N{MINUS SIGN}{shown}"
