"""The command lines pass on what they are told: each result equals the library's, called with the same settings."""

import json
from dataclasses import asdict, replace

import assemble_run
import cache_teacher_logits
import evaluate_runs
import pandas as pd
import pytest
import torch
import train_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from dark_knowledge.command import InputError, sha256
from dark_knowledge.data.prepared import load_dataset, save_dataset
from dark_knowledge.data.preparing import Split, prepare
from dark_knowledge.streams import torch_seed
from dark_knowledge.study.views import views_of
from dark_knowledge.training import loop
from dark_knowledge.training.devices import choose_compute
from dark_knowledge.training.evaluate import accuracy, predict
from dark_knowledge.training.losses import learn_from_labels, learn_from_teacher, soft_loss_of
from dark_knowledge.training.networks import build_model
from dark_knowledge.training.teacher_logits import save_teacher_logits, teacher_logits_of_epoch
from dark_knowledge.training.transfer_sets import chosen_images, shuffled_images

from .training import save_record

ARCHITECTURE = {"architecture": "plain", "channels": [4, 8], "pool": [True, True]}
PARTS = ("train", "validation", "test")
SEED, SPLIT_SEED, EPOCHS = 3, 8, 4


@pytest.fixture(scope="module")
def path(idx_files, tmp_path_factory):
    """Parts of different sizes: 510, 90 and 200 images."""
    path = tmp_path_factory.mktemp("wiring") / "data.safetensors"
    save_dataset(path, *prepare(idx_files, 10, Split(validation=90, seed=SPLIT_SEED)))
    return path


@pytest.fixture
def command(path, monkeypatch):
    """Call a command line as a rule does; lists are several words, text is itself, and other values are JSON."""

    def command(script, **options) -> None:
        options = {"data": path, "accelerator": "cpu", "precision": "float32"} | options
        words = []
        for name, value in options.items():
            words.append(f"--{name.replace('_', '-')}")
            words += [str(v) for v in value] if isinstance(value, list) else [] if value is None else [
                json.dumps(value) if isinstance(value, dict) else str(value)
            ]  # fmt: skip
        monkeypatch.setattr("sys.argv", [script.__name__, *words])
        script.main()

    return command


@pytest.fixture
def settings(recipe):
    return recipe(epochs=EPOCHS, label_smoothing=0.2, flip=False, shift=1)


@pytest.fixture(autouse=True)
def _the_second_epoch_is_the_best(monkeypatch):
    """Not the last one, so that a mix-up of the two shows. Which epoch is the best is the loop's, and tested there."""
    monkeypatch.setattr(loop, "_is_best", lambda history: len(history) == 2)


@pytest.fixture
def trained(path, command, settings, tmp_path):
    """Train by the command line; returns the run's folder and its data."""

    def trained(**options):
        out = tmp_path / "run"
        command(
            train_model, architecture=ARCHITECTURE, recipe=asdict(settings), seed=SEED, split_seed=SPLIT_SEED, out=out,
            **options,
        )  # fmt: skip
        return out, load_dataset(path)

    return trained


def same_run(folder, model, progress) -> None:
    """The folder holds what the library finds: the last and the selected weights, curves, and their summary."""
    last, selected = (load_file(folder / f"{name}.safetensors") for name in ("weights", "selected"))
    assert all((last[key] == value).all() for key, value in model.state_dict().items())
    assert all((selected[key] == value).all() for key, value in progress.selected_weights.items())
    history, expected = pd.read_parquet(folder / "history.parquet"), pd.DataFrame(progress.history)
    clock = ["seconds", "images_per_second"]
    pd.testing.assert_frame_equal(history.drop(columns=clock), expected.drop(columns=clock))
    steps = pd.read_parquet(folder / "steps.parquet")
    pd.testing.assert_frame_equal(steps, pd.DataFrame(progress.steps))
    record = json.loads((folder / "metrics.json").read_text())
    assert record["epochs"] == EPOCHS
    assert progress.selected_epoch == 1
    assert record["seconds"] == pytest.approx(history.seconds.sum())
    assert record["selected_epoch"] == progress.selected_epoch
    assert record["validation_accuracy"] == {
        "last": history.validation_accuracy[EPOCHS - 1],
        "selected": history.validation_accuracy[progress.selected_epoch],
    }


def begun() -> torch.nn.Module:
    torch.manual_seed(torch_seed("weights", SEED))
    return build_model(ARCHITECTURE, (1, 28, 28), 10).to(memory_format=torch.channels_last)


