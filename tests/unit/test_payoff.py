"""Whether the teacher pays: which arm the student is held against, and the figure over all experiments."""

import numpy as np
import pandas as pd
import plot_payoff
import pytest

from dark_knowledge.analysis.payoff import payoff_table, readable_payoff
from dark_knowledge.analysis.results import Results
from dark_knowledge.figures.payoff import payoff
from dark_knowledge.figures.style import LEAST_SPAN

from .results import make_results


@pytest.fixture
def results() -> Results:
    return make_results(3, controls=True)


def accuracies(results: Results, model: str, supervision: str = "labels") -> pd.Series:
    runs = results["runs"]
    return 100 * runs[(runs.model == model) & (runs.supervision == supervision)].set_index("seed").last_test_accuracy


@pytest.mark.parametrize(("better", "named"), [("small", "baseline"), ("smooth", "label smoothing")])
def test_the_student_is_held_against_the_arm_that_validation_prefers(results, better, named):
    runs = results["runs"]
    runs.loc[(runs.model == better) & (runs.supervision == "labels"), "last_validation_accuracy"] = 0.999
    (row,) = payoff_table(results).itertuples()
    gain = (accuracies(results, "small", "big_T2_w0.1") - accuracies(results, better)).dropna()
    lead = (accuracies(results, "big") - accuracies(results, "small")).dropna()
    assert (row.rival, row.student, row.n, row.images) == (named, "student, T = 2", 3, 450)
    assert row.gain == pytest.approx(gain.mean())
    assert row.lead == pytest.approx(lead.mean())
    assert row.gain_high - row.gain == pytest.approx(4.302653 * gain.std() / np.sqrt(3), rel=1e-6)
    assert readable_payoff(payoff_table(results))["best without the teacher"].tolist() == [named]


def test_arms_without_the_teacher_are_compared_over_the_seeds_that_all_have(results):
    """The baseline has a seed more, of another experiment, and luck with it."""
    runs = results["runs"]
    runs.loc[(runs.model == "small") & (runs.supervision == "labels"), "last_validation_accuracy"] = [0.5, 0.5, 0.5, 1]
    runs.loc[(runs.model == "smooth") & (runs.supervision == "labels"), "last_validation_accuracy"] = 0.55
    assert payoff_table(results).rival.tolist() == ["label smoothing"]


def test_what_the_same_teacher_taught_is_no_rival(results):
    arms, runs = results["arms"], results["runs"]
    arms.loc[arms.arm == "label smoothing", ["teacher", "model", "supervision"]] = ["big", "small", "big_T4_w0.1"]
    runs.loc[runs.supervision == "big_T4_w0.1", "last_validation_accuracy"] = 0.9  # and T = 2 is chosen still
    runs.loc[runs.supervision == "big_T2_w0.1", "last_validation_accuracy"] = 0.95
    assert payoff_table(results).rival.tolist() == ["baseline"]


@pytest.mark.parametrize("through", ["an assistant", "an ensemble of assistants"])
def test_what_the_same_teacher_taught_through_others_is_no_rival(results, through):
    arms, runs = results["arms"], results["runs"]
    assistant = runs[runs.supervision == "big_T4_w0.1"].assign(model="assistant")
    control = runs[runs.model == "smooth"].assign(last_validation_accuracy=0.999)
    if through == "an assistant":
        control = control.assign(taught_by="assistant", taught_by_supervision="big_T4_w0.1")
    else:
        control = control.assign(members="assistant", members_supervision="big_T4_w0.1")
    results["runs"] = pd.concat([runs[runs.model != "smooth"], assistant, control])
    if through == "an assistant":
        smooth = arms.model == "smooth"
        arms.loc[smooth, ["teacher", "teacher_supervision"]] = ["assistant", "big_T4_w0.1"]
    assert payoff_table(results).rival.tolist() == ["baseline"]


def test_a_net_that_teaches_its_own_kind_is_its_students_rival(results):
    arms = results["arms"]
    arms.loc[arms.role == "student", "teacher"] = "small"
    arms.loc[arms.role == "teacher", ["model", "supervision"]] = ["small", "labels"]
    runs = results["runs"]
    runs.loc[(runs.model == "small") & (runs.supervision == "labels"), "last_validation_accuracy"] = 0.999
    assert payoff_table(results).rival.tolist() == ["baseline"]


