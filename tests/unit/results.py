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
HARD = {"train": [0.2, 0.8, 0.9], "validation": [0.5, 2, 0.5], "test": [0.3, 1.7, 1.8]}  # classes
SETTINGS = {"level": 0.05, "fewest_seeds": 10, "validation_accuracies": [90, 99], "last_epochs": 4, "alike": 0.05}


def make_results(seeds: int = 3, *, epochs: int = 6, images: int = 90, controls: bool = False) -> Results:
    """Collected results of one experiment `x`; validation chooses T = 2. All seeds differ a little.

    The teacher makes fewer errors than the student, and the student fewer than the baseline. No two quantities are
    equal that could be taken for one another: the last, the selected and the best epoch, the three parts and their
    sizes, a loss and its terms. Another experiment has run the baseline once more, where there are seeds to compare. In
    validation class 1 has most errors, in test class 2.
    """
    random = np.random.default_rng(0)
    arms = [arm for arm in ARMS if controls or arm[0] != "control"]
    tables = {name: [] for name in ("runs", "epochs", "steps", "predictions", "class_errors", "fidelity")}
    labels = {
        "train": np.arange(5 * images) % 3,
        "validation": np.arange(2 * images) % 3,
        "test": np.arange(images) % 3,
    }
    for role, name, model, supervision, teacher, temperature, wrong_share in arms:
        for seed in range(seeds + (role == "baseline" and seeds > 1)):
            keys = {"model": model, "supervision": supervision, "seed": seed}
            wrong = {part: wrong_images(random, wrong_share, labels[part], HARD[part]) for part in labels}
            tables["epochs"].append(curves(random, wrong_share, epochs, teacher).assign(**keys))
            tables["epochs"][-1]["seconds"] += role == "teacher"
            own = run(role, temperature, wrong, tables["epochs"][-1], random)
            tables["runs"].append(pd.DataFrame([keys | own | caching(teacher)]))
            tables["steps"].append(losses(random, epochs, teacher).assign(**keys))
            prediction = np.where(wrong["test"], (labels["test"] + 1) % len(CLASSES), labels["test"])
            tables["predictions"].append(
                pd.DataFrame({"image": range(images), "label": labels["test"], "prediction": prediction})
                .assign(confidence=random.uniform(0.4, 1, images))
                .assign(**keys)
            )
            for part in ("train", "validation", "test"):
                tables["class_errors"].append(
                    pd.DataFrame({"label": range(len(CLASSES)), "images": np.bincount(labels[part])})
                    .assign(errors=np.bincount(labels[part][wrong[part]], minlength=len(CLASSES)), part=part)
                    .assign(**keys)
                )
            likeness = {"agreement": 1 - wrong_share - 0.01 * seed, "kl": wrong_share + 0.02 * seed}
            likeness = likeness if seeds > 1 else dict.fromkeys(likeness, np.nan)
            if seed < seeds:
                tables["fidelity"].append(pd.DataFrame([{"experiment": "x", "arm": name} | keys | likeness]))
    rows = [
        dict(zip(("role", "arm", "model", "supervision", "teacher", "temperature"), arm[:-1], strict=True))
        for arm in arms
    ]
    collected = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    arms = pd.DataFrame([{"experiment": "x", "teacher_supervision": "labels"} | row for row in rows])
    return Results({"arms": arms} | collected)


def wrong_images(random: np.random.Generator, share: float, labels: np.ndarray, hard: list[float]) -> np.ndarray:
    """Bool [images]; `hard` [classes] multiplies the share of each class."""
    return random.random(len(labels)) < share * np.array(hard)[labels]


def curves(random: np.random.Generator, wrong_share: float, epochs: int, teacher: str | None) -> pd.DataFrame:
    """A row per epoch."""
    number = np.arange(1, epochs + 1)
    hard_loss = 1 / number + 0.02 * random.random(epochs)
    soft_loss = 0.5 / number + 0.02 * random.random(epochs) if teacher else np.full(epochs, np.nan)
    accuracies = {
        part: 1 - factor * wrong_share * (0.4 + 0.6 / number) - 0.02 * random.random(epochs)
        for part, factor in (("train", 0.9), ("validation", 1), ("test", 1.1))
    }
    # The last epoch is not the best one.
    if epochs > 2:
        accuracies["validation"][-2:] += 0.01 * np.array([1, -1])
    return pd.DataFrame(
        {
            "epoch": range(epochs),
            "learning_rate": 0.1,
            "loss": 0.1 * hard_loss + 0.9 * soft_loss if teacher else hard_loss,
        }
        | {"hard_loss": hard_loss, "soft_loss": soft_loss, "seconds": 2 + 0.25 * number}
        | {f"{part}_accuracy": values for part, values in accuracies.items()}
    )


def losses(random: np.random.Generator, epochs: int, teacher: str | None) -> pd.DataFrame:
    """A row per logged step, whose losses fall."""
    step = np.arange(0, 100 * epochs, 20)
    hard, soft = (1 - 0.0005 * step + 0.1 * random.random(len(step)) for _ in range(2))
    own = {
        "hard_loss": hard,
        "soft_loss": soft if teacher else np.nan,
        "loss": 0.1 * hard + 0.9 * soft if teacher else hard,
    }
    accuracy = 0.5 + 0.0005 * step + 0.05 * random.random(len(step))
    return pd.DataFrame({"step": step, "epoch": step // 100} | own | {"train_accuracy": accuracy})


def run(
    role: str, temperature: float, wrong: dict[str, np.ndarray], curve: pd.DataFrame, random: np.random.Generator
) -> dict:
    train, test = (1 - wrong[part].mean() for part in ("train", "test"))
    spread = 0.004 * random.random()
    return {
        "last_train_accuracy": train,
        "last_validation_accuracy": curve.validation_accuracy.iloc[-1] + (0.05 if temperature == 2 else 0),
        "last_test_accuracy": test,
        "selected_train_accuracy": train - 0.012 - spread,
        "selected_validation_accuracy": curve.validation_accuracy.max() + 0.06,
        "selected_test_accuracy": test + 0.005 - spread * (2 if role == "baseline" else 1),
        "selected_epoch": int(curve.validation_accuracy.argmax()),
        "best_on_test_accuracy": test + 0.011 + spread,
        "test_nll": 0.3 - 0.1 * test,
        "test_ece": 0.01 + 0.001 * random.random(),
        "parameters": 3000 if role == "teacher" else 1000,
        "multiply_adds": 100 if role == "teacher" else 10,
        "epochs": len(curve),
        "steps": 100 * len(curve),
        "batch_size": 5,
        "seconds": curve.seconds.sum(),
        "machine": "a machine",
        "data": "images",
        "given": None,
    }


def caching(teacher: str | None) -> dict:
    """Costs of the stored logits of an arm with a teacher, and what the teacher's runs are filed under."""
    seconds, images = (np.nan, np.nan) if teacher is None else (3.0, 500)
    taught = {"taught_by": teacher, "taught_by_supervision": teacher and "labels"}
    taught |= {"members": None, "members_supervision": None}
    return {"caching_seconds": seconds, "caching_images": images} | taught
