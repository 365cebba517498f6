"""Errors per class, the hardest class and its flows, on cases small enough to count."""

import numpy as np
import pandas as pd
import pytest

from dark_knowledge.analysis import class_errors
from dark_knowledge.analysis.formats import NO_NUMBER
from dark_knowledge.analysis.results import ExperimentArm
from dark_knowledge.command import InputError

from .results import CLASSES, make_results

pytestmark = pytest.mark.filterwarnings("error")


def errors_of(baseline: list[list[int]], student: list[list[int]], test_images=(20, 20, 20)) -> pd.DataFrame:
    """Test errors [seeds][classes] of a baseline and a student, of so many images per class."""
    return pd.DataFrame(
        [
            {"model": "small", "supervision": supervision, "seed": seed, "part": "test", "label": label, "errors": n}
            | {"images": images}
            for supervision, runs in (("labels", baseline), ("big_T2_w0.1", student))
            for seed, counts in enumerate(runs)
            for label, (n, images) in enumerate(zip(counts, test_images, strict=True))
        ]
    )


BASELINE = ExperimentArm("x", "baseline", "baseline", "small", "labels")
STUDENT = ExperimentArm("x", "student", "student", "small", "big_T2_w0.1", "big", 2.0, chosen=True)
ARMS = [BASELINE, STUDENT]


def test_differences_are_paired_by_seed_and_corrected_over_the_classes():
    seeds = 8
    table = class_errors.class_differences(
        errors_of([[5 + s, 3, 4] for s in range(seeds)], [[4 + s, 3, 4 + (-1) ** s] for s in range(seeds)]),
        ARMS,
        CLASSES,
    )
    assert list(table.difference) == [-1, 0, 0]
    assert np.isnan([table.low[0], table.high[0]]).all()  # all seeds differ by one: the spread is not known
    assert list(table.p) == [2 / 2**seeds, 1, 1]
    assert list(table.p_holm) == [3 * 2 / 2**seeds, 1, 1]
    assert list(table.n) == [seeds] * 3


def test_a_class_without_test_images_costs_the_others_no_correction():
    seeds = 8
    errors = errors_of([[5 + s, 3, 0] for s in range(seeds)], [[4 + s, 3, 0] for s in range(seeds)], [20, 20, 0])
    table = class_errors.class_differences(errors, ARMS, CLASSES)
    assert list(table.p_holm[:2]) == [2 * 2 / 2**seeds, 1]
    assert table[["p", "p_holm"]].isna().all(axis=1).tolist() == [False, False, True]


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_few_seeds_and_classes_without_errors(seeds):
    fewer = [[0, seed, 9] for seed in range(seeds)]
    table = class_errors.class_differences(errors_of([[0, 2 + seeds, 9]] * seeds, fewer), ARMS, CLASSES)
    assert list(table.difference) == [0, -2 - (seeds + 1) / 2, 0]
    assert table.low.isna().tolist() == [True, seeds == 1, True]
    shown = class_errors.readable_class_differences(table.assign(experiment="x"))
    assert ["±" in text for text in shown.difference] == [False, seeds > 1, False]


def test_only_shared_seeds_are_compared():
    runs = errors_of([[1, 1, 1]] * 2 + [[9, 9, 9]] * 3, [[0, 1, 1]] * 2)
    table = class_errors.class_differences(runs, ARMS, CLASSES)
    assert set(table.n) == {2}
    assert (table.errors - table.baseline_errors).tolist() == table.difference.tolist() == [-1, 0, 0]


def test_arms_without_a_common_seed_are_refused():
    errors = errors_of([[1, 1, 1]], [[0, 1, 1]])
    errors.loc[errors.supervision != "labels", "seed"] = 7
    with pytest.raises(InputError, match="no seed in common"):
        class_errors.class_differences(errors, ARMS, CLASSES)


