"""What a run's files say of themselves is held against what the configuration asks for."""

import copy
import json
import re

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from dark_knowledge.analysis.records import TRAIN_MODEL, Records
from dark_knowledge.command import InputError, sha256
from dark_knowledge.fingerprint import code_fingerprint
from dark_knowledge.study.arms import Arm, arms_of, design_of, is_ensemble, members_of, network_of, recipe_of
from dark_knowledge.study.paths import RUN_FILES, run_folder, run_sums

CONFIG = {
    "seeds": [0, 1],
    "split": {"validation": 10, "seed": 5},
    "transfer_sets": {"few": {"images": 30}, "unused": {"shuffle": "all"}},
    "losses": {"other": {"function": "decoupled", "beta": 2}},
    "score_test_each_epoch": ["small"],
    "accelerator": "cpu",
    "precision": "auto",
    "models": {
        "big": {"architecture": "mlp", "hidden": [9], "recipe": "slow"},
        "small": {"architecture": "mlp", "hidden": [3], "recipe": "quick"},
        "all-big": {"architecture": "ensemble", "members": "big", "mean": "geometric"},
        "unused": {"architecture": "mlp", "hidden": [1], "recipe": "unused"},
    },
    "recipes": {"slow": {"epochs": 9, "shift": 2}, "quick": {"epochs": 2, "shift": 0}, "unused": {"epochs": 1}},
    "experiments": {
        "x": {"teacher": "big", "student": "small", "temperatures": [4], "hard_weight": 0.1, "transfer_set": "few"},
        "y": {
            "teacher": "all-big",
            "student": "small",
            "temperatures": [2.5],
            "hard_weight": 0,
            "published": {},
            "loss": "other",
        },
        "left-out": None,
    },
}
TAUGHT, BY_ALL = Arm("small", "big", 4, 0.1, "few"), Arm("small", "all-big", 2.5, 0, loss="other")
FEW = "teacher_logits/big/epochs1_on-few/seed1.json"
METRICS = "runs/small/big_T4_w0.1_on-few/seed1/metrics.json"


