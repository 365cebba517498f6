"""The training loop: against a second implementation, deterministic, resumed bit for bit, loud when it diverges."""

import dataclasses
import math
import os
import re
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy

from dark_knowledge.command import InputError
from dark_knowledge.training import devices, loop
from dark_knowledge.training.augment import epoch_views, pad_images, render
from dark_knowledge.training.evaluate import accuracy, predict
from dark_knowledge.training.losses import learn_from_labels, learn_from_teacher
from dark_knowledge.training.networks import build_model
from dark_knowledge.training.recipes import one_cycle


class KilledError(Exception):
    """Stands for a kill between two steps of a training."""


def weights_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_same_run(one, other) -> None:
    """Both trainings ended in the same bits: weights, selection, history but for times, logged steps."""
    (model, progress), (other_model, other_progress) = one, other
    assert_same_tensors(weights_of(model), weights_of(other_model))
    assert_same_tensors(progress.selected_weights, other_progress.selected_weights)
    assert progress.selected_epoch == other_progress.selected_epoch
    assert repr(timeless(progress.history)) == repr(timeless(other_progress.history))  # repr, for NaN equals NaN there
    assert repr(progress.steps) == repr(other_progress.steps)


def assert_same_tensors(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def timeless(history: list[dict]) -> list[dict]:
    return [{key: row[key] for key in row if key not in ("seconds", "images_per_second")} for row in history]


def kill_after(data, epochs: int):
    """Supervision by labels that is killed in the third batch of the epoch after `epochs` whole ones."""
    labels, batches = learn_from_labels(data.train_labels, 0), []

    def supervision(logits, epoch, index, mix):
        batches.append(index)
        if epoch == epochs and len(batches) % 10 == 3:
            raise KilledError
        return labels(logits, epoch, index, mix)

    return supervision


def slow_training(model, data, recipe, seed: int) -> list[float]:
    """Stochastic gradient descent with Nesterov momentum, written out; returns the losses of all steps."""
    count = len(data.train_images) // recipe.batch_size
    peak = round(recipe.warmup * recipe.epochs * count)
    falling = recipe.epochs * count - peak + 1
    rates = [recipe.learning_rate * (step + 1) / peak for step in range(peak)]
    rates += [recipe.learning_rate * (falling - step) / falling for step in range(1, falling)]
    velocity = {name: torch.zeros_like(parameter) for name, parameter in model.named_parameters()}
    losses = []
    padded = pad_images(data.train_images, recipe.shift)
    for epoch in range(recipe.epochs):
        views = epoch_views(seed, epoch, len(padded), flip=recipe.flip, shift=recipe.shift)
        for number in range(count):
            model.train()
            index = views.order[number * recipe.batch_size : (number + 1) * recipe.batch_size]
            images = render(padded, index, views, recipe.shift).float() / 255
            loss = cross_entropy(model((images - data.mean[0]) / data.std[0]), data.train_labels[index])
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            losses.append(loss.item())
            with torch.no_grad():
                for (name, parameter), gradient in zip(model.named_parameters(), gradients, strict=True):
                    gradient = gradient + recipe.weight_decay * parameter
                    velocity[name] = recipe.momentum * velocity[name] + gradient
                    parameter -= rates[len(losses) - 1] * (gradient + recipe.momentum * velocity[name])
    return losses


def test_training_equals_a_second_implementation(data, recipe, make_model, run, monkeypatch):
    monkeypatch.setattr(loop, "LOG_EVERY", 1)
    settings = {"epochs": 2, "batch_size": 120, "learning_rate": 0.02, "warmup": 0.25, "weight_decay": 0.01}
    model, progress = run(4, **settings)
    expected = make_model(4)
    losses = slow_training(expected, data, recipe(**settings), seed=4)
    assert [row["loss"] for row in progress.steps] == pytest.approx(losses, rel=1e-3)
    found = weights_of(model)
    for name, tensor in weights_of(expected).items():
        torch.testing.assert_close(found[name], tensor, rtol=5e-3, atol=1e-4, msg=lambda text, n=name: f"{n}: {text}")


def test_adamw_follows_the_paper(run, make_model):
    """Loshchilov & Hutter 2019 (arXiv 1711.05101), algorithm 2, at two steps of one epoch each."""
    settings = {"epochs": 2, "batch_size": 500, "optimiser": "adamw", "learning_rate": 0.01, "weight_decay": 0.1}
    settings["momentum"] = 0.7
    gradients, model = [], make_model(0)
    weight = model[-1].weight
    weight.register_hook(lambda gradient: gradients.append(gradient.double().clone()))
    expected = weight.detach().double().clone()
    run(model=model, **settings)
    first = second = 0
    for step, gradient in enumerate(gradients):
        rate = one_cycle(step, 2, 0.01, 0.2)
        first, second = 0.7 * first + 0.3 * gradient, 0.999 * second + 0.001 * gradient**2
        update = (first / (1 - 0.7 ** (step + 1))) / ((second / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8)
        expected -= rate * (update + 0.1 * expected)
    assert len(gradients) == 2
    torch.testing.assert_close(weight.detach().double(), expected, rtol=1e-4, atol=1e-6)


def test_a_seed_gives_the_same_bits_twice(run):
    first = run(0)
    torch.rand(7)  # whatever else has drawn from the global generator
    assert_same_run(first, run(0))


def test_seeds_differ(run):
    one, other = run(0)[0], run(1)[0]
    assert not torch.equal(one[-1].weight, other[-1].weight)


def test_the_stream_depends_on_the_seed(run, make_model):
    losses = [run(seed, model=make_model(0))[1].history[0]["loss"] for seed in (0, 1)]
    assert losses[0] != losses[1]


def test_a_student_learns_from_its_teacher(data, run):
    """Two teachers make two students of one seed: soft targets are learnt from, not only measured."""
    students = []
    for seed in (0, 1):
        random = torch.Generator().manual_seed(seed)
        logits = torch.randn((2, len(data.train_labels), data.classes), generator=random).half()
        supervision = learn_from_teacher(data.train_labels, logits, temperature=2, hard_weight=0.5)
        students.append(weights_of(run(supervision=supervision, epochs=2)[0]))
    assert any((students[0][name] != students[1][name]).any() for name in students[0])


def test_dropout_draws_anew_in_each_epoch():
    drawn = []
    for epoch in (0, 1, 0):
        loop._set_random_state(SimpleNamespace(seed=3), loop.Progress(history=[{}] * epoch))
        drawn.append(torch.rand(4).tolist())
    assert drawn[0] == drawn[2] != drawn[1]


@pytest.mark.parametrize(("whole", "optimiser"), [(1, "sgd"), (2, "sgd"), (3, "sgd"), (2, "adamw")])
def test_a_resumed_run_equals_an_uninterrupted_one(data, run, tmp_path, capsys, whole, optimiser):
    checkpoint, settings = tmp_path / "resume.pt", {"epochs": 4, "optimiser": optimiser}
    with pytest.raises(KilledError):
        run(supervision=kill_after(data, whole), checkpoint=checkpoint, **settings)
    capsys.readouterr()
    resumed = run(checkpoint=checkpoint, **settings)
    assert f"continuing after epoch {whole} from {checkpoint}" in capsys.readouterr().out
    assert_same_run(resumed, run(**settings))


def test_a_run_killed_twice_equals_an_uninterrupted_one(data, run, tmp_path):
    checkpoint = tmp_path / "resume.pt"
    for whole in (1, 3):
        with pytest.raises(KilledError):
            run(epochs=4, supervision=kill_after(data, whole), checkpoint=checkpoint)
    assert_same_run(run(epochs=4, checkpoint=checkpoint), run(epochs=4))


def test_a_run_killed_after_its_last_epoch_trains_no_more(run, tmp_path):
    first = run(checkpoint=tmp_path / "resume.pt")

    def supervision(logits, epoch, index, mix):
        raise AssertionError("trained again")

    assert_same_run(run(checkpoint=tmp_path / "resume.pt", supervision=supervision), first)


def test_a_distilled_run_resumes_too(data, run, tmp_path):
    logits = torch.randn(3, 500, 10, generator=torch.Generator().manual_seed(0)).half()
    teacher = learn_from_teacher(data.train_labels, logits, temperature=4, hard_weight=0.1)

    def killed(z, epoch, index, mix):
        if epoch == 2:
            raise KilledError
        return teacher(z, epoch, index, mix)

    with pytest.raises(KilledError):
        run(epochs=3, supervision=killed, checkpoint=tmp_path / "resume.pt")
    resumed = run(epochs=3, supervision=teacher, checkpoint=tmp_path / "resume.pt")
    assert_same_run(resumed, run(epochs=3, supervision=teacher))


def stop_at(data, epoch: int, batch: int, number: signal.Signals):
    """Supervision by labels under which a signal arrives in the given batch, both counted from 0."""
    labels, batches = learn_from_labels(data.train_labels, 0), []

    def supervision(logits, now, index, mix):
        batches.append(now)
        if batches.count(epoch) == batch + 1:
            os.kill(os.getpid(), number)
        return labels(logits, now, index, mix)

    return supervision


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("epoch", "batch"), [(0, 0), (0, 4), (1, 9), (2, 3)])
def test_a_signal_stops_between_two_steps_and_nothing_is_lost(data, run, tmp_path, capsys, number, epoch, batch):
    checkpoint, before = tmp_path / "resume.pt", signal.getsignal(number)
    with pytest.raises(SystemExit) as stopped:
        run(epochs=3, supervision=stop_at(data, epoch, batch, number), checkpoint=checkpoint)
    assert stopped.value.code == 128 + number
    assert signal.getsignal(number) is before
    assert f"stopped by {number.name}" in capsys.readouterr().err
    assert len(torch.load(checkpoint, weights_only=True)["progress"]["unfinished"]) == (batch + 1) % 10
    assert_same_run(run(epochs=3, checkpoint=checkpoint), run(epochs=3))


@pytest.mark.parametrize(
    "error",
    [OSError("stale file handle"), MemoryError(), torch.OutOfMemoryError("CUDA out of memory.")],
    ids=["a file system's fault", "host memory", "GPU memory"],
)
def test_a_checkpoint_that_could_not_be_read_this_time_is_kept(data, run, tmp_path, monkeypatch, error):
    checkpoint = tmp_path / "resume.pt"
    with pytest.raises(KilledError):
        run(epochs=3, supervision=kill_after(data, 2), checkpoint=checkpoint)
    before = checkpoint.read_bytes()

    def fail(*arguments, **settings):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", fail)
        with pytest.raises(type(error)):
            run(epochs=3, checkpoint=checkpoint)
    assert checkpoint.read_bytes() == before
    assert_same_run(run(epochs=3, checkpoint=checkpoint), run(epochs=3))


def test_seconds_before_a_stop_count(data, run, tmp_path):
    checkpoint = tmp_path / "resume.pt"
    with pytest.raises(SystemExit):
        run(epochs=1, supervision=stop_at(data, 0, 4, signal.SIGTERM), checkpoint=checkpoint)
    saved = torch.load(checkpoint, weights_only=True)
    assert saved["progress"]["unfinished_seconds"] > 0
    saved["progress"]["unfinished_seconds"] = 1000.0
    torch.save(saved, checkpoint)
    _, progress = run(epochs=1, checkpoint=checkpoint)
    (epoch,) = progress.history
    assert epoch["seconds"] > 1000
    assert epoch["images_per_second"] < len(data.train_images) / 1000


def test_dropout_goes_on_where_a_signal_stopped_it(data, run, tmp_path):
    def network():
        torch.manual_seed(0)
        settings = {"architecture": "mlp", "hidden": [20, 20], "input_dropout": 0.2, "hidden_dropout": 0.5}
        return build_model(settings, (1, 28, 28), 10)

    checkpoint, whole = tmp_path / "resume.pt", run(model=network())
    with pytest.raises(SystemExit):
        run(model=network(), supervision=stop_at(data, 1, 4, signal.SIGTERM), checkpoint=checkpoint)
    torch.rand(3)
    assert_same_run(run(model=network(), checkpoint=checkpoint), whole)


def test_incoming_norms_are_bounded_after_every_step(data, run):
    norms = []

    class Watched(torch.nn.Sequential):
        def forward(self, images):
            norms.append(torch.cat([layer.weight.norm(dim=1) for layer in self[0].hidden]).max().item())
            return super().forward(images)

    torch.manual_seed(0)
    settings = {"architecture": "mlp", "hidden": [20, 20], "input_dropout": 0.0, "hidden_dropout": 0.0}
    network = build_model(settings, (1, 28, 28), 10)
    run(model=Watched(network), max_norm=0.5)
    assert norms[0] > 0.5
    assert max(norms[1:]) == pytest.approx(0.5, rel=1e-5)
    assert network.classifier.weight.norm(dim=1).max() > 0.5  # the classifier is not bounded


class Malicious:
    """Unpickled without care, makes a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def break_checkpoint(kind: str, path: Path) -> None:
    state = torch.load(path, weights_only=True)
    whole = path.read_bytes()
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "truncated":
            path.write_bytes(whole[: len(whole) // 2])
        case "first bytes":
            path.write_bytes(whole[:100])
        case "one bit":
            place = whole.index(next(iter(state["model"].values())).numpy().tobytes())
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        case "garbage":
            path.write_bytes(b"not a checkpoint at all\n" * 100)
        case "garbage like a pickle":
            path.write_bytes(b"\x80\x02" + bytes(range(40, 90)))
        case "end of a pickle":
            path.write_bytes(b"\x80\x02.")
        case "a tensor":
            torch.save(torch.zeros(3), path)
        case "a list":
            torch.save([1, 2], path)
        case "no model":
            torch.save({"identity": state["identity"]}, path)
        case "another network":
            torch.save(state | {"model": {"0.weight": torch.zeros(2)}}, path)
        case "another optimiser":
            torch.save(state | {"optimiser": {"state": {}, "param_groups": []}}, path)
        case "another progress":
            torch.save(state | {"progress": state["progress"] | {"epochs": 1}}, path)


@pytest.mark.parametrize(
    "kind",
    [
        "empty",
        "truncated",
        "first bytes",
        "one bit",
        "garbage",
        "garbage like a pickle",
        "end of a pickle",
        "a tensor",
        "a list",
        "no model",
        "another network",
        "another optimiser",
        "another progress",
    ],
)
def test_a_broken_checkpoint_is_refused_aloud(data, run, tmp_path, capsys, kind):
    checkpoint = tmp_path / "resume.pt"
    with pytest.raises(KilledError):
        run(epochs=3, supervision=kill_after(data, 2), checkpoint=checkpoint)
    break_checkpoint(kind, checkpoint)
    capsys.readouterr()
    result = run(epochs=3, checkpoint=checkpoint)
    said = capsys.readouterr().err
    assert said.startswith(f"{checkpoint} is not continued: ")
    assert "training starts afresh" in said
    assert said.count("\n") == 1
    assert "weights_only" not in said  # advice to load it in an unsafe way
    assert_same_run(result, run(epochs=3))


def test_a_checkpoint_of_other_settings_is_refused_aloud(run, tmp_path, capsys):
    checkpoint = tmp_path / "resume.pt"
    run(1, epochs=3, checkpoint=checkpoint, identity={"seed": 1})
    capsys.readouterr()
    result = run(0, epochs=3, checkpoint=checkpoint, identity={"seed": 0})
    assert (
        "it belongs to other settings, other code or another kind of machine; training starts afresh"
        in capsys.readouterr().err
    )
    assert_same_run(result, run(0, epochs=3))


def test_a_malicious_checkpoint_is_not_executed(run, tmp_path, capsys):
    checkpoint, folder = tmp_path / "resume.pt", tmp_path / "executed"
    torch.save({"identity": Malicious(folder)}, checkpoint)
    result = run(checkpoint=checkpoint)
    assert not folder.exists()
    assert "is not continued" in capsys.readouterr().err
    assert_same_run(result, run())


def test_the_malicious_checkpoint_would_have_worked(tmp_path):
    torch.save({"identity": Malicious(tmp_path / "executed")}, tmp_path / "resume.pt")
    torch.load(tmp_path / "resume.pt", weights_only=False)
    assert (tmp_path / "executed").is_dir()


def test_the_order_of_the_identitys_keys_does_not_matter(run, tmp_path, capsys):
    checkpoint = tmp_path / "resume.pt"
    run(checkpoint=checkpoint, identity={"seed": 0, "recipe": {"a": 1, "b": 2}})
    run(checkpoint=checkpoint, identity={"recipe": {"b": 2, "a": 1}, "seed": 0})
    assert "continuing after epoch 2" in capsys.readouterr().out


def test_the_folder_holds_nothing_but_the_checkpoint_and_live_curves(data, run, tmp_path):
    with pytest.raises(KilledError):
        run(epochs=3, supervision=kill_after(data, 1), checkpoint=tmp_path / "run" / "resume.pt")
    names = [path.name for path in (tmp_path / "run").iterdir()]
    assert [name for name in names if not name.startswith("events.out.tfevents.")] == ["resume.pt"]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_named(data, run, value):
    labels = learn_from_labels(data.train_labels, 0)
    batches = []

    def supervision(logits, epoch, index, mix):
        batches.append(index)
        losses = labels(logits, epoch, index, mix)
        return losses._replace(total=losses.total * value) if len(batches) == 13 else losses

    with pytest.raises(InputError) as error:
        run(epochs=2, batch_size=50, warmup=0.5, learning_rate=0.11, supervision=supervision)
    # step 13 of 20: the third one after the peak, at 8 elevenths of it
    assert f"the loss is {value} in epoch 2, step 3, at learning rate 0.08" in str(error.value)
    assert "\n" not in str(error.value)


def test_weights_that_diverge_in_the_very_last_step_are_noticed(run):
    with pytest.raises(InputError, match="diverged"):
        run(epochs=1, batch_size=500, learning_rate=1e38)


def test_an_ordinary_divergence_ends_the_run(run):
    with pytest.raises(InputError, match=r"epoch 1, step \d+, at learning rate"):
        run(epochs=2, learning_rate=1e25)


def test_training_learns(run, data, compute):
    model, progress = run(epochs=4, batch_size=25)
    losses = [row["loss"] for row in progress.history]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.75 * losses[0]
    assert accuracy(predict(model, data, data.test_images, compute), data.test_labels) > 0.6


def test_selected_weights_are_of_the_best_validation_epoch(data, run, make_model, compute):
    right, wrong = (learn_from_labels((data.train_labels + shift) % 10, 0) for shift in (0, 1))

    def supervision(logits, epoch, index, mix):  # learns, then unlearns
        return (right if epoch < 3 else wrong)(logits, epoch, index)

    _, progress = run(epochs=6, batch_size=25, warmup=0.5, supervision=supervision, score_test=True)
    accuracies = [row["validation_accuracy"] for row in progress.history]
    assert progress.selected_epoch == accuracies.index(max(accuracies)) < 5
    selected = make_model(1)
    selected.load_state_dict(progress.selected_weights)
    logits = predict(selected, data, data.validation_images, compute)
    row = progress.history[progress.selected_epoch]
    assert accuracy(logits, data.validation_labels) == max(accuracies) > accuracies[-1]
    assert cross_entropy(logits, data.validation_labels).item() == pytest.approx(row["validation_loss"])
    assert accuracy(predict(selected, data, data.test_images, compute), data.test_labels) == row["test_accuracy"]


def test_a_tie_keeps_the_earlier_epoch():
    def best(*accuracies: float) -> bool:
        return loop._is_best([{"validation_accuracy": value} for value in accuracies])

    assert best(0.1)
    assert best(0.1, 0.2)
    assert not best(0.2, 0.2)
    assert not best(0.3, 0.1, 0.2)


def test_the_best_epoch_survives_a_resume(data, run, tmp_path):
    right, wrong = (learn_from_labels((data.train_labels + shift) % 10, 0) for shift in (0, 1))

    def supervision(logits, epoch, index, mix):
        return (right if epoch < 2 else wrong)(logits, epoch, index)

    def killed(logits, epoch, index, mix):
        if epoch == 4:
            raise KilledError
        return supervision(logits, epoch, index, mix)

    settings = {"epochs": 5, "warmup": 0.5, "batch_size": 25}
    with pytest.raises(KilledError):
        run(supervision=killed, checkpoint=tmp_path / "resume.pt", **settings)
    resumed = run(supervision=supervision, checkpoint=tmp_path / "resume.pt", **settings)
    assert resumed[1].selected_epoch < 4
    assert_same_run(resumed, run(supervision=supervision, **settings))


def test_history_has_a_row_per_epoch_and_its_losses_apart(data, run):
    logits = torch.zeros(2, 500, 10, dtype=torch.float16)
    supervision = learn_from_teacher(data.train_labels, logits, temperature=2, hard_weight=0.3)
    _, progress = run(epochs=2, supervision=supervision)
    assert [row["epoch"] for row in progress.history] == [0, 1]
    for row in progress.history:
        assert row["loss"] == pytest.approx(0.3 * row["hard_loss"] + 0.7 * row["soft_loss"], rel=1e-5)
        assert row["hard_loss"] != pytest.approx(row["soft_loss"], rel=0.1)


def test_an_epochs_seconds_are_of_its_steps_and_its_scoring(run, monkeypatch):
    scores = loop._scores

    def slow_scores(*arguments):
        time.sleep(0.2)
        return scores(*arguments)

    monkeypatch.setattr(loop, "_scores", slow_scores)
    row = run(epochs=1)[1].history[0]
    assert row["seconds"] - 500 / row["images_per_second"] > 0.2


def test_learning_from_labels_has_no_soft_loss(run):
    row = run(epochs=1)[1].history[0]
    assert math.isnan(row["soft_loss"])
    assert row["loss"] == row["hard_loss"]


def test_a_logged_step_is_every_twentieth_of_the_whole_run(run):
    _, progress = run(epochs=3, batch_size=30)  # 16 whole batches an epoch
    assert [row["step"] for row in progress.steps] == [0, 20, 40]
    assert [row["epoch"] for row in progress.steps] == [0, 1, 2]


def test_images_left_over_are_skipped_and_the_rest_seen_once(data, run):
    labels, batches = learn_from_labels(data.train_labels, 0), []

    def supervision(logits, epoch, index, mix):
        batches.append((epoch, index))
        return labels(logits, epoch, index, mix)

    run(epochs=2, batch_size=60, supervision=supervision)
    for epoch in (0, 1):
        indices = [index for number, index in batches if number == epoch]
        assert [len(index) for index in indices] == [60] * 8
        assert len(torch.cat(indices).unique()) == 480


def test_bfloat16_training_is_close_to_float32(data, recipe, make_model, compute, tmp_path):
    accuracies = []
    for bfloat16 in (False, True):
        model = make_model(0)
        loop.train(
            model,
            data,
            recipe(epochs=3, batch_size=25),
            learn_from_labels(data.train_labels, 0),
            seed=0,
            compute=dataclasses.replace(compute, bfloat16=bfloat16),
            score_test_each_epoch=False,
            checkpoint=tmp_path / f"{bfloat16}.pt",
            identity={},
        )
        assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
        accuracies.append(accuracy(predict(model, data, data.test_images, compute), data.test_labels))
    assert accuracies[1] == pytest.approx(accuracies[0], abs=0.15)
    assert accuracies[1] > 0.5


def test_peak_memory_is_in_megabytes():
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("this system does not tell a process's peak")
    kibibytes = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])
    assert devices.peak_memory_mb(torch.device("cpu")) == pytest.approx(kibibytes * 1024 / 1e6, rel=0.05)


@pytest.mark.parametrize(
    ("asked", "multiplies", "found"),
    [
        ("auto", True, "bfloat16"),
        ("auto", False, "float32"),
        ("float32", True, "float32"),
        ("bfloat16", False, "bfloat16"),
    ],
)
def test_auto_is_bfloat16_where_the_processor_multiplies_in_it_alone(asked, multiplies, found, monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: multiplies)
    assert devices.choose_compute("cpu", asked, torch.get_num_threads()).precision == found


def test_as_many_threads_as_are_asked_for():
    before = torch.get_num_threads()
    devices.choose_compute("cpu", "float32", before + 1)
    assert torch.get_num_threads() == before + 1
    torch.set_num_threads(before)
