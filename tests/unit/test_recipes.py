"""The learning rate's course."""

from dataclasses import MISSING, fields
from itertools import pairwise

import pytest
import yaml

from dark_knowledge.training.recipes import Recipe, learning_rate, one_cycle


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


def rates(recipe, steps: int, **settings) -> list[float]:
    """The learning rates of all steps, with a peak of 1."""
    settings = recipe(learning_rate=1.0, **settings)
    return [learning_rate(settings, step, steps) for step in range(steps)]


def test_without_a_schedule_it_is_one_cycle_to_the_last_bit(recipe):
    assert rates(recipe, 500, epochs=5, warmup=0.3) == course(500, 0.3)


def test_constant(recipe):
    assert rates(recipe, 6, epochs=3, warmup=0, schedule="constant") == [1] * 6
    assert rates(recipe, 6, epochs=3, warmup=0.5, schedule="constant") == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 1])


def test_steps_change_with_the_epoch_that_follows_so_many(recipe):
    found = rates(recipe, 12, epochs=6, warmup=0, schedule="steps", milestones=[2, 5], decay=0.2)
    assert found == pytest.approx([1] * 4 + [0.2] * 6 + [0.04] * 2)


def test_cosine_worked_by_hand(recipe):
    # After the step at the peak, 1, come four more of five: (1 + cos(k pi / 5)) / 2, with 0 one step later.
    found = rates(recipe, 6, epochs=3, warmup=1 / 3, schedule="cosine")
    assert found == pytest.approx([0.5, 1, 0.904508, 0.654508, 0.345492, 0.095492], abs=1e-6)


def test_cosine_with_full_warmup_never_falls(recipe):
    assert rates(recipe, 4, epochs=2, warmup=1, schedule="cosine") == pytest.approx([0.25, 0.5, 0.75, 1])


def test_a_training_follows_its_schedule(run):
    _, progress = run(epochs=3, warmup=0, schedule="steps", milestones=[1], decay=0.5, learning_rate=0.02)
    assert [row["learning_rate"] for row in progress.history] == pytest.approx([0.02, 0.01, 0.01])


def test_the_schema_names_the_defaults(root):
    schema = yaml.safe_load((root / "workflow" / "schemas" / "config.schema.yaml").read_text(encoding="utf-8"))
    keys = schema["$defs"]["recipe"]["properties"]
    optional = {field.name: field.default for field in fields(Recipe) if field.default is not MISSING}
    assert optional.pop("milestones") == ()  # which the schema does not allow
    assert {key: settings["default"] for key, settings in keys.items() if "default" in settings} == optional