def test_a_run_from_labels(trained, path, run, settings):
    transfer_set = {"images": 320}
    folder, data = trained(transfer_set=transfer_set)
    chosen = chosen_images(data.train_labels, transfer_set, SPLIT_SEED)
    supervision = learn_from_labels(data.train_labels, 0.2)
    same_run(
        folder,
        *run(SEED, data=data, supervision=supervision, model=begun(), transfer_set=chosen, **asdict(settings)),
    )
    record = json.loads((folder / "metrics.json").read_text())
    assert (record["training_images"], record["steps"]) == (320, EPOCHS * 6)
    assert record["data"] == sha256(path)
    assert pd.read_parquet(folder / "history.parquet").test_accuracy.isna().all()


def test_the_wait_for_a_gpu_is_not_part_of_a_trainings_start(trained, monkeypatch):
    """It costs the study time, not this training: another study beside it would wait less."""
    monkeypatch.setattr(
        train_model, "choose_compute", lambda *asked, **need: replace(choose_compute(*asked, **need), waited=1000)
    )
    folder, _ = trained()
    assert -1000 < json.loads((folder / "metrics.json").read_text())["start_up_seconds"] < -900


@pytest.mark.parametrize(
    "transfer_set", [{"shuffle": "all"}, {"shuffle": "within-class"}, {"omit_classes": [3]}, {"images": 320}]
)
def test_a_run_from_a_teacher(trained, path, run, settings, tmp_path, transfer_set):
    shuffle = transfer_set.get("shuffle")
    loss = {} if shuffle else {"function": "decoupled", "alpha": 2, "beta": 3}
    logits = torch.randn(EPOCHS, 510, 10, generator=torch.Generator().manual_seed(0)).half()
    chosen = chosen_images(load_dataset(path).train_labels, transfer_set, SPLIT_SEED)
    stored = logits[:, chosen] if "images" in transfer_set else logits  # of a drawn part those of its images alone
    save_teacher_logits(tmp_path / "logits", stored, settings, SEED)
    save_record(tmp_path / "logits")
    folder, data = trained(
        transfer_set=transfer_set, teacher_logits=tmp_path / "logits", temperature=2.5, hard_weight=0.3,
        score_test_each_epoch=None, loss=loss,
    )  # fmt: skip
    if shuffle:
        logits = logits[:, shuffled_images(data.train_labels, shuffle == "within-class", SEED)]
    supervision = learn_from_teacher(
        data.train_labels, logits, temperature=2.5, hard_weight=0.3, label_smoothing=0.2,
        soft_loss=soft_loss_of(loss),
    )  # fmt: skip
    found = run(
        SEED, data=data, supervision=supervision, model=begun(), transfer_set=chosen, score_test=True,
        **asdict(settings),
    )  # fmt: skip
    same_run(folder, *found)
    assert json.loads((folder / "metrics.json").read_text())["loss"] == loss


def made_weights(tmp_path, names: list[str]) -> dict[str, dict]:
    """Runs' files of weights, no two alike, with their records."""
    made = {}
    for number, name in enumerate(names):
        torch.manual_seed(number)
        made[name] = {
            key: value.contiguous() for key, value in build_model(ARCHITECTURE, (1, 28, 28), 10).state_dict().items()
        }
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        save_file(made[name], tmp_path / name)
    for folder in {(tmp_path / name).parent for name in names}:
        sums = {path.stem: sha256(path) for path in folder.glob("*.safetensors")}
        (folder / "metrics.json").write_text(json.dumps({"files": sums}))
    return made


@pytest.mark.parametrize("name", ["weights", "selected"])
def test_weights_that_are_not_those_of_their_runs_record_are_refused(path, command, settings, tmp_path, name):
    made = made_weights(tmp_path, ["seed5/weights.safetensors", "seed5/selected.safetensors"])
    file = tmp_path / "seed5" / f"{name}.safetensors"
    save_file({key: tensor + 1 for key, tensor in made[f"seed5/{name}.safetensors"].items()}, file)
    same = {"architecture": ARCHITECTURE, "split_seed": 0, "out": tmp_path / "out"}
    caching = {"seed": SEED, "weights": file, "views": views_of(asdict(settings)), "record": tmp_path / "record"}
    readers = [
        lambda: command(evaluate_runs, runs=tmp_path, seeds=[5], **same),
        lambda: command(cache_teacher_logits, **caching, **same),
        lambda: assemble_run.of_members([tmp_path / "seed5"], name),
    ]
    for read in readers:
        with pytest.raises(InputError, match=f"an input is damaged: {file}, .*metrics.json.*delete it and run"):
            read()
    assert not (tmp_path / "out").exists()


def network(weights: dict) -> torch.nn.Module:
    model = build_model(ARCHITECTURE, (1, 28, 28), 10)
    model.load_state_dict(weights)
    return model


