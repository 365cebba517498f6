"""Every number of the collected tables, computed again from logits, curves and records in which no two are alike."""

import json

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from dark_knowledge.analysis import collecting
from dark_knowledge.integrity import tensors_sum
from dark_knowledge.study.arms import ALL_SEEDS, arms_of
from dark_knowledge.study.paths import run_folder

CLASSES, PARTS, EPOCHS = 3, {"train": 40, "validation": 16, "test": 25}, ("last", "selected")
DESIGN = {
    "seeds": [4, 1],
    "models": {
        "big": {"architecture": "mlp"},
        "small": {"architecture": "mlp"},
        "several": {"architecture": "ensemble", "members": "big"},
    },
    "experiments": {
        "x": {"teacher": "several", "student": "small", "temperatures": [4], "hard_weight": 0.1},
        "y": {"teacher": "big", "student": "small", "temperatures": [2], "hard_weight": 0.3, "seeds": [1]},
    },
}


class Study:
    """Made runs, and what collect makes of them."""

    def __init__(self, folder, monkeypatch):
        random = np.random.default_rng(0)
        self.labels = {part: random.integers(0, CLASSES, n) for part, n in PARTS.items()}
        self.chosen = random.random(PARTS["train"]) < 0.7
        self.logits, self.history, self.record, self.cost = {}, {}, {}, {}
        labels = {f"{part}_labels": labels.astype(np.uint8) for part, labels in self.labels.items()}
        save_file(labels, folder / "data", {"description": json.dumps({"sum": "of the images"})})
        for arm, seeds in arms_of(DESIGN).items():
            name = f"{arm.model} {arm.supervision}"
            own = {
                f"{epoch}/{part}": random.normal(0, 2, (len(seeds), n, CLASSES)).astype(np.float32)
                for epoch in EPOCHS
                for part, n in PARTS.items()
            }
            tensors = own | {"transfer_set": self.chosen}
            save_file(tensors, folder / name, {"record": json.dumps({"sum": tensors_sum(tensors)})})
            for number, seed in enumerate(seeds):
                self.logits[name, seed] = {key: tensor[number] for key, tensor in own.items()}
                self.history[name, seed] = pd.DataFrame(
                    random.random((6, 2)), columns=["validation_accuracy", "test_accuracy"]
                )
                self.record[name, seed] = self.made_record(random)
                self.cost[name, seed] = {"seconds": random.random(), "images": int(random.integers(999))}
                place = folder / run_folder(arm.model, arm.supervision, seed)
                place.mkdir(parents=True)
                for table in ("history", "steps"):
                    self.history[name, seed].to_parquet(place / f"{table}.parquet")
        self.folder = folder
        monkeypatch.setattr(collecting, "Records", lambda *_: Records(self))
        self.tables = collecting.collect(DESIGN, folder / "data", folder)

    @staticmethod
    def made_record(random) -> dict:
        whole = ("parameters", "multiply_adds", "epochs", "steps", "selected_epoch", *collecting.COST[:4])
        record = {key: int(value) for key, value in zip(whole, random.permutation(1000), strict=False)}
        return record | {key: f"{key} {random.random()}" for key in collecting.MACHINE} | {
            "recipe": {"batch_size": int(random.integers(999)), "epochs": -1}, "architecture": {},
        }  # fmt: skip


class Records:
    """What collect asks of the records, without the checks."""

    design = DESIGN

    def __init__(self, study):
        self.study = study

    def check(self, arms):
        assert arms == arms_of(DESIGN)

    def logits(self, arm, seeds):
        return self.study.folder / f"{arm.model} {arm.supervision}"

    def run(self, arm, seed):
        return self.study.record[f"{arm.model} {arm.supervision}", seed]

    def teacher_logits(self, arm, seed):
        return self.study.cost[f"{arm.model} {arm.supervision}", seed]


@pytest.fixture
def study(tmp_path, monkeypatch):
    return Study(tmp_path, monkeypatch)


def named(name: str, seed: int) -> tuple:
    return (*name.split(), ALL_SEEDS if name.startswith("several") else seed)


