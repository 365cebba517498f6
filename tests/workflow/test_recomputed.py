"""Every number that a study stores, computed again by other code from what it is said to come from.

The study (tests/data/recomputed.yaml) has no two things alike, so that a swapped wire shows; the other code is
replay.py and this file, and calls nothing of the library. Trainings are replayed from their seed.
"""

import gzip
import hashlib
import itertools
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file
from scipy import special, stats

from ..conftest import CHECKOUT, Workflow
from . import replay
from .recomputed import (
    ARMS,
    ASKED,
    CLASSES,
    CONFIG,
    EPOCHS,
    LOSSES,
    PARTS,
    RUNS,
    TRANSFER_SETS,
    logits_stem,
    network_of,
    recipe_of,
)

pytestmark = pytest.mark.slow

ROUNDING = {"rtol": 1e-4, "atol": 1e-4}  # of logits; a wrong wire moves them by a thousand times as much
TRAINED = [(*run, seed) for run, (*_, seeds) in RUNS.items() for seed in seeds if run[0] != "committee"]
# Of a run's record: what clocks, machines and versions fill.
UNTOLD = {
    "seconds", "start_up_seconds", "images_per_second", "peak_memory_mb", "machine", "commit", "code", "torch",
    "device", "precision",
}  # fmt: skip


def doubles(path) -> dict[str, torch.Tensor]:
    return {name: value.double() for name, value in load_file(path).items()}


