"""The paper's numbers beside ours, on tables made by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dark_knowledge.analysis import paper
from dark_knowledge.analysis.bias_correction import corrected_errors
from dark_knowledge.analysis.formats import NO_NUMBER
from dark_knowledge.analysis.results import ExperimentArm
from dark_knowledge.figures import paper as paper_figures

ARMS = [
    ExperimentArm("x", "teacher", "teacher", "big", "labels"),
    ExperimentArm("x", "baseline", "baseline", "small", "labels"),
    ExperimentArm("x", "student", "student, T = 1", "small", "big_T1", "big", 1.0),
    ExperimentArm("x", "student", "student, T = 4", "small", "big_T4", "big", 4.0),
    ExperimentArm("x", "student", "student, T = 20", "small", "big_T20", "big", 20.0),
    ExperimentArm("y", "baseline", "baseline", "small", "labels"),
    ExperimentArm("y", "student", "student, T = 4", "small", "other_T4", "other", 4.0),
]


def errors_of(counts: dict, epoch: str = "last") -> pd.DataFrame:
    """Errors per class: {(model, supervision): [seeds, classes]}, of 100 images a class."""
    rows = [
        (epoch, *arm, seed, label, 100, errors)
        for arm, by_seed in counts.items()
        for seed, by_label in enumerate(by_seed)
        for label, errors in enumerate(by_label)
    ]
    return pd.DataFrame(rows, columns=["epoch", "model", "supervision", "seed", "label", "images", "errors"])


ERRORS = errors_of(
    {
        ("big", "labels"): [[1, 2]],
        ("small", "labels"): [[10, 20], [14, 22], [12, 21]],
        ("small", "big_T1"): [[10, 10], [12, 12], [11, 11]],
        ("small", "big_T4"): [[5, 5], [6, 6], [4, 4]],
        ("small", "big_T20"): [[9, 6], [8, 9], [6, 8]],
        ("small", "other_T4"): [[0, 0], [0, 0], [0, 0]],
    }
)
NO_CORRECTIONS = pd.DataFrame(
    columns=["experiment", "model", "supervision", "seed", "correction", "shift", "label", "errors"]
)


def entry(**more) -> dict:
    return {"what": "a number", "experiment": "x", "arm": "baseline", "value": 30} | more


def row_of(**more) -> pd.Series:
    return paper.paper_table([entry(**more)], ERRORS, NO_CORRECTIONS, ARMS).iloc[0]


def test_errors_are_counted_by_run_and_class():
    predictions = pd.DataFrame(
        [("last", 0, 0, 0), ("last", 0, 0, 1), ("last", 0, 1, 1), ("selected", 0, 1, 0), ("last", 1, 1, 0)],
        columns=["epoch", "seed", "label", "prediction"],
    ).assign(model="m", supervision="labels")
    counted = paper.errors_by_class(predictions).set_index(["epoch", "seed", "label"])
    assert counted.images.to_dict() == {("last", 0, 0): 2, ("last", 0, 1): 1, ("last", 1, 1): 1, ("selected", 0, 1): 1}
    assert counted.errors.to_dict() == {("last", 0, 0): 1, ("last", 0, 1): 0, ("last", 1, 1): 1, ("selected", 0, 1): 1}


def test_a_number_has_our_mean_interval_and_the_spread_of_one_more_run():
    row = row_of()
    totals = np.array([30, 36, 33])
    half = stats.t.ppf(0.975, 2) * totals.std(ddof=1)
    assert (row["mean"], row.n, row.sd) == (33, 3, 3)
    assert row.high - row["mean"] == pytest.approx(half / np.sqrt(3))
    assert row.run_high - row["mean"] == pytest.approx(half * np.sqrt(1 + 1 / 3))


@pytest.mark.parametrize(("value", "inside"), [(33, "yes"), (20, "yes"), (17, "no"), (49, "no"), (None, "")])
def test_the_papers_run_is_inside_if_it_could_be_one_of_ours(value, inside):
    assert row_of(value=value).inside == inside


def test_one_run_has_no_interval_and_says_so():
    row = paper.paper_table([entry(arm="teacher", value=3)], ERRORS, NO_CORRECTIONS, ARMS)
    assert row.iloc[0][["low", "sd", "run_low"]].isna().all()
    assert row.inside.iloc[0] == ""
    shown = paper.readable_paper(row).iloc[0]
    assert (shown.ours, shown.n, shown["our spread"], shown["paper inside"]) == ("3.0", 1, NO_NUMBER, NO_NUMBER)


def test_the_spread_of_percentages_ends_at_a_hundred():
    row = row_of(unit="percent").to_dict() | {"run_low": -3.0, "run_high": 130.0}
    assert paper.readable_paper(pd.DataFrame([row]))["our spread"].tolist() == ["0.00 to 100.00"]


def test_no_errors_at_all_are_a_number():
    row = row_of(experiment="y", arm="student, T = 4", value=0)
    assert (row["mean"], row.inside) == (0, "")  # of equal runs the spread is not known
    assert np.isnan([row.low, row.high, row.run_low]).all()


def test_classes_and_percent():
    assert row_of(classes=[1])["mean"] == 21
    assert row_of(unit="percent")["mean"] == pytest.approx(16.5)
    assert row_of(classes=[1], unit="percent")["mean"] == pytest.approx(21)


def test_the_selected_epoch_is_another():
    selected = errors_of({("small", "labels"): [[1, 1], [2, 2]]}, "selected")
    table = paper.paper_table([entry(epoch="selected")], pd.concat([ERRORS, selected]), NO_CORRECTIONS, ARMS)
    assert table["mean"].item() == 3


@pytest.fixture
def corrected() -> pd.DataFrame:
    """Two arms of `x`, two seeds, whose class 2 lost 3 on its logit; nothing else is wrong."""
    labels = np.array([0, 1, 2, 2, 0])
    logits = np.eye(3)[labels] - np.array([0, 0, 3.0])
    rows = []
    for arm in (ARMS[1], ARMS[3]):
        for seed in (0, 1):
            keys = {key: getattr(arm, key) for key in ("experiment", "role", "arm", "model", "supervision")}
            rows.append(corrected_errors(logits, labels, logits, [2], 50.0, 0.4).assign(**keys, seed=seed))
    return pd.concat(rows, ignore_index=True)


def test_corrected_biases_enter_the_comparison(corrected):
    numbers = [
        entry(arm="student, T = 4", correction=correction, value=1) for correction in ("fixed", "oracle", "label-free")
    ]
    numbers.append(entry(arm="student, T = 4", correction="fixed", classes=[2], value=0))
    table = paper.paper_table(numbers, ERRORS, corrected, ARMS)
    assert table["mean"].tolist() == [3, 0, 0, 0]
    assert paper.readable_paper(table).bias.tolist()[:2] == ["corrected: fixed", "corrected: oracle"]


def test_the_table_of_biases_has_a_row_per_run_and_correction(corrected):
    table = paper.bias_table(corrected, {"x": {"classes": [2], "shift": 50}})
    assert len(table) == 2 * 2 * 4
    first = table[(table.arm == "baseline") & (table.seed == 0)].set_index("correction")
    assert first.errors.to_dict() == {"none": 2, "fixed": 3, "oracle": 0, "label-free": 0}
    assert first.class_errors.to_dict() == {"none": 2, "fixed": 0, "oracle": 0, "label-free": 0}
    assert (first.images == 5).all()
    assert (first.class_images == 2).all()
    shown = paper.readable_biases(table)
    assert len(shown) == 2 * 4
    assert shown.bias.tolist()[:4] == ["as trained", "fixed", "oracle (has seen the test labels)", "label-free"]


def test_widths_have_a_column_for_labels_and_each_temperature():
    table = paper.width_table({"x": [30, 30], "y": [8, 4]}, ERRORS, ARMS)
    assert table.groupby("experiment").width.first().to_dict() == {"x": "30", "y": "8-4"}
    own = table[table.experiment == "x"].set_index("arm").errors
    assert own.to_dict() == {
        "baseline": 33,
        "student, T = 1": 22,
        "student, T = 4": 10,
        "student, T = 20": pytest.approx(46 / 3),
    }
    shown = paper.readable_widths(table)
    assert shown.columns.tolist() == ["experiment", "units a layer", "n", "labels", "T = 1", "T = 4", "T = 20"]
    assert shown["T = 1"].str[:4].tolist() == ["22.0", NO_NUMBER]


def test_a_contrast_is_paired_by_seed():
    asked = [{"claim": "c", "experiment": "x", "temperatures": [4], "against": [1, 20]}]
    row = paper.contrast_table(asked, ERRORS, ARMS).iloc[0]
    values = np.array([10, 12, 8]) - (np.array([20, 24, 22]) + np.array([15, 17, 14])) / 2
    assert row.difference == pytest.approx(values.mean())
    assert row.high - row.difference == pytest.approx(stats.t.ppf(0.975, 2) * values.std(ddof=1) / np.sqrt(3))
    assert (row.n, row.pairs, row.p) == (3, 1, 0.25)


def test_the_furthest_difference_answers_for_all_that_were_looked_at():
    row = paper.contrast_table([{"claim": "c", "experiment": "x", "alike": [1, 4, 20]}], ERRORS, ARMS).iloc[0]
    values = np.array([10, 12, 14])  # T = 1 less T = 4
    assert (row.temperatures, row.against, row.difference, row.pairs) == ("1", "4", 12, 3)
    level = 1 - 0.05 / 3 / 2
    assert row.high - 12 == pytest.approx(stats.t.ppf(level, 2) * values.std(ddof=1) / np.sqrt(3))
    assert row.p == pytest.approx(0.75)
    assert "of 3 pairs the furthest" in paper.readable_contrasts(pd.DataFrame([row]))["minus those at T ="].iloc[0]


def test_the_largest_difference_is_so_whatever_its_sign():
    row = paper.contrast_table([{"claim": "c", "experiment": "x", "alike": [4, 1, 20]}], ERRORS, ARMS).iloc[0]
    assert (row.temperatures, row.against, row.difference) == ("4", "1", -12)  # not 1 less 20, which is above zero


def test_of_alike_temperatures_the_difference_that_is_least_certain_answers_too():
    """T = 1 less T = 4 is -4 in every run; T = 1 less T = 20 is less on the whole, and its interval reaches further."""
    counts = {"big_T1": [[10], [10], [10]], "big_T4": [[14], [14], [14]], "big_T20": [[4], [10], [25]]}
    errors = errors_of({("small", supervision): by_seed for supervision, by_seed in counts.items()})
    row = paper.contrast_table([{"claim": "c", "experiment": "x", "alike": [1, 4, 20]}], errors, ARMS).iloc[0]
    assert "20" in (row.temperatures, row.against)
    assert max(-row.low, row.high) > 15
    assert row.p == pytest.approx(3 * 0.25)  # the smallest of all pairs, that of T = 1 less T = 4


def test_widths_are_compared_over_the_seeds_that_all_arms_have():
    more = errors_of({("small", "labels"): [[0, 0]]}).assign(seed=3)
    table = paper.width_table({"x": [30]}, pd.concat([ERRORS, more]), ARMS)
    assert set(table.n) == {3}
    assert table.set_index("arm").errors["baseline"] == 33


def test_one_seed_has_a_contrast_without_interval():
    one = ERRORS[ERRORS.seed == 0]
    row = paper.contrast_table([{"claim": "c", "experiment": "x", "alike": [1, 4]}], one, ARMS).iloc[0]
    assert (row.n, row.p) == (1, 1)
    assert np.isnan(row.low)


def test_an_arm_of_two_experiments_is_lined_up_once():
    rows = paper.lined_up(["x", "y"], ERRORS, ARMS)
    assert rows.groupby(["experiment", "arm"]).size().to_dict()["x", "baseline"] == 3
    assert ("y", "baseline") not in rows.groupby(["experiment", "arm"]).groups
    assert rows[rows.arm == "teacher"].errors.tolist() == [3]


def drawn(figure) -> None:
    figure.savefig("/dev/null", format="svg")


def test_every_figure_is_drawn(corrected):
    widths = paper.width_table({"x": [30, 30], "y": [8, 4]}, ERRORS, ARMS)
    lined_up = paper.lined_up(["x", "y"], ERRORS, ARMS)
    colours = len(lined_up.groupby(["experiment", "arm"]))
    drawn(paper_figures.width_map(widths))
    drawn(paper_figures.width_lines(widths))
    figure = paper_figures.bias_corrections(corrected, ["a", "b", "c"])
    drawn(figure)
    dots = [container.lines[0].get_xdata().tolist() for container in figure.axes[0].containers]
    assert dots[:2] == [[0, 0, 2], [0, 0, 2]]
    three = [corrected.assign(experiment=name) for name in ("x", "y", "z")]
    figure = paper_figures.bias_corrections(pd.concat(three), ["a", "b", "c"])
    drawn(figure)
    assert len(figure.axes) == 3
    figure = paper_figures.side_by_side(lined_up, ARMS)
    drawn(figure)
    assert len(figure.axes[0].get_yticks()) == colours


def test_the_selected_epoch_is_marked_on_the_curves():
    keys = pd.DataFrame(ARMS[1:5])[["model", "supervision"]].merge(pd.DataFrame({"seed": [0, 1]}), how="cross")
    epochs = keys.merge(pd.DataFrame({"epoch": range(4), "test_accuracy": [0.5, 0.8, 0.9, 0.7]}), how="cross")
    runs = keys.assign(selected_epoch=2, selected_test_accuracy=0.9)
    figure = paper_figures.early_stopping(epochs, runs, ARMS, ["x"])
    drawn(figure)
    marked = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [line.get_xydata().tolist() for line in marked] == [[[3, pytest.approx(10)], [3, pytest.approx(10)]]] * 4
