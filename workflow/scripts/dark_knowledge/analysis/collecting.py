"""A study's runs as tidy tables, keys first."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import safe_open
from scipy.special import softmax

from dark_knowledge.analysis import measures
from dark_knowledge.analysis.records import Records
from dark_knowledge.command import InputError
from dark_knowledge.integrity import check_tensors
from dark_knowledge.study.arms import (
    ALL_SEEDS,
    Arm,
    arm_named,
    arms_of,
    is_ensemble,
    is_trained,
    lineage,
    members_of,
    roles_of,
)
from dark_knowledge.study.paths import RUN_FILES, run_folder

COST = ("seconds", "start_up_seconds", "images_per_second", "peak_memory_mb", "caching_seconds", "caching_images")
MACHINE = ("machine", "device", "precision", "threads", "torch", "commit")
CONTENT = ("data", "given")
MADE_FROM = ("taught_by", "taught_by_supervision", "members", "members_supervision")
PARTS = ("train", "validation", "test")
EPOCHS = ("last", "selected")
TABLES = ("arms", "runs", "epochs", "steps", "predictions", "class_errors", "fidelity")


def collect(design: dict, data: Path, results: Path) -> dict[str, pd.DataFrame]:
    """The TABLES of a study, from the folder of its results; refused where a run is not what `design` asks for."""
    records = Records(design, results, data)
    with safe_open(data, framework="np") as file:
        labels = {part: file.get_tensor(f"{part}_labels") for part in PARTS}
        data_sum = json.loads(file.metadata()["description"])["sum"]
    tables = {name: [] for name in TABLES} | {"arms": [arm_rows(design)]}
    test_logits = {}
    arms = arms_of(design)
    records.check(arms)
    types = prediction_types(list(arms))
    for arm, seeds in arms.items():
        chosen, logits = load_logits(records.logits(arm, seeds), seeds)
        named = seeds if is_trained(design, arm.model) else [ALL_SEEDS]
        test_logits[arm] = dict(zip(named, logits["last/test"], strict=True))
        for number, seed in enumerate(seeds):
            keys = {"model": arm.model, "supervision": arm.supervision, "seed": named[number]}
            of_seed = {name: tensor[number] for name, tensor in logits.items()}
            folder = results / run_folder(arm.model, arm.supervision, seed)
            metrics = records.run(arm, seed) | caching_cost(records, arm, seed)
            metrics |= dict(zip(MADE_FROM, (*teacher_of(design, arm), *members_key(design, arm)), strict=True))
            metrics |= {"data": data_sum, "given": given_sum(records, arm, seed)}
            own = run_tables(folder, metrics, of_seed, labels | {"train": labels["train"][chosen]})
            for name, table in own.items():
                tables[name].append(keyed(keys, table).astype(types if name == "predictions" else {}))
    tables["fidelity"] = [fidelity_rows(design, test_logits)]
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def run_tables(
    folder: Path, metrics: dict, logits: dict[str, np.ndarray], labels: dict[str, np.ndarray]
) -> dict[str, pd.DataFrame]:
    """One run's rows of the tables that have a row for each, without their keys. `logits` are those of `labels`."""
    history = pd.read_parquet(folder / RUN_FILES["history"])
    predictions = [
        keyed({"epoch": epoch}, prediction_rows(logits[f"{epoch}/test"], labels["test"])) for epoch in EPOCHS
    ]
    errors = [keyed({"part": part}, class_error_rows(logits[f"last/{part}"], labels[part])) for part in PARTS]
    return {
        "runs": pd.DataFrame([run_row(metrics, history, logits, labels)]),
        "epochs": history,
        "steps": pd.read_parquet(folder / RUN_FILES["steps"]),
        "predictions": pd.concat(predictions, ignore_index=True),
        "class_errors": pd.concat(errors, ignore_index=True),
    }


