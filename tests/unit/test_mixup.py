"""MixUp: images and labels as a slow loop mixes them, for every arm of a seed alike, and only where it is asked for."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from dark_knowledge.command import InputError
from dark_knowledge.study.checking import check_config
from dark_knowledge.training.augment import Mix, epoch_views, pad_images, render
from dark_knowledge.training.losses import learn_from_labels, learn_from_teacher
from dark_knowledge.training.soft_losses import hinton
from dark_knowledge.training.teacher_logits import load_teacher_logits, save_teacher_logits, teacher_logits_of_epoch

from .conftest import ROOT
from .test_loop import KilledError, assert_same_run, kill_after

SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
STREAM = {"flip": True, "shift": 2, "erase": 0.5, "size": (28, 28)}


def mix(seed: int = 3, epoch: int = 1, n: int = 20000, mixup: float = 0.4) -> Mix:
    return epoch_views(seed, epoch, n, **STREAM, mixup=mixup).mix


def log_loss(logits: torch.Tensor, labels: torch.Tensor, smoothing: float = 0) -> torch.Tensor:
    """Cross-entropy of each image [b], written out."""
    log_q = logits - logits.exp().sum(1, keepdim=True).log()
    return -(1 - smoothing) * log_q[torch.arange(len(labels)), labels] - smoothing * log_q.mean(1)


@pytest.mark.parametrize("alpha", [1e-3, 0.2, 1, 8, 100])
def test_weights_are_of_the_beta_distribution_and_each_image_is_a_partner_once(alpha):
    drawn = mix(mixup=alpha)
    weight = drawn.weight.double()
    assert 0 <= weight.min() <= weight.max() <= 1
    spread = 1 / (4 * (2 * alpha + 1))  # of Beta(a, a), about 1/2
    assert weight.mean() == pytest.approx(0.5, abs=4 * (spread / len(weight)) ** 0.5)
    assert weight.var() == pytest.approx(spread, rel=0.05)
    assert torch.equal(drawn.partner.sort().values, torch.arange(len(weight)))
    assert (drawn.partner == torch.arange(len(weight))).sum() < 10


def test_the_mix_is_a_function_of_seed_and_epoch():
    first = mix()
    torch.rand(3), np.random.random(3)
    assert all(map(torch.equal, first, mix()))
    for other in (mix(seed=4), mix(epoch=2), mix(seed=1, epoch=3)):
        assert not any(map(torch.equal, first, other))


def test_it_changes_nothing_else_of_the_stream():
    mixed, plain = (epoch_views(3, 1, 500, **STREAM, mixup=alpha) for alpha in (0.4, 0))
    assert plain.mix is None
    for name in ("order", "flip", "top", "left", "erased"):
        assert torch.equal(getattr(mixed, name), getattr(plain, name))


def test_a_mixed_image_is_the_weighted_sum_of_two_views(data):
    views, padded = epoch_views(3, 1, 500, **STREAM, mixup=1), pad_images(data.train_images, 2)
    index = torch.tensor([4, 499, 4, 0])
    shown = render(padded, index, views, 2)
    whole = render(padded, torch.arange(500), replace(views, mix=None), 2).double()
    for image, found in zip(index.tolist(), shown.double(), strict=True):
        weight = views.mix.weight[image].double()
        expected = weight * whole[image] + (1 - weight) * whole[views.mix.partner[image]]
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-4)
    assert shown.dtype == torch.float32


def test_normalised_images_leave_their_pixels_alone(data):
    pixels = data.train_images[:3].float()
    before = pixels.clone()
    assert torch.equal(data.normalise(pixels), data.normalise(data.train_images[:3]))
    assert torch.equal(pixels, before)


@pytest.mark.parametrize("smoothing", [0, 0.2])
def test_the_hard_loss_is_mixed_with_the_images_weight(smoothing):
    generator = torch.Generator().manual_seed(0)
    labels, logits = torch.randint(5, (9,), generator=generator), torch.randn(4, 5, generator=generator)
    drawn, index = mix(n=9), torch.tensor([8, 2, 0, 5])
    weight, partner = drawn.weight[index], drawn.partner[index]
    hard = weight * log_loss(logits, labels[index], smoothing)
    hard = (hard + (1 - weight) * log_loss(logits, labels[partner], smoothing)).mean()
    found = learn_from_labels(labels, smoothing)(logits, 0, index, drawn)
    torch.testing.assert_close(found.total, hard)

    stored = torch.randn(3, 9, 5, generator=generator).half()
    taught = learn_from_teacher(labels, stored, temperature=3, hard_weight=0.3, label_smoothing=smoothing)
    losses = taught(logits, 2, index, drawn)
    soft = hinton(logits, stored[2, index].float(), 3)  # the teacher's answer to the mixed image, not a mix of answers
    torch.testing.assert_close(torch.stack(losses), torch.stack([0.3 * hard + 0.7 * soft, hard, soft]))


def test_training_sees_the_mixed_images_and_counts_either_label_by_its_weight(data, run, make_model, recipe):
    """One step over all images, whose history can be computed from the first weights."""
    settings = {"epochs": 1, "batch_size": 500, "mixup": 0.7}
    row = run(6, supervision=learn_from_labels(data.train_labels, 0), **settings)[1].history[0]
    views = epoch_views(6, 0, 500, **recipe(**settings).views((28, 28)))
    images = data.normalise(render(pad_images(data.train_images, 2), views.order, views, 2))
    with torch.no_grad():
        logits = make_model(6).train()(images)
    weight, labels = views.mix.weight[views.order], data.train_labels
    pairs = ((weight, labels[views.order]), (1 - weight, labels[views.mix.partner[views.order]]))
    assert row["loss"] == pytest.approx(sum(w * log_loss(logits, y) for w, y in pairs).mean().item(), rel=1e-5)
    right = sum(w * (logits.argmax(1) == y) for w, y in pairs).mean().item()
    assert row["train_accuracy"] == pytest.approx(right, abs=1e-6)
    assert right != (logits.argmax(1) == labels[views.order]).float().mean()


def test_baseline_and_student_of_a_seed_see_the_same_mixtures(data, run, recipe, compute, make_model):
    seen = {}

    def watched(name, supervision):
        def watching(logits, epoch, index, drawn):
            seen.setdefault(name, []).append((index, *drawn))
            return supervision(logits, epoch, index, drawn)

        return watching

    settings = {"epochs": 2, "mixup": 1}
    stored = torch.stack([
        teacher_logits_of_epoch(make_model(1), data, recipe(**settings), 7, epoch, compute) for epoch in (0, 1)
    ])  # fmt: skip
    taught = learn_from_teacher(data.train_labels, stored, temperature=4, hard_weight=0.1)
    run(7, supervision=watched("baseline", learn_from_labels(data.train_labels, 0)), **settings)
    run(7, supervision=watched("student", taught), **settings)
    assert len(seen["baseline"]) == 20
    for one, other in zip(*seen.values(), strict=True):
        assert all(map(torch.equal, one, other))


def test_a_resumed_run_equals_an_uninterrupted_one(data, run, tmp_path):
    settings = {"epochs": 3, "mixup": 0.4}
    with pytest.raises(KilledError):
        run(supervision=kill_after(data, 1), checkpoint=tmp_path / "resume.pt", **settings)
    assert_same_run(run(checkpoint=tmp_path / "resume.pt", **settings), run(**settings))


def test_zero_is_a_recipe_without_the_key(run):
    assert_same_run(run(2, mixup=0), run(2))


def test_mixing_alone_needs_logits_of_every_epoch(recipe, data, tmp_path):
    mixing = recipe(epochs=2, flip=False, shift=0, mixup=0.2)
    assert mixing.augments
    save_teacher_logits(tmp_path / "logits", torch.zeros(1, 500, 10).half(), mixing, 0)
    with pytest.raises(InputError, match="this training needs 2 epochs"):
        load_teacher_logits(tmp_path / "logits", data, mixing, 0, len(data.train_images))


def mixing_study(config: dict, **changes: dict) -> dict:
    """The default study with students that mix, without the control that shuffles."""
    config = copy.deepcopy(config)
    config["recipes"]["student"]["mixup"] = 0.4
    config["experiments"]["resnet"]["controls"] = {}
    config["experiments"]["resnet"] |= changes
    return config


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"controls": {"other": {"teacher": "resnet", "temperature": 4, "transfer_set": "shuffled-in-class"}}},
            "but transfer set shuffled-in-class is of whole ones; leave one of them out, or set mixup: 0",
        ),
        ({"controls": {"part": {"transfer_set": "part"}}}, "but transfer set part is of whole ones"),
        ({"losses": ["dist", "decoupled"]}, "but its loss decoupled needs one label an image; leave one of them out"),
    ],
)
def test_what_cannot_be_mixed_is_refused_in_one_line(config, changes, said):
    config["transfer_sets"]["part"] = {"omit_classes": [3]}
    with pytest.raises(InputError) as error:
        check_config(mixing_study(config, **changes), SCHEMA)
    assert str(error.value).startswith("config: recipes.student.mixup is set, which mixes the images of student, ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_logits_from_elsewhere_teach_no_student_that_mixes(config, tmp_path):
    (tmp_path / "logits.npz").touch()
    config["models"]["given"] = {"architecture": "logits", "file": "logits.npz"}
    config["recipes"]["student"] |= {"flip": False, "shift": 0}
    config["experiments"]["resnet"]["teacher"] = "given"
    check_config(copy.deepcopy(config), SCHEMA, [tmp_path, ROOT])
    with pytest.raises(InputError, match=r"given has only logits of unaugmented images, .* no erase or mixup"):
        check_config(mixing_study(config), SCHEMA, [tmp_path, ROOT])


def test_every_other_loss_may_mix(config):
    check_config(mixing_study(config, losses=sorted(config["losses"].keys() - {"decoupled"})), SCHEMA)
