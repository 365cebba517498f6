"""Cost, convergence and calibration tables, each number worked by hand from the fabricated study."""

import numpy as np
import pandas as pd
import pytest

from dark_knowledge.analysis import calibration, convergence, costs
from dark_knowledge.analysis.formats import NO_NUMBER
from dark_knowledge.analysis.results import ExperimentArm, Results
from dark_knowledge.study.arms import ALL_SEEDS, NOT_HERE

from .results import make_results

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def study():
    return make_results(3, controls=True)


def test_a_student_pays_for_its_teacher_and_the_logits(study):
    student = next(arm for arm in study.arms("x") if arm.role == "student")
    cost = costs.run_costs(study["runs"], student).loc[0]
    # 6 epochs of 2.25 to 3.5 s, a second more for the teacher, 100 steps of 5 images; a step is three forward passes;
    # 500 images' logits are stored.
    assert cost.own_seconds == 17.25
    assert cost.total_seconds == 17.25 + 23.25 + 3
    assert cost.own_multiply_adds == 3 * 10 * 600 * 5
    assert cost.teacher_multiply_adds == 3 * 100 * 600 * 5
    assert cost.caching_multiply_adds == 100 * 500
    assert cost.total_multiply_adds == 3 * 110 * 600 * 5 + 100 * 500


def test_a_teacher_that_was_taught_costs_its_teacher_too(study):
    runs = study["runs"]
    own = runs[runs.supervision == "big_T2_w0.1"].assign(
        model="tiny", supervision="small_T2_w0.1", taught_by="small", taught_by_supervision="big_T4_w0.1"
    )
    arm = ExperimentArm("x", "student", "", "tiny", "small_T2_w0.1", "small", teacher_supervision="big_T4_w0.1")
    cost = costs.run_costs(pd.concat([runs, own]), arm).loc[0]
    assert cost.teacher_seconds == 17.25 + 23.25 + 3
    assert cost.total_seconds == 17.25 + 3 + cost.teacher_seconds
    assert cost.teacher_multiply_adds == 3 * 110 * 600 * 5 + 100 * 500


def test_an_ensemble_of_students_costs_their_teachers_too(study):
    runs = study["runs"]
    taught = runs[runs.supervision == "big_T4_w0.1"]
    own = taught.iloc[:1].assign(
        model="several", supervision="labels", seed=ALL_SEEDS, taught_by=None, taught_by_supervision=None,
        members="small", members_supervision="big_T4_w0.1", parameters=2 * taught.parameters.iloc[0],
    )  # fmt: skip
    cost = costs.run_costs(pd.concat([runs, own]), ExperimentArm("x", "control", "", "several", "labels"))
    assert cost.index.tolist() == [ALL_SEEDS]
    assert len(taught) == 3  # a seed more than it has members
    assert cost.own_seconds.item() == 2 * 17.25
    assert cost.total_seconds.item() == 2 * (17.25 + 23.25 + 3)
    assert cost.total_multiply_adds.item() == 2 * (3 * 110 * 600 * 5 + 100 * 500)
    assert not cost.elsewhere.item()


def test_gain_per_cost_is_over_the_same_seeds_as_the_gain(study):
    runs = study["runs"]
    more = (runs.model == "small") & (runs.supervision == "labels") & (runs.seed == 0)
    slow = runs[more].assign(seed=99, seconds=1e6)  # of another experiment
    with_more = Results(study | {"runs": pd.concat([runs, slow])})
    column = costs.cost_table(study).set_index("arm").gain_per_minute
    pd.testing.assert_series_equal(costs.cost_table(with_more).set_index("arm").gain_per_minute, column)


def test_other_arms_pay_for_themselves_alone(study):
    for arm in study.arms("x"):
        if arm.role != "student":
            cost = costs.run_costs(study["runs"], arm)
            assert (cost.total_seconds == cost.own_seconds).all()


def test_gain_per_cost_is_over_the_baselines_total(study):
    table = costs.cost_table(study).set_index("arm")
    student = table.loc["student, T = 2"]
    assert student.gain_per_minute == pytest.approx(student.gain / (26.25 / 60))
    assert student.gain_per_tera == pytest.approx(student.gain / ((900_000 + 50_000) / 1e12))
    assert table.gain["baseline"] == 0
    assert table.loc[["baseline", "label smoothing"]].gain_per_minute.isna().all()  # nothing extra was paid
    shown = costs.readable_costs(table.reset_index()).set_index("arm")
    assert shown["teacher and logits, s"]["student, T = 2 *"] == "26"
    assert shown.loc["baseline", ["gain, percentage points", "teacher and logits, s"]].eq(NO_NUMBER).all()
    assert shown["total, s"]["label smoothing"] == "17"


def test_a_gain_that_may_be_none_has_no_rate(study):
    table = costs.cost_table(study)
    student = table.arm == "student, T = 2"
    for low, shown in ((0.1, True), (-0.1, False), (np.nan, False)):
        table.loc[student, "gain_low"] = low
        rates = costs.readable_costs(table)[student][["gain per extra minute", "gain per extra 10¹²"]]
        assert rates.ne(NO_NUMBER).all(axis=None) == shown
        assert rates.eq(NO_NUMBER).all(axis=None) != shown