def load_logits(path: Path, seeds: list[int]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Which training images the arm learned from, bool, and its logits [seeds, images, classes], of training those.

    Refuse what was damaged or edited, and missing or diverged seeds, which a mean would not show.
    """
    with safe_open(path, framework="np") as file:
        record = json.loads(file.metadata()["record"])
        logits = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    check_tensors(path, logits, record.get("sum"))
    chosen = logits.pop("transfer_set")
    for epoch in EPOCHS:
        logits[f"{epoch}/train"] = logits[f"{epoch}/train"][:, chosen]
    for name, tensor in logits.items():
        if len(tensor) != len(seeds):
            raise InputError(f"{path} holds {len(tensor)} runs for {len(seeds)} seeds; delete it and run again")
        for seed, of_seed in zip(seeds, tensor, strict=True):
            if not np.isfinite(of_seed).all():
                raise InputError(
                    f"{path}: {name} of seed {seed} has logits that are not finite: that training diverged; lower "
                    "`learning_rate` of its recipe, then delete its folder and run again"
                )
    return chosen, logits


def caching_cost(records: Records, arm: Arm, seed: int) -> dict:
    """Seconds and images of the forward passes of the arm's teacher on this seed's stream; NaN without a teacher."""
    cost = {"seconds": np.nan, "images": np.nan} if arm.teacher is None else records.teacher_logits(arm, seed)
    return {f"caching_{key}": cost[key] for key in ("seconds", "images")}


def given_sum(records: Records, arm: Arm, seed: int) -> str | None:
    """A sum of what a run and those that it was made from rest on, and the configuration only names: the user's files
    of weights or logits, and the code of their networks. None where there is nothing of the kind.
    """
    needed = [records.run(each, own) for each, seeds in lineage(records.design, arm, [seed]) for own in seeds]
    found = {record.get("source") for record in needed} | {record["architecture"].get("code") for record in needed}
    found.discard(None)
    return hashlib.sha256(" ".join(sorted(found)).encode()).hexdigest() if found else None


def teacher_of(design: dict, arm: Arm) -> tuple[str | None, str | None]:
    """Model and supervision under which the runs of the arm's teacher are filed; None without a teacher."""
    if arm.teacher is None:
        return None, None
    teacher = arm_named(design, arm.teacher)
    return teacher.model, teacher.supervision


def members_key(design: dict, arm: Arm) -> tuple[str | None, str | None]:
    """Model and supervision under which the runs of an ensemble's members are filed; None of what is no ensemble."""
    if not is_ensemble(design, arm.model):
        return None, None
    members = members_of(design, arm.model)
    return members.model, members.supervision


def keyed(keys: dict, table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(keys, index=table.index).join(table)


def prediction_types(arms: list[Arm]) -> dict[str, pd.CategoricalDtype]:
    """Types that spell out no name in each row of the predictions: a large study has fifty million of them."""
    names = {key: sorted({getattr(arm, key) for arm in arms}) for key in ("model", "supervision")}
    return {key: pd.CategoricalDtype(values) for key, values in (names | {"epoch": EPOCHS}).items()}


def arm_rows(study: dict) -> pd.DataFrame:
    """A row per role that an arm plays in an experiment."""

    return pd.DataFrame(
        [
            {"experiment": role.experiment, "role": role.role, "arm": role.label, "supervision": role.arm.supervision}
            | vars(role.arm)
            | dict(zip(("teacher", "teacher_supervision"), teacher_of(study, role.arm), strict=True))
            for role in roles_of(study)
        ]
    )


def run_row(metrics: dict, history: pd.DataFrame, logits: dict, labels: dict) -> dict:
    """Accuracies (shares) at the last, the selected and, where scored, the best epoch on test; calibration; cost."""
    others = {key: metrics[key] for key in MADE_FROM}
    metrics = {key: np.nan if value is None else value for key, value in metrics.items()}  # not all runs have all
    row = {key: metrics[key] for key in ("parameters", "multiply_adds", "epochs", "steps", "selected_epoch")}
    row["batch_size"] = metrics["recipe"]["batch_size"] if isinstance(metrics["recipe"], dict) else np.nan
    for epoch in EPOCHS:
        for part in PARTS:
            correct = logits[f"{epoch}/{part}"].argmax(1) == labels[part]
            row[f"{epoch}_{part}_accuracy"] = correct.mean()
    last = logits["last/test"]
    row["test_nll"] = measures.negative_log_likelihood(last, labels["test"])
    row["test_ece"] = measures.expected_calibration_error(
        softmax(last, axis=1).max(1), last.argmax(1) == labels["test"]
    )
    row["best_on_test_accuracy"] = history.test_accuracy.max()
    return row | others | {key: metrics[key] for key in COST + MACHINE + CONTENT}


def prediction_rows(logits: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Per test image: its label, the predicted class and the probability given to it at T = 1."""
    prediction = logits.argmax(1)
    confidence = softmax(logits, axis=1)[np.arange(len(logits)), prediction]
    return pd.DataFrame(
        {
            "image": np.arange(len(labels), dtype=np.int32),
            "label": labels.astype(np.int16),
            "prediction": prediction.astype(np.int16),
            "confidence": confidence.astype(np.float32),
        }
    )


def class_error_rows(logits: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Per class, even one without images: its images and how many of them are given to another class."""
    classes = logits.shape[1]
    images = np.bincount(labels, minlength=classes)
    errors = np.bincount(labels[logits.argmax(1) != labels], minlength=classes)
    return pd.DataFrame({"label": np.arange(classes, dtype=np.int16), "images": images, "errors": errors})


def fidelity_rows(study: dict, test_logits: dict[Arm, dict[int, np.ndarray]]) -> pd.DataFrame:
    """Per experiment, arm and seed: agreement with and KL divergence from the experiment's teacher of the same seed.

    `test_logits` [images, classes] are those after the last epoch, by arm and seed. An ensemble stands beside every
    seed; seeds that the teacher has not are left out. The teacher's own rows compare it with its other seeds, and take
    their mean: what two trainings of one net agree on. NaN with one seed.
    """
    teachers = {role.experiment: test_logits[role.arm] for role in roles_of(study) if role.role == "teacher"}
    rows = []
    for role in roles_of(study):
        teacher = teachers[role.experiment]
        for seed, logits in test_logits[role.arm].items():
            if role.role == "teacher":
                others = [of_other for other, of_other in teacher.items() if other != seed]
            elif teacher.keys() & {seed, ALL_SEEDS}:
                others = [teacher[seed if seed in teacher else ALL_SEEDS]]
            else:
                continue
            rows.append(
                {"experiment": role.experiment, "arm": role.label}
                | {"model": role.arm.model, "supervision": role.arm.supervision, "seed": seed}
                | {"agreement": _mean(measures.agreement, logits, others)}
                | {"kl": _mean(measures.kl_to_teacher, logits, others)}
            )
    return pd.DataFrame(rows)


def _mean(measure: Callable[[np.ndarray, np.ndarray], float], logits: np.ndarray, others: list[np.ndarray]) -> float:
    return float(np.mean([measure(logits, other) for other in others])) if others else np.nan