class Study:
    """The records of a study as its command lines write them, without what they are records of."""

    def __init__(self, folder):
        self.folder, self.data, self.design = folder, folder / "data", design_of(copy.deepcopy(CONFIG))
        self.data.write_bytes(b"images")
        for arm in sorted(arms_of(self.design), key=lambda arm: (arm.teacher is not None, arm.model != "big")):
            for seed in arms_of(self.design)[arm]:
                self.write_run(arm, seed)
        for arm, seeds in arms_of(self.design).items():
            self.write_logits(arm, seeds)

    def check(self):
        records = Records(self.design, self.folder, self.data)
        records.check(arms_of(self.design))

    def write_run(self, arm, seed):
        folder = self.folder / run_folder(arm.model, arm.supervision, seed)
        folder.mkdir(parents=True)
        for name, file in RUN_FILES.items():
            (folder / file).write_bytes(f"{name} of {arm}, {seed}".encode())
        record = {
            "architecture": network_of(self.design, arm.model),
            "recipe": self.design["recipes"][recipe_of(self.design, arm.model)],
            "seed": seed,
            "temperature": arm.temperature,
            "hard_weight": arm.hard_weight,
            "loss": CONFIG["losses"].get(arm.loss, {}),
            "transfer_set": CONFIG["transfer_sets"].get(arm.transfer_set, {}),
            "split_seed": 5,
            "score_test_each_epoch": arm.model == "small",
            "data": sha256(self.data),
            "teacher_logits": self.write_teacher_logits(arm, seed) if arm.teacher else None,
            "code": code_fingerprint(TRAIN_MODEL),
            "device": "cpu",
            "precision": "float32",
            "files": run_sums(folder),
        }
        if is_ensemble(self.design, arm.model):
            supervision = members_of(self.design, arm.model).supervision
            members = [self.folder / run_folder("big", supervision, seed) for seed in (0, 1)]
            record["members"] = [sha256(member / RUN_FILES["weights"]) for member in members]
        (folder / RUN_FILES["metrics"]).write_text(json.dumps(record))

    def write_teacher_logits(self, arm, seed):
        """Write the record of what teaches a run; returns the stored logits' SHA-256."""
        teacher_seed = 0 if arm.teacher == "all-big" else seed
        part = arm.transfer_set == "few"
        path = self.folder / "teacher_logits" / arm.teacher / f"epochs1{'_on-few' * part}" / f"seed{seed}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "architecture": network_of(self.design, arm.teacher),
            "views": {"epochs": 1, "flip": False, "shift": 0, "padding": "background", "erase": 0, "mixup": 0},
            "transfer_set": CONFIG["transfer_sets"]["few"] if part else {},
            "split_seed": 5,
            "seed": seed,
            "data": sha256(self.data),
            "teacher_weights": run_sums(self.folder / run_folder(arm.teacher, "labels", teacher_seed))["weights"],
            "logits": f"sum of {arm.teacher}, {seed}",
        }
        path.write_text(json.dumps(record))
        return record["logits"]

    def write_logits(self, arm, seeds):
        sums = [run_sums(self.folder / run_folder(arm.model, arm.supervision, seed)) for seed in seeds]
        trained = members_of(self.design, arm.model) if is_ensemble(self.design, arm.model) else arm
        record = {
            "architecture": network_of(self.design, arm.model),
            "data": sha256(self.data),
            "transfer_set": CONFIG["transfer_sets"].get(trained.transfer_set, {}),
            "split_seed": 5,
            "weights": [of_run["weights"] for of_run in sums],
            "selected": [of_run["selected"] for of_run in sums],
        }
        path = self.folder / "runs" / arm.model / arm.supervision / "logits.safetensors"
        save_file({"last/test": np.zeros(1)}, path, {"record": json.dumps(record)})

    def edit(self, name, key, value):
        """Give a key of a record another value, the whole way to a key within a key."""
        record = json.loads((self.folder / name).read_text())
        *way, last = key.split(".")
        place = record
        for word in way:
            place = place[word]
        place[last] = value
        (self.folder / name).write_text(json.dumps(record))


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


def test_records_of_the_very_study_are_accepted(study):
    study.check()


def test_an_ensembles_logits_are_of_the_images_of_its_members(tmp_path, monkeypatch):
    monkeypatch.setitem(CONFIG, "teachers", {"big-of-few": {"model": "big", "transfer_set": "few"}})
    monkeypatch.setitem(CONFIG["models"]["all-big"], "members", "big-of-few")
    study = Study(tmp_path)
    study.check()
    with safe_open(study.folder / "runs/all-big/labels/logits.safetensors", "np") as file:
        assert json.loads(file.metadata()["record"])["transfer_set"] == {"images": 30}


@pytest.mark.parametrize(
    ("name", "key", "value", "said"),
    [
        (METRICS, "architecture.hidden", [4], "architecture.hidden is [4], not [3]"),
        (METRICS, "recipe.epochs", 10, "recipe.epochs is 10, not 2"),
        (METRICS, "seed", 0, "seed is 0, not 1"),
        (METRICS, "temperature", 1.0, "temperature is 1.0, not 4"),
        (METRICS, "hard_weight", 4, "hard_weight is 4, not 0.1"),
        (METRICS, "transfer_set", {}, 'transfer_set.images is null, not 30'),
        (METRICS, "split_seed", 6, "split_seed is 6, not 5"),
        (METRICS, "score_test_each_epoch", False, "score_test_each_epoch is false, not true"),
        (METRICS, "data", "other", 'data is "other"'),
        (METRICS, "teacher_logits", "other", 'teacher_logits is "other", not "sum of big, 1"'),
        (METRICS, "code", "0123456789ab", 'code is "0123456789ab"'),
        (METRICS, "device", "cuda", 'device is "cuda", not "cpu"'),
        (METRICS, "files.history", "other", 'not "other"'),
        (METRICS, "files.steps", "other", 'not "other"'),
        ("runs/big/labels/seed0/metrics.json", "files.weights", "other", 'not ["other"'),
        ("runs/all-big/labels/seed0/metrics.json", "members", ["a", "b"], 'members is ["a", "b"]'),
        ("runs/all-big/labels/seed0/metrics.json", "architecture.mean", "arithmetic", "architecture.mean"),
        (FEW, "seed", 0, "seed is 0, not 1"),
        (FEW, "views.shift", 1, "views.shift is 1, not 0"),
        (FEW, "transfer_set.images", 31, "transfer_set.images is 31, not 30"),
        (FEW, "split_seed", 0, "split_seed is 0, not 5"),
        (FEW, "teacher_weights", "of seed 0", 'teacher_weights is "of seed 0"'),
        ("teacher_logits/all-big/epochs1/seed1.json", "architecture.count", 1, "architecture.count is 1, not 2"),
    ],
)  # fmt: skip
def test_a_record_that_differs_is_refused_by_file_key_and_both_values(study, name, key, value, said):
    study.edit(name, key, value)
    with pytest.raises(InputError, match=re.escape(said) + ".*delete this file and run the same command again"):
        study.check()


