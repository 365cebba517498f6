"""Gather a study's runs into tidy tables: a row per arm, run, epoch, logged step and test prediction, keys first."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file
from scipy.special import softmax

from dark_knowledge import command
from dark_knowledge.command import written_whole
from dark_knowledge.study import arms_of, roles_of

KEYS = ["model", "supervision", "seed"]
COST = ("seconds", "start_up_seconds", "images_per_second", "peak_memory_mb")
MACHINE = ("machine", "device", "precision", "threads", "torch", "commit")
PARTS = ("train", "validation", "test")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="prepared data set")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the study's runs")
    parser.add_argument("--study", type=json.loads, required=True, help="seeds and experiments, as JSON")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    data = load_file(arguments.data)
    labels = {part: data[f"{part}_labels"] for part in PARTS}
    tables = {"arms": [arm_rows(arguments.study)], "runs": [], "epochs": [], "steps": [], "predictions": []}
    for arm, seeds in arms_of(arguments.study).items():
        folder = arguments.runs / arm.model / arm.supervision
        logits = load_file(folder / "logits.safetensors")
        for number, seed in enumerate(seeds):
            keys = {"model": arm.model, "supervision": arm.supervision, "seed": seed}
            of_seed = {name: tensor[number] for name, tensor in logits.items()}
            history = pd.read_parquet(folder / f"seed{seed}" / "history.parquet")
            metrics = json.loads((folder / f"seed{seed}" / "metrics.json").read_text())
            tables["runs"].append(pd.DataFrame([keys | run_row(metrics, history, of_seed, labels)]))
            tables["epochs"].append(keyed(keys, history))
            tables["steps"].append(keyed(keys, pd.read_parquet(folder / f"seed{seed}" / "steps.parquet")))
            tables["predictions"] += [
                keyed(keys | {"epoch": epoch}, prediction_rows(of_seed[f"{epoch}/test"], labels["test"]))
                for epoch in ("last", "selected")
            ]
    for name, parts in tables.items():
        table = pd.concat(parts, ignore_index=True)
        with written_whole(arguments.out / f"{name}.parquet") as temporary:
            table.to_parquet(temporary, index=False)
        print(f"{name}: {len(table)} rows")


def keyed(keys: dict, table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(keys, index=table.index).join(table)


def arm_rows(study: dict) -> pd.DataFrame:
    """A row per role that an arm plays in an experiment."""

    return pd.DataFrame(
        [
            {"experiment": role.experiment, "role": role.role, "arm": role.label, "supervision": role.arm.supervision}
            | vars(role.arm)
            for role in roles_of(study)
        ]
    )


def run_row(metrics: dict, history: pd.DataFrame, logits: dict, labels: dict) -> dict:
    """Accuracies (shares) at the last, the selected and, where it was scored, the best epoch on test; and the cost."""
    row = {key: metrics[key] for key in ("parameters", "epochs", "selected_epoch")}
    for epoch in ("last", "selected"):
        for part in PARTS:
            correct = logits[f"{epoch}/{part}"].argmax(1) == labels[part]
            row[f"{epoch}_{part}_accuracy"] = correct.mean()
    best = history.test_accuracy.idxmax() if history.test_accuracy.notna().any() else None
    row["best_on_test_epoch"] = best
    row["best_on_test_accuracy"] = history.test_accuracy.max()
    return row | {key: metrics[key] for key in COST + MACHINE}


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


if __name__ == "__main__":
    command.run(main)
