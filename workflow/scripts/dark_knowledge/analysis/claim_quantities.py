"""What a claim is judged by: a quantity, and the evidence of one experiment that it is computed from.

A quantity is a number per seed, mostly student minus baseline, whose mean is the effect. One quantity decides each
claim, and others stand beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from dark_knowledge.analysis.error_sets import common_wrong
from dark_knowledge.analysis.image_noise import permuted_counts
from dark_knowledge.analysis.results import ExperimentArm, paired, rows_of
from dark_knowledge.analysis.statistics import Interval

POINTS = "percentage points"


@dataclass(frozen=True)
class Evidence:
    """One experiment: its three arms, the collected tables, what was published, and the config's `claims`."""

    teacher: ExperimentArm
    baseline: ExperimentArm
    student: ExperimentArm
    runs: pd.DataFrame
    epochs: pd.DataFrame
    steps: pd.DataFrame
    predictions: pd.DataFrame
    class_errors: pd.DataFrame
    classes: list[str]
    published: dict
    settings: dict

    @cached_property
    def labels(self) -> np.ndarray:
        """The labels of the test images, in the images' order."""
        return rows_of(self.predictions, self.baseline).groupby("image").label.first().to_numpy()

    @cached_property
    def wrong(self) -> np.ndarray:
        """Which test images student and baseline get wrong: bool [2, n, images], over the seeds that both have."""
        return np.stack(common_wrong(self.predictions, self.student, self.baseline))

    @cached_property
    def permuted(self) -> np.ndarray:
        """Their errors per class, [draws, 2, n, classes], were the classes of the wrong images chance."""
        return permuted_counts(self.wrong, self.labels, len(self.classes))

    def lead(self, of: str, over: str, column: str = "test_accuracy") -> float:
        """The published difference between two roles, NaN where either is not published."""
        return self.published.get(of, {}).get(column, np.nan) - self.published.get(over, {}).get(column, np.nan)


@dataclass(frozen=True)
class Quantity:
    """What speaks for or against a claim.

    `values` [n] are one a seed. `sign` is +1 where the claim says that their mean lies above `reference`, -1 below, 0
    where it says nothing. `image_noise` [draws] is what other test images alone do to the mean; without it, interval
    and p hold for these images. `interval` and `p` stand in for those of `values` where they are others. `baseline`
    and `student` are means of the two sides over the same seeds; `is_difference` is false for a number that is not one
    side less another.
    """

    claim: str
    name: str
    unit: str
    values: np.ndarray
    sign: int = 0
    decides: bool = False
    reference: float = 0.0
    baseline: float = np.nan
    student: float = np.nan
    published: float = np.nan
    image_noise: np.ndarray | None = None
    interval: Interval | None = None
    p: float | None = None
    is_difference: bool = True
    digits: int = 2
    remark: str = ""


def compare(claim: str, name: str, unit: str, student: pd.Series, baseline: pd.Series, **more) -> Quantity:
    """A quantity that is student minus baseline, each a number per seed."""
    student, baseline = paired(student, baseline)
    values = (student - baseline).to_numpy(float)
    return Quantity(claim, name, unit, values, baseline=baseline.mean(), student=student.mean(), **more)


def per_run(table: pd.DataFrame, arm: ExperimentArm, column: str, measure: Callable[[np.ndarray], float]) -> pd.Series:
    """A measure of one column of each of an arm's runs, by seed; `table` has rows by epoch or step."""
    own = rows_of(table, arm).sort_values(["seed", "step" if "step" in table else "epoch"])
    return own.groupby("seed")[column].agg(lambda values: measure(values.to_numpy()))
