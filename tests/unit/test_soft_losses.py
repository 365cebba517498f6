"""Losses of the soft targets, in float64: identities between them, and numbers worked by hand."""

import math
from functools import partial

import pytest
import torch

from dark_knowledge.study.signatures import SOFT_LOSSES, functions_in
from dark_knowledge.training.losses import distillation_losses, soft_loss_of
from dark_knowledge.training.soft_losses import (
    decoupled,
    dist,
    hinton,
    reverse_kl,
    squared_error,
    standardised,
    symmetric_kl,
)

LABELS = torch.tensor([3, 0, 9, 9, 1, 5])
LOG = math.log


def draw(seed: int) -> torch.Tensor:
    return 3 * torch.randn(6, 10, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


STUDENT, TEACHER = draw(0), draw(1)
NAMES = sorted(functions_in(SOFT_LOSSES))


def logits(*probabilities: float) -> torch.Tensor:
    """One image's logits with probabilities at T = 1 in these proportions."""
    return torch.tensor([probabilities], dtype=torch.float64).log()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("temperature", [1, 4.0])
def test_a_perfect_match_is_zero_and_anything_else_is_more(name, temperature):
    loss = soft_loss_of({"function": name})
    assert loss(TEACHER, TEACHER, temperature, LABELS).item() == pytest.approx(0, abs=1e-12)
    assert loss(STUDENT, TEACHER, temperature, LABELS).item() > 0.01
    start = TEACHER.clone().requires_grad_()
    loss(start, TEACHER, temperature, LABELS).backward()
    assert start.grad.abs().max() < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_descent_reaches_the_teachers_own_order_of_classes(name):
    student = torch.zeros_like(TEACHER).add_(0.01 * draw(2)).requires_grad_()
    optimiser = torch.optim.Adam([student], lr=0.1)
    for _ in range(300):
        loss = soft_loss_of({"function": name})(student, TEACHER, 2.0, LABELS)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.05
    assert (student.argmax(1) == TEACHER.argmax(1)).all()


@pytest.mark.parametrize("name", NAMES)
def test_logits_beyond_all_measure_stay_finite(name):
    student = torch.tensor([[1e4, -1e4, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)
    teacher = torch.tensor([[-65504.0, 65504.0, 0.0], [1.0, 1.0, 1.0]])
    loss = soft_loss_of({"function": name})(student, teacher, 1, torch.tensor([1, 0]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(student.grad).all()


@pytest.mark.parametrize("temperature", [1, 2.0, 20.0])
def test_decoupled_with_beta_1_less_the_targets_probability_is_hintons(temperature):
    of_target = (TEACHER / temperature).softmax(1)[torch.arange(6), LABELS]
    found = decoupled(STUDENT, TEACHER, temperature, LABELS, alpha=1, beta=1 - of_target)
    torch.testing.assert_close(found, hinton(STUDENT, TEACHER, temperature), rtol=1e-12, atol=0)


def test_squared_error_is_hintons_at_high_temperature():
    student, teacher = (z - z.mean(1, keepdim=True) for z in (STUDENT, TEACHER))
    found = squared_error(student, teacher, 1000)
    torch.testing.assert_close(found, hinton(student, teacher, 1000), rtol=1e-3, atol=0)
    assert abs(found / hinton(student, teacher, 2) - 1) > 0.1


@pytest.mark.parametrize("temperature", [1, 4.0])
def test_standardised_does_not_see_a_shift_or_a_scale(temperature):
    found = standardised(3 * STUDENT - 7, 0.2 * TEACHER + draw(2)[:, :1], temperature)
    torch.testing.assert_close(found, standardised(STUDENT, TEACHER, temperature), rtol=1e-6, atol=0)
    assert abs(hinton(3 * STUDENT, TEACHER, temperature) / hinton(STUDENT, TEACHER, temperature) - 1) > 0.1


def test_dist_does_not_see_a_scale_of_the_probabilities_about_their_mean():
    # Probabilities p and 1/10 + (p - 1/10) / 2 correlate perfectly, by rows and by columns.
    teacher = TEACHER.softmax(1)
    student = (0.1 + (teacher - 0.1) / 2).log()
    assert dist(student, teacher.log(), 1).item() == pytest.approx(0, abs=1e-9)
    assert hinton(student, teacher.log(), 1).item() > 0.01


def test_symmetric_is_the_mean_of_both_directions_and_reverse_swaps_them():
    there, back = (loss(STUDENT, TEACHER, 3) for loss in (hinton, reverse_kl))
    torch.testing.assert_close(back, hinton(TEACHER, STUDENT, 3))
    torch.testing.assert_close(symmetric_kl(STUDENT, TEACHER, 3), (there + back) / 2)
    torch.testing.assert_close(symmetric_kl(STUDENT, TEACHER, 3), symmetric_kl(TEACHER, STUDENT, 3))
    assert abs(there / back - 1) > 0.01


BY_HAND = [
    # student 3/4 and 1/4, teacher 1/2 and 1/2
    (reverse_kl, logits(3 / 4, 1 / 4), logits(1 / 2, 1 / 2), 0.75 * LOG(1.5) - 0.25 * LOG(2)),
    (symmetric_kl, logits(3 / 4, 1 / 4), logits(1 / 2, 1 / 2), 0.25 * LOG(3) / 2),
    (squared_error, torch.tensor([[1.0, 0, 3]]), torch.tensor([[0.0, 2, 3]]), (1 + 4 + 0) / 6),
    # of the label 1/2 each; of the two others the student says 1/2 and 1/2, the teacher 4/5 and 1/5
    (partial(decoupled, alpha=5, beta=1), logits(2, 1, 1), logits(5, 4, 1), 0.8 * LOG(1.6) + 0.2 * LOG(0.4)),
    # and of the others alike, of the label 1/2 and 1/3
    (partial(decoupled, alpha=3, beta=9), logits(2, 1, 1), logits(1, 1, 1), 3 * (LOG(2 / 3) / 3 + 2 / 3 * LOG(4 / 3))),
    # centred, times 30: (2, -4, 2) and (-1, -4, 5), which correlate by 24 / sqrt(24 x 42)
    (partial(dist, beta=2, gamma=0), logits(4, 2, 4), logits(3, 2, 5), 2 * (1 - 24 / math.sqrt(24 * 42))),
    # one image's columns are constant, and correlate by 0
    (partial(dist, beta=0, gamma=3), logits(4, 6), logits(3, 7), 3),
]


@pytest.mark.parametrize("temperature", [1, 3.0])
@pytest.mark.parametrize(("loss", "student", "teacher", "expected"), BY_HAND)
def test_worked_by_hand(loss, student, teacher, expected, temperature):
    """Logits times T have the same probabilities at T, and the loss is T squared times as large."""
    found = loss(temperature * student, temperature * teacher, temperature, torch.tensor([0]))
    assert found.item() == pytest.approx(temperature**2 * expected, rel=1e-6)


@pytest.mark.parametrize("temperature", [1, 3.0])
def test_standardised_worked_by_hand(temperature):
    """The logits become (1, 0, -1) and (0, 1, -1)."""
    found = standardised(torch.tensor([[9.0, 6, 3]]), torch.tensor([[0.0, 2, -2]]), temperature, weight=2)
    e = math.exp(1 / temperature)
    assert found.item() == pytest.approx(2 * temperature * (e - 1) / (e + 1 + 1 / e), rel=1e-6)


def test_a_loss_is_weighed_against_the_labels_as_hintons_is():
    loss = soft_loss_of({"function": "decoupled", "alpha": 2, "beta": 3})
    losses = distillation_losses(STUDENT, LABELS, TEACHER, temperature=4, hard_weight=0.25, soft_loss=loss)
    torch.testing.assert_close(losses.soft, decoupled(STUDENT, TEACHER, 4, LABELS, alpha=2, beta=3))
    torch.testing.assert_close(losses.total, 0.25 * losses.hard + 0.75 * losses.soft)
