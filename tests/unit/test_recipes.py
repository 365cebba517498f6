"""The learning rate's course."""

from itertools import pairwise

import pytest

from dark_knowledge.training.recipes import one_cycle


def course(steps: int, warmup: float, peak: float = 1.0) -> list[float]:
    return [one_cycle(step, steps, peak, warmup) for step in range(steps)]


def test_worked_by_hand():
    expected = [0.25, 0.5, 0.75, 1, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7]  # zero would come one step later
    assert course(10, 0.4) == pytest.approx(expected)


def test_peak_scales_the_course():
    assert course(10, 0.4, peak=0.3) == pytest.approx([0.3 * rate for rate in course(10, 0.4)])


def test_no_warmup_starts_at_the_peak():
    assert course(4, 0) == pytest.approx([1, 0.75, 0.5, 0.25])


def test_full_warmup_ends_at_the_peak():
    assert course(4, 1) == pytest.approx([0.25, 0.5, 0.75, 1])


@pytest.mark.parametrize("steps", [1, 2, 7, 33, 500])
@pytest.mark.parametrize("warmup", [0, 0.01, 0.2, 0.5, 0.9, 1])
def test_climbs_then_falls_within_its_bounds(steps, warmup):
    rates = course(steps, warmup)
    top = rates.index(max(rates))
    assert all(low < high for low, high in pairwise(rates[: top + 1]))
    assert all(high > low for high, low in pairwise(rates[top:]))
    assert min(rates) > 0
    assert abs(top + 1 - warmup * steps) <= 1


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0.2), (3, 0.5), (7, 0.2), (33, 0.3), (4290, 0.2)])
def test_peak_is_reached(steps, warmup):
    assert max(course(steps, warmup)) == pytest.approx(1)
