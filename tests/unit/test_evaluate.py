"""Forward passes in evaluation mode, and the choice of a device."""

import pytest
import torch

from dark_knowledge.command import InputError
from dark_knowledge.training.devices import GPU_SCORING_BATCH, choose_compute, scoring_batch
from dark_knowledge.training.evaluate import accuracy, predict


@pytest.mark.parametrize(
    ("shape", "images"), [((1, 28, 28), 2500), ((3, 32, 32), 2500), ((3, 224, 224), 51), ((3, 4000, 4000), 1)]
)
def test_a_batch_of_large_images_takes_no_more_memory_than_one_of_small_ones(shape, images):
    assert scoring_batch(GPU_SCORING_BATCH, shape) == images


def test_predictions_do_not_depend_on_the_batch(data, compute, make_model):
    model = make_model().train()
    images = torch.cat([data.train_images, data.test_images])
    batch = compute.scoring_batch(data.image_shape)
    assert len(images) > batch
    together = predict(model, data, images, compute)
    assert together.shape == (len(images), 10)
    for number in (0, batch - 1, batch, len(images) - 1):
        alone = predict(model, data, images[number : number + 1], compute)[0]
        torch.testing.assert_close(together[number], alone, rtol=1e-5, atol=1e-5)


def test_predictions_leave_the_model_as_it_is(data, compute, make_model):
    model = make_model().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    predict(model, data, data.test_images, compute)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_accuracy_by_hand():
    logits = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0]])
    assert accuracy(logits, torch.tensor([1, 0, 0])) == pytest.approx(2 / 3)


@pytest.mark.parametrize(("precision", "expected"), [("float32", "float32"), ("bfloat16", "bfloat16")])
def test_precision_is_as_asked(precision, expected):
    compute = choose_compute("cpu", precision, 1)
    assert compute.precision == expected
    with compute.autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == getattr(torch, expected)


def test_auto_falls_back_to_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_compute("auto", "float32", 1).device.type == "cpu"


@pytest.mark.parametrize("accelerator", ["cuda", "mps"])
def test_an_absent_accelerator_is_refused(monkeypatch, accelerator):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match=f"accelerator is '{accelerator}'.*use auto or cpu"):
        choose_compute(accelerator, "auto", 1)