@pytest.mark.parametrize("name", [METRICS, FEW])
def test_a_record_that_was_cut_off_is_named(study, name):
    (study.folder / name).write_text('{"seed": ')
    with pytest.raises(InputError, match=f"an input is damaged: .*{re.escape(name)}, which is not JSON.*delete it"):
        study.check()


@pytest.mark.parametrize("name", ["history", "steps"])
def test_a_table_of_another_run_is_refused(study, name):
    folder = study.folder / run_folder("small", "labels_on-few", 0)
    (folder / RUN_FILES[name]).write_bytes(b"of another run")
    with pytest.raises(InputError, match=f"{RUN_FILES[name]}: sha256 is"):
        study.check()


def test_logits_of_other_weights_or_without_a_record_are_refused(study):
    study.write_logits(Arm("small", transfer_set="few"), [1, 0])
    with pytest.raises(InputError, match=r"small/labels_on-few/logits.safetensors: weights is"):
        study.check()
    save_file({"last/test": np.zeros(1)}, study.folder / "runs/small/labels_on-few/logits.safetensors")
    with pytest.raises(InputError, match=r"small/labels_on-few/logits.safetensors: architecture is null"):
        study.check()


def test_another_data_set_is_refused(study):
    study.data.write_bytes(b"other images")
    with pytest.raises(InputError, match=r"metrics\.json: data is"):
        study.check()


def test_all_that_is_at_fault_is_named_at_once(study, capsys):
    """Each file once, however many runs rest on it; the first in the error, the others before it."""
    study.edit(METRICS, "seed", 0)
    study.edit("runs/big/labels/seed1/metrics.json", "recipe.epochs", 8)  # teaches, and is a member of the ensemble
    study.write_logits(Arm("small", transfer_set="few"), [1, 0])
    with pytest.raises(InputError) as error:
        study.check()
    said = capsys.readouterr().out.splitlines()
    assert str(error.value).endswith(f" (and {len(said)} other files likewise, named above)")
    named = [line.partition(": ")[0].removeprefix(f"{study.folder}/") for line in [str(error.value), *said]]
    assert sorted(named) == ["runs/big/labels/seed1/metrics.json", "runs/small/labels_on-few/logits.safetensors"]


def test_one_file_at_fault_stands_alone(study, capsys):
    study.edit(METRICS, "seed", 0)
    with pytest.raises(InputError, match=r"which makes it anew$"):
        study.check()
    assert not capsys.readouterr().out


def test_what_a_design_leaves_out_changes_no_run():
    design = design_of(CONFIG)
    assert set(design["models"]) == {"all-big", "big", "small"}
    assert set(design["recipes"]) == {"slow", "quick"}
    assert set(design["experiments"]) == {"x", "y"}
    assert "published" not in design["experiments"]["y"]
    assert list(arms_of(design).items()) == list(arms_of(CONFIG).items())
