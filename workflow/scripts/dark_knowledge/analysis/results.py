"""Look-up of an experiment's arms in the collected tables."""

import numpy as np
import pandas as pd

from dark_knowledge.command import InputError
from dark_knowledge.study.arms import ALL_SEEDS


def chosen_temperature(runs: pd.DataFrame, arms: pd.DataFrame, experiment: str) -> float:
    """The student's temperature with the highest mean validation accuracy at the last epoch; a tie takes the lowest.

    Over the seeds that all temperatures have: one shared with another experiment may have more.
    """
    students = arms[(arms.experiment == experiment) & (arms.role == "student")]
    scores = students.merge(runs).pivot(index="seed", columns="temperature", values="last_validation_accuracy")
    return float(scores.dropna().mean().idxmax())


def named_arms(arms: pd.DataFrame, runs: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """The experiment's arms with `arm`, their name for readers, and `chosen`: the student that validation picks."""
    own = arms[arms.experiment == experiment]
    chosen = (own.role == "student") & (own.temperature == chosen_temperature(runs, arms, experiment))
    return own.assign(chosen=chosen)


def compared_arms(arms: pd.DataFrame, runs: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """The named arms of an experiment, of its students only the chosen one."""
    named = named_arms(arms, runs, experiment)
    return named[(named.role != "student") | named.chosen]


def with_experiment(experiment: str, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the experiment's name as its first column."""
    return pd.DataFrame({"experiment": experiment}, index=table.index).join(table)


def arm_of(arms: pd.DataFrame, role: str) -> tuple:
    """The one arm of a role among the compared arms of an experiment."""
    return next(arms[arms.role == role].itertuples())


def rows_of(table: pd.DataFrame, arm: tuple) -> pd.DataFrame:
    """The rows of one arm's runs."""
    return table[(table.model == arm.model) & (table.supervision == arm.supervision)]


def last_predictions(predictions: pd.DataFrame, arm: tuple) -> pd.DataFrame:
    """The test predictions of one arm's runs after the last epoch."""
    own = rows_of(predictions, arm)
    return own[own.epoch == "last"]


def by_seed(table: pd.DataFrame, arm: tuple, column: str) -> pd.Series:
    """One column of one arm's runs, by seed."""
    return rows_of(table, arm).set_index("seed")[column].sort_index()


def beside(rows: pd.DataFrame | pd.Series, seeds: pd.Index) -> pd.DataFrame | pd.Series:
    """An arm's `rows` by seed, to be compared with runs of `seeds`: an ensemble, one run of all seeds, is repeated."""
    if list(rows.index) != [ALL_SEEDS]:
        return rows
    return rows.iloc[[0] * len(seeds)].set_axis(pd.Index(seeds, name="seed"))


def teachers_of(runs: pd.DataFrame, arm: tuple) -> pd.DataFrame:
    """The run that taught each run of a student, indexed by the student's seed: the teacher's of the same seed."""
    seeds = pd.Index(sorted(rows_of(runs, arm).seed), name="seed")
    taught = runs[(runs.model == arm.teacher) & (runs.supervision == "labels")].set_index("seed")
    return beside(taught, seeds).loc[seeds]


def trained_arms(arms: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    """The arms that have learning curves; an ensemble was assembled, not trained, and has none."""
    trained = pd.MultiIndex.from_frame(epochs[["model", "supervision"]].drop_duplicates())
    return arms[pd.MultiIndex.from_frame(arms[["model", "supervision"]]).isin(trained)]


def difference(a: pd.Series, b: pd.Series) -> np.ndarray:
    """`a` minus `b` over the seeds [n] that both have; refused where they share none."""
    a, b = beside(a, b.index).align(beside(b, a.index), join="inner")
    if a.empty:
        raise InputError("two arms of an experiment have no seed in common; give them the same seeds")
    return (a - b).to_numpy(float)


KEYS = ["model", "supervision"]


def distinct_arms(arms: pd.DataFrame) -> pd.DataFrame:
    """Each arm once, numbered 0, 1, ... by the index: experiments share arms."""
    return arms[KEYS].drop_duplicates(ignore_index=True)