def test_logits_are_of_each_part_each_epoch_and_each_seed_in_order(path, command, compute, tmp_path):
    names = {
        (epoch, number): f"seed{seed}/{file}.safetensors"
        for number, seed in enumerate((11, 2))
        for epoch, file in (("last", "weights"), ("selected", "selected"))
    }
    made, data = made_weights(tmp_path, list(names.values())), load_dataset(path)
    command(
        evaluate_runs, architecture=ARCHITECTURE, runs=tmp_path, seeds=[11, 2], transfer_set={"images": 320},
        split_seed=SPLIT_SEED, out=tmp_path / "logits",
    )  # fmt: skip
    found = load_file(tmp_path / "logits")
    for epoch in ("last", "selected"):
        for part in PARTS:
            for number in (0, 1):
                z = predict(network(made[names[epoch, number]]), data, getattr(data, f"{part}_images"), compute)
                torch.testing.assert_close(found[f"{epoch}/{part}"][number], z, rtol=1e-4, atol=1e-4)
    assert (found["transfer_set"] == chosen_images(data.train_labels, {"images": 320}, SPLIT_SEED)).all()
    with safe_open(tmp_path / "logits", framework="pt") as file:
        record = json.loads(file.metadata()["record"])
    for key, epoch in (("weights", "last"), ("selected", "selected")):
        assert record[key] == [sha256(tmp_path / names[epoch, number]) for number in (0, 1)]


@pytest.mark.parametrize("part", [{}, {"images": 320}])
def test_teachers_logits_are_of_its_weights_and_of_the_students_stream(
    path, command, compute, settings, tmp_path, part
):
    made, data = made_weights(tmp_path, [(name := "teacher/weights.safetensors")]), load_dataset(path)
    command(
        cache_teacher_logits, architecture=ARCHITECTURE, weights=tmp_path / name, views=views_of(asdict(settings)),
        seed=SEED, split_seed=SPLIT_SEED, transfer_set=part, out=tmp_path / "logits", record=tmp_path / "record",
    )  # fmt: skip
    found, teacher = load_file(tmp_path / "logits")["logits"], network(made[name])
    live = [teacher_logits_of_epoch(teacher, data, settings, SEED, epoch, compute) for epoch in range(EPOCHS)]
    live = [logits[chosen_images(data.train_labels, part, SPLIT_SEED)] for logits in live]
    torch.testing.assert_close(found, torch.stack(live), rtol=1e-2, atol=1e-2)
    assert not torch.allclose(live[0].float(), live[1].float(), atol=0.05)
    assert json.loads((tmp_path / "record").read_text())["images"] == EPOCHS * (320 if part else 510)


def test_an_ensemble_has_each_members_last_and_selected_weights(trained, path, monkeypatch, tmp_path):
    folder, _ = trained()
    names = [f"seed{seed}/{name}.safetensors" for seed in (5, 2) for name in ("weights", "selected")]
    made, record, sums = made_weights(tmp_path, names), json.loads((folder / "metrics.json").read_text()), []
    for number, seed in enumerate((5, 2)):
        sums.append({name: sha256(tmp_path / f"seed{seed}/{name}.safetensors") for name in ("weights", "selected")})
        own = record | {"seconds": 10.0 + number, "parameters": 100 + number, "files": sums[-1]}
        (tmp_path / f"seed{seed}" / "metrics.json").write_text(json.dumps(own))
    out = tmp_path / "ensemble"
    out.mkdir()
    words = ["--members", str(tmp_path), "--seeds", "5", "2", "--out", str(out)]
    monkeypatch.setattr(
        "sys.argv", ["assemble_run.py", "--data", str(path), "--architecture", "{}", "--seed", "5", *words]
    )
    assemble_run.main()
    for name in ("weights", "selected"):
        found = load_file(out / f"{name}.safetensors")
        for number, seed in enumerate((5, 2)):
            for key, value in made[f"seed{seed}/{name}.safetensors"].items():
                assert (found[f"members.{number}.{key}"] == value).all()
    whole = json.loads((out / "metrics.json").read_text())
    assert (whole["seconds"], whole["parameters"]) == (21, 201)
    assert whole["multiply_adds"] == 2 * record["multiply_adds"]
    assert whole["selected_epoch"] is whole["validation_accuracy"] is None
    assert whole["members"] == [of_member["weights"] for of_member in sums]


def test_accuracy_is_a_share_of_the_images():
    assert accuracy(torch.tensor([[1.0, 0], [0, 1], [1, 0], [1, 0]]), torch.tensor([0, 1, 1, 1])) == 0.5