@pytest.mark.parametrize(("parameters", "rival"), [(1000, "label smoothing"), (1001, "baseline")])
def test_a_net_larger_than_the_student_is_no_rival(results, parameters, rival):
    runs = results["runs"]
    runs.loc[runs.model == "smooth", ["last_validation_accuracy", "parameters"]] = [0.999, parameters]
    assert payoff_table(results).rival.tolist() == [rival]


def test_lead_and_gain_are_of_the_seeds_that_all_arms_have(results):
    """Teacher and baseline have a seed more, of another experiment."""
    runs = results["runs"]
    before = payoff_table(results)
    more = runs[(runs.model == "big") & (runs.seed == 0)].assign(seed=3, last_test_accuracy=0.1)
    results["runs"] = pd.concat([runs, more])
    pd.testing.assert_frame_equal(payoff_table(results), before)


def test_the_rival_is_the_best_over_the_students_seeds(results):
    """Baseline and control have a seed more, of another experiment; there the baseline was lucky."""
    runs = results["runs"]
    runs.loc[(runs.model == "small") & (runs.supervision == "labels"), "last_validation_accuracy"] = [0.5, 0.5, 0.5, 1]
    more = runs[runs.model == "smooth"].query("seed == 0").assign(seed=3)
    results["runs"] = pd.concat([runs, more])
    results["runs"].loc[results["runs"].model == "smooth", "last_validation_accuracy"] = 0.55
    assert payoff_table(results).rival.tolist() == ["label smoothing"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [1, 3])
def test_the_figure_has_a_point_an_experiment_at_its_lead_and_gain(n):
    table = payoff_table(make_results(n))
    table = pd.concat(
        [table, table.assign(experiment="y", lead=table.lead + 2), table.assign(experiment="z", images=9)]
    )
    figure = payoff(table)
    points = [container.lines[0].get_xydata()[0] for container in figure.axes[0].containers]
    np.testing.assert_allclose(points, table[["lead", "gain"]])
    drawn = [container.lines[0] for container in figure.axes[0].containers]
    assert drawn[0].get_color() == drawn[1].get_color() != drawn[2].get_color()
    assert drawn[0].get_marker() != drawn[1].get_marker()
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["x (450)", "y (450)", "z (9)", "the teacher's whole lead"]


def test_equal_gains_and_intervals_of_two_seeds_leave_a_scale_of_points():
    numbers = ["lead", "lead_low", "lead_high", "gain", "gain_low", "gain_high"]
    table = payoff_table(make_results(3))
    equal, wide = (
        payoff(table.assign(**dict(zip(numbers, given, strict=True)))).axes[0]
        for given in ([0, np.nan, np.nan] * 2, [5, -300, 310, 1, -50, 52])
    )
    assert min(np.ptp(equal.get_xlim()), np.ptp(equal.get_ylim())) >= LEAST_SPAN
    assert wide.get_xlim() == pytest.approx((-10, 15))
    assert wide.get_ylim() == pytest.approx((-10, 15))


def test_studies_are_drawn_into_one_figure(tmp_path, monkeypatch):
    """Of their published tables; the second has one run, and no intervals."""
    of_two = [payoff_table(make_results(n)).assign(experiment=name) for n, name in ((3, "08"), (1, "null"))]
    for name, table in zip("ab", of_two, strict=True):
        table.to_csv(tmp_path / name, index=False)
    drawn = []
    monkeypatch.setattr(plot_payoff, "payoff", lambda table: drawn.append(table) or payoff(table))
    words = ["--tables", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "payoff.svg")]
    monkeypatch.setattr("sys.argv", ["plot_payoff.py", *words])
    plot_payoff.main()
    assert drawn[0].experiment.tolist() == ["08", "null"]
    np.testing.assert_allclose(drawn[0].gain, pd.concat(of_two).gain)
    assert (tmp_path / "payoff.svg").read_text().rstrip().endswith("</svg>")
