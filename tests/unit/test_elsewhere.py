"""What was trained elsewhere, and networks of the user's: what is taken, and what is refused in which words."""

import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dark_knowledge import command
from dark_knowledge.command import InputError, UserCodeError
from dark_knowledge.data.prepared import Dataset
from dark_knowledge.training.elsewhere import _refuse_chance, read_logits, read_weights
from dark_knowledge.training.loop import HISTORY, STEPS
from dark_knowledge.training.networks import build_model, count_parameters, load_weights, save_weights
from dark_knowledge.training.teacher_logits import (
    load_teacher_logits,
    save_teacher_logits,
    teacher_logits_from_elsewhere,
)

NETS = Path(__file__).parents[1] / "data" / "doors" / "my_nets.py"
GREY = (1, 28, 28)


class Armed:
    """Does harm when it is unpickled."""

    def __reduce__(self):
        return (Path("/tmp/harm").write_text, ("done",))


@pytest.mark.parametrize("wrapped", [False, True], ids=["state_dict", "checkpoint"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_are_read_to_the_last_bit(make_model, tmp_path, wrapped, suffix):
    there, here = make_model(1), make_model(2)
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file({name: value.contiguous() for name, value in there.state_dict().items()}, path)
    else:
        torch.save({"model": there.state_dict(), "epoch": 3} if wrapped else there.state_dict(), path)
    read_weights(path, here)
    assert all(torch.equal(here.state_dict()[name], value) for name, value in there.state_dict().items())


def bad_weights(state: dict) -> dict:
    names = list(state)
    return {
        "is missing": {name: state[name] for name in names[1:]},
        "extra is not of this network": state | {"extra": torch.zeros(1)},
        r"has shape \(3,\), not": state | {names[0]: torch.zeros(3)},
        "is not finite": state | {names[0]: torch.full_like(state[names[0]], torch.nan)},
        "holds 0 state_dicts; allowed: one": {"epoch": 3},
        "holds 2 state_dicts; allowed: one": {"model": state, "average": state},
        r"does not load with weights_only \(UnpicklingError\)": Armed(),
    }


@pytest.mark.parametrize("said", bad_weights({"a": torch.zeros(2)}))
def test_weights_that_do_not_fit_are_refused(make_model, tmp_path, said):
    model = make_model()
    torch.save(bad_weights(model.state_dict())[said], tmp_path / "weights.pth")
    with pytest.raises(InputError, match=said):
        read_weights(tmp_path / "weights.pth", model)


@pytest.mark.parametrize("content", [b"not a checkpoint", b"https://example.org/weights.pth", b"", b"0"])
def test_a_file_that_is_no_checkpoint_is_refused(make_model, tmp_path, content):
    (tmp_path / "weights.pth").write_bytes(content)
    with pytest.raises(InputError, match="does not load with weights_only"):
        read_weights(tmp_path / "weights.pth", make_model())


IMAGES = {"train": 600, "test": 200}


@pytest.fixture
def given(data) -> dict[str, np.ndarray]:
    """Logits [n, 10] of all images of the source that know nine labels in ten."""
    random = np.random.default_rng(0)
    arrays = {}
    for name, parts in (("train", ("train", "validation")), ("test", ("test",))):
        index = torch.cat([getattr(data, f"{part}_index") for part in parts]).numpy()
        labels = torch.cat([getattr(data, f"{part}_labels") for part in parts]).numpy()
        arrays[name] = random.normal(size=(len(index), 10))
        arrays[name][index, labels] += 3
    return arrays


@pytest.mark.parametrize("read", [read_weights, lambda path, model: read_logits(path, None, {})])
def test_half_a_file_is_refused_and_not_to_be_deleted(make_model, tmp_path, read):
    path = tmp_path / "own.safetensors"
    save_file({"train": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"is no whole \.safetensors file") as error:
        read(path, make_model())
    assert "delete" not in str(error.value)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_rows_of_logits_are_those_of_the_sources_images(data, given, tmp_path, suffix):
    path = tmp_path / f"logits{suffix}"
    if suffix == ".npz":
        np.savez(path, **given)
    else:
        save_file({name: torch.from_numpy(array) for name, array in given.items()}, path)
    logits = read_logits(path, data, IMAGES)
    for part in ("train", "validation", "test"):
        rows = given["test" if part == "test" else "train"][getattr(data, f"{part}_index")]
        np.testing.assert_array_equal(logits[part], rows.astype(np.float32))
        assert (logits[part].argmax(1) == getattr(data, f"{part}_labels")).float().mean() > 0.8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda own: {"train": own["train"]}, "holds train; allowed: the arrays train and test"),
        (lambda own: own | {"train": own["train"][:, :9]}, r"train has shape \(600, 9\); allowed: \(600, 10\)"),
        (lambda own: own | {"train": own["train"][:590]}, r"train has shape \(590, 10\)"),
        (
            lambda own: own | {"train": np.append(own["train"][:1], own["train"], axis=0)},
            r"train has shape \(601, 10\)",
        ),
        (lambda own: own | {"test": np.append(own["test"], own["test"], axis=0)}, r"test has shape \(400, 10\)"),
        (lambda own: own | {"test": own["test"][0]}, r"test has shape \(10,\)"),
        (lambda own: own | {"test": np.log(0 * own["test"])}, "test has values that are not finite"),
        (
            lambda own: own | {"train": np.roll(own["train"], 1, axis=1)},
            "train agrees with the labels of .* random order",
        ),
        (lambda own: {"train": np.array([{}])} | own, "train and test"),
    ],
)
def test_logits_that_cannot_be_the_images_own_are_refused(data, given, tmp_path, change, said):
    with np.errstate(divide="ignore", invalid="ignore"):
        changed = change(given)
    if said == "train and test":
        changed["more"] = changed["train"]
    np.savez(tmp_path / "logits.npz", **changed)
    with pytest.raises(InputError, match=said):
        read_logits(tmp_path / "logits.npz", data, IMAGES)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("kind", [np.float64, np.float16])
