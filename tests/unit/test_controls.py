"""The table of controls, on accuracies worked by hand."""

import numpy as np
import pandas as pd
import pytest

from dark_knowledge.analysis.controls import control_table, readable_controls
from dark_knowledge.analysis.results import Results

ARMS = pd.DataFrame(
    [
        ("x", "teacher", "teacher", "big", "labels", np.nan),
        ("x", "baseline", "baseline", "small", "labels", np.nan),
        ("x", "student", "student, T = 2", "small", "big_T2_w0.1", 2.0),
        ("x", "student", "student, T = 4", "small", "big_T4_w0.1", 4.0),
        ("x", "control", "shuffled", "small", "big_T4_w0.1_on-shuffled", 4.0),
        ("x", "control", "smoothed labels", "smoothed", "labels", np.nan),
        ("y", "teacher", "teacher", "big", "labels", np.nan),
        ("y", "baseline", "baseline", "small", "labels", np.nan),
        ("y", "student", "student, T = 2", "small", "big_T2_w0.1", 2.0),
    ],
    columns=["experiment", "role", "arm", "model", "supervision", "temperature"],
).assign(teacher=None, teacher_supervision=None)
# Percent by seed; validation prefers T = 2.
TEST = {
    ("big", "labels"): [95, 95],
    ("small", "labels"): [90, 91],
    ("small", "big_T2_w0.1"): [92, 93],
    ("small", "big_T4_w0.1"): [93, 95],
    ("small", "big_T4_w0.1_on-shuffled"): [90, 93],
    ("smoothed", "labels"): [91, 92],
}


@pytest.fixture
def runs():
    return pd.DataFrame(
        [
            {"model": model, "supervision": supervision, "seed": seed, "last_test_accuracy": value / 100}
            | {"last_validation_accuracy": 0.9 + 0.01 * (supervision == "big_T2_w0.1")}
            for (model, supervision), values in TEST.items()
            for seed, value in enumerate(values)
        ]
    )


def test_a_control_stands_against_the_baseline_and_its_student(runs):
    table = control_table(Results({"arms": ARMS, "runs": runs})).set_index("control")
    assert list(table.experiment) == ["x", "x"]
    assert table.student.to_dict() == {"shuffled": "student, T = 4", "smoothed labels": "student, T = 2"}
    assert table.gain.to_dict() == pytest.approx({"shuffled": 1, "smoothed labels": 1})
    assert table.student_minus_control.to_dict() == pytest.approx({"shuffled": 2.5, "smoothed labels": 1})
    # Half of the 95 % t interval of two values: 12.706 times half their distance, which is 1 for 3 and 2 points.
    assert table.student_minus_control_high["shuffled"] - 2.5 == pytest.approx(12.7062 / 2, rel=1e-4)
    assert table.p["shuffled"] == pytest.approx(0.5)


def test_both_differences_are_of_the_seeds_that_all_three_have(runs):
    of_control = (runs.model == "smoothed") & (runs.seed == 0)
    more = runs[of_control].assign(seed=2, last_test_accuracy=0.5)
    of_baseline = runs[(runs.model == "small") & (runs.supervision == "labels") & (runs.seed == 0)].assign(seed=2)
    table = control_table(Results({"arms": ARMS, "runs": pd.concat([runs, more, of_baseline])})).set_index("control")
    assert table.gain["smoothed labels"] == pytest.approx(1)
    assert table.n["smoothed labels"] == 2


def test_a_study_without_controls_has_an_empty_table(runs):
    table = control_table(Results({"arms": ARMS[ARMS.experiment == "y"], "runs": runs}))
    assert table.empty
    assert readable_controls(table).empty
