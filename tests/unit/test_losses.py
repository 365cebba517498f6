"""The losses in float64, against formulas of the paper worked by hand or written out with exp and sums."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from dark_knowledge.training.losses import distillation_losses, learn_from_labels, learn_from_teacher
from dark_knowledge.training.soft_losses import hinton

CLASSES = 10


def draw(*shape: int, seed: int = 0, scale: float = 3.0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(scale=scale, size=shape))


def softmax(logits: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    powers = torch.exp(logits / temperature)
    return powers / powers.sum(1, keepdim=True)


def gradient(loss, logits: torch.Tensor) -> torch.Tensor:
    logits = logits.clone().requires_grad_()
    loss(logits).backward()
    return logits.grad


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
@pytest.mark.parametrize("batch", [1, 7])
def test_soft_gradient_is_the_papers(temperature, batch):
    student, teacher = draw(batch, CLASSES), draw(batch, CLASSES, seed=1)
    found = gradient(lambda z: hinton(z, teacher, temperature), student)
    per_example = (softmax(student, temperature) - softmax(teacher, temperature)) / temperature
    torch.testing.assert_close(found, temperature**2 * per_example / batch, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
def test_soft_loss_is_the_sum_over_classes(temperature):
    student, teacher = draw(5, CLASSES), draw(5, CLASSES, seed=1)
    p, q = softmax(teacher, temperature), softmax(student, temperature)
    expected = temperature**2 * (p * torch.log(p / q)).sum() / 5
    torch.testing.assert_close(hinton(student, teacher, temperature), expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 8.0])
def test_soft_loss_worked_by_hand(temperature):
    student = torch.tensor([[temperature * math.log(3), 0.0]], dtype=torch.float64)  # probabilities 3/4 and 1/4
    teacher = torch.zeros(1, 2, dtype=torch.float64)  # 1/2 and 1/2
    expected = temperature**2 * math.log(4 / 3) / 2
    assert hinton(student, teacher, temperature).item() == pytest.approx(expected, rel=1e-12)


def test_soft_gradient_matches_logits_at_high_temperature():
    student, teacher = draw(4, CLASSES), draw(4, CLASSES, seed=1)
    student, teacher = (logits - logits.mean(1, keepdim=True) for logits in (student, teacher))
    found = 4 * gradient(lambda z: hinton(z, teacher, 1e5), student)
    torch.testing.assert_close(found, (student - teacher) / CLASSES, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("hard_weight", "other"), [(0.0, "hard"), (1.0, "soft")])
def test_weight_zero_or_one_leaves_one_term(hard_weight, other):
    student, teacher, labels = draw(6, CLASSES), draw(6, CLASSES, seed=1), torch.arange(6)
    changed = {"hard": (labels + 1, teacher), "soft": (labels, teacher + draw(6, CLASSES, seed=2))}[other]
    both = [
        gradient(
            lambda z, y=y, v=v: distillation_losses(z, y, v, temperature=4, hard_weight=hard_weight).total, student
        )
        for y, v in ((labels, teacher), changed)
    ]
    assert torch.equal(both[0], both[1])
    assert both[0].abs().max() > 0.01


def test_terms_are_weighted_and_reported_unweighted():
    student, teacher, labels = draw(6, CLASSES), draw(6, CLASSES, seed=1), torch.arange(6)
    losses = distillation_losses(student, labels, teacher, temperature=3, hard_weight=0.25)
    hard = -torch.log(softmax(student)[torch.arange(6), labels]).mean()
    p, q = softmax(teacher, 3), softmax(student, 3)
    soft = 9 * (p * torch.log(p / q)).sum() / 6
    torch.testing.assert_close(losses.hard, hard)
    torch.testing.assert_close(losses.soft, soft)
    torch.testing.assert_close(losses.total, 0.25 * hard + 0.75 * soft)


def test_one_hot_teacher_at_temperature_one_is_cross_entropy():
    student, labels = draw(6, CLASSES), torch.arange(6)
    teacher = 60.0 * torch.eye(CLASSES, dtype=torch.float64)[labels]
    torch.testing.assert_close(hinton(student, teacher, 1.0), cross_entropy(student, labels))
    torch.testing.assert_close(
        gradient(lambda z: hinton(z, teacher, 1.0), student),
        gradient(lambda z: cross_entropy(z, labels), student),
    )


def test_shifted_logits_leave_the_losses():
    student, teacher, labels = draw(6, CLASSES), draw(6, CLASSES, seed=1), torch.arange(6)
    settings = {"temperature": 4, "hard_weight": 0.3}
    plain = distillation_losses(student, labels, teacher, **settings)
    shifted = distillation_losses(student + draw(6, 1, seed=2), labels, teacher + draw(6, 1, seed=3), **settings)
    torch.testing.assert_close(torch.stack(plain), torch.stack(shifted), rtol=1e-10, atol=1e-12)


def test_a_perfect_match_costs_nothing():
    logits = draw(6, CLASSES)
    assert hinton(logits, logits + 1, 4.0).item() == pytest.approx(0, abs=1e-12)


def test_extreme_logits_stay_finite():
    student = torch.tensor([[1e4, -1e4, 0.0]])
    teacher = torch.tensor([[-65504.0, 65504.0, 0.0]])
    losses = distillation_losses(student, torch.tensor([1]), teacher, temperature=1, hard_weight=0.1)
    assert torch.isfinite(torch.stack(losses)).all()


def test_labels_supervise_the_images_of_the_batch():
    labels, logits = torch.tensor([0, 1, 0, 1]), torch.tensor([[math.log(3), 0.0], [math.log(3), 0.0]])
    losses = learn_from_labels(labels, 0)(logits, 0, torch.tensor([2, 1]))  # labels 0 and 1: -log 3/4 and -log 1/4
    assert losses.total.item() == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)
    assert losses.soft is None


def test_label_smoothing_worked_by_hand():
    logits = torch.tensor([[math.log(3), 0.0]])  # target 0.9 and 0.1
    loss = learn_from_labels(torch.tensor([0]), 0.2)(logits, 0, torch.tensor([0])).total
    assert loss.item() == pytest.approx(0.9 * math.log(4 / 3) + 0.1 * math.log(4))


def test_teacher_row_is_that_of_epoch_and_image():
    stored = torch.zeros(2, 3, 2, dtype=torch.float16)
    stored[1, 2] = torch.tensor([20.0, 0.0])
    supervision = learn_from_teacher(torch.zeros(3, dtype=torch.long), stored, temperature=1, hard_weight=0)
    logits = torch.zeros(1, 2)  # KL is log 2 from a sure teacher, 0 from an undecided one
    found = {(e, i): supervision(logits, e, torch.tensor([i])).total.item() for e in range(2) for i in range(3)}
    assert found.pop((1, 2)) == pytest.approx(math.log(2), abs=1e-6)
    assert list(found.values()) == pytest.approx([0] * 5, abs=1e-7)


def test_label_smoothing_reaches_a_students_hard_term():
    logits, label = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([2])
    supervision = learn_from_teacher(label, logits[None], temperature=2, hard_weight=1, label_smoothing=0.3)
    wanted = 0.7 * cross_entropy(logits, label) - 0.3 * logits.log_softmax(1).mean()
    torch.testing.assert_close(supervision(logits, 0, torch.tensor([0])).total, wanted)


def test_shuffled_rows_are_those_of_the_partners_at_every_epoch_and_nothing_is_copied():
    labels, stored = torch.tensor([0, 1, 2]), torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(0))
    rows, index, logits = torch.tensor([2, 0, 1]), torch.tensor([1, 2]), torch.zeros(2, 4)
    settings = {"temperature": 2.0, "hard_weight": 0.1}
    shuffled = learn_from_teacher(labels, stored.expand(5, -1, -1), rows=rows, **settings)
    copied = learn_from_teacher(labels, stored[:, rows], **settings)
    for epoch in range(5):
        assert torch.equal(shuffled(logits, epoch, index).total, copied(logits, 0, index).total)