def test_probabilities_are_no_logits(data, given, tmp_path, part, kind):
    probabilities = softmax(given[part]).astype(kind)
    np.savez(tmp_path / "logits.npz", **given | {part: probabilities})
    with pytest.raises(InputError, match=f"{part} has probabilities: none is negative, .* the probabilities' log"):
        read_logits(tmp_path / "logits.npz", data, IMAGES)
    np.savez(tmp_path / "logits.npz", **given | {part: np.log(softmax(given[part]))})
    assert read_logits(tmp_path / "logits.npz", data, IMAGES)


@pytest.mark.parametrize("part", ["train", "test"])
def test_rows_of_a_random_order_are_refused_however_unequal_the_classes_are(tmp_path, part):
    """With 83, 11 and 6 % of the images in three classes, any order of good answers is right on 70 %."""
    random = np.random.default_rng(0)
    labels = {name: random.choice(3, size=n, p=[0.83, 0.11, 0.06]) for name, n in (("train", 600), ("test", 200))}
    given = {name: 3 * np.eye(3)[own] + random.normal(size=(len(own), 3)) for name, own in labels.items()}
    assert read_of_labels(tmp_path, labels, given)
    for wrong in (random.permutation(given[part]), np.roll(given[part], 1, axis=0), 0 * given[part]):
        with pytest.raises(InputError, match=f"{part} agrees with the labels of .*, in a random order it would with"):
            read_of_labels(tmp_path, labels, given | {part: wrong})


def test_a_teacher_of_three_in_four_of_two_classes_is_none_of_chance(tmp_path):
    labels = {name: np.arange(n) % 2 for name, n in (("train", 600), ("test", 200))}
    wrong = {name: np.arange(len(own)) % 27 < 7 for name, own in labels.items()}
    assert read_of_labels(tmp_path, labels, {name: np.eye(2)[labels[name] ^ wrong[name]] * 4 - 1 for name in labels})


