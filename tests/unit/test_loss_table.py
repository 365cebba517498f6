"""Losses compared: which arms, against which student, by numbers worked by hand."""

import pandas as pd
import pytest

from dark_knowledge.analysis import losses
from dark_knowledge.analysis.results import Results
from dark_knowledge.figures import losses as figures
from dark_knowledge.figures import style
from dark_knowledge.study.paths import loss_in

ARMS = pd.DataFrame(
    [
        ("teacher", "teacher", "big", "labels", None, None),
        ("baseline", "baseline", "small", "labels", None, None),
        ("student", "student, T = 4", "small", "big_T4_w0.1", "big", 4.0),
        ("student", "student, T = 8", "small", "big_T8_w0.1", "big", 8.0),
        ("control", "dist, T = 4", "small", "big_T4_w0.1_by-dist", "big", 4.0),
        ("control", "dkd", "small", "big_T2_w0.5_by-dkd", "big", 2.0),
        ("control", "shuffled", "small", "big_T4_w0.1_by-dkd_on-shuffled", "big", 4.0),
        ("control", "other teacher", "small", "other_T4_w0.1_by-dkd", "other", 4.0),
        ("control", "longer", "longer", "big_T4_w0.1_by-dkd", "big", 4.0),
        ("control", "smoothed", "small", "labels_on-few", None, None),
    ],
    columns=["role", "arm", "model", "supervision", "teacher", "temperature"],
).assign(experiment="x", teacher_supervision="labels")
TEST = {
    "big_T4_w0.1": [91, 92],
    "big_T8_w0.1": [93, 95],
    "big_T4_w0.1_by-dist": [92, 94],
    "big_T2_w0.5_by-dkd": [90, 91],
}


def study(arms: pd.DataFrame = ARMS) -> Results:
    rows = [
        {"model": arm.model, "supervision": arm.supervision, "seed": seed}
        | {"last_test_accuracy": TEST.get(arm.supervision, [90, 90])[seed] / 100}
        | {"last_validation_accuracy": 0.95 if arm.temperature == 8 else 0.9}
        for arm in arms.itertuples()
        for seed in (0, 1)
    ]
    return Results({"arms": arms, "runs": pd.DataFrame(rows)})


def test_all_differences_are_of_the_seeds_that_all_three_have():
    """Another experiment has run the baseline and one loss once more."""
    own = study()
    extra = own["runs"].query("seed == 0 and supervision in ('labels', 'big_T4_w0.1_by-dist') and model == 'small'")
    more = pd.concat([own["runs"], extra.assign(seed=2, last_test_accuracy=0.5)])
    table = losses.loss_table(Results(own | {"runs": more}))
    pd.testing.assert_frame_equal(table, losses.loss_table(own))


def test_other_losses_of_the_same_teacher_stand_beside_the_student_of_their_temperature_or_the_chosen_one():
    table = losses.loss_table(study())
    assert table.arm.tolist() == ["dist, T = 4", "dkd"]
    assert table.loss.tolist() == ["dist", "dkd"]
    assert table.reference.tolist() == ["student, T = 4", "student, T = 8"]
    assert table.accuracy.tolist() == pytest.approx([93, 90.5])
    assert table.gain.tolist() == pytest.approx([3, 0.5])
    assert table.arm_minus_student.tolist() == pytest.approx([1.5, -3.5])
    assert table.p.tolist() == [0.5, 0.5]
    # Half the 95 % t interval of two values: 12.706 times half their distance.
    half = table.arm_minus_student_high - table.arm_minus_student
    assert half.tolist() == pytest.approx([12.706 * 0.5] * 2, rel=1e-3)
    shown = losses.readable_losses(table)
    assert shown["arm minus student"].tolist() == ["+1.50 ± 6.35", "−3.50 ± 6.35"]  # noqa: RUF001


def test_a_study_of_one_loss_has_an_empty_table():
    table = losses.loss_table(study(ARMS[:4]))
    assert table.empty
    assert list(table.columns) == losses.COLUMNS
    assert losses.readable_losses(table).empty


def test_the_figure_has_a_row_a_student_and_a_loss():
    drawn = style.drawn_arms(study().all_arms())
    figure = figures.losses(study()["runs"], drawn)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["dkd", "dist, T = 4", "student, T = 8", "student, T = 4"]


@pytest.mark.parametrize(
    ("name", "loss"),
    [("labels", None), ("labels_on-by", None), ("a_T4_w0.1", None), ("a_T4_w0.1_by-dist_on-x", "dist")],
)
def test_a_name_says_its_loss(name, loss):
    assert loss_in(name) == loss
