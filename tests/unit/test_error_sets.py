"""Sets of wrong images: their similarity, and what becomes of single images, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from dark_knowledge.analysis import error_sets
from dark_knowledge.analysis.formats import NO_NUMBER
from dark_knowledge.analysis.measures import jensen_shannon, kappa_matrix
from dark_knowledge.analysis.results import Results
from dark_knowledge.study.arms import ALL_SEEDS

from .results import make_results

pytestmark = pytest.mark.filterwarnings("error")
ROLES = {"teacher": ("big", "labels"), "baseline": ("small", "labels"), "student": ("small", "big_T2_w0.1")}
ARMS = pd.DataFrame(
    [
        {"experiment": "x", "role": role, "arm": role, "model": model, "supervision": supervision}
        | {"temperature": 2.0, "teacher": None, "teacher_supervision": None}
        for role, (model, supervision) in ROLES.items()
    ]
)
RUNS = pd.DataFrame([{"model": "small", "supervision": "big_T2_w0.1", "seed": 0, "last_validation_accuracy": 0.9}])


def predictions_of(**wrong: list[str]) -> pd.DataFrame:
    """Predictions of each role's runs, a text a seed: x where the image is wrong, a point where it is right."""
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "label": [i % 2 for i in range(len(marks))],
                    "prediction": [(i + (mark == "x")) % 2 for i, mark in enumerate(marks)],
                }
            )
            .rename_axis("image")
            .reset_index()
            .assign(model=ROLES[role][0], supervision=ROLES[role][1], seed=seed)
            for role, runs in wrong.items()
            for seed, marks in enumerate(runs)
        ]
    )


def study_of(predictions: pd.DataFrame) -> Results:
    return Results({"arms": ARMS, "runs": RUNS, "predictions": predictions})


def test_outcomes_are_counted_by_seed():
    table = error_sets.outcome_table(
        study_of(predictions_of(teacher=["x..x.x", "x....."], baseline=["xxx...", "x....x"], student=["x..xx."] * 2))
    )
    counted = dict(zip(table.outcome, table.images, strict=True))
    assert counted == {
        "wrong in teacher, baseline and student": 1,
        "repaired by distillation": 1.5,  # images 1 and 2 of seed 0, image 5 of seed 1
        "repaired, and the teacher is right": 1.5,
        "broken by distillation": 2,
        "broken, and the teacher is wrong": 0.5,
        "wrong for the teacher alone": 0.5,
        "different seeds: repaired": 1.5,  # images 1 and 2 of baseline 0, image 5 of baseline 1
        "different seeds: broken": 2,
        "different seeds: wrong in one run of the baseline, right in another": 1.5,  # 1, 2 one way and 5 the other
    }
    spread = [False, True, True, False, True, True]  # as many of both seeds have none
    assert table.low.notna().tolist() == spread + [False] * 3


def test_an_ensembles_errors_are_set_against_every_seed():
    predictions = predictions_of(teacher=["x....."], baseline=["xxx...", "x....x"], student=["x..xx.", "x..xx."])
    predictions.loc[predictions.model == "big", "seed"] = ALL_SEEDS
    table = error_sets.outcome_table(study_of(predictions))
    assert (table.n == 2).all()
    assert table.images[0] == 1


def test_an_ensemble_is_like_nothing_that_other_seeds_are_like():
    study = make_results(3)
    teacher, baseline, *_ = study.arms("x")
    tables = [study[name] for name in ("predictions", "class_errors")]
    tables = [table[(table.model != "big") | (table.seed == 0)] for table in tables]
    tables = [table.assign(seed=table.seed.where(table.model != "big", ALL_SEEDS)) for table in tables]
    similar = error_sets.similarity(*tables, teacher, baseline)
    assert all(np.isnan(matrices).all() for matrices in similar.values())


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_outcomes_and_tests_of_few_seeds_for_readers(seeds):
    study = make_results(seeds)
    outcomes = error_sets.readable_outcomes(error_sets.outcome_table(study))
    assert ("±" in outcomes.images[1]) == (seeds > 1)
    assert (outcomes.images.iloc[-1] == NO_NUMBER) == (seeds == 1)
    tests = error_sets.mcnemar_table(study)
    assert list(tests.seed) == list(range(seeds))
    assert len(error_sets.readable_mcnemar(tests)) == seeds


def test_mcnemar_counts_discordant_images():
    table = error_sets.mcnemar_table(
        study_of(predictions_of(teacher=["......"], baseline=["xxxx.."], student=["x....x"]))
    )
    assert (table.only_baseline.item(), table.only_student.item()) == (3, 1)
    assert table.exact_p.item() == pytest.approx(10 / 16)  # 4 discordant, 1 or 3 and beyond on either side


def errors_of(predictions: pd.DataFrame) -> pd.DataFrame:
    keys = ["model", "supervision", "seed"]
    wrong = predictions.assign(errors=predictions.label != predictions.prediction)
    return wrong.groupby([*keys, "label"]).errors.sum().reset_index().assign(part="test")


def test_similarity_is_that_of_each_pair_of_runs():
    study = make_results(3)
    teacher, baseline, *_ = study.arms("x")
    similar = error_sets.similarity(study["predictions"], study["class_errors"], teacher, baseline)
    wrong = [error_sets.wrong_images(study["predictions"], arm).to_numpy(bool) for arm in (teacher, baseline)]
    assert similar["kappa"][0, 2, 1] == pytest.approx(kappa_matrix(np.array([wrong[0][2], wrong[1][1]]))[0, 1])
    assert similar["kappa"][2, 0, 1] == pytest.approx(kappa_matrix(wrong[1][:2])[0, 1])
    counts = [
        study["class_errors"].query(f"model == '{m}' and supervision == 'labels' and part == 'test'")
        for m in ("big", "small")
    ]
    of_teacher, of_baseline = (rows[rows.seed == 1].errors.to_numpy() for rows in counts)
    assert similar["distance"][0, 1, 1] == pytest.approx(jensen_shannon(of_teacher, of_baseline))
    assert similar["correlation"][0, 1, 1] == pytest.approx(np.corrcoef(of_teacher, of_baseline)[0, 1])


def test_runs_without_an_error_have_no_similarity():
    predictions = predictions_of(teacher=["....", "...."], baseline=["....", "...."])
    teacher, baseline, _ = study_of(predictions).arms("x")
    similar = error_sets.similarity(predictions, errors_of(predictions), teacher, baseline)
    assert all(np.isnan(matrices).all() for matrices in similar.values())


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_similarity_has_a_null_for_each_arm(seeds):
    study = make_results(seeds, controls=True)
    table = error_sets.similarity_table(study)
    assert len(table) == 4 + 6  # each arm with itself, and the pairs
    null = table[table.arm == table.other]
    assert null[["kappa_excess", "p"]].isna().all(axis=None)
    assert table.kappa.isna().all() == (seeds == 1)
    assert table.kappa_excess.notna().any() == (seeds >= 3)  # a jackknife of two leaves no pair
    shown = error_sets.readable_similarity(table)
    assert (shown["and"] == "the same, another seed").sum() == 4