def test_runs(study):
    runs = study.tables["runs"].set_index(["model", "supervision", "seed"])
    assert len(runs) == len(study.record)
    labels = study.labels | {"train": study.labels["train"][study.chosen]}
    for (name, seed), record in study.record.items():
        row, logits, history = runs.loc[named(name, seed)], study.logits[name, seed], study.history[name, seed]
        for key in ("parameters", "multiply_adds", "epochs", "steps", "selected_epoch", *collecting.MACHINE):
            assert row[key] == record[key], key
        assert row.batch_size == record["recipe"]["batch_size"]
        assert row["data"] == "of the images"
        for epoch in EPOCHS:
            for part in PARTS:
                own = logits[f"{epoch}/{part}"]
                own = own[study.chosen] if part == "train" else own
                right = sum(int(z.argmax() == label) for z, label in zip(own, labels[part], strict=True))
                assert row[f"{epoch}_{part}_accuracy"] == pytest.approx(right / len(own))
        chances = np.exp(logits["last/test"].astype(float))
        chances /= chances.sum(1, keepdims=True)
        assert row.test_nll == pytest.approx(-np.log(chances[np.arange(25), labels["test"]]).mean())
        surest, right = chances.max(1), chances.argmax(1) == labels["test"]
        bins = [np.ceil(15 * surest) == number for number in range(1, 16)]
        gaps = [abs(right[of_bin].sum() - surest[of_bin].sum()) for of_bin in bins]
        assert row.test_ece == pytest.approx(sum(gaps) / len(right), rel=1e-4)
        assert row.best_on_test_accuracy == history.test_accuracy.max()
        cost = study.cost[name, seed] if "_T" in name else {"seconds": np.nan, "images": np.nan}
        assert [row.caching_seconds, row.caching_images] == pytest.approx(list(cost.values()), nan_ok=True)


def test_what_is_given_is_told_by_content_of_each_run_and_of_those_that_it_was_made_from(study):
    records = Records(study)
    runs = [(arm, seed) for arm, seeds in arms_of(DESIGN).items() for seed in seeds]
    given = {(arm, seed): collecting.given_sum(records, arm, seed) for arm, seed in runs}
    assert set(given.values()) == {None}
    for key, place in (("source", ()), ("code", ("architecture",))):
        record = study.record["big labels", 1]
        for step in place:
            record = record[step]
        changed = []
        for content in ("a", "b"):
            record[key] = content
            now = {run: collecting.given_sum(records, *run) for run in runs}
            assert {(arm.model, arm.teacher, seed) for (arm, seed) in runs if now[arm, seed]} == {
                ("big", None, 1), ("several", None, 4), ("small", "several", 4), ("small", "several", 1),
                ("small", "big", 1),
            }  # fmt: skip
            changed.append(now)
        assert all(changed[0][run] != changed[1][run] for run in runs if changed[0][run])
        del record[key]


def test_answers_and_errors(study):
    keys = ["model", "supervision", "seed"]
    answers = (
        study.tables["predictions"].astype({"model": str, "supervision": str, "epoch": str}).set_index([*keys, "epoch"])
    )
    errors = study.tables["class_errors"].set_index([*keys, "part"])
    for (name, seed), logits in study.logits.items():
        for epoch in EPOCHS:
            own, z = answers.loc[(*named(name, seed), epoch)], logits[f"{epoch}/test"]
            assert own.prediction.tolist() == z.argmax(1).tolist()
            assert own.label.tolist() == study.labels["test"].tolist()
            chances = np.exp(z) / np.exp(z).sum(1, keepdims=True)
            np.testing.assert_allclose(own.confidence, chances.max(1), rtol=1e-5)
        for part in PARTS:
            kept = study.chosen if part == "train" else slice(None)
            labels, wrong = study.labels[part][kept], (logits[f"last/{part}"].argmax(1) != study.labels[part])[kept]
            own = errors.loc[(*named(name, seed), part)]
            assert own.errors.tolist() == [int(wrong[labels == c].sum()) for c in range(CLASSES)]
            assert own.images.tolist() == [int((labels == c).sum()) for c in range(CLASSES)]


def test_fidelity(study):
    for row in study.tables["fidelity"].itertuples():
        if row.arm != "teacher":
            seed = 4 if row.experiment == "x" else row.seed
            own = study.logits[f"{row.model} {row.supervision}", row.seed]["last/test"]
            teacher = study.logits["several labels" if row.experiment == "x" else "big labels", seed]["last/test"]
            assert row.agreement == pytest.approx(np.mean(own.argmax(1) == teacher.argmax(1)))
            p, q = (np.exp(z.astype(float)) / np.exp(z.astype(float)).sum(1, keepdims=True) for z in (teacher, own))
            assert row.kl == pytest.approx((p * np.log(p / q)).sum(1).mean())
