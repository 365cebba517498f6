"""A study held against a published one: its copied folder, a planted wrong result, and a folder that is none."""

import json
import re
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


SHORT = ["--cores", "1", "--configfile", TINY, "--config", "seeds=[0, 1, 2]"]
SHORT += ["experiments={resnet: {temperatures: [4]}}"]


@pytest.fixture(scope="module")
def published(workflow_of_module):
    """A tiny study's results, published by copying what the documentation says."""
    workflow = workflow_of_module
    run = workflow.snakemake(*SHORT, "reference=null")
    assert run.returncode == 0, run.stdout + run.stderr
    results = workflow.folder / "results" / "tiny"
    assert pd.read_csv(results / "tables/reproduction.csv").empty
    assert "as published" not in (results / "summary.html").read_text()
    workflow.published = workflow.folder / "results" / "reference" / "tiny"
    shutil.copytree(results / "tables", workflow.published / "tables")
    shutil.copy(results / "config.json", workflow.published)
    return workflow


def reproduce(workflow) -> tuple[pd.DataFrame, str]:
    """The table, and the summary's first lines. Nothing is trained again."""
    run = workflow.snakemake(*SHORT, "reference=results/reference/tiny")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "train_model" not in run.stdout + run.stderr
    results = workflow.folder / "results" / "tiny"
    assert "reproduction.html" in (results / "report.html").read_text()
    summary = (results / "summary.html").read_text().split("What was asked")[0]
    return pd.read_csv(results / "tables/reproduction.csv").set_index("arm"), summary


@pytest.mark.slow
def test_a_repeated_run_is_as_published_and_a_wrong_one_is_caught(published):
    table, summary = reproduce(published)
    assert (table.verdict == "reproduced").all()
    assert (table.equal_runs == 3).all()  # of the same seeds, on one machine
    assert re.search(r"<b>3 of 3 arms as published \(within ± [\d.]+ points, in the median\).</b>", summary)
    assert "Published: in <code>results/reference/tiny</code>, runs of this workflow." in summary
    assert "Where the runs differ" not in summary

    runs = published.published / "tables/runs.csv"
    good = pd.read_csv(runs)
    wrong = good.assign(commit="123456789abc")
    wrong.loc[wrong.supervision == "resnet_T4_w0.1", "last_test_accuracy"] = [0.999, 0.998, 0.997]
    wrong.to_csv(runs, index=False)
    table, summary = reproduce(published)
    assert table.verdict.to_dict() == {"teacher": "reproduced", "baseline": "reproduced", "student, T = 4": "lower"}
    assert re.search(r"<b>2 of 3 arms as published .*; resnet student, T = 4 is lower.</b>", summary)
    assert "commit: 123456789abc published" in summary
    good.to_csv(runs, index=False)


@pytest.mark.slow
def test_arms_of_other_settings_are_named(published):
    path = published.published / "config.json"
    config = json.loads(path.read_text())
    config["recipes"]["student"]["learning_rate"] = 0.02
    path.write_text(json.dumps(config))
    table, summary = reproduce(published)
    assert table.verdict.to_dict() == {
        "teacher": "reproduced", "baseline": "other settings", "student, T = 4": "other settings",
    }  # fmt: skip
    assert table.other_settings["baseline"] == "recipe.learning_rate 0.1, published 0.02"
    assert re.search(r"<b>1 of 1 arms as published .*; not compared: 2 other settings.</b>", summary)