def test_chance_has_the_mean_and_spread_of_random_orders():
    random = np.random.default_rng(0)
    answers, labels = (torch.tensor(random.choice(3, size=400, p=p)) for p in ([0.6, 0.3, 0.1], [0.8, 0.1, 0.1]))
    right = [(answers[torch.tensor(random.permutation(400))] == labels).double().mean() for _ in range(4000)]
    with pytest.raises(InputError) as error:
        _refuse_chance("train", answers, labels, 3)
    mean, deviation = re.search(r"it would with (.*)%, give or take (.*)%;", str(error.value)).groups()
    assert float(mean) == pytest.approx(100 * np.mean(right), abs=0.1)
    assert float(deviation) == pytest.approx(100 * np.std(right), abs=0.1)


def read_of_labels(
    folder: Path, labels: dict[str, np.ndarray], given: dict[str, np.ndarray]
) -> dict[str, torch.Tensor]:
    """Read logits of a data set of these labels, of which every sixth training image validates."""
    images, places = torch.zeros(1, 1, 2, 2, dtype=torch.uint8), {name: np.arange(len(labels[name])) for name in labels}
    index = {
        "train": places["train"][places["train"] % 6 > 0],
        "validation": places["train"][::6],
        "test": places["test"],
    }
    tensors = {f"{part}_index": torch.tensor(of_part) for part, of_part in index.items()}
    for part, of_part in index.items():
        tensors[f"{part}_labels"] = torch.tensor(labels["test" if part == "test" else "train"][of_part])
        tensors[f"{part}_images"] = images
    np.savez(folder / "logits.npz", **given)
    images = {name: len(own) for name, own in labels.items()}
    data = Dataset(**tensors, classes=given["train"].shape[1], mean=[0.0], std=[1.0])
    return read_logits(folder / "logits.npz", data, images)


def damaged_archive() -> bytes:
    """Compressed, one byte of its first array changed."""
    file = io.BytesIO()
    np.savez_compressed(file, train=np.zeros((100, 10)))
    content = bytearray(file.getvalue())
    content[content.index(b"train.npy") + 40] ^= 255
    return bytes(content)


@pytest.mark.parametrize("content", [b"not an archive", b"", damaged_archive()], ids=["text", "empty", "damaged"])
def test_a_file_that_is_no_archive_is_refused(data, tmp_path, content):
    (tmp_path / "logits.npz").write_bytes(content)
    with pytest.raises(InputError, match="is no archive of numeric arrays"):
        read_logits(tmp_path / "logits.npz", data, IMAGES)


@pytest.mark.parametrize(
    "augmented", [{"flip": True, "shift": 0}, {"flip": False, "shift": 1}, {"flip": False, "shift": 0, "mixup": 1}]
)
def test_logits_from_elsewhere_teach_no_student_that_augments(recipe, augmented):
    with pytest.raises(InputError, match="of unaugmented images, but this recipe augments"):
        teacher_logits_from_elsewhere(torch.zeros(3, 2), recipe(**augmented))
    assert torch.equal(teacher_logits_from_elsewhere(torch.ones(3, 2), recipe(flip=False, shift=0)), torch.ones(3, 2))


def test_given_logits_reach_the_students_to_the_last_bit_whatever_their_offset(data, recipe, tmp_path):
    logits, plain = torch.randn(500, 10, generator=torch.Generator().manual_seed(0)) + 1e5, recipe(flip=False, shift=0)
    path = tmp_path / "logits.safetensors"
    save_teacher_logits(path, teacher_logits_from_elsewhere(logits, plain)[None], plain, seed=0)
    assert torch.equal(load_teacher_logits(path, data, plain, 0, len(logits)), logits.expand(plain.epochs, -1, -1))


def test_what_was_not_trained_has_the_columns_of_what_was(run):
    _, progress = run()
    assert list(progress.history[0]) == list(HISTORY)
    assert list(progress.steps[0]) == list(STEPS)


def test_a_users_network_is_built_with_its_keys_the_classes_and_the_images_shape():
    settings = {"architecture": f"{NETS}:wide", "width": 5, "code": "a hash"}
    model = build_model(settings, (3, 20, 24), 7)
    assert model[0].weight.shape == (5, 3, 5, 5)
    assert model(torch.zeros(2, 3, 20, 24)).shape == (2, 7)
    assert model.training


