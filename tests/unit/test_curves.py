"""What the page of learning curves carries."""

import numpy as np
import pandas as pd
import pytest

from dark_knowledge.analysis.convergence import STEP_POINTS
from dark_knowledge.analysis.results import Results
from dark_knowledge.figures.style import DrawnArm
from dark_knowledge.pages import curves

ARMS = [
    DrawnArm("x", "teacher", "teacher", "big", "labels", colour="#000000"),
    DrawnArm("x", "baseline", "baseline", "small", "labels", colour="#000000"),
    DrawnArm("x", "control", "no labels", "small", "big_T1_w0", colour="#000000"),
    DrawnArm("y", "baseline", "baseline", "small", "labels", colour="#000000"),
]


def make_tables(seeds: dict[tuple[str, str], list[int]], epochs: int = 3, steps_per_epoch: int = 40) -> Results:
    by_epoch, by_step = [], []
    for number, ((model, supervision), own) in enumerate(seeds.items()):
        for seed in own:
            keys = {"model": model, "supervision": supervision, "seed": seed}
            values = {"loss": number + seed / 10, "train_accuracy": 0.5, "validation_loss": np.nan}
            by_epoch.append(pd.DataFrame({"epoch": range(epochs)}).assign(**keys, **values, validation_accuracy=0.25))
            logged = pd.DataFrame({"step": range(0, epochs * steps_per_epoch, 20)})
            by_step.append(logged.assign(**keys, **values))
    tables = {"runs": RUNS} | {"epochs": pd.concat(by_epoch, ignore_index=True), "steps": pd.concat(by_step)}
    return Results(tables)


SEEDS = {("big", "labels"): [0, 1], ("small", "labels"): [0, 1], ("small", "big_T1_w0"): [5]}
RUNS = pd.DataFrame(
    [("big", "labels", 120), ("small", "labels", 60), ("small", "big_T1_w0", 30)],
    columns=["model", "supervision", "steps"],
).assign(epochs=3)


def test_each_arm_has_its_own_seeds_and_axes():
    data = curves.page_data(ARMS, make_tables(SEEDS), points=60)
    assert [arm["seeds"] for arm in data["arms"]] == [[0, 1], [0, 1], [5]]
    assert [[arm["arm"] for arm in own["arms"]] for own in data["experiments"]] == [[0, 1, 2], [1]]
    assert [arm["broken"] for arm in data["experiments"][0]["arms"]] == [False, False, True]
    teacher, baseline, control = data["arms"]
    assert teacher["epochs"]["epoch"] == [1, 2, 3]
    assert (teacher["epochs"]["step"], baseline["epochs"]["step"]) == ([40, 80, 120], [20, 40, 60])
    assert control["epochs"]["step"] == [10, 20, 30]  # the same net on fewer images
    assert teacher["epochs"]["loss"] == [[0, 0, 0], [0.1, 0.1, 0.1]]
    assert teacher["epochs"]["validation_accuracy"] == [[25, 25, 25], [25, 25, 25]]
    assert teacher["epochs"]["validation_loss"] == [[None] * 3] * 2
    assert teacher["steps"]["step"] == [0, 20, 40, 60, 80, 100]
    assert control["steps"]["loss"] == [[2.5] * 6]


def test_an_arm_that_was_not_trained_has_no_curves():
    small = make_tables({key: seeds for key, seeds in SEEDS.items() if key[0] == "small"})
    data = curves.page_data(ARMS, small, points=60)
    assert [[arm["name"] for arm in own["arms"]] for own in data["experiments"]] == [
        ["baseline", "no labels"],
        ["baseline"],
    ]


def test_many_steps_are_pooled_and_many_epochs_thinned():
    results = make_tables({("big", "labels"): [0]}, epochs=100)
    full, thin = (curves.page_data(ARMS[:1], results, points)["arms"][0] for points in (100, 10))
    assert (len(full["steps"]["step"]), len(thin["steps"]["step"])) == (STEP_POINTS, 10)
    assert (len(full["epochs"]["epoch"]), len(thin["epochs"]["epoch"])) == (100, 10)
    assert (thin["epochs"]["epoch"][0], thin["epochs"]["epoch"][-1]) == (1, 100)


@pytest.mark.parametrize("most", [1, 2, 7, 12])
def test_thinned_epochs_keep_the_last(most):
    results = make_tables({("big", "labels"): [0], ("small", "labels"): [3]}, epochs=7)
    kept = curves.spaced_epochs(results["epochs"], most).groupby("seed").epoch
    assert (kept.size() == min(most, 7)).all()
    assert (kept.max() == 6).all()
