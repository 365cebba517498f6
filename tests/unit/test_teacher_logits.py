"""The teacher's stored logits belong to the very views that the student is trained on."""

import dataclasses

import pytest
import torch

from dark_knowledge.command import InputError
from dark_knowledge.data.prepared import Dataset
from dark_knowledge.study.views import views_of
from dark_knowledge.training.augment import epoch_views, pad_images, render
from dark_knowledge.training.losses import learn_from_labels
from dark_knowledge.training.networks import build_model
from dark_knowledge.training.recipes import ViewStream
from dark_knowledge.training.teacher_logits import (
    load_teacher_logits,
    save_teacher_logits,
    stored_epochs,
    teacher_logits_of_epoch,
)

ONE_STEP = 2**-10  # between neighbours in float16: a live pass in other batches may round to the next one


class Recorder(torch.nn.Module):
    """A student that keeps the images of its training batches."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model, self.seen = model, []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.seen.append(images)
        return self.model(images)


@pytest.fixture
def teacher(make_model, run):
    return run(5, model=make_model(5, channels=(6, 12)), epochs=1)[0]


def live(teacher: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    teacher.eval()
    with torch.no_grad():
        return teacher(images).half()


def coloured(data: Dataset) -> Dataset:
    """The data set in three channels that differ."""
    images = {
        name: torch.cat([getattr(data, name), getattr(data, name).flip(2), 255 - getattr(data, name)], 1)
        for name in ("train_images", "validation_images", "test_images")
    }
    return dataclasses.replace(data, **images, mean=[0.3, 0.3, 0.7], std=[0.3, 0.2, 0.3])


@pytest.mark.parametrize(
    ("channels", "views"),
    [
        (1, {}),
        (3, {}),
        (3, {"padding": "reflect", "erase": 0.5}),
        (1, {"flip": False, "shift": 0, "erase": 1}),
        (3, {"erase": 0.5, "mixup": 1}),
        (1, {"flip": False, "shift": 0, "mixup": 0.3}),
    ],
    ids=["grey", "colour", "reflected and erased", "erased alone", "mixed", "mixed alone"],
)
def test_a_stored_row_equals_a_live_pass_on_the_students_images(data, recipe, compute, run, channels, views):
    data = coloured(data) if channels == 3 else data
    torch.manual_seed(5)
    settings = {"architecture": "plain", "channels": [6, 12], "pool": [True, True]}
    teacher, student = (build_model(settings, data.image_shape, 10) for _ in range(2))
    run(5, data=data, model=teacher, epochs=1)
    labels = learn_from_labels(data.train_labels, 0)
    batches = []

    def supervision(logits, epoch, index, mix):
        batches.append((epoch, index))
        return labels(logits, epoch, index, mix)

    student = Recorder(student)
    run(3, data=data, model=student, supervision=supervision, epochs=2, **views)
    assert [epoch for epoch, _ in batches] == [0] * 10 + [1] * 10
    stored = [teacher_logits_of_epoch(teacher, data, recipe(**views), 3, epoch, compute) for epoch in (0, 1)]
    for (epoch, index), images in zip(batches, student.seen, strict=True):
        assert not torch.equal(index, index.sort().values)
        torch.testing.assert_close(stored[epoch][index], live(teacher, images), rtol=ONE_STEP, atol=1e-3)


@pytest.mark.parametrize(
    "other",
    [{"seed": 4}, {"epoch": 0}, {"flip": False}, {"shift": 0}, {"erase": 0.5}, {"mixup": 1}],
    ids=["seed", "epoch", "flip", "shift", "erase", "mixup"],
)
def test_rows_of_another_stream_differ_by_far_more_than_rounding(data, recipe, compute, teacher, other):
    place = {"seed": 3, "epoch": 1}
    stored = teacher_logits_of_epoch(teacher, data, recipe(), **place, compute=compute).float()
    changed = recipe(**{key: value for key, value in other.items() if key not in place})
    place |= {key: value for key, value in other.items() if key in place}
    differences = (stored - teacher_logits_of_epoch(teacher, data, changed, **place, compute=compute).float()).abs()
    assert differences.amax(1).mean() > 0.05  # flips touch half of the images


def test_rows_are_found_by_image_in_any_order_of_batches(data, recipe, compute, teacher):
    stored = teacher_logits_of_epoch(teacher, data, recipe(), 0, 0, compute)
    views = epoch_views(0, 0, 500, flip=True, shift=2)
    index = torch.tensor([499, 3, 250, 4])
    images = data.normalise(render(pad_images(data.train_images, 2), index, views, 2))
    torch.testing.assert_close(stored[index], live(teacher, images), rtol=ONE_STEP, atol=1e-3)
    assert stored.dtype == torch.float16


def test_logits_survive_the_file(data, recipe, tmp_path):
    logits = torch.randn(2, 500, 10).half()
    save_teacher_logits(tmp_path / "logits.safetensors", logits, recipe(epochs=2), seed=3)
    loaded = load_teacher_logits(tmp_path / "logits.safetensors", data, recipe(epochs=2), 3, 500)
    assert torch.equal(loaded, logits)


def test_what_is_shifted_in_has_no_name_where_nothing_is(data, recipe, tmp_path):
    own = recipe(epochs=2, shift=0, padding="reflect")
    logits = torch.randn(2, 500, 10).half()
    save_teacher_logits(tmp_path / "logits.safetensors", logits, ViewStream(**views_of(vars(own))), seed=3)
    assert torch.equal(load_teacher_logits(tmp_path / "logits.safetensors", data, own, 3, 500), logits)


@pytest.mark.parametrize("shape", [(3, 500, 10), (2, 499, 10), (2, 500, 9), (500, 10)])
def test_logits_of_another_shape_are_refused(data, recipe, tmp_path, shape):
    path = tmp_path / "logits.safetensors"
    save_teacher_logits(path, torch.zeros(shape, dtype=torch.float16), recipe(), seed=0)
    with pytest.raises(InputError) as error:
        load_teacher_logits(path, data, recipe(epochs=2), 0, 500)
    assert str(path) in str(error.value)
    assert "2 epochs of 500 images and 10 classes" in str(error.value)


@pytest.mark.parametrize(
    ("change", "seed"),
    [
        ({"shift": 1}, 0),
        ({"flip": False}, 0),
        ({"padding": "reflect"}, 0),
        ({"erase": 0.1}, 0),
        ({"mixup": 0.1}, 0),
        ({}, 1),
    ],
)
def test_logits_of_another_stream_are_refused(data, recipe, tmp_path, change, seed):
    path = tmp_path / "logits.safetensors"
    save_teacher_logits(path, torch.zeros((2, 500, 10), dtype=torch.float16), recipe(epochs=2), seed=0)
    with pytest.raises(InputError, match="belongs to the stream seed 0, flips, shifts up to 2"):
        load_teacher_logits(path, data, recipe(epochs=2, **change), seed, 500)


def test_logits_beyond_float16_are_refused(data, recipe, compute, teacher):
    with torch.no_grad():
        teacher[-1].weight.mul_(1e6)
    with pytest.raises(
        InputError,
        match=r"exceed float16; .* lower learning rate or, where its weights are from elsewhere, give its logits",
    ):
        teacher_logits_of_epoch(teacher, data, recipe(), 0, 0, compute)


def test_the_last_images_left_over_by_batches_have_rows_too(data, recipe, compute, teacher):
    few = dataclasses.replace(data, train_images=data.train_images[:7], train_labels=data.train_labels[:7])
    stored = teacher_logits_of_epoch(teacher, few, recipe(batch_size=5), 0, 0, compute)
    assert stored.shape == (7, 10)
    assert (stored != 0).any(1).all()


def test_without_augmentation_one_epoch_of_logits_serves_all(data, recipe, compute, teacher, tmp_path):
    still = recipe(epochs=3, flip=False, shift=0)
    assert (stored_epochs(still), stored_epochs(recipe(epochs=3))) == (1, 3)
    epochs = [teacher_logits_of_epoch(teacher, data, still, 3, epoch, compute) for epoch in range(3)]
    assert torch.equal(epochs[0], epochs[2])
    save_teacher_logits(tmp_path / "logits.safetensors", torch.stack(epochs[:1]), still, 3)
    assert torch.equal(load_teacher_logits(tmp_path / "logits.safetensors", data, still, 3, 500), torch.stack(epochs))
