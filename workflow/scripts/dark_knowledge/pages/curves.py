"""What the page of learning curves carries: each run's losses and accuracies, by epoch and by step."""

from itertools import groupby

import numpy as np
import pandas as pd

from dark_knowledge.analysis.convergence import STEP_POINTS, bin_centres
from dark_knowledge.analysis.results import ExperimentArm, Results, distinct_arms, rows_of, trained_arms
from dark_knowledge.figures.style import DrawnArm

# Columns of the collected tables, and what they are multiplied by: accuracies are shown in percent.
BY_EPOCH = {"loss": 1, "train_accuracy": 100, "validation_loss": 1, "validation_accuracy": 100}


BY_STEP = {"loss": 1, "train_accuracy": 100}


def page_data(arms: list[DrawnArm], results: Results, points: int) -> dict:
    """The page's numbers, for JSON.

    `arms` are those of all experiments; the ones without epochs are left out. A curve has at most so many `points`:
    epochs at even distances, means of neighbouring steps.
    """
    steps = results["steps"]
    arms = trained_arms(arms, results["epochs"])
    distinct = distinct_arms(arms)
    number = {arm.key: place for place, arm in enumerate(distinct)}
    kept = spaced_epochs(results["epochs"], points)
    return {
        "arms": [
            arm_curves(rows_of(kept, arm), rows_of(steps, arm), _steps_per_epoch(results["runs"], arm), points)
            for arm in distinct
        ],
        "experiments": [
            {
                "name": name,
                "arms": [
                    {"name": arm.arm, "colour": arm.colour, "broken": bool(arm.dashes), "arm": number[arm.key]}
                    for arm in own
                ],
            }
            for name, own in groupby(arms, key=lambda arm: arm.experiment)
        ],
    }


def spaced_epochs(epochs: pd.DataFrame, most: int) -> pd.DataFrame:
    """Of each run at most `most` epochs, at even distances and with the last."""
    last = epochs.groupby(["model", "supervision", "seed"]).epoch.transform("max")
    kept = {end: np.linspace(end, 0, min(most, end + 1)).round().astype(int) for end in last.unique()}
    return epochs[[epoch in kept[end] for epoch, end in zip(epochs.epoch, last, strict=True)]]


def arm_curves(epochs: pd.DataFrame, steps: pd.DataFrame, steps_per_epoch: int, points: int) -> dict:
    """One arm's seeds, and its curves: x values once and y values [seeds, points] by measure.

    An epoch's values stand at its end. Logged steps are pooled as in the figures, or further.
    """
    seeds = sorted(int(seed) for seed in epochs.seed.unique())
    ends = np.sort(epochs.epoch.unique()) + 1
    binned = steps.assign(step=bin_centres(steps.step, min(points, STEP_POINTS)))
    pooled = binned.groupby(["seed", "step"], as_index=False).mean(numeric_only=True)
    return {
        "seeds": seeds,
        "epochs": {"epoch": ends.tolist(), "step": (ends * steps_per_epoch).tolist()}
        | _by_seed(epochs, "epoch", BY_EPOCH),
        "steps": {"step": [_short(step) for step in np.sort(pooled.step.unique())]} | _by_seed(pooled, "step", BY_STEP),
    }


def _by_seed(table: pd.DataFrame, x: str, measures: dict[str, int]) -> dict:
    wide = table.pivot(index=x, columns="seed", values=list(measures))
    return {
        measure: [[_short(factor * value) for value in wide[measure, seed]] for seed in wide[measure]]
        for measure, factor in measures.items()
    }


def _short(value: float) -> float | int | None:
    """Five digits, which is more than a screen shows; None for no number."""
    if pd.isna(value):
        return None
    short = float(f"{value:.5g}")
    return int(short) if short.is_integer() else short


def _steps_per_epoch(runs: pd.DataFrame, arm: ExperimentArm) -> int:
    """By the run's own count: a transfer set has fewer images than the data set."""
    run = rows_of(runs, arm).iloc[0]
    return int(run.steps // run.epochs)
