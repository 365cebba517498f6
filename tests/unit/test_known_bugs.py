"""Eight bugs that shipped in well-known distillation code, each with a test that it is not here."""

import dataclasses
import math

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from dark_knowledge.training.augment import epoch_views, pad_images, render
from dark_knowledge.training.losses import distillation_losses, learn_from_teacher
from dark_knowledge.training.soft_losses import hinton
from dark_knowledge.training.teacher_logits import teacher_logits_of_epoch

UNSURE = torch.tensor([[0.0, 0.0]], dtype=torch.float64)  # probabilities 1/2, 1/2
SURE = torch.tensor([[math.log(3), 0.0]], dtype=torch.float64)  # 3/4, 1/4


@pytest.fixture
def stored(data, recipe, compute, make_model):
    """An untrained teacher's logits for two epochs of seed 0."""
    teacher = make_model(9)
    return torch.stack([teacher_logits_of_epoch(teacher, data, recipe(), 0, epoch, compute) for epoch in (0, 1)])


def weights_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_1_teacher_and_student_are_not_swapped():
    right = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    swapped = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert right == pytest.approx(0.1438, abs=1e-4)
    assert swapped == pytest.approx(0.1308, abs=1e-4)
    assert hinton(SURE, UNSURE, 1.0).item() == pytest.approx(right)
    supervision = learn_from_teacher(torch.tensor([0]), UNSURE[None], temperature=1, hard_weight=0.5)
    losses = supervision(SURE.float(), 0, torch.tensor([0]))
    assert losses.soft.item() == pytest.approx(right, rel=1e-6)
    assert losses.hard.item() == pytest.approx(math.log(4 / 3), rel=1e-6)  # of the student, not of the teacher


def test_2_the_square_of_the_temperature_is_in_the_soft_term():
    def gradient(temperature: float) -> float:
        logits = SURE.clone().requires_grad_()
        distillation_losses(logits, torch.tensor([0]), UNSURE, temperature=temperature, hard_weight=0).total.backward()
        return logits.grad.norm().item()

    assert gradient(40.0) == pytest.approx(gradient(20.0), rel=0.01)  # without it, a quarter


def test_3_stored_logits_are_not_of_another_order_or_augmentation(data, recipe, compute, make_model, run):
    """A student that equals its teacher agrees with it perfectly, in each step, only on the very same views."""
    teacher = make_model(9).eval()
    stored = torch.stack([teacher_logits_of_epoch(teacher, data, recipe(), 0, epoch, compute) for epoch in (0, 1)])

    class InEvaluationMode(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = teacher

        def forward(self, images):
            self.model.eval()
            return self.model(images)

    def soft_losses(logits: torch.Tensor) -> list[float]:
        supervision = learn_from_teacher(data.train_labels, logits, temperature=4, hard_weight=0)
        _, progress = run(model=InEvaluationMode(), supervision=supervision, learning_rate=1e-12, weight_decay=0)
        return [row["soft_loss"] for row in progress.history]

    assert max(soft_losses(stored)) < 1e-6
    by_position = stored[:, epoch_views(0, 0, 500, flip=True, shift=2).order]
    plain = teacher_logits_of_epoch(teacher, data, recipe(flip=False, shift=0), 0, 0, compute).expand(2, -1, -1)
    for wrong in (by_position, plain, stored.flip(0)):
        assert min(soft_losses(wrong)) > 1e-4


def test_4_the_soft_term_is_summed_over_classes_and_averaged_over_the_batch():
    teacher = 50 * torch.eye(10, dtype=torch.float64)[:3]
    loss = hinton(torch.zeros(3, 10, dtype=torch.float64), teacher, 1.0)
    assert loss.item() == pytest.approx(math.log(10))  # the default mean gives a tenth, the sum three times it


def test_5_the_students_logits_are_trained_and_the_teacher_is_not(data, recipe, compute, make_model):
    student, teacher = make_model(0), make_model(9)
    before = weights_of(teacher)
    stored = teacher_logits_of_epoch(teacher, data, recipe(), 0, 0, compute)[None]
    supervision = learn_from_teacher(data.train_labels, stored, temperature=4, hard_weight=0)
    index = torch.arange(50)
    logits = student(data.normalise(data.train_images[index]))
    supervision(logits, 0, index).total.backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in student.parameters())
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert not stored.requires_grad
    assert equal(weights_of(teacher), before)
    losses = [supervision(z, 0, index).total.item() for z in (logits, 2 * logits, stored[0, index].float())]
    assert losses[0] != pytest.approx(losses[1], rel=0.01)
    assert losses[2] == pytest.approx(0, abs=1e-6)


def test_6_the_optimiser_steps_once_a_batch(data, stored, run):
    steps = []
    hook = register_optimizer_step_post_hook(lambda *arguments: steps.append(1))
    try:
        run(epochs=2, batch_size=60)
        assert len(steps) == 2 * (500 // 60)
        steps.clear()
        supervision = learn_from_teacher(data.train_labels, stored, temperature=4, hard_weight=0.1)
        run(1, supervision=supervision, epochs=2, batch_size=60)
        assert len(steps) == 2 * (500 // 60)
    finally:
        hook.remove()


def test_7_the_epoch_is_not_picked_on_the_test_set(data, run):
    wrong = dataclasses.replace(data, test_labels=(data.test_labels + 1) % 10)
    runs = [
        run(data=d, score_test=score, epochs=4, learning_rate=0.05)
        for d, score in [(data, True), (wrong, True), (data, False)]
    ]
    (model, scored), *others = runs
    best_on_test = [max(range(4), key=lambda e, p=p: p.history[e]["test_accuracy"]) for _, p in runs[:2]]
    assert best_on_test[1] != scored.selected_epoch  # so that picking on the test set would show
    for other, progress in others:
        assert progress.selected_epoch == scored.selected_epoch
        assert equal(progress.selected_weights, scored.selected_weights)
        assert equal(weights_of(other), weights_of(model))
    assert all(math.isnan(row["test_accuracy"]) for row in runs[2][1].history)


@pytest.mark.parametrize("training", [True, False])
def test_8_the_teacher_is_in_evaluation_mode(data, recipe, compute, make_model, training):
    teacher = make_model(9)
    teacher(data.normalise(data.train_images[:100]))  # running statistics that are not the initial ones
    teacher.train(training)
    before = weights_of(teacher)
    stored = teacher_logits_of_epoch(teacher, data, recipe(), 0, 0, compute)
    assert equal(weights_of(teacher), before)
    views, padded = epoch_views(0, 0, 500, flip=True, shift=2), pad_images(data.train_images, 2)
    for image in (0, 77, 499):  # alone, where batch statistics would be its own
        with torch.no_grad():
            alone = teacher.eval()(data.normalise(render(padded, torch.tensor([image]), views, 2)))[0]
        torch.testing.assert_close(stored[image].float(), alone, rtol=2**-10, atol=1e-3)
