"""Accuracies of a study's arms, and the share of the teacher's lead that distillation passes on."""

import numpy as np
import pandas as pd

from dark_knowledge.analysis.formats import NO_NUMBER, show_count, show_difference, show_interval, show_number, starred
from dark_knowledge.analysis.results import Results, arm_of, by_seed, difference, paired, rows_of
from dark_knowledge.analysis.statistics import mean_interval, ratio_interval
from dark_knowledge.study.reference import AS_PUBLISHED

COLUMNS = {
    "last_train_accuracy": "last: train",
    "last_validation_accuracy": "last: validation",
    "last_test_accuracy": "last: test",
    "selected_train_accuracy": "selected: train",
    "selected_validation_accuracy": "selected: validation",
    "selected_test_accuracy": "selected: test",
    "best_on_test_accuracy": "best on test",
}


def accuracy_table(results: Results) -> pd.DataFrame:
    """A row per experiment and arm: parameters, n, and mean, low and high of each accuracy over seeds, in percent.

    Accuracies on training images are of those that the arm learned from, in evaluation mode. `chosen` marks the
    student whose temperature validation picks.
    """
    rows = []
    for arm in results.all_arms():
        own = rows_of(results["runs"], arm)
        row = {
            "experiment": arm.experiment,
            "role": arm.role,
            "arm": arm.arm,
            "model": arm.model,
            "temperature": arm.temperature,
            "chosen": arm.chosen,
            "parameters": own.parameters.iloc[0],
            "n": len(own),
        }
        for column in COLUMNS:
            interval = mean_interval(100 * own[column])
            row |= {f"{column}_{end}": getattr(interval, end) for end in ("mean", "low", "high")}
        rows.append(row)
    return pd.DataFrame(rows)


def published_rows(published: dict) -> pd.DataFrame:
    """The figures published elsewhere, by experiment and role, in percent: {experiment: {role: figures}}."""
    return pd.DataFrame(
        [
            {"experiment": experiment, "role": role} | figures
            for experiment, roles in published.items()
            for role, figures in roles.items()
            if role in ("teacher", "baseline", "student")
        ],
        columns=["experiment", "role", "parameters", "train_accuracy", "test_accuracy"],
    )


def gap_table(results: Results, published: pd.DataFrame) -> pd.DataFrame:
    """A row per experiment and student or control: what it gained on test at the last epoch, paired by seed.

    `gain` is the arm minus the baseline in percentage points, `gap` the teacher minus the baseline, both over the seeds
    that all three have and with their t interval; `recovered` is the one as a share of the other in percent, with
    Fieller's interval.
    """
    rows, runs = [], results["runs"]
    for experiment in results.experiments:
        arms = results.arms(experiment)
        teacher, baseline = (
            100 * by_seed(runs, arm_of(arms, role), "last_test_accuracy") for role in ("teacher", "baseline")
        )
        for arm in (arm for arm in arms if arm.role in ("student", "control")):
            gained = (100 * by_seed(runs, arm, "last_test_accuracy") - baseline).dropna()
            gained, taught = paired(gained, teacher)
            gap = difference(taught, baseline)
            rows.append(_gap_row(experiment, arm.arm, arm.chosen, gained, gap))
        figures = published[published.experiment == experiment].set_index("role").test_accuracy
        if {"teacher", "baseline", "student"} <= set(figures.index):
            gain, gap = ([figures[role] - figures.baseline] for role in ("student", "teacher"))
            rows.append(_gap_row(experiment, AS_PUBLISHED, False, gain, gap))
    return pd.DataFrame(rows)


def _gap_row(experiment: str, arm: str, chosen: bool, gains: np.ndarray, gaps: np.ndarray) -> dict:
    gain, gap, share = mean_interval(gains), mean_interval(gaps), ratio_interval(gains, gaps)
    return (
        {"experiment": experiment, "arm": arm, "chosen": chosen, "n": gain.n}
        | gain.columns("gain")
        | gap.columns("gap")
        | {name: 100 * end for name, end in share.columns("recovered").items()}
    )


def readable_accuracy(table: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """The accuracy table for readers, with figures reported elsewhere beside it where there are any."""
    readable = pd.DataFrame(
        {
            "experiment": table.experiment,
            "arm": [starred(row.arm, row.chosen) for row in table.itertuples()],
            "parameters": [show_count(value) for value in table.parameters],
            "n": table.n,
        }
    )
    for column, title in COLUMNS.items():
        ends = zip(table[f"{column}_mean"], table[f"{column}_high"], strict=True)
        readable[title] = [show_interval(mean, high) for mean, high in ends]
    if published.empty:
        return readable
    figures = published.set_index(["experiment", "role"])
    for column, title, show in (
        ("parameters", "elsewhere: parameters", show_count),
        ("train_accuracy", "elsewhere: train", _show_accuracy),
        ("test_accuracy", "elsewhere: test", _show_accuracy),
    ):
        readable[title] = [
            show(figures[column].get((row.experiment, row.role)) if _comparable(row) else None)
            for row in table.itertuples()
        ]
    return readable


def _show_accuracy(value: float | None) -> str:
    return NO_NUMBER if value is None else show_number(value, 2)


def _comparable(row: tuple) -> bool:
    """A published student was the best of its makers' choice, so it stands beside the chosen temperature alone."""
    return row.role in ("teacher", "baseline") or row.chosen


def readable_gap(table: pd.DataFrame) -> pd.DataFrame:
    """The gap table for readers."""
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "arm": [starred(row.arm, row.chosen) for row in table.itertuples()],
            "n": table.n,
            "arm minus baseline, percentage points": [
                show_difference(row.gain, row.gain_high) for row in table.itertuples()
            ],
            "teacher minus baseline, percentage points": [
                show_difference(row.gap, row.gap_high) for row in table.itertuples()
            ],
            "gap recovered, %": [_share(row) for row in table.itertuples()],
        }
    )


def _share(row: tuple) -> str:
    """71 (67 to 75); a dash where there is no share."""
    if pd.isna(row.recovered):
        return NO_NUMBER
    ends = "" if pd.isna(row.recovered_low) else f" ({show_number(row.recovered_low, 0)} to "
    return show_number(row.recovered, 0) + (ends and f"{ends}{show_number(row.recovered_high, 0)})")
