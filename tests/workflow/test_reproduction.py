"""A study held against a published one: its copied folder, a planted wrong result, and a folder that is none."""

import shutil

import pandas as pd
import pytest

from ..conftest import TINY


def test_a_folder_without_tables_is_refused_before_any_job(workflow):
    (workflow.folder / "mine").mkdir()
    refused = workflow.snakemake("--dry-run", "--configfile", TINY, "--config", "reference=mine")
    assert refused.returncode != 0
    assert "error: config: reference: mine has no config.json; name a finished study's folder" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.fixture(scope="module")
def published(workflow_of_module):
    """The tiny study's results of three seeds, published by copying what the documentation says."""
    workflow = workflow_of_module
    run = workflow.snakemake("--cores", "1", "--configfile", TINY, "--config", "seeds=[0, 1, 2]", "reference=null")
    assert run.returncode == 0, run.stdout + run.stderr
    results = workflow.folder / "results" / "tiny"
    assert pd.read_csv(results / "tables/reproduction.csv").empty
    assert "as published" not in (results / "summary.html").read_text()
    target = workflow.folder / "results" / "reference" / "tiny"
    shutil.copytree(results / "tables", target / "tables")
    shutil.copy(results / "config.json", target)
    return workflow


def reproduce(workflow, *config: str) -> tuple[pd.DataFrame, str]:
    """The table, and the summary's first lines."""
    words = ["--cores", "1", "--configfile", TINY, "--config", "reference=results/reference/tiny", *config]
    run = workflow.snakemake(*words)
    assert run.returncode == 0, run.stdout + run.stderr
    results = workflow.folder / "results" / "tiny"
    summary = (results / "summary.html").read_text().split("What was asked")[0]
    assert "reproduction.html" in (results / "report.html").read_text()
    return pd.read_csv(results / "tables/reproduction.csv").set_index("arm"), summary


@pytest.mark.slow
def test_a_repeated_run_is_as_published_and_a_wrong_one_is_caught(published):
    table, summary = reproduce(published, "seeds=[0, 1]")
    assert (table.verdict == "reproduced").all()
    assert (table.equal_runs == 2).all()  # of the same seeds, on one machine
    assert "<b>4 of 4 arms as published.</b>" in summary
    assert "Where the runs differ" not in summary

    runs = published.folder / "results/reference/tiny/tables/runs.csv"
    good = pd.read_csv(runs)
    wrong = good.copy()
    wrong.loc[wrong.supervision == "resnet_T4_w0.1", "last_test_accuracy"] = [0.999, 0.998, 0.997]
    wrong.assign(commit="123456789abc").to_csv(runs, index=False)
    table, summary = reproduce(published, "seeds=[0, 1]")
    assert table.verdict.to_dict() == dict.fromkeys(table.index, "reproduced") | {"student, T = 4": "lower"}
    assert "<b>3 of 4 arms as published; resnet student, T = 4 is lower.</b>" in summary
    assert "commit: 123456789abc published" in summary
    good.to_csv(runs, index=False)


@pytest.mark.slow
def test_arms_of_other_settings_are_named(published):
    table, summary = reproduce(published, "seeds=[0, 1]", "recipes={student: {learning_rate: 0.02}}")
    assert table.verdict["teacher"] == "reproduced"
    assert (table.verdict.drop("teacher") == "other settings").all()
    assert table.other_settings["baseline"] == "recipe.learning_rate 0.02, published 0.1"
    assert "<b>1 of 1 arms as published; not compared: 3 other settings.</b>" in summary
