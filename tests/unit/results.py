"""A fabricated study: the tables of collect_results.py for small tests, with known differences between the arms."""

import numpy as np
import pandas as pd

from dark_knowledge.analysis.results import Results

CLASSES = ["bag", "coat", "shirt"]
ARMS = [
    # role, name, model, supervision, teacher, temperature, share of wrong images
    ("teacher", "teacher", "big", "labels", None, np.nan, 0.1),
    ("baseline", "baseline", "small", "labels", None, np.nan, 0.3),
    ("student", "student, T = 2", "small", "big_T2_w0.1", "big", 2.0, 0.2),
    ("student", "student, T = 4", "small", "big_T4_w0.1", "big", 4.0, 0.2),
    ("control", "label smoothing", "smooth", "labels", None, np.nan, 0.3),
]
SETTINGS = {"level": 0.05, "fewest_seeds": 10, "validation_accuracies": [90, 99], "last_epochs": 4, "alike": 0.05}


def make_results(seeds: int = 3, *, epochs: int = 6, images: int = 90, controls: bool = False) -> Results:
    """Collected results of one experiment `x`; validation chooses T = 2. All seeds differ a little.

    The teacher makes fewer errors than the student, and the student fewer than the baseline. Class 1 has most errors.
    """
    random = np.random.default_rng(0)
    arms = [arm for arm in ARMS if controls or arm[0] != "control"]
    tables = {name: [] for name in ("runs", "epochs", "steps", "predictions", "class_errors", "fidelity")}
    labels = np.arange(images) % len(CLASSES)
    for role, name, model, supervision, teacher, temperature, wrong_share in arms:
        for seed in range(seeds):
            keys = {"model": model, "supervision": supervision, "seed": seed}
            wrong = random.random(images) < wrong_share * np.array([0.5, 2, 0.5])[labels]
            prediction = np.where(wrong, (labels + 1) % len(CLASSES), labels)
            curve = 1 - wrong_share * (0.4 + 0.6 / np.arange(1, epochs + 1)) - 0.02 * random.random(epochs)
            tables["runs"].append(
                pd.DataFrame([keys | run(role, temperature, wrong, curve, epochs, random) | caching(teacher)])
            )
            soft = np.nan if teacher is None else 0.2
            losses = {"hard_loss": 1 / np.arange(1, epochs + 1), "soft_loss": soft, "train_accuracy": curve}
            tables["epochs"].append(
                pd.DataFrame({"epoch": range(epochs), "loss": losses["hard_loss"], "validation_accuracy": curve})
                .assign(**losses, seconds=2.0)
                .assign(**keys)
            )
            step = np.arange(0, 100 * epochs, 20)
            tables["steps"].append(
                pd.DataFrame({"step": step, "epoch": step // 100, "loss": 1 + 0.1 * random.random(len(step))}).assign(
                    **keys
                )
            )
            tables["predictions"].append(
                pd.DataFrame({"image": range(images), "label": labels, "prediction": prediction})
                .assign(confidence=random.uniform(0.4, 1, images))
                .assign(**keys)
            )
            for part in ("train", "validation", "test"):
                tables["class_errors"].append(
                    pd.DataFrame({"label": range(len(CLASSES)), "images": np.bincount(labels)})
                    .assign(errors=np.bincount(labels[wrong], minlength=len(CLASSES)), part=part)
                    .assign(**keys)
                )
            likeness = (
                {"agreement": 1 - wrong_share, "kl": wrong_share} if seeds > 1 else {"agreement": np.nan, "kl": np.nan}
            )
            tables["fidelity"].append(pd.DataFrame([{"experiment": "x", "arm": name} | keys | likeness]))
    rows = [
        dict(zip(("role", "arm", "model", "supervision", "teacher", "temperature"), arm[:-1], strict=True))
        for arm in arms
    ]
    collected = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    arms = pd.DataFrame([{"experiment": "x", "teacher_supervision": "labels"} | row for row in rows])
    return Results({"arms": arms} | collected)


def run(
    role: str, temperature: float, wrong: np.ndarray, curve: np.ndarray, epochs: int, random: np.random.Generator
) -> dict:
    test = 1 - wrong.mean()
    accuracies = dict.fromkeys(("last_test_accuracy", "selected_test_accuracy", "best_on_test_accuracy"), test)
    return accuracies | {
        "last_train_accuracy": test + 0.02 + 0.001 * random.random(),
        "last_validation_accuracy": curve[-1] + (0.05 if temperature == 2 else 0),
        "test_nll": 0.3 - 0.1 * test,
        "test_ece": 0.01 + 0.001 * random.random(),
        "parameters": 1000,
        "multiply_adds": 100 if role == "teacher" else 10,
        "epochs": epochs,
        "steps": 100 * epochs,
        "batch_size": 5,
        "seconds": 2.0 * epochs,
        "machine": "a machine",
    }


def caching(teacher: str | None) -> dict:
    """Costs of the stored logits of an arm with a teacher, and what the teacher's runs are filed under."""
    seconds, images = (np.nan, np.nan) if teacher is None else (3.0, 500)
    taught = {"taught_by": teacher, "taught_by_supervision": teacher and "labels"}
    return {"caching_seconds": seconds, "caching_images": images} | taught
