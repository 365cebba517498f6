"""The gains of two experiments beside one another."""

import numpy as np
import pandas as pd
import pytest

from dark_knowledge.analysis.gains import gain_table, readable_gains
from dark_knowledge.analysis.results import Results

from .results import make_results

# Percent, by seed: baseline and student of a first experiment, and of a second.
LAST = {"small": [90, 91, 92], "small_T": [91, 92.5, 93], "other": [92, 92, 93.5], "other_T": [92.5, 92, 94]}


@pytest.fixture
def results() -> Results:
    """Two experiments with one teacher, whose students have networks of their own."""
    results = make_results(3)
    for name, table in list(results.items()):
        if name == "arms":
            other = table.assign(experiment="y")
            other.loc[other.model == "small", "model"] = "other"
        else:
            other = table[table.model == "small"].assign(model="other")
        results[name] = pd.concat([table, other], ignore_index=True)
    runs = results["runs"]
    for name, accuracies in LAST.items():
        model, taught = name.partition("_")[::2]
        own = (runs.model == model) & ((runs.supervision == "big_T2_w0.1") if taught else runs.supervision == "labels")
        runs.loc[own, "last_test_accuracy"] = np.array([*accuracies, 50])[runs.seed[own]] / 100
    return results


def test_the_difference_of_two_gains_is_paired_by_seed(results):
    row = gain_table(results).query("accuracy == 'last_test_accuracy'").iloc[0]
    assert (row.experiment, row["first"], row.n) == ("y", "x", 3)
    assert (row.gain, row.first_gain) == pytest.approx((1 / 3, 3.5 / 3))
    assert (row.change, row.labels) == pytest.approx(((-0.5 - 1.5 - 0.5) / 3, 4.5 / 3))
    assert row.change_high - row.change == pytest.approx(4.302653 * np.std([-0.5, -1.5, -0.5], ddof=1) / np.sqrt(3))
    assert row.p == 0.25  # the least that three seeds can give


def test_the_epoch_that_is_best_on_test_has_a_row_of_its_own(results):
    runs = results["runs"]
    runs["best_on_test_accuracy"] = runs.last_test_accuracy + (runs.model == "other") * (runs.supervision != "labels")
    last, best = gain_table(results).itertuples()
    assert (best.accuracy, best.gain - last.gain) == ("best_on_test_accuracy", pytest.approx(100))
    shown = readable_gains(gain_table(results))
    assert shown.accuracy.tolist() == ["last: test", "best on test"]
    assert shown["difference of the gains"].iloc[0] == "\N{MINUS SIGN}0.83 ± 1.43"


def test_without_test_scores_each_epoch_there_is_no_best_one(results):
    results["runs"]["best_on_test_accuracy"] = np.nan
    assert gain_table(results).accuracy.tolist() == ["last_test_accuracy"]


def test_experiments_without_a_seed_in_common_have_no_row(results):
    runs = results["runs"]
    runs.loc[runs.model == "other", "seed"] += 10
    assert gain_table(results).empty
    assert readable_gains(gain_table(results)).empty


def test_one_experiment_has_nothing_beside_it():
    assert gain_table(make_results(3)).empty
