"""A study's collected results: its tables by name, its experiments' arms, and what the tables say of an arm."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd

from dark_knowledge.analysis.statistics import ROUNDING
from dark_knowledge.command import InputError
from dark_knowledge.study.arms import ALL_SEEDS
from dark_knowledge.study.paths import ALL_LABELS

PREDICTION_COLUMNS = ["model", "supervision", "seed", "image", "label", "prediction", "confidence"]


@dataclass(frozen=True)
class ExperimentArm:
    """An arm in its part in one experiment, as a row of the collected table `arms` has it.

    `role` is teacher, baseline, student or control, `arm` the name for readers, `temperature` NaN and `teacher` None
    where it learned from labels alone; else `teacher` and `teacher_supervision` are what its teacher's runs are filed
    under. `chosen`: the student whose temperature validation picks.
    """

    experiment: str
    role: str
    arm: str
    model: str
    supervision: str
    teacher: str | None = None
    temperature: float = np.nan
    chosen: bool = False
    teacher_supervision: str = ALL_LABELS

    @property
    def key(self) -> tuple[str, str]:
        """What its runs are filed under; experiments that share an arm share them."""
        return self.model, self.supervision

    @property
    def teacher_key(self) -> tuple[str | None, str]:
        """What its teacher's runs are filed under; nothing is, where it has none."""
        return self.teacher, self.teacher_supervision


class Results(dict):
    """The collected tables by name: arms, runs, epochs, steps, predictions, class_errors and fidelity.

    Of the predictions those after the last epoch.
    """

    def __init__(
        self, tables: Mapping[str, pd.DataFrame] | None = None, *, folder: Path = Path(), experiment: str | None = None
    ):
        """Hold `tables`, and read others from `folder` when they are first asked for.

        With an `experiment`, of the predictions those of its arms alone: a large study has fifty million.
        """
        super().__init__(tables or {})
        self._folder, self._experiment = folder, experiment

    def __missing__(self, name: str) -> pd.DataFrame:
        path = self._folder / f"{name}.parquet"
        if name == "predictions":
            table = pd.read_parquet(path, columns=PREDICTION_COLUMNS, filters=self._drawn())
        else:
            table = pd.read_parquet(path)
        self[name] = table
        return table

    def _drawn(self) -> list[tuple]:
        last = [("epoch", "==", "last")]
        if self._experiment is None:
            return last
        own = self["arms"][self["arms"].experiment == self._experiment]
        return [*last, ("supervision", "in", own.supervision), ("model", "in", own.model)]

    @property
    def experiments(self) -> list[str]:
        return list(self["arms"].experiment.unique())

    def arms(self, experiment: str) -> list[ExperimentArm]:
        """The experiment's arms, in the config's order."""
        return arms_in(self["arms"], self["runs"], experiment)

    def compared(self, experiment: str) -> list[ExperimentArm]:
        """The experiment's arms, of its students only the chosen one."""
        return compared(self.arms(experiment))

    def all_arms(self) -> list[ExperimentArm]:
        """The arms of all experiments, one after another."""
        return [arm for experiment in self.experiments for arm in self.arms(experiment)]


def arms_in(arms: pd.DataFrame, runs: pd.DataFrame, experiment: str) -> list[ExperimentArm]:
    """An experiment's rows of the collected table `arms`."""
    chosen = chosen_temperature(runs, arms, experiment)
    return [
        ExperimentArm(
            *(experiment, row.role, row.arm, row.model, row.supervision),
            teacher=None if pd.isna(row.teacher) else row.teacher,
            teacher_supervision=row.teacher_supervision,
            temperature=float(row.temperature),
            chosen=row.role == "student" and row.temperature == chosen,
        )
        for row in arms[arms.experiment == experiment].itertuples()
    ]


def chosen_temperature(runs: pd.DataFrame, arms: pd.DataFrame, experiment: str) -> float:
    """The student's temperature with the highest mean validation accuracy at the last epoch; a tie takes the lowest.

    Over the seeds that all temperatures have: one shared with another experiment may have more.
    """
    students = arms[(arms.experiment == experiment) & (arms.role == "student")]
    scores = students.merge(runs).pivot(index="seed", columns="temperature", values="last_validation_accuracy")
    return float(scores.dropna().mean().round(ROUNDING).idxmax())


def compared(arms: Iterable[ExperimentArm]) -> list[ExperimentArm]:
    """Of an experiment's students only the chosen one, and all others."""
    return [arm for arm in arms if arm.role != "student" or arm.chosen]