def test_what_a_training_elsewhere_cost_is_not_known_nor_what_its_gain_is_per_cost(study):
    runs = study["runs"]
    given = runs.assign(machine=runs.machine.where(runs.model != "big", NOT_HERE))
    table = costs.cost_table(Results(study | {"runs": given})).set_index("arm")
    assert table.loc[["teacher", "student, T = 2"], "elsewhere"].all()
    assert table.loc[["teacher", "student, T = 2"], ["gain_per_minute", "gain_per_tera"]].isna().all(axis=None)
    student = next(arm for arm in study.arms("x") if arm.role == "student")
    times = convergence.time_to(study["epochs"], given, student, 0.5)
    assert times.seconds.notna().all()
    assert times.seconds_with_teacher.isna().all()


def test_an_equal_training_that_took_longer_paid_nothing_extra(study):
    runs = study["runs"].assign(seconds=study["runs"].seconds + 0.5 * (study["runs"].model == "smooth"))
    table = costs.cost_table(Results(study | {"runs": runs})).set_index("arm")
    assert table.loc["label smoothing", ["gain_per_minute", "gain_per_tera"]].isna().all()


def test_time_to_an_accuracy_counts_whole_epochs(study):
    student = next(arm for arm in study.arms("x") if arm.role == "student")
    curve = pd.Series([0.5, 0.7, 0.95, 0.9, 0.96, 0.97])
    epochs = study["epochs"].assign(validation_accuracy=np.tile(curve, len(study["epochs"]) // 6))
    times = convergence.time_to(epochs, study["runs"], student, 0.95)
    assert times.loc[0].to_dict() == {
        "reached": True, "epochs": 3, "steps": 300, "seconds": 7.5, "seconds_with_teacher": 7.5 + 23.25 + 3,
    }  # fmt: skip


def test_each_seed_reaches_it_on_its_own_curve(study):
    student = next(arm for arm in study.arms("x") if arm.role == "student")
    epochs = study["epochs"].assign(validation_accuracy=0.1 * study["epochs"].epoch + 0.2 * study["epochs"].seed)
    times = convergence.time_to(epochs, study["runs"], student, 0.5)
    assert times.epochs.to_dict() == {0: 6, 1: 4, 2: 2}


def test_a_run_that_never_reaches_it_is_counted_and_bounded(study):
    baseline = next(arm for arm in study.arms("x") if arm.role == "baseline")
    times = convergence.time_to(study["epochs"], study["runs"], baseline, 1.01)
    assert times.loc[0].to_dict() == {
        "reached": False, "epochs": 7, "steps": 700, "seconds": 17.25 + 2.875, "seconds_with_teacher": 17.25 + 2.875,
    }  # fmt: skip


def test_curves_in_any_order_of_rows(study):
    baseline = next(arm for arm in study.arms("x") if arm.role == "baseline")
    shuffled = study["epochs"].sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(
        convergence.time_to(shuffled, study["runs"], baseline, 0.8),
        convergence.time_to(study["epochs"], study["runs"], baseline, 0.8),
    )


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_few_seeds_for_readers(seeds):
    study = make_results(seeds, controls=True)
    assert convergence.readable_convergence(convergence.convergence_table(study, [])).empty
    times = convergence.readable_convergence(convergence.convergence_table(study, [60, 99.9]))
    of_arms = {seeds, seeds + 1} if seeds > 1 else {1}  # another experiment has run the baseline once more
    assert set(times["reached by"]) == {f"{reached} of {n}" for n in of_arms for reached in (0, n)}
    assert times.epochs[times["validation accuracy, %"] == "99.9"].str.startswith("≥ 7.0").all()
    calibrated = calibration.readable_calibration(calibration.calibration_table(study))
    cost = costs.readable_costs(costs.cost_table(study))
    for table in (calibrated, cost):
        assert list(table.arm)[:3] == ["teacher", "baseline", "student, T = 2 *"]
        assert table["test accuracy, %"].str.contains("±").any() == (seeds > 1)  # equal runs have none
    assert (calibrated["KL from teacher"] == NO_NUMBER).all() == (seeds == 1)
    assert set(calibrated.n) == {seeds}  # the baseline's further seed has no teacher to be like
    assert set(cost.n) == of_arms


def test_every_number_beside_an_n_is_of_so_many_seeds(study):
    """Another experiment has run the teacher twice more, badly; here the baseline has one of these seeds."""
    runs = study["runs"]
    of_teacher = runs[(runs.model == "big") & (runs.seed == 0)]
    more = pd.concat([of_teacher.assign(seed=seed, last_test_accuracy=0.1) for seed in (3, 4)])
    table = costs.cost_table(Results(study | {"runs": pd.concat([runs, more])})).set_index("arm")
    baseline = 100 * runs[(runs.model == "small") & (runs.supervision == "labels")].last_test_accuracy
    teacher = table.loc["teacher"]
    assert teacher.n == 4
    assert teacher.gain == pytest.approx(teacher.accuracy - baseline.mean())


def test_calibration_is_in_points_and_nats(study):
    table = calibration.calibration_table(study).set_index("arm")
    own = study["runs"].query("model == 'big'")
    assert table.test_ece["teacher"] == pytest.approx(100 * own.test_ece.mean())
    assert table.test_nll["teacher"] == pytest.approx(own.test_nll.mean())
    assert table.agreement["student, T = 2"] == pytest.approx(79)
