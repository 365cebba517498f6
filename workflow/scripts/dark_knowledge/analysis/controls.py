"""Does something cheaper, something false, or something longer gain as much as the student? A critical reader asks."""

import pandas as pd

from dark_knowledge.analysis.formats import show_difference, show_p
from dark_knowledge.analysis.results import arm_of, by_seed, compared_arms, difference, named_arms, with_experiment
from dark_knowledge.analysis.statistics import mean_interval, sign_flip_p

NOTE = (
    "Each control against the baseline, and the student against the control: test accuracy after the last epoch in "
    "points, paired by seed, mean over n seeds ± half of Student's 95 % t interval, p of the sign-flip test. The "
    "student is the one of the control's temperature, or else of the temperature that validation chose. Where a "
    "control lacks something that the student has and gains as much, the student's gain does not come from that."
)


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


def control_table(arms: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """A row per experiment and control: its gain over the baseline and the student's lead over it, in points."""
    tables = [with_experiment(name, _of_experiment(arms, runs, name)) for name in arms.experiment.unique()]
    return pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS).astype({"n": "Int64"})


def _of_experiment(arms: pd.DataFrame, runs: pd.DataFrame, experiment: str) -> pd.DataFrame:
    named = named_arms(arms, runs, experiment)
    compared = compared_arms(arms, runs, experiment)
    baseline, chosen = arm_of(compared, "baseline"), arm_of(compared, "student")
    rows = []
    for control in named[named.role == "control"].itertuples():
        alike = named[(named.role == "student") & (named.temperature == control.temperature)]
        student = chosen if alike.empty else arm_of(alike, "student")
        accuracy, *others = (100 * by_seed(runs, arm, "last_test_accuracy") for arm in (control, baseline, student))
        gain, lead = difference(accuracy, others[0]), difference(others[1], accuracy)
        rows.append(
            {"control": control.arm, "student": student.arm, "n": len(lead)}
            | dict(zip(("gain", "gain_low", "gain_high"), mean_interval(gain)[:3], strict=True))
            | dict(zip(("lead", "lead_low", "lead_high"), mean_interval(lead)[:3], strict=True))
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
