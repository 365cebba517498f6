"""No number without its record: what a run's files say of themselves is held against what the configuration asks for.

Snakemake decides by times and parameters what to run again; these checks trust neither, and look at what was computed.
"""

import json
from functools import partial
from pathlib import Path

from safetensors import safe_open

from dark_knowledge.command import InputError, sha256
from dark_knowledge.fingerprint import code_fingerprint
from dark_knowledge.integrity import read_record
from dark_knowledge.study.arms import (
    Arm,
    arm_named,
    file_of,
    filed_seed,
    is_ensemble,
    members_of,
    network_of,
    recipe_of,
    scores_test_each_epoch,
    taught_from,
)
from dark_knowledge.study.paths import RUN_FILES, logits_file, run_folder, teacher_logits_stem
from dark_knowledge.study.views import drawn_part, views_of

TRAIN_MODEL = Path(__file__).parents[2] / "train_model.py"


class Records:
    """The records of a study's runs, each read and checked once.

    `design` is the configuration's part that runs follow, `results` the study's folder, `data` the prepared data set.
    """

    def __init__(self, design: dict, results: Path, data: Path):
        self.design, self.results = design, results
        self.data = sha256(data)
        self.code = code_fingerprint(TRAIN_MODEL)
        self._runs = {}

    def check(self, arms: dict[Arm, list[int]]) -> None:
        """Refuse a study of which any record is at fault: in one line that names the first, the others named before."""
        faults = []
        for arm, seeds in arms.items():
            for look in [*(partial(self.run, arm, seed) for seed in seeds), partial(self.logits, arm, seeds)]:
                try:
                    look()
                except InputError as error:
                    if str(error) not in faults:  # each student of a teacher at fault finds it again
                        faults.append(str(error))
        for fault in faults[1:]:
            print(fault, flush=True)
        if faults:
            more = f" (and {len(faults) - 1} other files likewise, named above)" if faults[1:] else ""
            raise InputError(faults[0] + more)

    def run(self, arm: Arm, seed: int) -> dict:
        """A run's metrics.json, refused unless it is the record of the very run that the configuration asks for."""
        if (arm, seed) not in self._runs:
            folder = self.results / run_folder(arm.model, arm.supervision, seed)
            record = read_record(folder / RUN_FILES["metrics"])
            _compare(folder / RUN_FILES["metrics"], record, self.asked_of_run(arm, seed))
            for name in ("history", "steps"):  # the weights' bytes are held against the record where they are read
                _compare(
                    folder / RUN_FILES[name],
                    {"sha256": sha256(folder / RUN_FILES[name])},
                    {"sha256": record["files"][name]},
                )
            self._runs[arm, seed] = record
        return self._runs[arm, seed]

    def teacher_logits(self, arm: Arm, seed: int) -> dict:
        """The record of the stored logits that taught a run, refused unless of the right teacher and stream."""
        path = self.results / f"{teacher_logits_stem(**taught_from(self.design, arm), seed=seed)}.json"
        record = read_record(path)
        _compare(path, record, self.asked_of_teacher_logits(arm, seed))
        return record

    def logits(self, arm: Arm, seeds: list[int]) -> Path:
        """An arm's logits of all seeds, refused unless they were computed from these runs' weights on this data set."""
        path = self.results / logits_file(arm.model, arm.supervision)
        with safe_open(path, framework="np") as file:
            record = json.loads((file.metadata() or {}).get("record", "{}"))
        _compare(path, record, self.asked_of_logits(arm, seeds))
        return path

    def asked_of_run(self, arm: Arm, seed: int) -> dict:
        """What a run's metrics.json must say."""
        own = {"architecture": network_of(self.design, arm.model), "seed": seed, "data": self.data}
        if (file := file_of(self.design, arm.model)) is not None:
            return own | {"source": sha256(file)}
        if is_ensemble(self.design, arm.model):
            members = members_of(self.design, arm.model)
            return own | {"members": [self.run(members, number)["files"]["weights"] for number in self.design["seeds"]]}
        expected = own | {
            "recipe": self.design["recipes"][recipe_of(self.design, arm.model)],
            "temperature": arm.temperature,
            "hard_weight": arm.hard_weight,
            "loss": {} if arm.loss is None else self.design["losses"][arm.loss],
            "transfer_set": self._transfer_set(arm),
            "split_seed": self.design["split"]["seed"],
            "code": self.code,
            "teacher_logits": None if arm.teacher is None else self.teacher_logits(arm, seed)["logits"],
        }
        expected["score_test_each_epoch"] = scores_test_each_epoch(self.design, arm.model)
        for asked, kept in (("accelerator", "device"), ("precision", "precision")):
            if self.design[asked] != "auto":
                expected[kept] = self.design[asked]
        return expected

    def asked_of_teacher_logits(self, arm: Arm, seed: int) -> dict:
        """What the record of the stored logits must say that teach a run."""
        teacher = arm_named(self.design, arm.teacher)
        return {
            "architecture": network_of(self.design, teacher.model),
            "views": views_of(self.design["recipes"][recipe_of(self.design, arm.model)]),
            "transfer_set": drawn_part(self._transfer_set(arm)),
            "split_seed": self.design["split"]["seed"],
            "seed": seed,
            "data": self.data,
            "teacher_weights": self.run(teacher, filed_seed(self.design, teacher.model, seed))["files"]["weights"],
        }

    def asked_of_logits(self, arm: Arm, seeds: list[int]) -> dict:
        """What the record in the file of an arm's logits must say."""
        runs = [self.run(arm, seed) for seed in seeds]
        trained = members_of(self.design, arm.model) if is_ensemble(self.design, arm.model) else arm
        return {
            "architecture": network_of(self.design, arm.model),
            "data": self.data,
            "transfer_set": self._transfer_set(trained),
            "split_seed": self.design["split"]["seed"],
            "weights": [run["files"]["weights"] for run in runs],
            "selected": [run["files"]["selected"] for run in runs],
        }

    def _transfer_set(self, arm: Arm) -> dict:
        return {} if arm.transfer_set is None else self.design["transfer_sets"][arm.transfer_set]


def _compare(path: Path, record: dict, expected: dict) -> None:
    """Refuse a record that differs from what is expected of it, by the first key that does."""
    for key, value in expected.items():
        place, found, asked = _first_difference(key, record.get(key), value)
        if found != asked:
            raise InputError(
                f"{path}: {place} is {_shown(found)}, not {_shown(asked)} as asked for; delete this file and "
                "run the same command again, which makes it anew"
            )


def _first_difference(place: str, found: object, asked: object) -> tuple[str, object, object]:
    """The innermost place at which two JSON values differ, with what stands there; the whole where they are equal."""
    if isinstance(found, dict) and isinstance(asked, dict):
        for key in sorted(found.keys() | asked.keys()):
            if found.get(key) != asked.get(key):
                return _first_difference(f"{place}.{key}", found.get(key), asked.get(key))
    return place, found, asked


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