def test_a_network_of_torchvision_is_built_by_name():
    model = build_model({"architecture": "torchvision.models:squeezenet1_1"}, (3, 32, 32), 10)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_building_a_users_network_draws_nothing_but_its_weights():
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        build_model({"architecture": f"{NETS}:grey_mobilenet"}, GREY, 10)
        drawn.append(torch.rand(1))
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    ("function", "settings", "said", "line"),
    [
        ("broken", {}, "my_nets.py:broken failed when it was called with num_classes=10; its own", "_broken_within"),
        (
            "wide",
            {"width": "a"},
            "my_nets.py:wide failed when it was called with num_classes=10, width='a', im",
            "Conv2d",
        ),
        ("FailsOnImages", {}, r"failed on images of shape \(2, 1, 28, 28\); its own traceback", "in forward"),
    ],
)
def test_an_error_of_the_users_code_is_named_on_top_of_its_own_traceback(function, settings, said, line, capsys):
    def main():
        build_model({"architecture": f"{NETS}:{function}"} | settings, GREY, 10)

    with pytest.raises(SystemExit) as end:
        command.run(main)
    first, rest = str(end.value.code).split("\n", 1)
    assert first.startswith(f"error: {NETS}:{function} ") or first.startswith("error: the network of")
    assert re.search(said, first)
    assert line in rest
    assert "own_networks.py" not in rest


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 3", "returned int; allowed: a torch.nn.Module"),
        ("return nn.Sequential(nn.Flatten(), nn.Linear(784, num_classes + 1))", r"makes \(2, 11\) of images of shape"),
        (
            "return nn.Flatten(0)",
            r"makes \(1568,\) of images of shape \(2, 1, 28, 28\); allowed: logits of shape \(2, 10\)",
        ),
    ],
)
def test_what_is_no_classifier_of_the_data_sets_classes_is_refused(tmp_path, body, said):
    (tmp_path / "nets.py").write_text(f"from torch import nn\ndef net(num_classes):\n    {body}\n")
    with pytest.raises(InputError, match=said):
        build_model({"architecture": f"{tmp_path}/nets.py:net"}, GREY, 10)


@pytest.mark.parametrize(
    "body",
    [
        "self.hidden = [torch.nn.Linear(4, 4)]",  # a list hides its layers from the weights
        "self.hidden = [lambda x: torch.nn.functional.dropout(x, 0.5, training=True)]",
    ],
)
def test_a_network_that_is_not_all_in_its_weights_is_refused(tmp_path, body):
    file = tmp_path / "nets.py"
    file.write_text(
        "import torch\n\n\nclass Net(torch.nn.Module):\n    def __init__(self, num_classes):\n"
        f"        super().__init__()\n        {body}\n        self.last = torch.nn.Linear(4, num_classes)\n\n"
        "    def forward(self, x):\n        return self.last(self.hidden[0](x.flatten(1)))\n"
    )
    with pytest.raises(InputError, match="answer differently in evaluation mode; allowed"):
        build_model({"architecture": f"{file}:Net"}, (1, 2, 2), 3)


@pytest.mark.parametrize("inside", [False, True], ids=["at the top", "within the function"])
def test_a_users_file_may_import_its_neighbours_and_no_other_file_of_the_folder_is_taken_for_a_library(
    tmp_path, monkeypatch, inside
):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / f"beside_{inside}.py").write_text("from torch import nn\nLAST = nn.Linear\n")
    found = f"from beside_{inside} import LAST"
    (tmp_path / "nets.py").write_text(
        f"from torch import nn\n{'' if inside else found}\n"
        f"def net(num_classes):\n    {found if inside else 'pass'}\n"
        "    return nn.Sequential(nn.Flatten(), LAST(784, num_classes))\n"
    )
    before = list(sys.path)
    assert build_model({"architecture": f"{tmp_path}/nets.py:net"}, GREY, 10)
    assert sys.path == [*before, str(tmp_path)]


