"""Whether the teacher pays: the student against the best of the arms that do without it."""

import pandas as pd

from dark_knowledge.analysis.formats import show_count, show_difference, show_p
from dark_knowledge.analysis.results import (
    ExperimentArm,
    Results,
    arm_of,
    beside,
    by_seed,
    made_from,
    paired,
    rows_of,
)
from dark_knowledge.analysis.statistics import ROUNDING, mean_interval, sign_flip_p


def payoff_table(results: Results) -> pd.DataFrame:
    """A row per experiment: the teacher's lead over the baseline, and the student's gain over the best arm without it.

    Both in percentage points of test accuracy after the last epoch, paired by seed, with their t interval. The `rival`
    is the arm of the highest mean validation accuracy among the baseline and the controls, no larger than the student,
    that another teacher or none taught; the student's temperature is chosen by validation too. `images` are those that
    the student learned from.
    """
    rows, runs = [], results["runs"]
    for experiment in results.experiments:
        arms = results.compared(experiment)
        teacher, baseline, student = (arm_of(arms, role) for role in ("teacher", "baseline", "student"))
        rival = best_without(runs, arms, student)
        taught, labels, distilled, best = paired(
            *(100 * by_seed(runs, arm, "last_test_accuracy") for arm in (teacher, baseline, student, rival))
        )
        gains = distilled - best
        rows.append(
            {"experiment": experiment, "images": _images(results["class_errors"], student), "rival": rival.arm}
            | {"student": student.arm, "n": len(gains)}
            | mean_interval(taught - labels).columns("lead")
            | mean_interval(gains).columns("gain")
            | {"p": sign_flip_p(gains)}
        )
    return pd.DataFrame(rows)


def best_without(runs: pd.DataFrame, arms: list[ExperimentArm], student: ExperimentArm) -> ExperimentArm:
    """Of the arms that do without the student's teacher, the best on validation images over the seeds that all have.

    A larger net, such as the teacher itself, is no rival: the student is there to be small.
    """
    size = rows_of(runs, student).parameters.max()
    rivals = [
        arm
        for arm in arms
        if arm.role != "teacher"
        and rows_of(runs, arm).parameters.max() <= size
        and student.teacher_key not in made_from(runs, arm)
    ]
    column = "last_validation_accuracy"
    seeds = by_seed(runs, student, column).index
    scores = pd.concat([beside(by_seed(runs, arm, column), seeds) for arm in rivals], axis=1, join="inner")
    return rivals[scores.loc[scores.index.isin(seeds)].mean().round(ROUNDING).argmax()]


def _images(class_errors: pd.DataFrame, arm: ExperimentArm) -> int:
    own = rows_of(class_errors, arm)
    return own[(own.part == "train") & (own.seed == own.seed.min())].images.sum()


def readable_payoff(table: pd.DataFrame) -> pd.DataFrame:
    """The table for readers."""
    rows = list(table.itertuples())
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "student": table.student,
            "training images": [show_count(value) for value in table.images],
            "teacher minus baseline": [show_difference(row.lead, row.lead_high) for row in rows],
            "best without the teacher": table.rival,
            "student minus that": [show_difference(row.gain, row.gain_high) for row in rows],
            "p": [show_p(value) for value in table.p],
            "n": table.n,
        }
    )