def sha256(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def idx(name: str) -> np.ndarray:
    payload = gzip.decompress((CHECKOUT / "tests/data/fashion-mnist" / f"{name}.gz").read_bytes())
    shape = np.frombuffer(payload, ">i4", payload[3], offset=4)
    return np.frombuffer(payload, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    workflow = Workflow(tmp_path_factory.mktemp("recomputed") / "checkout")
    run = workflow.snakemake("--cores", "2", "make_tables", "judge_claims", "--configfile", CONFIG)
    assert run.returncode == 0, run.stdout + run.stderr
    return workflow.folder / "results" / "recomputed"


@pytest.fixture(scope="module")
def data():
    """The three parts, drawn from the source: 55 images a class are kept, and 9 of them held out."""
    images, labels = idx("train-images-idx3-ubyte")[:, None], idx("train-labels-idx1-ubyte")
    kept = replay.one_per_class(labels, "training limit", 4, 550)
    held_out = replay.one_per_class(labels[kept], "split", 4, 90)
    chosen = {"train": np.delete(kept, held_out), "validation": kept[held_out]}
    chosen_test = replay.one_per_class(idx("t10k-labels-idx1-ubyte"), "test limit", 4, 150)
    found = SimpleNamespace(images={part: images[c] for part, c in chosen.items()}, classes=10)
    found.labels = {part: labels[c].astype(int) for part, c in chosen.items()}
    found.images["test"] = idx("t10k-images-idx3-ubyte")[:, None][chosen_test]
    found.labels["test"] = idx("t10k-labels-idx1-ubyte")[chosen_test].astype(int)
    mean, spread = found.images["train"].mean(), found.images["train"].std()
    found.normal = lambda pixels: torch.from_numpy((pixels - mean) / spread)
    return found


@pytest.fixture(scope="module")
def scored(results, data):
    """Logits of each part, at both epochs, of each run: from its weights, by the other code."""
    found = {}
    for model, supervision, seed in [*TRAINED, ("committee", "labels", 5)]:
        folder = results / "runs" / model / supervision / f"seed{seed}"
        for epoch, file in zip(EPOCHS, ("weights", "selected"), strict=True):
            weights = doubles(folder / f"{file}.safetensors")
            for part in PARTS:
                z = replay.logits(network_of(model), weights, data.normal(data.images[part]))
                found[model, supervision, seed, epoch, part] = z.numpy()
    return found


@pytest.fixture(scope="module")
def stored(results, data):
    """The stored logits, which are tested against `scored` below, so that an answer is never a matter of rounding; of
    the training part those images that the run learned from."""
    found = {}
    for (model, supervision), (*_, transfer, seeds) in RUNS.items():
        tensors = load_arrays(results / "runs" / model / supervision / "logits.safetensors")
        for number, seed in enumerate(seeds):
            for epoch, part in itertools.product(EPOCHS, PARTS):
                z = tensors[f"{epoch}/{part}"][number]
                found[model, supervision, seed, epoch, part] = z[chosen_of(transfer, data)] if part == "train" else z
    return found


@pytest.fixture(scope="module")
def collected(results):
    names = ("arms", "runs", "epochs", "steps", "predictions", "class_errors", "fidelity")
    return SimpleNamespace(**{name: pd.read_parquet(results / "collected" / f"{name}.parquet") for name in names})


def chosen_of(transfer: str | None, data) -> np.ndarray:
    labels = data.labels["train"]
    if transfer == "no-dresses":
        return labels != 3
    if transfer == "part":
        return np.isin(np.arange(len(labels)), replay.one_per_class(labels, "transfer set", 4, 230))
    return np.ones(len(labels), bool)


def test_the_parts_are_those_of_the_split_and_differ_in_size(results, data):
    prepared = load_arrays(results / "data" / "dataset.safetensors")
    assert [len(data.labels[part]) for part in PARTS] == [460, 90, 150]
    for part in PARTS:
        assert (prepared[f"{part}_images"] == data.images[part]).all()
        assert (prepared[f"{part}_labels"] == data.labels[part]).all()


@pytest.mark.parametrize(("model", "supervision", "seed"), TRAINED)
def test_a_training_is_that_of_its_settings_and_seed(results, data, model, supervision, seed):
    """Weights after the last and the selected epoch, a row an epoch, a row each 20th step."""
    teacher, temperature, hard_weight, transfer, _ = RUNS[model, supervision]
    folder, recipe = results / "runs" / model / supervision / f"seed{seed}", recipe_of(model)
    taught, loss = None, LOSSES.get((model, supervision), {})
    if teacher is not None:
        rows = teacher_logits(results, data, teacher, model, seed)
        if transfer in ("shuffled", "shuffled-in-class"):
            rows = rows[:, replay.partners(data.labels["train"], transfer == "shuffled-in-class", seed)]
        taught = {"logits": rows, "temperature": temperature, "hard_weight": hard_weight, "loss": loss}
    chosen, score_test = chosen_of(transfer, data), model in ASKED["score_test_each_epoch"]
    weights, epochs, steps = replay.train(data, network_of(model), recipe, seed, chosen, score_test, taught)

    begun = replay.initial_weights(network_of(model), (1, 28, 28), 10, seed)

    history, logged = pd.read_parquet(folder / "history.parquet"), pd.read_parquet(folder / "steps.parquet")
    measured, expected = history.drop(columns=["images_per_second", "seconds"]), pd.DataFrame(epochs)
    close(measured[:1], expected[:1], losses=2e-3, images=3)
    close(measured, expected, losses=0.02, images=7)
    close(logged, pd.DataFrame(steps)[::20], losses=0.02, images=7)
    selected = int(np.argmax(history.validation_accuracy))
    for file, epoch in (("weights", -1), ("selected", selected)):
        found = doubles(folder / f"{file}.safetensors")
        assert found.keys() == weights[epoch].keys()
        learned = [key for key in found if key.endswith(("weight", "bias"))]
        apart, moved = (
            sum(((found[key] - other[key]) ** 2).sum() for key in learned) ** 0.5 for other in (weights[epoch], begun)
        )
        assert apart < 0.25 * moved  # float32 against float64, where a rounding may turn a maximum

    work, weights = [], doubles(folder / "weights.safetensors")
    replay.logits(network_of(model), weights, data.normal(data.images["test"][:1]), work=work)
    per_epoch = int(chosen.sum()) // recipe["batch_size"]
    stored = results / f"{logits_stem((model, supervision), seed)}.safetensors" if teacher else None
    record = json.loads((folder / "metrics.json").read_text())
    told = {key: value for key, value in record.items() if key not in UNTOLD}
    assert told == {
        "architecture": network_of(model), "recipe": recipe, "seed": seed, "temperature": temperature,
        "hard_weight": hard_weight, "loss": loss, "transfer_set": TRANSFER_SETS[transfer], "split_seed": 4,
        "score_test_each_epoch": score_test, "data": sha256(results / "data/dataset.safetensors"), "threads": 1,
        "teacher_logits": sha256(stored) if teacher else None,
        "parameters": sum(v.numel() for k, v in weights.items() if k.endswith(("weight", "bias"))),
        "multiply_adds": sum(work), "training_images": int(chosen.sum()), "epochs": recipe["epochs"],
        "steps": recipe["epochs"] * per_epoch, "selected_epoch": selected,
        "validation_accuracy": {"last": history.validation_accuracy.iloc[-1],
                                "selected": history.validation_accuracy.max()},
        "files": {name: sha256(folder / f"{name}.{kind}") for name, kind in (
            ("weights", "safetensors"), ("selected", "safetensors"), ("history", "parquet"), ("steps", "parquet"))},
    }  # fmt: skip
    assert record["seconds"] == pytest.approx(history.seconds.sum())
    assert record["images_per_second"] == pytest.approx(history.images_per_second.median())
    assert (record["device"], record["precision"]) == ("cpu", "float32")


def close(found: pd.DataFrame, expected: pd.DataFrame, losses: float, images: int) -> None:
    """Losses within a share of themselves, and accuracies within some images of 90, or of a batch."""
    for accuracies in (False, True):
        columns = [c for c in expected if c.endswith("accuracy") == accuracies]
        assert set(found) == set(expected)
        tolerance = {"rtol": 0, "atol": images / 90} if accuracies else {"rtol": losses, "atol": losses}
        same(found[columns], expected[columns], **tolerance)


def same(found: pd.DataFrame, expected: pd.DataFrame, **tolerance) -> None:
    assert set(found) == set(expected)
    found, expected = (table[sorted(table)].reset_index(drop=True) for table in (found, expected))
    assert_frame_equal(found, expected, check_dtype=False, check_categorical=False, **tolerance)


def test_some_run_of_each_kind_selects_another_epoch_than_the_last(results):
    """Otherwise a mix-up of the two would not show."""
    earlier = set()
    for model, supervision, seed in TRAINED:
        record = json.loads((results / "runs" / model / supervision / f"seed{seed}" / "metrics.json").read_text())
        if record["selected_epoch"] < record["epochs"] - 1:
            earlier.add(model)
    assert {"student", "member"} <= earlier


def teacher_logits(results, data, teacher: str, student: str, seed: int) -> torch.Tensor:
    """Of the teacher's last weights, live, on all views of the student's recipe and seed."""
    recipe = recipe_of(student)
    own = results / "runs" / teacher / "labels" / f"seed{5 if teacher == 'committee' else seed}"
    weights = doubles(own / "weights.safetensors")
    epochs = recipe["epochs"] if recipe["shift"] or recipe["flip"] else 1
    shown = (data.normal(replay.views(data.images["train"], recipe, seed, epoch)[1]) for epoch in range(epochs))
    return torch.stack([replay.logits(network_of(teacher), weights, images) for images in shown])


@pytest.mark.parametrize(
    ("run", "seed"), [(run, seed) for run, (teacher, *_, seeds) in RUNS.items() if teacher for seed in seeds]
)
def test_stored_teacher_logits_are_a_live_pass(results, data, run, seed):
    path = results / logits_stem(run, seed)
    live = teacher_logits(results, data, RUNS[run][0], run[0], seed)
    if RUNS[run][3] == "part":
        live = live[:, chosen_of("part", data)]
    found = load_file(path.with_suffix(".safetensors"))["logits"]
    assert found.shape == live.shape
    torch.testing.assert_close(found.double(), live, rtol=2e-3, atol=4e-3)
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["images"] == live[..., 0].numel()
    assert record["logits"] == sha256(path.with_suffix(".safetensors"))


def test_an_ensemble_is_its_members_in_the_order_of_the_seeds(results):
    folder = results / "runs" / "committee" / "labels" / "seed5"
    members = [results / "runs" / "member" / "labels" / f"seed{seed}" for seed in (5, 2, 8)]
    records = [json.loads((member / "metrics.json").read_text()) for member in members]
    for file in ("weights", "selected"):
        own = load_file(folder / f"{file}.safetensors")
        parts = {
            f"members.{number}.{key}": value
            for number, member in enumerate(members)
            for key, value in load_file(member / f"{file}.safetensors").items()
        }
        assert own.keys() == parts.keys()
        assert all((own[key] == parts[key]).all() for key in own)
    record = json.loads((folder / "metrics.json").read_text())
    for key in ("parameters", "multiply_adds", "seconds", "start_up_seconds"):
        assert record[key] == pytest.approx(sum(r[key] for r in records))
    assert record["members"] == [sha256(member / "weights.safetensors") for member in members]
    assert (record["steps"], record["epochs"], record["selected_epoch"]) == (3 * (460 // 40), 3, None)


@pytest.mark.parametrize("run", RUNS, ids="/".join)
def test_logits_are_those_of_the_weights(results, data, scored, run):
    tensors = load_arrays(results / "runs" / run[0] / run[1] / "logits.safetensors")
    *_, transfer, seeds = RUNS[run]
    assert (tensors["transfer_set"] == chosen_of(transfer, data)).all()
    for epoch, part in itertools.product(EPOCHS, PARTS):
        own = np.stack([scored[*run, seed, epoch, part] for seed in seeds])
        np.testing.assert_allclose(tensors[f"{epoch}/{part}"], own, **ROUNDING)


def named(model: str, seed: int) -> int:
    return -1 if model == "committee" else seed


def content_of(path) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(load_arrays(path).items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def test_collected_runs(results, data, stored, collected):
    rows = []
    for (model, supervision), (teacher, *_, transfer, seeds) in RUNS.items():
        for seed in seeds:
            folder = results / "runs" / model / supervision / f"seed{seed}"
            record, history = (
                json.loads((folder / "metrics.json").read_text()),
                pd.read_parquet(folder / "history.parquet"),
            )
            same_keys = (
                "parameters", "multiply_adds", "epochs", "steps", "selected_epoch", "seconds", "start_up_seconds",
                "images_per_second", "peak_memory_mb", "machine", "device", "precision", "threads", "torch", "commit",
            )  # fmt: skip
            row = {key: record[key] for key in same_keys}
            row |= {"model": model, "supervision": supervision, "seed": named(model, seed)}
            row["batch_size"] = recipe_of(model)["batch_size"]
            labels = data.labels | {"train": data.labels["train"][chosen_of(transfer, data)]}
            for epoch, part in itertools.product(EPOCHS, PARTS):
                right = stored[model, supervision, seed, epoch, part].argmax(1) == labels[part]
                row[f"{epoch}_{part}_accuracy"] = right.mean()
            chance = special.softmax(stored[model, supervision, seed, "last", "test"].astype(float), 1)
            row["test_nll"] = -np.log(chance[np.arange(150), labels["test"]]).mean()
            row["test_ece"] = calibration_error(chance.max(1), chance.argmax(1) == labels["test"])
            row["best_on_test_accuracy"] = history.test_accuracy.max()
            row |= {"caching_seconds": np.nan, "caching_images": np.nan}
            row |= {"taught_by": teacher, "taught_by_supervision": "labels" if teacher else None}
            members = "member" if model == "committee" else None
            row |= {"members": members, "members_supervision": members and "labels"}
            row |= {"data": content_of(results / "data/dataset.safetensors"), "given": None}
            if teacher is not None:
                cost = json.loads((results / f"{logits_stem((model, supervision), seed)}.json").read_text())
                row |= {"caching_seconds": cost["seconds"], "caching_images": cost["images"]}
            rows.append(row)
    keys = ["model", "supervision", "seed"]
    expected = pd.DataFrame(rows).fillna(np.nan).sort_values(keys)  # what is None in a record
    found = collected.runs.sort_values(keys)
    untold = ["images_per_second", "peak_memory_mb", "selected_epoch"]  # of an ensemble
    same(found.astype(dict.fromkeys(untold, float)), expected.astype(dict.fromkeys(untold, float)))


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    upper = np.arange(1, 16) / 15
    bins = [(confidence > top - 1 / 15) & (confidence <= top) for top in upper]
    return sum(b.sum() * abs(right[b].mean() - confidence[b].mean()) for b in bins if b.any()) / len(right)


def test_collected_curves_answers_and_errors(results, data, stored, collected):
    curves = {"history": [], "steps": []}
    answers, errors = [], []
    for (model, supervision), (*_, transfer, seeds) in RUNS.items():
        labels = data.labels | {"train": data.labels["train"][chosen_of(transfer, data)]}
        for seed in seeds:
            keys = {"model": model, "supervision": supervision, "seed": named(model, seed)}
            for name, tables in curves.items():
                table = pd.read_parquet(results / "runs" / model / supervision / f"seed{seed}" / f"{name}.parquet")
                tables.append(table.assign(**keys))
            for epoch in EPOCHS:
                z = stored[model, supervision, seed, epoch, "test"]
                chance = np.exp(z - special.logsumexp(z, axis=1, keepdims=True)).max(1)
                own = {"image": range(150), "label": labels["test"], "prediction": z.argmax(1), "confidence": chance}
                answers.append(pd.DataFrame(own).assign(epoch=epoch, **keys))
            for part in PARTS:
                wrong = stored[model, supervision, seed, "last", part].argmax(1) != labels[part]
                own = {"label": range(10), "images": [(labels[part] == c).sum() for c in range(10)]}
                own["errors"] = [wrong[labels[part] == c].sum() for c in range(10)]
                errors.append(pd.DataFrame(own).assign(part=part, **keys))
    trained = [table for table in curves["history"] if len(table)]
    keys = ["model", "supervision", "seed"]
    for found, tables, more in (
        (collected.epochs, trained, ["epoch"]),
        (collected.steps, [table for table in curves["steps"] if len(table)], ["step"]),
        (collected.predictions, answers, ["epoch", "image"]),
        (collected.class_errors, errors, ["part", "label"]),
    ):
        if found is collected.predictions:
            found = found.astype({"model": str, "supervision": str, "epoch": str})
        same(found.sort_values(keys + more), pd.concat(tables).sort_values(keys + more), rtol=1e-4)


def test_collected_arms_and_fidelity(stored, collected):
    assert collected.arms[["experiment", "role", "arm"]].to_numpy().tolist() == [list(arm[:3]) for arm in ARMS]
    assert list(zip(collected.arms.model, collected.arms.supervision, strict=True)) == [arm[3] for arm in ARMS]
    for row in collected.arms.itertuples():
        teacher, temperature, hard_weight, transfer, _ = RUNS[row.model, row.supervision]
        told = [None if pd.isna(v) else v for v in (row.teacher, row.temperature, row.hard_weight, row.transfer_set)]
        assert told == [teacher, temperature, hard_weight, transfer]
    rows = []
    for experiment, _, label, (model, supervision) in ARMS:
        teacher = "committee" if experiment == "of-committee" else "large"
        for seed in RUNS[model, supervision][-1]:
            own = stored[model, supervision, seed, "last", "test"]
            of_teacher = {s: stored[teacher, "labels", s, "last", "test"] for s in RUNS[teacher, "labels"][-1]}
            if label == "teacher":
                others = [z for other, z in of_teacher.items() if other != seed]
            else:
                others = [of_teacher[5 if teacher == "committee" else seed]]
            log_q = special.log_softmax(own.astype(float), 1)
            log_p = [special.log_softmax(z.astype(float), 1) for z in others]
            kl = [(np.exp(p) * (p - log_q)).sum(1).mean() for p in log_p]
            alike = [np.mean(z.argmax(1) == own.argmax(1)) for z in others]
            keys = {"experiment": experiment, "arm": label, "model": model, "supervision": supervision}
            mean = {"agreement": np.mean(alike), "kl": np.mean(kl)} if others else {"agreement": np.nan, "kl": np.nan}
            rows.append(keys | {"seed": named(model, seed)} | mean)
    same(collected.fidelity, pd.DataFrame(rows), rtol=1e-5)


# The tables, from the collected runs and the stored answers, both tested above


@pytest.fixture(scope="module")
def wrong(stored, data):
    """Which test images each run gets wrong after the last epoch, by run and seed; the ensemble's for every seed."""
    found = {}
    for run, (*_, seeds) in RUNS.items():
        own = {seed: stored[*run, seed, "last", "test"].argmax(1) != data.labels["test"] for seed in seeds}
        found[run] = dict.fromkeys((2, 5, 8), own[5]) if run[0] == "committee" else own
    return found


def csv(results, name: str) -> pd.DataFrame:
    return pd.read_csv(results / "tables" / f"{name}.csv")


def t_interval(values) -> tuple[float, float, float]:
    values = np.asarray(values, float)
    if len(values) < 2 or np.allclose(values, values[0], rtol=1e-9, atol=0):
        return values.mean(), np.nan, np.nan
    return values.mean(), *stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))


def ends(name: str, values, middle: str = "") -> dict:
    return dict(zip((f"{name}{middle}", f"{name}_low", f"{name}_high"), t_interval(values), strict=True))


def flip_p(values) -> float:
    """Two-sided, of all flips of sign."""
    values = np.asarray(values, float)
    sums = np.array([values @ signs for signs in itertools.product((1, -1), repeat=len(values))])
    return np.mean(np.abs(sums) > abs(values.sum()) - 1e-9)


def column_of(collected, run, column: str) -> pd.Series:
    """By seed; the ensemble's for every seed."""
    own = collected.runs[(collected.runs.model == run[0]) & (collected.runs.supervision == run[1])]
    own = own.set_index("seed")[column].sort_index()
    return pd.Series(own.iloc[0], index=[2, 5, 8]) if run[0] == "committee" else own


@pytest.fixture(scope="module")
def chosen(collected):
    """The student whose temperature has the highest mean validation accuracy."""
    found = {}
    for experiment in ("of-committee", "of-large"):
        students = [arm for arm in ARMS if arm[:2] == (experiment, "student")]
        means = {arm[2]: column_of(collected, arm[3], "last_validation_accuracy").mean() for arm in students}
        found[experiment] = min(
            means, key=lambda label: (-means[label], RUNS[{a[2]: a[3] for a in students}[label]][1])
        )
    return found


def arms_of(experiment: str, chosen: dict | None = None) -> list:
    """Of an experiment, of the students only the chosen one where there is one."""
    own = [arm for arm in ARMS if arm[0] == experiment]
    return [arm for arm in own if chosen is None or arm[1] != "student" or arm[2] == chosen[experiment]]


def run_of(experiment: str, role: str, chosen: dict) -> tuple[str, str]:
    return next(arm[3] for arm in arms_of(experiment, chosen) if arm[1] == role)


def own_n(run) -> int:
    return len(RUNS[run][-1])


EXPERIMENTS = ("of-committee", "of-large")


def test_accuracy_and_calibration(results, collected, chosen):
    rows, calibrated = [], []
    for experiment, role, label, run in ARMS:
        seeds, temperature = RUNS[run][-1], RUNS[run][1] if role == "student" else np.nan
        own = collected.runs[(collected.runs.model == run[0]) & (collected.runs.supervision == run[1])]
        likeness = collected.fidelity[(collected.fidelity.experiment == experiment) & (collected.fidelity.arm == label)]
        keys = {"experiment": experiment, "arm": label, "chosen": label == chosen[experiment], "n": len(seeds)}
        more = {"role": role, "model": run[0], "parameters": own.parameters.iloc[0]}
        more["temperature"] = RUNS[run][1] if RUNS[run][1] else temperature
        columns = [f"{epoch}_{part}_accuracy" for epoch in EPOCHS for part in PARTS] + ["best_on_test_accuracy"]
        rows.append(keys | more | {k: v for c in columns for k, v in ends(c, 100 * own[c], "_mean").items()})
        row = keys | ends("last_test_accuracy", 100 * own.last_test_accuracy)
        row |= ends("test_nll", own.test_nll) | ends("test_ece", 100 * own.test_ece)
        for name, factor in (("agreement", 100), ("kl", 1)):
            mean, low, high = t_interval(factor * likeness[name])
            row |= {name: mean, f"{name}_low": low if role != "teacher" else np.nan}
            row |= {f"{name}_high": high if role != "teacher" else np.nan}
        calibrated.append(row)
    same(csv(results, "accuracy"), pd.DataFrame(rows))
    same(csv(results, "calibration"), pd.DataFrame(calibrated))


def test_gap_recovered_and_controls(results, collected, chosen):
    gaps, controls = [], []
    for experiment in EXPERIMENTS:
        accuracy = {arm[2]: 100 * column_of(collected, arm[3], "last_test_accuracy") for arm in arms_of(experiment)}
        for _, role, label, run in arms_of(experiment):
            if role not in ("student", "control"):
                continue
            gain, gap = (accuracy[a] - accuracy["baseline"] for a in (label, "teacher"))
            gain = gain.dropna()
            gap = gap[gain.index]
            row = {"experiment": experiment, "arm": label, "chosen": label == chosen[experiment], "n": len(gain)}
            gaps.append(row | ends("gain", gain) | ends("gap", gap) | ends_of_ratio("recovered", gain, gap))
            if role == "control":
                # The student of the control's own temperature; without one, the chosen student.
                temperature = f"student, T = {RUNS[run][1]}"
                student = temperature if temperature in accuracy else chosen[experiment]
                lead = (accuracy[student] - accuracy[label]).dropna()
                row = {"experiment": experiment, "control": label, "student": student, "n": len(lead)}
                controls.append(row | ends("gain", gain) | ends("student_minus_control", lead) | {"p": flip_p(lead)})
    as_published = {"experiment": "of-large", "arm": "as published", "chosen": False, "n": 1, "gain": 3, "gap": 11}
    gaps.append(as_published | {"recovered": 100 * 3 / 11})
    same(csv(results, "gap_recovered"), pd.DataFrame(gaps))
    same(csv(results, "controls"), pd.DataFrame(controls))


def ends_of_ratio(name: str, above: pd.Series, below: pd.Series) -> dict:
    """Fieller's: all ratios r at which above - r * below has a mean that is not told from 0."""
    top, bottom, n = above.mean(), below.mean(), len(above)
    t = stats.t.ppf(0.975, n - 1)
    (s_aa, s_ab), (_, s_bb) = np.cov(above, below) / n
    if not (bottom > 0 and bottom**2 > t**2 * s_bb):
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    low, high = np.sort(
        np.roots([bottom**2 - t**2 * s_bb, -2 * (top * bottom - t**2 * s_ab), top**2 - t**2 * s_aa]).real
    )
    return {name: 100 * top / bottom, f"{name}_low": 100 * low, f"{name}_high": 100 * high}


def test_cost(results, collected, chosen):
    rows = []
    for experiment in EXPERIMENTS:
        baseline = run_of(experiment, "baseline", chosen)
        reference = cost_of(collected, baseline).mean()
        for _, role, label, run in arms_of(experiment):
            costs, own = cost_of(collected, run), lambda column, run=run: column_of(collected, run, column)
            if run[0] == "committee":
                costs = costs.iloc[:1]
            accuracy = 100 * own("last_test_accuracy")
            gain = (accuracy - 100 * column_of(collected, baseline, "last_test_accuracy")).dropna()
            row = {"experiment": experiment, "arm": label, "role": role, "chosen": label == chosen[experiment]}
            row |= {"n": own_n(run)} | {key: own(key).iloc[0] for key in ("parameters", "multiply_adds", "epochs")}
            row |= {"elsewhere": False}
            row |= costs.mean().to_dict() | ends("accuracy", accuracy if own_n(run) > 1 else accuracy[:1])
            row |= ends("gain", gain)
            for per, unit, scale in (("minute", "seconds", 60), ("tera", "multiply_adds", 1e12)):
                extra = costs.mean() - reference
                paid = extra.total_multiply_adds > 0 and extra[f"total_{unit}"] > 0
                row[f"gain_per_{per}"] = gain.mean() / (extra[f"total_{unit}"] / scale) if paid else np.nan
            rows.append(row)
    same(csv(results, "cost"), pd.DataFrame(rows))


def cost_of(collected, run) -> pd.DataFrame:
    """Seconds and multiply-adds by seed: three passes over each image of each step, and the teacher's share."""
    own = {c: column_of(collected, run, c) for c in ("seconds", "multiply_adds", "steps", "batch_size")}
    costs = {"own_seconds": own["seconds"]}
    costs["own_multiply_adds"] = 3 * own["multiply_adds"] * own["steps"] * own["batch_size"]
    costs |= {
        f"{part}_{unit}": 0 * own["seconds"] for part in ("teacher", "caching") for unit in ("seconds", "multiply_adds")
    }
    if (teacher := RUNS[run][0]) is not None:
        seeds = RUNS[run][-1]
        of = {c: column_of(collected, (teacher, "labels"), c).loc[seeds] for c in own}
        costs["teacher_seconds"] = of["seconds"]
        costs["teacher_multiply_adds"] = 3 * of["multiply_adds"] * of["steps"] * of["batch_size"]
        costs["caching_seconds"] = column_of(collected, run, "caching_seconds")
        costs["caching_multiply_adds"] = of["multiply_adds"] * column_of(collected, run, "caching_images")
    for unit in ("seconds", "multiply_adds"):
        costs[f"total_{unit}"] = sum(costs[f"{part}_{unit}"] for part in ("own", "teacher", "caching"))
    return pd.DataFrame(costs)


def test_errors_of_classes(results, data, stored, wrong, chosen):
    labels, rows, differences, hardest = data.labels["test"], [], [], []
    for experiment, role, label, run in ARMS:
        for c in range(10):
            counts = [wrong[run][seed][labels == c].sum() for seed in RUNS[run][-1]]
            row = {
                "experiment": experiment,
                "role": role,
                "arm": label,
                "temperature": RUNS[run][1] or np.nan,
                "label": c,
            }
            row |= {"class": CLASSES[c], "images": (labels == c).sum(), "n": len(counts)}
            rows.append(row | ends("errors", counts))
    for experiment in EXPERIMENTS:
        baseline = run_of(experiment, "baseline", chosen)
        validation = [
            (stored[*baseline, seed, "last", "validation"].argmax(1) != data.labels["validation"])
            for seed in RUNS[baseline][-1]
        ]
        worst = int(np.argmax([sum(w[data.labels["validation"] == c].sum() for w in validation) for c in range(10)]))
        for _, role, label, run in arms_of(experiment, chosen):
            seeds = sorted(wrong[run].keys() & wrong[baseline].keys())
            counts = np.array([[w[labels == c].sum() for c in range(10)] for w in (wrong[run][s] for s in seeds)])
            theirs = np.array([[w[labels == c].sum() for c in range(10)] for w in (wrong[baseline][s] for s in seeds)])
            p = [flip_p(d) for d in (counts - theirs).T]
            falls = np.argsort(p, kind="stable")
            adjusted = np.empty(10)
            adjusted[falls] = np.minimum(np.maximum.accumulate(np.array(p)[falls] * np.arange(10, 0, -1)), 1)
            for c in range(10) if role != "baseline" else ():
                mean, low, high = t_interval((counts - theirs)[:, c])
                row = {"experiment": experiment, "arm": label, "label": c, "class": CLASSES[c], "n": len(seeds)}
                row |= {"baseline_errors": theirs[:, c].mean(), "errors": counts[:, c].mean(), "difference": mean}
                differences.append(row | {"low": low, "high": high, "p": p[c], "p_holm": adjusted[c]})
            own, other = flows(stored, labels, run, worst), flows(stored, labels, baseline, worst)
            for quantity in own:
                shared = sorted(own[quantity].keys() & other[quantity].keys())
                values = list(own[quantity].values())[: own_n(run)]
                mean, low, high = t_interval(values)
                row = {
                    "experiment": experiment,
                    "label": worst,
                    "class": CLASSES[worst],
                    "quantity": quantity,
                    "arm": label,
                }
                row |= {"role": role, "n": len(values), "mean": mean, "low": low, "high": high}
                gain = [own[quantity][s] - other[quantity][s] for s in shared]
                hardest.append(row | ends("difference", gain))
    same(csv(results, "errors_per_class"), pd.DataFrame(rows))
    same(csv(results, "class_differences"), pd.DataFrame(differences))
    same(csv(results, "hardest_class"), pd.DataFrame(hardest))


def flows(stored, labels: np.ndarray, run, label: int) -> dict[str, dict[int, float]]:
    """Recall, precision and flows of a class, by seed."""
    found = {}
    for seed in RUNS[run][-1]:
        said = stored[*run, seed, "last", "test"].argmax(1)
        right = ((said == label) & (labels == label)).sum()
        of_seed = {"recall, %": 100 * right / (labels == label).sum()}
        of_seed["precision, %"] = 100 * right / (said == label).sum() if (said == label).any() else np.nan
        others = [c for c in range(10) if c != label]
        of_seed |= {f"to {CLASSES[c]}": ((labels == label) & (said == c)).sum() for c in others}
        of_seed |= {f"from {CLASSES[c]}": ((labels == c) & (said == label)).sum() for c in others}
        for quantity, value in of_seed.items():
            found.setdefault(quantity, {})[seed] = value
    if run[0] == "committee":
        return {quantity: dict.fromkeys((5, 2, 8), of_seed[5]) for quantity, of_seed in found.items()}
    return found


def test_sets_of_wrong_images(results, data, wrong, chosen):
    outcomes, mcnemar, likeness, labels = [], [], [], data.labels["test"]
    for experiment in EXPERIMENTS:
        runs = [run_of(experiment, role, chosen) for role in ("teacher", "baseline", "student")]
        seeds = sorted(set.intersection(*(set(wrong[run]) for run in runs)))
        t, b, s = (np.array([wrong[run][seed] for seed in seeds]) for run in runs)
        apart = [(i, j) for i in range(len(seeds)) for j in range(len(seeds)) if i != j]
        for outcome, counts in {
            "wrong in teacher, baseline and student": (t & b & s).sum(1),
            "repaired by distillation": (b & ~s).sum(1),
            "repaired, and the teacher is right": (b & ~s & ~t).sum(1),
            "broken by distillation": (~b & s).sum(1),
            "broken, and the teacher is wrong": (~b & s & t).sum(1),
            "wrong for the teacher alone": (t & ~b & ~s).sum(1),
            "different seeds: repaired": [np.mean([(b[i] & ~s[j]).sum() for i, j in apart])],
            "different seeds: broken": [np.mean([(s[i] & ~b[j]).sum() for i, j in apart])],
            "different seeds: wrong in one run of the baseline, right in another": [
                np.mean([(b[i] & ~b[j]).sum() for i, j in apart])
            ],
        }.items():
            mean, low, high = t_interval(counts)
            row = {"experiment": experiment, "outcome": outcome, "n": len(seeds), "images": mean}
            outcomes.append(row | {"low": low, "high": high})
        for number, seed in enumerate(seeds):
            only_b, only_s = int((b & ~s)[number].sum()), int((s & ~b)[number].sum())
            exact = stats.binomtest(only_b, only_b + only_s).pvalue if only_b + only_s else 1.0
            point = stats.binom.pmf(only_b, only_b + only_s, 0.5)
            mid = exact - (point / 2 if only_b == only_s else point) if only_b + only_s else 1.0
            row = {"experiment": experiment, "seed": seed, "only_baseline": only_b, "only_student": only_s}
            mcnemar.append(row | {"exact_p": exact, "mid_p": mid})
        compared = arms_of(experiment, chosen)
        for place, one in enumerate(compared):
            for other in compared[place:]:
                likeness.append(pair(labels, wrong, experiment, one, other))
    same(csv(results, "image_outcomes"), pd.DataFrame(outcomes))
    same(csv(results, "mcnemar"), pd.DataFrame(mcnemar))
    same(csv(results, "error_similarity"), pd.DataFrame(likeness))


def pair(labels: np.ndarray, wrong: dict, experiment: str, one: tuple, other: tuple) -> dict:
    """Likeness of two arms' errors over different seeds. An ensemble has no seed, and so no other seed either."""
    row = {"experiment": experiment, "arm": one[2], "other": other[2]}
    measures = ("distance", "correlation", "kappa", "kappa_excess", "low", "high", "p")
    if "committee" in (one[3][0], other[3][0]):
        return row | dict.fromkeys(measures, np.nan) | {"n": 1}
    seeds = sorted(wrong[one[3]].keys() & wrong[other[3]].keys())
    a, b = (np.array([wrong[arm[3]][seed] for seed in seeds]) for arm in (one, other))
    n, excess = len(seeds), np.full(len(seeds), np.nan)
    apart = [(i, j) for i in range(n) for j in range(n) if i != j]

    def over(measure, x, y, pairs=apart) -> float:
        return np.mean([measure(x[i], y[j]) for i, j in pairs])

    def counts(w: np.ndarray) -> np.ndarray:
        return np.bincount(labels[w], minlength=10)

    def distance(x, y) -> float:
        p, q = counts(x) / x.sum(), counts(y) / y.sum()
        middle = (p + q) / 2
        return np.sqrt((special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum() / 2 / np.log(2))

    def kappa(x, y) -> float:
        by_chance = x.mean() * y.mean() + (1 - x.mean()) * (1 - y.mean())
        return ((x == y).mean() - by_chance) / (1 - by_chance)

    row |= {"distance": over(distance, a, b), "kappa": over(kappa, a, b)}
    row["correlation"] = over(lambda x, y: np.corrcoef(counts(x), counts(y))[0, 1], a, b)
    if one is not other and n > 2:

        def beyond(left: list[int]) -> float:
            pairs = [(i, j) for i in left for j in left if i != j]
            return over(kappa, a, b, pairs) - (over(kappa, a, a, pairs) + over(kappa, b, b, pairs)) / 2

        whole = list(range(n))  # the jackknife: each seed left out in turn
        excess = [n * beyond(whole) - (n - 1) * beyond([i for i in whole if i != out]) for out in whole]
    mean, low, high = t_interval(excess)
    p = flip_p(excess) if not np.isnan(excess).any() else np.nan
    return row | {"kappa_excess": mean, "low": low, "high": high, "p": p, "n": n}


def test_convergence_and_index(results, collected, chosen):
    rows, units = [], ("epochs", "steps", "seconds", "seconds_with_teacher")
    for experiment in EXPERIMENTS:
        for _, _, label, run in arms_of(experiment, chosen):
            for wanted in (10, 30, 95) if run[0] != "committee" else ():
                times = [time_to(collected, run, seed, wanted / 100) for seed in RUNS[run][-1]]
                row = {"experiment": experiment, "arm": label, "accuracy": wanted, "n": len(times)}
                row["reached"] = sum(reached for reached, _ in times)
                for unit in units:
                    row |= ends(unit, [time[unit] for _, time in times])
                rows.append(row)
    same(csv(results, "convergence"), pd.DataFrame(rows))
    index = csv(results, "runs")
    same(index, collected.runs[list(index)], rtol=1e-6)


def time_to(collected, run, seed: int, wanted: float) -> tuple[bool, dict]:
    own = collected.epochs
    own = own[(own.model == run[0]) & (own.supervision == run[1]) & (own.seed == seed)].sort_values("epoch")
    reached = own[own.validation_accuracy >= wanted]
    last = int(reached.epoch.iloc[0]) if len(reached) else None
    seconds = own.seconds[own.epoch <= last].sum() if len(reached) else own.seconds.sum() * (1 + 1 / len(own))
    epochs = last + 1 if len(reached) else len(own) + 1
    steps = epochs * column_of(collected, run, "steps")[seed] // len(own)
    teaching = 0
    if (teacher := RUNS[run][0]) is not None:
        teaching = column_of(collected, (teacher, "labels"), "seconds")[seed]
        teaching += column_of(collected, run, "caching_seconds")[seed]
    times = {"epochs": epochs, "steps": steps, "seconds": seconds, "seconds_with_teacher": seconds + teaching}
    return len(reached) > 0, times


def test_what_decides_each_claim(results, data, wrong, collected, chosen):
    """The effects, of which signs and intervals follow; claims 2a, 4, 5 and 6 have their tests beside the library's."""
    table = pd.read_csv(results / "tables" / "claims.csv", dtype={"claim": str})
    deciding = table[table.decides].set_index(["experiment", "claim"])
    for experiment in EXPERIMENTS:
        runs = {role: run_of(experiment, role, chosen) for role in ("teacher", "baseline", "student")}
        student, baseline = runs["student"], runs["baseline"]

        def minus(column, student=student, baseline=baseline):
            return (column_of(collected, student, column) - column_of(collected, baseline, column)).dropna()

        def of_curves(measure, student=student, baseline=baseline):
            own = {}
            for run in (student, baseline):
                e = collected.epochs[(collected.epochs.model == run[0]) & (collected.epochs.supervision == run[1])]
                own[run] = (
                    e.sort_values("epoch").groupby("seed").validation_accuracy.agg(lambda v: measure(v.to_numpy()))
                )
            return (own[student] - own[baseline]).dropna()

        accuracy = {role: 100 * column_of(collected, run, "last_test_accuracy") for role, run in runs.items()}
        effects = {
            "1": of_curves(lambda v: 100 * np.mean(1 - (v[1:] + v[:-1]) / 2)),
            "2b": of_curves(lambda v: 100 * off_line(v[-3:])),
            "3a": 100 * minus("last_train_accuracy"),
            "3b": 100 * minus("last_test_accuracy"),
            "3c": (accuracy["student"] - (accuracy["teacher"] + accuracy["baseline"]) / 2).dropna(),
        }
        for claim, values in effects.items():
            row = deciding.loc[experiment, claim]
            assert row.effect == pytest.approx(values.mean()), claim
            assert row.n == len(values)
        own = table[(table.experiment == experiment) & (table.claim == "3b")].set_index("quantity")
        selected = own.loc["test accuracy at the epoch that validation selects"]
        assert selected.effect == pytest.approx(100 * minus("selected_test_accuracy").mean())
        assert own.loc["negative log likelihood on test"].effect == pytest.approx(minus("test_nll").mean())
        assert table[table.experiment == experiment].student_arm.unique().tolist() == [chosen[experiment]]


def off_line(values: np.ndarray) -> float:
    """Residual standard deviation about the least-squares line."""
    return np.sqrt(
        (np.polynomial.Polynomial.fit(range(len(values)), values, 1, full=True)[1][0] / (len(values) - 2))[0]
    )
