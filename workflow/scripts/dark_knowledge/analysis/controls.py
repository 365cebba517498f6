"""Controls: whether an arm that lacks something the student has, or costs as much as it, gains as much."""

import pandas as pd

from dark_knowledge.analysis.formats import show_difference, show_p
from dark_knowledge.analysis.results import Results, arm_of, by_seed, compared, paired, with_experiment
from dark_knowledge.analysis.statistics import mean_interval, sign_flip_p

COLUMNS = [
    "experiment",
    "control",
    "student",
    "n",
    "gain",
    "gain_low",
    "gain_high",
    "lead",
    "lead_low",
    "lead_high",
    "p",
]


def control_table(results: Results) -> pd.DataFrame:
    """A row per experiment and control: its gain over the baseline and the student's over it, in percentage points."""
    tables = [with_experiment(name, _of_experiment(results, name)) for name in results.experiments]
    return pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS).astype({"n": "Int64"})


def _of_experiment(results: Results, experiment: str) -> pd.DataFrame:
    arms = results.arms(experiment)
    students = {arm.temperature: arm for arm in arms if arm.role == "student"}
    baseline, chosen = arm_of(arms, "baseline"), arm_of(compared(arms), "student")
    rows = []
    for control in (arm for arm in arms if arm.role == "control"):
        student = students.get(control.temperature, chosen)
        of_control, of_baseline, of_student = paired(
            *(100 * by_seed(results["runs"], arm, "last_test_accuracy") for arm in (control, baseline, student))
        )
        gain, lead = of_control - of_baseline, of_student - of_control
        rows.append(
            {"control": control.arm, "student": student.arm, "n": len(lead)}
            | mean_interval(gain).columns("gain")
            | mean_interval(lead).columns("lead")
            | {"p": sign_flip_p(lead)}
        )
    return pd.DataFrame(rows)


def readable_controls(table: pd.DataFrame) -> pd.DataFrame:
    """The table of controls for readers."""
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "control": table.control,
            "control minus baseline": [show_difference(row.gain, row.gain_high) for row in table.itertuples()],
            "student": table.student,
            "student minus control": [show_difference(row.lead, row.lead_high) for row in table.itertuples()],
            "p": [show_p(value) for value in table.p],
            "n": table.n,
        }
    )