def arm_of(arms: Iterable[ExperimentArm], role: str) -> ExperimentArm:
    """The one arm of a role among the compared arms of an experiment."""
    return next(arm for arm in arms if arm.role == role)


def distinct_arms(arms: Iterable[ExperimentArm]) -> list[ExperimentArm]:
    """Each arm once, as it first comes: experiments share arms."""
    first = {}
    for arm in arms:
        first.setdefault(arm.key, arm)
    return list(first.values())


def trained_arms(arms: Iterable[ExperimentArm], epochs: pd.DataFrame) -> list[ExperimentArm]:
    """The arms that have learning curves; an ensemble was assembled, not trained, and has none."""
    trained = set(epochs[["model", "supervision"]].drop_duplicates().itertuples(index=False, name=None))
    return [arm for arm in arms if arm.key in trained]


def with_experiment(experiment: str, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the experiment's name as its first column."""
    return pd.DataFrame({"experiment": experiment}, index=table.index).join(table)


def rows_of(table: pd.DataFrame, arm: ExperimentArm) -> pd.DataFrame:
    """The rows of one arm's runs."""
    return table[(table.model == arm.model) & (table.supervision == arm.supervision)]


def by_seed(table: pd.DataFrame, arm: ExperimentArm, column: str) -> pd.Series:
    """One column of one arm's runs, by seed."""
    return rows_of(table, arm).set_index("seed")[column].sort_index()


def beside(rows: pd.DataFrame | pd.Series, seeds: pd.Index) -> pd.DataFrame | pd.Series:
    """One arm's `rows` by seed, to be set beside runs of `seeds`: an ensemble's one row is repeated for each seed."""
    if list(rows.index) != [ALL_SEEDS]:
        return rows
    return rows.iloc[[0] * len(seeds)].set_axis(pd.Index(seeds, name="seed"))


def filed_under(runs: pd.DataFrame, key: tuple[str, str]) -> ExperimentArm:
    """The arm whose runs are filed under a model and supervision, whether an experiment names it or not."""
    model, supervision = key
    run = next(runs[(runs.model == model) & (runs.supervision == supervision)].itertuples())
    teacher = None if pd.isna(run.taught_by) else run.taught_by
    return ExperimentArm("", "", "", model, supervision, teacher, teacher_supervision=run.taught_by_supervision)


def members_of(runs: pd.DataFrame, arm: ExperimentArm) -> ExperimentArm | None:
    """The arm whose runs an ensemble is the mean of; None of what is no ensemble."""
    run = rows_of(runs, arm).iloc[0]
    return None if pd.isna(run.members) else filed_under(runs, (run.members, run.members_supervision))


def made_from(runs: pd.DataFrame, arm: ExperimentArm) -> Iterator[tuple[str, str]]:
    """What the runs are filed under from which an arm is made: its teacher, an ensemble's members, and theirs."""
    teacher = None if arm.teacher is None else filed_under(runs, arm.teacher_key)
    for other in filter(None, (teacher, members_of(runs, arm))):
        yield other.key
        yield from made_from(runs, other)


def teachers_of(runs: pd.DataFrame, arm: ExperimentArm) -> pd.DataFrame:
    """The run that taught each run of a student, indexed by the student's seed: the teacher's of the same seed."""
    seeds = pd.Index(sorted(rows_of(runs, arm).seed), name="seed")
    taught = runs[(runs.model == arm.teacher) & (runs.supervision == arm.teacher_supervision)].set_index("seed")
    return beside(taught, seeds).loc[seeds]


def paired(*of_arms: pd.Series | pd.DataFrame) -> list[pd.Series | pd.DataFrame]:
    """Each over the seeds [n] that all have: one shared with another experiment may have more. Refused without any."""
    trained = [rows.index for rows in of_arms if list(rows.index) != [ALL_SEEDS]] or [of_arms[0].index]
    seeds = reduce(pd.Index.intersection, trained).sort_values()
    if seeds.empty:
        raise InputError("arms of an experiment have no seed in common; give them the same seeds")
    return [beside(rows, seeds).loc[seeds] for rows in of_arms]


def difference(a: pd.Series, b: pd.Series) -> np.ndarray:
    """`a` minus `b` over the seeds [n] that both have."""
    a, b = paired(a, b)
    return (a - b).to_numpy(float)
