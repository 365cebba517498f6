"""A study with a paper's numbers, in small: hinton2015 on a part of MNIST."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

TINY = ["--configfile", "workflow/studies/hinton2015.yaml", "tests/data/hinton_tiny.yaml"]
MOST_BYTES = 20_000_000


@pytest.fixture(scope="module")
def tiny(workflow_of_module):
    run = workflow_of_module.snakemake("--cores", "2", *TINY)
    assert run.returncode == 0, run.stdout + run.stderr
    return workflow_of_module.folder / "results" / "hinton-tiny"


def test_every_number_of_the_paper_stands_beside_ours(tiny):
    table = pd.read_csv(tiny / "tables" / "paper.csv", keep_default_na=False, na_values=[""])
    assert table["mean"].notna().all()
    of_paper = table[table.paper.notna()]
    assert of_paper.paper.tolist() == (
        [67, 146, 74, 74, 74, 146, 206, 133, 109, 14, 109, 14, 47.3, 13.2, 13.2, 47.3, 13.2, 47.3, 13.2]
    )
    unequal = of_paper.sd > 0  # two runs that agree say nothing of a third
    assert unequal.sum() > 5
    assert of_paper[unequal].inside.isin(["yes", "no"]).all()
    assert of_paper[~unequal][["low", "run_low", "inside"]].isna().all(axis=None)
    ensembles = table[(table.arm == "teacher") & table.experiment.str.endswith("-ensemble")]
    assert ensembles.n.tolist() == [1, 1]
    assert ensembles.run_low.isna().all()


def test_mends_as_trained_agree_with_the_collected_errors(tiny):
    corrected = pd.read_parquet(tiny / "collected" / "corrected.parquet")
    keys = ["model", "supervision", "seed", "label"]
    collected = pd.read_parquet(tiny / "collected" / "class_errors.parquet")
    collected = collected[collected.part == "test"].set_index(keys).errors
    as_trained = corrected[corrected.correction == "none"].set_index(keys).errors
    assert len(as_trained) == 4 * 2 * 2 * 10  # experiments, arms, seeds, classes
    assert (as_trained == collected.loc[as_trained.index]).all()
    totals = corrected.groupby(["experiment", "arm", "seed", "correction"]).errors.sum().unstack()
    assert (totals["oracle"].to_numpy()[:, None] <= totals.to_numpy()).all()


def test_the_report_has_the_chapter_and_stays_small(tiny):
    report = (tiny / "report.html").read_text()
    assert "Paper against ours" in report
    for page in ("summary.html", "pages/claims.html"):
        assert "Here that is so in\narithmetic-ensemble, geometric-ensemble." in (tiny / page).read_text()
    assert len(report) < MOST_BYTES
    for name in ("width_map", "width_lines", "bias_corrections", "early_stopping", "ensembles"):
        assert "<svg" in (tiny / "figures" / f"{name}.svg").read_text()


def test_a_student_of_an_ensemble_is_compared_with_it(tiny):
    fidelity = pd.read_parquet(tiny / "collected" / "fidelity.parquet")
    students = fidelity[fidelity.experiment.str.endswith("-ensemble") & (fidelity.supervision != "labels")]
    assert len(students) == 6
    assert students.agreement.notna().all()