NET = """
from __future__ import annotations
from dataclasses import dataclass
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.features = nn.Conv2d(1, 4, 3, padding=1)
        self.last = nn.Linear(4 * 28 * 28, num_classes)
    def forward(self, x):
"""


def test_a_users_file_may_hold_dataclasses_with_names_for_types(tmp_path):
    body = "        return self.last(self.features(x).flatten(1))\n@dataclass\nclass Settings:\n    width: int = 3\n"
    (tmp_path / "nets.py").write_text(NET + body)
    assert build_model({"architecture": f"{tmp_path}/nets.py:Net"}, GREY, 10)


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ("        return self.last(self.features(x).view(len(x), -1))", UserCodeError, "failed on images of shape"),
        (
            "        x = self.last(self.features(x).flatten(1))\n        return (x, x) if self.training else x",
            InputError,
            "makes tuple of images of shape",
        ),
        (
            "        return self.last(self.features(x).flatten(1))\n"
            "    def get_extra_state(self):\n        return {'epochs': 3}\n"
            "    def set_extra_state(self, state):\n        pass",
            InputError,
            "holds _extra_state, dict; allowed: tensors",
        ),
    ],
    ids=["view", "more in training", "state that is no tensor"],
)
def test_what_would_fail_in_training_or_after_it_is_refused_before(tmp_path, body, error, said):
    (tmp_path / "nets.py").write_text(NET + body)
    with pytest.raises(error, match=said):
        build_model({"architecture": f"{tmp_path}/nets.py:Net"}, GREY, 10)


class Tied(nn.Module):
    """Two layers that share their weights."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight


def test_weights_that_layers_share_are_kept(tmp_path):
    there, here = Tied(), Tied()
    save_weights(tmp_path / "weights.safetensors", there)
    load_weights(here, tmp_path / "weights.safetensors")
    assert torch.equal(here.first.weight, there.first.weight)
    assert here.second.weight is here.first.weight


@pytest.mark.parametrize(
    ("settings", "parameters"),
    [
        # As RepDistiller and Zagoruyko & Komodakis have them, for CIFAR-100.
        ({"architecture": "cifar-resnet", "depth": 20, "channels": [16, 16, 32, 64]}, 278_324),
        ({"architecture": "cifar-resnet", "depth": 56, "channels": [16, 16, 32, 64]}, 861_620),
        ({"architecture": "cifar-resnet", "depth": 8, "channels": [32, 64, 128, 256]}, 1_233_540),
        ({"architecture": "cifar-resnet", "depth": 32, "channels": [32, 64, 128, 256]}, 7_433_860),
        ({"architecture": "wide-resnet", "depth": 16, "widen": 2}, 703_284),
        ({"architecture": "wide-resnet", "depth": 40, "widen": 2}, 2_255_156),
    ],
)
def test_published_networks_have_their_published_sizes(settings, parameters):
    model = build_model(settings, (3, 32, 32), 100)
    assert count_parameters(model) == parameters
    assert model.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 100)


def test_a_file_that_fails_as_it_is_read_says_where(tmp_path):
    (tmp_path / "nets.py").write_text("import torch\n\nraise OSError('no weights here')\n")
    with pytest.raises(SystemExit) as end:
        command.run(lambda: build_model({"architecture": f"{tmp_path}/nets.py:net"}, GREY, 10))
    first, rest = str(end.value.code).split("\n", 1)
    assert first == f"error: {tmp_path}/nets.py:net cannot be imported; its own traceback:"
    assert f'{tmp_path}/nets.py", line 3' in rest
    assert "own_networks.py" not in rest


def test_the_documents_last_layer_ends_in_float32_where_training_runs_in_bfloat16():
    text, names = (NETS.parents[3] / "docs" / "own.md").read_text(encoding="utf-8"), {"nn": nn, "torch": torch}
    exec(re.search(r"```python\n(class Float32Linear.*?)```", text, re.DOTALL)[1], names)
    features = torch.randn(2, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert nn.Linear(4, 3)(features).dtype == torch.bfloat16
        assert names["Float32Linear"](4, 3)(features).dtype == torch.float32


def test_users_errors_are_input_errors():
    assert issubclass(UserCodeError, InputError)
