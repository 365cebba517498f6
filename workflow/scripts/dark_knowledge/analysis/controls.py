"""Controls: whether an arm that lacks something the student has, or costs as much as it, gains as much."""

import pandas as pd

from dark_knowledge.analysis.formats import show_difference, show_p
from dark_knowledge.analysis.results import (
    ExperimentArm,
    Results,
    arm_of,
    by_seed,
    compared,
    paired,
    with_experiment,
)
from dark_knowledge.analysis.statistics import mean_interval, sign_flip_p

COLUMNS = [
    "experiment",
    "control",
    "student",
    "n",
    "gain",
    "gain_low",
    "gain_high",
    "student_minus_control",
    "student_minus_control_low",
    "student_minus_control_high",
    "p",
]


def control_table(results: Results) -> pd.DataFrame:
    """A row per experiment and control: its gain over the baseline and the student's over it, in percentage points."""
    tables = [with_experiment(name, _of_experiment(results, name)) for name in results.experiments]
    return pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS).astype({"n": "Int64"})


def _of_experiment(results: Results, experiment: str) -> pd.DataFrame:
    rows = []
    for control in (arm for arm in results.arms(experiment) if arm.role == "control"):
        student, (of_control, of_baseline, of_student) = beside_student(results, control)
        ahead = of_student - of_control
        rows.append(
            {"control": control.arm, "student": student.arm, "n": len(ahead)}
            | mean_interval(of_control - of_baseline).columns("gain")
            | mean_interval(ahead).columns("student_minus_control")
            | {"p": sign_flip_p(ahead)}
        )
    return pd.DataFrame(rows)


def beside_student(results: Results, arm: ExperimentArm) -> tuple[ExperimentArm, list[pd.Series]]:
    """The student to hold an arm against, and the test accuracies in percent of arm, baseline and student, paired.

    It is the student of the same temperature, or else of the one that validation chose.
    """
    arms = results.arms(arm.experiment)
    students = {student.temperature: student for student in arms if student.role == "student"}
    student = students.get(arm.temperature, arm_of(compared(arms), "student"))
    sides = (arm, arm_of(arms, "baseline"), student)
    return student, paired(*(100 * by_seed(results["runs"], side, "last_test_accuracy") for side in sides))


def readable_controls(table: pd.DataFrame) -> pd.DataFrame:
    """The table of controls for readers."""
    ahead = zip(table.student_minus_control, table.student_minus_control_high, strict=True)
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "control": table.control,
            "control minus baseline": [show_difference(row.gain, row.gain_high) for row in table.itertuples()],
            "student": table.student,
            "student minus control": [show_difference(mean, high) for mean, high in ahead],
            "p": [show_p(value) for value in table.p],
            "n": table.n,
        }
    )
