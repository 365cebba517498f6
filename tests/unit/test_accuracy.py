"""Accuracies and what distillation gains, on results small enough to work by hand."""

import math

import pandas as pd
import pytest

from dark_knowledge.analysis import accuracy, class_errors, formats, results
from dark_knowledge.analysis.results import Results
from dark_knowledge.analysis.statistics import ratio_interval
from dark_knowledge.study.arms import ALL_SEEDS

ARMS = pd.DataFrame(
    [
        ("x", "teacher", "teacher", "big", "labels", None, None, None),
        ("x", "baseline", "baseline", "small", "labels", None, None, None),
        ("x", "student", "student, T = 2", "small", "big_T2_w0.1", "big", 2.0, 0.1),
        ("x", "student", "student, T = 4", "small", "big_T4_w0.1", "big", 4.0, 0.1),
    ],
    columns=["experiment", "role", "arm", "model", "supervision", "teacher", "temperature", "hard_weight"],
).assign(teacher_supervision="labels")
TEST = {
    "labels big": [0.939, 0.961],
    "labels small": [0.90, 0.92],
    "big_T2_w0.1": [0.91, 0.92],
    "big_T4_w0.1": [0.93, 0.97],
}
VALIDATION = {
    "labels big": [0.9, 0.9],
    "labels small": [0.9, 0.9],
    "big_T2_w0.1": [0.95, 0.93],
    "big_T4_w0.1": [0.92, 0.94],
}
NOWHERE = accuracy.published_rows({})


def study(runs=None, arms=ARMS) -> Results:
    return Results({"arms": arms, "runs": runs_of() if runs is None else runs})


def runs_of(arms=ARMS, seeds=(0, 1)):
    rows = []
    for arm in arms.itertuples():
        key = f"labels {arm.model}" if arm.supervision == "labels" else arm.supervision
        for seed in seeds:
            row = {"model": arm.model, "supervision": arm.supervision, "seed": seed, "parameters": 1000}
            row |= dict.fromkeys(accuracy.COLUMNS, 0.5)
            row |= {"last_test_accuracy": TEST[key][seed], "last_validation_accuracy": VALIDATION[key][seed]}
            rows.append(row)
    return pd.DataFrame(rows)


def test_accuracy_has_mean_interval_and_n():
    teacher = accuracy.accuracy_table(study()).iloc[0]
    assert teacher.n == 2
    assert teacher.last_test_accuracy_mean == pytest.approx(95)
    # Half of the 95 % t interval of two values: 12.706 times half their distance.
    assert teacher.last_test_accuracy_high - 95 == pytest.approx(1.1 * 12.7062, rel=1e-4)


def test_one_seed_has_no_interval():
    runs = runs_of(seeds=(0,))
    teacher = accuracy.readable_accuracy(accuracy.accuracy_table(study(runs)), NOWHERE).iloc[0]
    assert teacher["last: test"] == "93.90"


def test_gain_is_paired_by_seed():
    shuffled = runs_of().iloc[::-1].reset_index(drop=True)
    gap = accuracy.gap_table(study(shuffled), NOWHERE).set_index("arm")
    assert gap.gain["student, T = 2"] == pytest.approx(0.5)  # 1 and 0 points
    assert gap.gain["student, T = 4"] == pytest.approx(4.0)  # 3 and 5 points
    assert gap.gap["student, T = 4"] == pytest.approx(4.0)
    assert gap.recovered["student, T = 4"] == pytest.approx(100)
    assert gap.recovered_low["student, T = 4"] < 100 < gap.recovered_high["student, T = 4"]
    assert gap.chosen.to_dict() == {"student, T = 2": True, "student, T = 4": False}


def one_teacher() -> pd.DataFrame:
    """The runs with a teacher of one run, as an ensemble of all seeds is."""
    runs = runs_of()
    runs = runs[(runs.model != "big") | (runs.seed == 0)]
    return runs.assign(seed=runs.seed.where(runs.model != "big", ALL_SEEDS))


def test_a_teacher_of_one_run_taught_every_student():
    student = study().arms("x")[2]
    runs = one_teacher()
    assert results.teachers_of(runs, student).last_test_accuracy.to_dict() == {0: 0.939, 1: 0.939}
    assert results.teachers_of(runs_of(), student).last_test_accuracy.to_dict() == {0: 0.939, 1: 0.961}
    more = pd.concat([runs_of(), runs_of().iloc[:1].assign(seed=5)])
    with pytest.raises(KeyError):
        results.teachers_of(more[(more.model != "big") | (more.seed != 1)], student)