def test_the_hardest_class_is_the_published_one_or_chosen_on_validation():
    rows = [
        {"model": "small", "supervision": "labels", "seed": 0, "part": part, "label": label, "errors": errors}
        | {"images": images}
        for part, counts in (("validation", [9, 8, 8]), ("test", [9, 1, 1]), ("train", [9, 1, 1]))
        for label, (errors, images) in enumerate(zip(counts, [90, 20, 20], strict=True))
    ]  # class 0 is the largest, with most errors and the lowest rate
    assert class_errors.hardest_class(pd.DataFrame(rows), BASELINE, {}) == 1
    assert class_errors.hardest_class(pd.DataFrame(rows), BASELINE, {"improved_class": 2}) == 2
    assert class_errors.hardest_class(pd.DataFrame(rows), BASELINE, {"improved_class": 0}) == 0


def predictions_of(labels, predictions, seed=0):
    return pd.DataFrame({"image": range(len(labels)), "label": labels, "prediction": predictions}).assign(
        model="small", supervision="labels", seed=seed
    )


def test_recall_precision_and_flows_by_hand():
    table = class_errors.class_quantities(
        predictions_of([1, 1, 1, 1, 0, 2, 2], [1, 1, 0, 2, 1, 1, 2]), BASELINE, 1, CLASSES
    )
    assert table.loc[0].to_dict() == {
        "recall, %": 50, "precision, %": 50, "to bag": 1, "to shirt": 1, "from bag": 1, "from shirt": 1,
    }  # fmt: skip


def test_a_class_that_is_never_given_or_never_there_has_no_share():
    never_given = class_errors.class_quantities(predictions_of([0, 1], [0, 0]), BASELINE, 1, CLASSES)
    assert np.isnan(never_given["precision, %"].item())
    assert never_given["recall, %"].item() == 0
    never_there = class_errors.class_quantities(predictions_of([0, 0], [0, 1]), BASELINE, 1, CLASSES)
    assert np.isnan(never_there["recall, %"].item())
    assert never_there["from bag"].item() == 1


@pytest.mark.parametrize("seeds", [1, 2, 3])
@pytest.mark.parametrize("controls", [False, True])
def test_the_hardest_class_for_readers(seeds, controls):
    study = make_results(seeds, controls=controls)
    tidy = class_errors.hardest_class_table(study, CLASSES, {"x": {}})
    assert set(tidy["class"]) == {"coat"}
    shown = class_errors.readable_hardest_class(tidy)
    assert list(shown.quantity)[:2] == ["recall, %", "precision, %"]
    assert set(shown.quantity[2:]) == {"coat taken for shirt", "bag taken for coat"}  # the flows that are there
    assert ("label smoothing" in shown) == controls
    assert "student" in shown
    assert not shown.eq(NO_NUMBER).any(axis=None)


def test_a_recall_of_nothing_is_shown_and_a_flow_of_nothing_is_not():
    tidy = class_errors.hardest_class_table(make_results(3), CLASSES, {"x": {}})
    shown = class_errors.readable_hardest_class(tidy.assign(mean=0.0, high=np.nan))
    assert list(shown.quantity) == ["recall, %", "precision, %"]


def test_every_other_arm_is_compared_with_the_baseline():
    study = make_results(controls=True)
    table = class_errors.class_difference_table(study, CLASSES)
    assert list(table.arm.unique()) == ["teacher", "student, T = 2", "label smoothing"]
    assert list(table.columns[:2]) == ["experiment", "arm"]
    assert [arm.role for arm in study.compared("x")] == ["teacher", "baseline", "student", "control"]


@pytest.mark.parametrize(
    ("quantity", "shown"),
    [
        ("to bag", "Photo frame taken for bag"),
        ("from bag", "bag taken for Photo frame"),
        ("from Photo frame", "Photo frame taken for Photo frame"),
        ("recall, %", "recall, %"),
    ],
)
def test_flows_between_classes_whatever_their_names(quantity, shown):
    assert class_errors._flow(quantity, "Photo frame") == shown


def test_experiments_keep_their_order_for_readers():
    rows = [("z", 0), ("z", 1), ("a", 0), ("a", 1)]
    table = pd.DataFrame(rows, columns=["experiment", "label"]).assign(images=3, arm="baseline", errors_high=np.nan)
    table = table.assign(errors=[1.0, 2, 3, 4], **{"class": [CLASSES[label] for label in table.label]})
    shown = class_errors.readable_class_errors(table)
    assert shown[["experiment", "label"]].to_numpy().tolist() == [list(row) for row in rows]
    assert shown.baseline.tolist() == ["1.0", "2.0", "3.0", "4.0"]
