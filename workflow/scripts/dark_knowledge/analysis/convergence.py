"""How soon validation accuracies are reached, in epochs, steps and seconds."""

import numpy as np
import pandas as pd

from dark_knowledge.analysis.costs import run_costs
from dark_knowledge.analysis.formats import show_interval
from dark_knowledge.analysis.measures import epochs_to_threshold
from dark_knowledge.analysis.results import ExperimentArm, Results, beside, filed_under, rows_of, trained_arms
from dark_knowledge.analysis.statistics import mean_interval

# Of a time, with its title for readers and its decimals.
UNITS = {
    "epochs": ("epochs", 1),
    "steps": ("steps", 0),
    "seconds": ("seconds", 0),
    "seconds_with_teacher": ("seconds, teacher included", 0),
}


def time_to(epochs: pd.DataFrame, runs: pd.DataFrame, arm: ExperimentArm, accuracy: float) -> pd.DataFrame:
    """When one arm's runs first reach a validation `accuracy` (share), a row per seed.

    Columns: `reached`; `epochs`, `steps` and `seconds` of its training; and `seconds_with_teacher`. A run that never
    reaches it gets what one more epoch would have made, a lower bound.
    """
    rows = {}
    for run in rows_of(runs, arm).itertuples():
        history = rows_of(epochs, arm)
        history = history[history.seed == run.seed].sort_values("epoch")
        epoch = epochs_to_threshold(history.validation_accuracy, accuracy)
        reached = not np.isnan(epoch)
        seconds = [*history.seconds.cumsum(), history.seconds.sum() + history.seconds.mean()]
        epoch = int(epoch) if reached else len(history) + 1
        rows[run.seed] = {
            "reached": reached,
            "epochs": epoch,
            "steps": epoch * run.steps // run.epochs,
            "seconds": seconds[epoch - 1],
            "seconds_with_teacher": seconds[epoch - 1] + teaching_seconds(runs, arm, run),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("seed").sort_index()


def differences_by_epoch(epochs: pd.DataFrame, arm: ExperimentArm, other: ExperimentArm) -> pd.DataFrame:
    """Validation accuracy of one arm minus another's after each epoch that both have, in percentage points.

    Columns `epoch` (0-based), and `mean`, `low` and `high` of the t interval over the n seeds that both have.
    """
    of_arm, of_other = (
        rows_of(epochs, one).pivot(index="epoch", columns="seed", values="validation_accuracy") for one in (arm, other)
    )
    differences = 100 * (of_arm - of_other).dropna(how="all").dropna(axis="columns", how="all")
    intervals = [mean_interval(values) for values in differences.to_numpy()]
    columns = ["mean", "low", "high", "n"]
    return pd.DataFrame(intervals, index=differences.index, columns=columns).reset_index()


def teaching_seconds(runs: pd.DataFrame, arm: ExperimentArm, run: tuple) -> float:
    """Seconds of the training of a run's teacher and of storing its logits; 0 without a teacher.

    NaN where a part of that training was elsewhere, so that its seconds are not known.
    """
    if arm.teacher is None:
        return 0.0
    teacher = filed_under(runs, arm.teacher_key)
    costs = beside(run_costs(runs, teacher), pd.Index([run.seed])).loc[run.seed]
    return np.nan if costs.elsewhere else costs.total_seconds + run.caching_seconds


def convergence_table(results: Results, accuracies: list[float]) -> pd.DataFrame:
    """A row per experiment, arm and validation accuracy (percent): runs that reach it, and when, over seeds."""
    rows, epochs = [], results["epochs"]
    for experiment in results.experiments:
        for arm in trained_arms(results.compared(experiment), epochs):
            for accuracy in accuracies:
                times = time_to(epochs, results["runs"], arm, accuracy / 100)
                row = {"experiment": experiment, "arm": arm.arm, "accuracy": accuracy, "n": len(times)}
                row["reached"] = times.reached.sum()
                for unit in UNITS:
                    row |= mean_interval(times[unit]).columns(unit)
                rows.append(row)
    columns = ["experiment", "arm", "accuracy", "n", "reached"]
    columns += [f"{unit}{end}" for unit in UNITS for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=columns)


def readable_convergence(table: pd.DataFrame) -> pd.DataFrame:
    """The table for readers."""
    bound = np.where(table.reached < table.n, "\N{GREATER-THAN OR EQUAL TO} ", "")
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "arm": table.arm,
            "validation accuracy, %": [f"{value:g}" for value in table.accuracy],
            "reached by": [f"{row.reached} of {row.n}" for row in table.itertuples()],
        }
        | {
            title: [
                least + show_interval(mean, high, digits)
                for least, mean, high in zip(bound, table[unit], table[f"{unit}_high"], strict=True)
            ]
            for unit, (title, digits) in UNITS.items()
        }
    )


STEP_POINTS = 60


def bin_centres(steps: pd.Series, bins: int = STEP_POINTS) -> pd.Series:
    """Replace each step by the mean of its bin, one of at most `bins` runs of neighbouring logged steps."""
    places = steps.rank(method="dense").astype(int) - 1
    return steps.groupby(places * bins // max(places.max() + 1, bins)).transform("mean")
