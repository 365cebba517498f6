"""What a reader takes off the figures: means, intervals and epochs stand where the fabricated study has them."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from scipy import stats

from dark_knowledge.analysis.payoff import payoff_table
from dark_knowledge.analysis.results import Results, rows_of
from dark_knowledge.figures import accuracy, calibration, learning, losses, payoff, style

from .results import make_results


@pytest.fixture(scope="module")
def study() -> Results:
    return make_results(3, controls=True)


@pytest.fixture(scope="module")
def arms(study) -> dict[str, style.DrawnArm]:
    return {arm.arm: arm for arm in style.drawn_arms(study.all_arms())}


def of_seeds(table: pd.DataFrame, arm: style.DrawnArm, column: str) -> pd.Series:
    return rows_of(table, arm).set_index("seed")[column]


def accuracies(study: Results, arm: style.DrawnArm) -> pd.Series:
    return 100 * of_seeds(study["runs"], arm, "last_test_accuracy")


def interval(values: pd.Series) -> list[float]:
    """The ends of the 95 % t interval of the mean."""
    return list(stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values)))


def lines_of(axis: Axes, arm: style.DrawnArm) -> list:
    return [line for line in axis.lines if to_hex(line.get_color()) == arm.colour]


def mean_of(axis: Axes, arm: style.DrawnArm) -> list[float]:
    """Where the filled point of an arm's mean stands."""
    drawn = [line for line in lines_of(axis, arm) if line.get_marker() == arm.point]
    (filled,) = (line for line in drawn if line.get_markerfacecolor() == arm.colour)
    return list(filled.get_xydata()[0])


def strokes_of(axis: Axes, arm: style.DrawnArm) -> list[np.ndarray]:
    """The ends of the whole lines that cross an arm's mean."""
    drawn = [line for line in lines_of(axis, arm) if line.get_marker() == "None" and line.get_linestyle() == "-"]
    return [line.get_xydata() for line in drawn]


@pytest.mark.parametrize(("panel", "column", "factor"), [(0, "agreement", 100), (1, "kl", 1)])
def test_the_figure_of_fidelity_has_each_arm_at_its_own_accuracy_and_similarity(study, arms, panel, column, factor):
    axis = calibration.fidelity(study["fidelity"], study["runs"], [*arms.values()]).axes[panel]
    for arm in arms.values():
        similar = factor * of_seeds(study["fidelity"][study["fidelity"].arm == arm.arm], arm, column)
        scores = accuracies(study, arm)[similar.index]  # the baseline has a seed more, of another experiment
        if arm.role == "teacher":
            across, up = lines_of(axis, arm)
            assert (across.get_ydata()[0], up.get_xdata()[0]) == pytest.approx((scores.mean(), similar.mean()))
            continue
        assert mean_of(axis, arm) == pytest.approx([similar.mean(), scores.mean()])
        across, up = strokes_of(axis, arm)
        np.testing.assert_allclose(across, [[end, scores.mean()] for end in interval(similar)])
        np.testing.assert_allclose(up, [[similar.mean(), end] for end in interval(scores)])


def test_the_histogram_of_confidence_counts_from_unsure_to_sure(study, arms):
    predictions = study["predictions"]
    sure = predictions.assign(confidence=np.where(predictions.image < 30, 0.22, 0.95))  # a third of the images
    (drawn,) = calibration.reliability(sure, [arms["baseline"]]).axes[1].patches
    counts, edges, _ = drawn.get_data()
    full = np.flatnonzero(counts)
    assert counts[full] == pytest.approx([100 / 3, 200 / 3])
    assert (edges[full] < [0.22, 0.95]).all()
    assert (edges[full + 1] > [0.22, 0.95]).all()


@pytest.mark.parametrize("panel", [0, 1])
def test_the_figure_of_costs_has_each_accuracy_amid_its_interval(study, arms, panel):
    axis = accuracy.cost(study["runs"], [*arms.values()]).axes[panel]
    for arm in arms.values():
        scores = accuracies(study, arm)
        cost, mean = mean_of(axis, arm)
        assert mean == pytest.approx(scores.mean())
        (up,) = strokes_of(axis, arm)
        np.testing.assert_allclose(up, [[cost, end] for end in interval(scores)])


def test_the_figure_of_losses_has_gains_to_the_right_of_the_baseline(study, arms):
    (axis,) = losses.losses(study["runs"], [*arms.values()]).axes
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names == ["student, T = 4", "student, T = 2"]
    for place, (name, drawn) in enumerate(zip(names, axis.containers, strict=True)):
        gains = (accuracies(study, arms[name]) - accuracies(study, arms["baseline"])).dropna()
        assert gains.mean() > 1
        assert list(drawn.lines[0].get_xydata()[0]) == pytest.approx([gains.mean(), place])
        (across,) = drawn.lines[2]
        np.testing.assert_allclose(across.get_segments()[0], [[end, place] for end in interval(gains)])


def test_the_figure_of_payoff_has_the_leads_interval_across_and_the_gains_upright(study):
    table = payoff_table(study)
    (row,) = table.itertuples()
    (drawn,) = payoff.payoff(table).axes[0].containers
    across, up = (bar.get_segments()[0] for bar in drawn.lines[2])
    np.testing.assert_allclose(across, [[row.lead_low, row.gain], [row.lead_high, row.gain]])
    np.testing.assert_allclose(up, [[row.lead, row.gain_low], [row.lead, row.gain_high]])


def test_the_difference_by_epoch_and_the_rate_below_count_epochs_from_1(study, arms):
    above, below = learning.difference_by_epoch(study["epochs"], [*arms.values()]).axes
    curves = [*lines_of(above, arms["student, T = 2"]), *below.lines]
    assert [line.get_xdata().tolist() for line in curves] == 2 * [[1, 2, 3, 4, 5, 6]]
    band = above.collections[0].get_datalim(above.transData)
    assert [band.x0, band.x1] == pytest.approx([1, 6])


@pytest.mark.parametrize("epochs", [9, 21])
def test_the_enlarged_panel_begins_after_the_half_of_each_training(arms, epochs):
    """The teacher trains for twice as many epochs and one."""
    study, ends = make_results(1, epochs=2 * epochs + 1), {"teacher": 2 * epochs + 1, "baseline": epochs}
    own = [rows_of(study["epochs"], arms[name]).query("epoch < @end") for name, end in ends.items()]
    whole, enlarged = learning.validation_accuracy(pd.concat(own), [arms[name] for name in ends]).axes
    for name, end in ends.items():
        (line,), (part,) = (lines_of(axis, arms[name]) for axis in (whole, enlarged))
        first = int(part.get_xdata()[0])
        assert end / 2 < first <= end / 2 + 2
        assert line.get_xdata().tolist() == [*range(1, end + 1)]
        assert part.get_xdata().tolist() == [*range(first, end + 1)]
