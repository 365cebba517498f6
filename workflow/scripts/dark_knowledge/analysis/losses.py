"""What is made of the soft targets: each loss against Hinton's, of the same teacher, paired by seed."""

import pandas as pd

from dark_knowledge.analysis.controls import beside_student
from dark_knowledge.analysis.formats import show_difference, show_interval, show_p
from dark_knowledge.analysis.results import ExperimentArm, Results, arm_of, with_experiment
from dark_knowledge.analysis.statistics import mean_interval, sign_flip_p
from dark_knowledge.study.paths import loss_in, transfer_set_of

COLUMNS = [
    *("experiment", "arm", "loss", "temperature", "reference", "n", "accuracy", "accuracy_low", "accuracy_high"),
    *("gain", "gain_low", "gain_high", "arm_minus_student", "arm_minus_student_low", "arm_minus_student_high", "p"),
]


def taught_alike(arms: list[ExperimentArm]) -> list[ExperimentArm]:
    """An experiment's students and the controls that learn of the same teacher, network and images by a loss."""
    first = next(arm for arm in arms if arm.role == "student")
    alike = (first.model, first.teacher_key, transfer_set_of(first.supervision))
    return [
        arm
        for arm in arms
        if arm.teacher is not None and (arm.model, arm.teacher_key, transfer_set_of(arm.supervision)) == alike
    ]


def loss_table(results: Results) -> pd.DataFrame:
    """A row per experiment and arm that learns by another loss than the experiment's students.

    Test accuracy after the last epoch in percent, its `gain` over the baseline, and the arm less the student that
    `controls.beside_student` names, in percentage points.
    """
    tables = [with_experiment(name, _of_experiment(results, name)) for name in results.experiments]
    return pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS).astype({"n": "Int64"})


def _of_experiment(results: Results, experiment: str) -> pd.DataFrame:
    arms, rows = results.arms(experiment), []
    usual = loss_in(arm_of(arms, "student").supervision)
    for arm in (arm for arm in taught_alike(arms) if loss_in(arm.supervision) != usual):
        student, (own, of_baseline, of_student) = beside_student(results, arm)
        ahead = own - of_student
        rows.append(
            {"arm": arm.arm, "loss": loss_in(arm.supervision) or "hinton", "temperature": arm.temperature}
            | {"reference": student.arm, "n": len(ahead), "p": sign_flip_p(ahead)}
            | mean_interval(own).columns("accuracy")
            | mean_interval(own - of_baseline).columns("gain")
            | mean_interval(ahead).columns("arm_minus_student")
        )
    return pd.DataFrame(rows)


def readable_losses(table: pd.DataFrame) -> pd.DataFrame:
    """The table of losses for readers."""
    rows = list(table.itertuples())
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "arm": table.arm,
            "loss": table.loss,
            "test accuracy, %": [show_interval(row.accuracy, row.accuracy_high) for row in rows],
            "arm minus baseline": [show_difference(row.gain, row.gain_high) for row in rows],
            "student": table.reference,
            "arm minus student": [show_difference(row.arm_minus_student, row.arm_minus_student_high) for row in rows],
            "p": [show_p(value) for value in table.p],
            "n": table.n,
        }
    )