def test_the_gap_to_a_teacher_of_one_run_is_to_the_mean_baseline():
    gap = accuracy.gap_table(study(one_teacher()), NOWHERE)
    assert gap.gap.tolist() == pytest.approx([2.9, 2.9])
    assert gap.n.tolist() == [2, 2]


def test_published_figures_stand_beside():
    figures = {"parameters": 1000, "train_accuracy": 99.0, "test_accuracy": 90.0}
    published = accuracy.published_rows(
        {
            "x": {
                "teacher": figures | {"test_accuracy": 94.0},
                "baseline": figures,
                "student": figures | {"test_accuracy": 92.0},
            }
        }
    )
    gap = accuracy.gap_table(study(), published).set_index("arm")
    assert gap.recovered["as published"] == pytest.approx(50)  # one run: nothing else is known
    assert math.isnan(gap.recovered_low["as published"])
    shown = accuracy.readable_accuracy(accuracy.accuracy_table(study()), published)
    assert list(shown["elsewhere: parameters"]) == ["1,000", "1,000", "1,000", formats.NO_NUMBER]
    assert list(shown["elsewhere: test"]) == ["94.00", "90.00", "92.00", formats.NO_NUMBER]


def test_no_gap_has_no_share():
    runs = runs_of()
    runs.loc[runs.model == "big", "last_test_accuracy"] = 0.5
    gap = accuracy.gap_table(study(runs), NOWHERE)
    assert gap.recovered.isna().all()
    assert list(accuracy.readable_gap(gap)["gap recovered, %"]) == [formats.NO_NUMBER] * 2


def test_a_gap_that_may_be_none_has_no_share():
    runs = runs_of()
    runs.loc[(runs.model == "big") & (runs.seed == 0), "last_test_accuracy"] = 0.90
    gap = accuracy.gap_table(study(runs), NOWHERE)
    assert (gap.gap > 0).all()
    assert (gap.gap_low < 0).all()
    assert gap.recovered.isna().all()


def test_errors_are_counted_per_class():
    predictions = pd.DataFrame(
        {
            "model": "big",
            "supervision": "labels",
            "seed": [0] * 4 + [1] * 4,
            "image": [0, 1, 2, 3] * 2,
            "label": [0, 0, 1, 1] * 2,
            "prediction": [0, 1, 1, 1, 1, 1, 1, 1],
        }
    )
    table = class_errors.class_error_table(predictions, study().all_arms()[:1], ["a", "b", "never seen"])
    assert list(table.errors) == [1.5, 0, 0]
    assert list(table.images) == [2, 2, 0]
    assert list(table["class"]) == ["a", "b", "never seen"]


def test_published_classes_are_no_figures():
    assert accuracy.published_rows({"x": {"improved_class": 6}}).empty


def test_gain_and_gap_are_over_the_same_seeds():
    """The baseline and the teacher have a third run, which the students have not."""
    runs = runs_of()
    more = runs[runs.supervision == "labels"].query("seed == 0").assign(seed=2, last_test_accuracy=0.5)
    gap = accuracy.gap_table(study(pd.concat([runs, more])), NOWHERE).set_index("arm")
    assert gap.n.tolist() == [2, 2]
    assert gap.gap.tolist() == pytest.approx([4, 4])
    assert gap.gain["student, T = 4"] == pytest.approx(4)
    assert gap.recovered["student, T = 4"] == pytest.approx(100)


def test_a_control_of_more_seeds_than_the_teacher_is_compared_where_all_are():
    """As where another experiment, of more seeds, has the same control and baseline."""
    runs = runs_of()
    more = runs[runs.model == "small"].query("seed == 0").assign(seed=2, last_test_accuracy=0.5)
    gap = accuracy.gap_table(study(pd.concat([runs, more])), NOWHERE).set_index("arm")
    pd.testing.assert_frame_equal(gap, accuracy.gap_table(study(), NOWHERE).set_index("arm"))


def test_a_published_gain_is_not_its_gap():
    published = accuracy.published_rows(
        {"x": {role: {"test_accuracy": value} for role, value in (("teacher", 95), ("baseline", 90), ("student", 91))}}
    )
    row = accuracy.gap_table(study(), published).set_index("arm").loc["as published"]
    assert [row.gain, row.gap, row.recovered] == pytest.approx([1, 5, 20])


def test_a_share_is_in_percent_with_its_ends():
    row = accuracy.gap_table(study(), NOWHERE).set_index("arm").loc["student, T = 2"]
    assert [row.gain, row.gap] == pytest.approx([0.5, 4])
    assert row.recovered == pytest.approx(12.5)
    share = ratio_interval([0.01, 0.0], [0.039, 0.041])
    assert [row.recovered_low, row.recovered_high] == pytest.approx([100 * share.low, 100 * share.high])
