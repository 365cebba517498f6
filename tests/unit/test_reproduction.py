"""Reproduced or not: the interval, its level over all arms, planted wrong results, and folders that are no study."""

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dark_knowledge.analysis.formats import NO_NUMBER
from dark_knowledge.analysis.reproduction import (
    headline,
    load_published,
    readable_reproduction,
    reproduction_table,
    where_run,
)
from dark_knowledge.analysis.results import Results
from dark_knowledge.analysis.statistics import prediction_interval
from dark_knowledge.command import InputError
from dark_knowledge.study.arms import Arm, arms_of
from dark_knowledge.study.reference import asked_of, differing, locate_reference, settings_of

from .results import make_results

ARMS = ["small/labels", "small/big_T2_w0.1", "small/big_T4_w0.1", "big/labels"]


def test_the_interval_of_a_mean_of_new_runs_is_the_textbooks():
    found = prediction_interval(np.array([92.0, 93, 94]), 0.95, more=3)
    assert found[:2] == pytest.approx(
        (93, 93 - 4.302653 * np.sqrt(1 / 3 + 1 / 3)), abs=1e-5
    )  # t of 2 degrees of freedom
    assert found.high == pytest.approx(96.51310, abs=1e-5)
    narrow = prediction_interval(np.array([92.0, 93, 94]), 0.95, more=10**9)
    assert narrow.high == pytest.approx(93 + 4.302653 / np.sqrt(3), abs=1e-4)


def test_one_study_in_twenty_of_nine_arms_has_any_false_alarm():
    random, arms, studies = np.random.default_rng(0), 9, 2_000
    alarms = 0
    for _ in range(studies):
        published, new = random.normal(size=(arms, 10)), random.normal(size=(arms, 3)).mean(1)
        predicted = [prediction_interval(values, 1 - 0.05 / arms, more=3) for values in published]
        alarms += any(not low <= mean <= high for (_, low, high, _), mean in zip(predicted, new, strict=True))
    assert 0.035 < alarms / studies < 0.065  # three standard errors about 1 - (1 - 0.05 / 9)^9 = 0.049


def asked(unlike: dict | None = None) -> dict:
    return {"folder": "x", "level": 0.05, "unlike": {key: [] for key in ARMS} | (unlike or {})}


@pytest.fixture
def results() -> Results:
    return make_results(3)


@pytest.fixture
def published(results) -> pd.DataFrame:
    """Ten runs of each arm, whose seeds the study has not, with its own mean and a spread of 0.1 points."""
    rows = []
    for (model, supervision), own in results["runs"].groupby(["model", "supervision"]):
        noise = 0.001 * np.linspace(-1.5, 1.5, 10)
        rows += [
            {"model": model, "supervision": supervision, "seed": 50 + n, "last_test_accuracy": value, "commit": "old"}
            for n, value in enumerate(own.last_test_accuracy.mean() + noise)
        ]
    return pd.DataFrame(rows).assign(last_validation_accuracy=0.9)


def test_arms_as_published_are_reproduced(results, published):
    table = reproduction_table(results, published, asked())
    assert table.verdict.tolist() == ["reproduced"] * 4  # the baseline of two experiments once
    assert (table.same_seeds == 0).all()
    row = table.iloc[0]
    sd = 100 * published[published.model == "big"].last_test_accuracy.std()
    half = 3.111 * sd * np.sqrt(1 / 10 + 1 / 3)  # Student's t, 9 degrees of freedom, 1 - 0.05 / 4 / 2
    assert row.predicted_high - row.published_mean == pytest.approx(half, rel=1e-3)
    assert headline(table) == f"4 of 4 arms as published (within ± {half:.2f} points, in the median)."


@pytest.mark.parametrize(("by", "verdict"), [(0.004, "higher"), (-0.004, "lower")])
def test_a_planted_wrong_result_is_caught(results, published, by, verdict):
    runs = results["runs"]
    runs.loc[runs.supervision == "big_T4_w0.1", "last_test_accuracy"] += by
    table = reproduction_table(results, published, asked()).set_index("arm")
    assert table.verdict["student, T = 4"] == verdict
    assert (table.verdict.drop("student, T = 4") == "reproduced").all()
    assert (
        headline(table.reset_index())
        == f"3 of 4 arms as published (within ± 0.21 points, in the median); x student, T = 4 is {verdict}."
    )


@pytest.mark.parametrize(("runs", "why"), [(1, "too few published runs"), (3, "no published spread")])
def test_arms_that_cannot_be_compared_are_named(results, published, runs, why):
    published = published[(published.model != "big") | (published.seed < 50 + runs)]
    published.loc[published.model == "big", "last_test_accuracy"] = 0.9  # equal ones hide their spread
    unlike = {"small/big_T2_w0.1": ["recipe.epochs 2, published 10", "split.seed 1, published 0", "a 1, published 2"]}
    given = asked(unlike)
    del given["unlike"]["small/big_T4_w0.1"]
    table = reproduction_table(results, published, given)
    assert table.verdict.tolist() == [why, "reproduced", "other settings", "not published"]
    assert table.predicted_low.notna().tolist() == [False, True, False, False]
    assert np.isnan(table.published_mean.iloc[3])
    rest = f"not compared: 1 other settings, 1 {why}, 1 not published."
    assert headline(table) == f"1 of 1 arms as published (within ± 0.14 points, in the median); {rest}"
    shown = readable_reproduction(table)
    assert shown["other settings"][2] == "recipe.epochs 2, published 10; split.seed 1, published 0; 1 more"
    assert shown["predicted mean, %"][0] == shown["published n"][3] == NO_NUMBER


def test_where_nothing_agrees_the_line_says_so(results, published):
    table = reproduction_table(results, published, asked({key: ["split.seed 1, published 0"] for key in ARMS}))
    assert headline(table) == "No arm could be compared with the published ones (4 other settings)."
    assert reproduction_table(results, load_published({}), {}).empty


@pytest.mark.parametrize("part", ["validation", "test"])
def test_runs_of_a_published_seed_that_end_alike_are_counted(results, part):
    published = results["runs"].copy()
    published.loc[(published.model == "big") & (published.seed == 1), f"last_{part}_accuracy"] += 1e-4
    table = reproduction_table(results, published, asked()).set_index("arm")
    assert table.loc["teacher", ["same_seeds", "equal_runs"]].tolist() == [3, 2]
    assert readable_reproduction(table.reset_index())["equal runs of the same seed"][1] == "4 of 4"


@pytest.mark.parametrize(
    ("key", "words"),
    [("data", "other images of the same name"), ("given", "other weights, logits or code of the same names")],
)
def test_other_content_under_the_same_names_is_not_compared(results, published, key, words):
    published = published.assign(data="images", given=None)
    assert set(reproduction_table(results, published, asked()).verdict) == {"reproduced"}
    published.loc[published.model == "big", key] = "others"
    table = reproduction_table(results, published, asked({"small/labels": ["split.seed 1, published 0"]}))
    assert table.set_index("arm")[["verdict", "other_settings"]].to_dict("index") == {
        "teacher": {"verdict": "other settings", "other_settings": words},
        "baseline": {"verdict": "other settings", "other_settings": "split.seed 1, published 0"},
        "student, T = 2": {"verdict": "reproduced", "other_settings": ""},
        "student, T = 4": {"verdict": "reproduced", "other_settings": ""},
    }
    results["runs"].loc[results["runs"].model == "big", key] = "others"
    assert set(reproduction_table(results, published, asked()).verdict) == {"reproduced"}


def test_where_the_runs_differ_is_said(results, published):
    here = results["runs"].assign(commit="new", precision="float32")
    assert where_run(here, published) == [
        "machine: unknown published, a machine here",
        "precision: unknown published, float32 here",
        "commit: old published, new here",
    ]
    assert where_run(here, here) == []


# Settings


def test_settings_that_decide_a_run_are_compared_and_places_and_names_are_not(config):
    student = Arm("student", "resnet", 4, 0.1)
    there = copy.deepcopy(config)
    there["datasets"]["fashion-mnist"]["folder"] = "/elsewhere"
    there["study"], there["accelerator"] = "other", "cuda"
    del there["losses"], there["recipes"]["student"]["optimiser"]  # as of an earlier version
    config["recipes"]["student"] |= {"mixup": 0, "decay": 0.1}
    assert list(differing(settings_of(there, student), settings_of(config, student))) == []
    there["recipes"]["teacher"]["epochs"] = 50
    there["split"]["train_limit"] = 6000
    assert list(differing(settings_of(there, student), settings_of(config, student))) == [
        "split.train_limit none, published 6000",
        "teacher.recipe.epochs 12, published 50",
    ]
    assert list(differing(settings_of(there, Arm("student")), settings_of(config, Arm("student")))) == [
        "split.train_limit none, published 6000"
    ]


def test_an_ensemble_is_of_as_many_members_and_a_file_has_its_name_alone(config):
    config["models"]["several"] = {"architecture": "ensemble", "members": "student", "mean": "arithmetic"}
    config["models"]["given"] = {"architecture": "plain", "weights": "here/weights.pt", "channels": [1], "pool": [True]}
    there = copy.deepcopy(config)
    config["models"]["several"]["temperature"] = 1  # as it means where it is left out
    there["seeds"], there["models"]["given"]["weights"] = [0, 1], "there/weights.pt"
    for model, expected in (("several", ["seeds [0, 1, 2], published [0, 1]"]), ("given", [])):
        assert list(differing(settings_of(there, Arm(model)), settings_of(config, Arm(model)))) == expected


# Folders


@pytest.fixture
def folder(tmp_path, root) -> Path:
    """A copy of the published default study's folder, as the documentation says to make one."""
    for name in ("config.json", "tables"):
        source = root / "results/reference/note" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    return tmp_path


def refused(config: dict, folders=(Path(),)) -> str:
    with pytest.raises(InputError) as error:
        locate_reference(config, folders)
    message = str(error.value)
    assert message.startswith("config: reference")
    assert "\n" not in message
    return message


def test_a_published_folder_may_lie_in_the_users_home(config, folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    config["reference"] = f"~/{folder.name}"
    locate_reference(config, [Path()])
    assert Path(config["reference"]).resolve() == folder


def test_a_published_folder_is_found_and_its_arms_are_those_of_the_default_study(config, folder):
    config["reference"] = folder.name
    locate_reference(config, [Path(), folder.parent])
    assert Path(config["reference"]).resolve() == folder
    found = asked_of(config)
    assert found["level"] == 0.05
    assert set(found["unlike"]) <= {f"{arm.model}/{arm.supervision}" for arm in arms_of(config)}
    assert "student/labels" in found["unlike"]
    assert len(load_published(found)) == len(pd.read_csv(folder / "tables/runs.csv"))


@pytest.mark.parametrize("commit", ["035628270146", "1234567e8901"])
def test_a_commit_that_looks_like_a_number_is_none(tmp_path, commit):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "runs.csv").write_text(f"model,seed,data,commit\nstudent,0,{commit},{commit}\n")
    (run,) = load_published({"folder": str(tmp_path)}).itertuples()
    assert (run.data, run.commit, run.seed) == (commit, commit, 0)


def test_a_network_named_by_digits_or_null_is_a_name(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "runs.csv").write_text("model,supervision,seed\n18,null,0\n18,null,1\n")
    published = load_published({"folder": str(tmp_path)})
    assert published.model.tolist() == ["18", "18"]
    assert published.supervision.tolist() == ["null", "null"]


def test_no_folder_and_the_studys_own_are_refused(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config["reference"] = "published"
    assert "names 'published', which is no folder in" in refused(config)
    (tmp_path / "results/note").mkdir(parents=True)
    config["reference"] = "results/note"
    assert "this study's own folder" in refused(config)
    (tmp_path / "out").mkdir()
    assert "this study's own folder" in refused(config | {"reference": "out", "pathvars": {"results": "out"}})


@pytest.mark.parametrize("file", ["config.json", "tables/runs.csv"])
def test_a_folder_without_its_tables_or_configuration_is_refused(config, folder, file):
    (folder / file).unlink()
    config["reference"] = str(folder)
    assert f"has no {file}; name a finished study's folder" in refused(config)


@pytest.mark.parametrize("content", ["[]", "{}", "study: note", json.dumps({"experiments": {"x": {}}})])
def test_a_configuration_that_is_none_is_refused(config, folder, content):
    (folder / "config.json").write_text(content)
    config["reference"] = str(folder)
    assert "config.json is no study's configuration" in refused(config)


@pytest.mark.parametrize("key", ["datasets", "split", "recipes", "losses", "transfer_sets"])
def test_a_configuration_cut_short_is_refused(config, folder, key):
    whole = json.loads((folder / "config.json").read_text())
    for settings in whole["experiments"].values():
        if settings:
            settings |= {"losses": ["dist"], "transfer_set": "shuffled"} if key in ("losses", "transfer_sets") else {}
    del whole[key]
    (folder / "config.json").write_text(json.dumps(whole))
    config["reference"] = str(folder)
    assert "config.json is no study's configuration" in refused(config)


def test_a_table_that_is_no_text_is_refused(config, folder):
    (folder / "tables/runs.csv").write_bytes(b"\xff\xfe\x00")
    config["reference"] = str(folder)
    assert "runs.csv is no text in UTF-8; name a finished study's folder" in refused(config)


def test_tables_of_something_else_or_of_one_seed_are_refused(config, folder):
    config["reference"] = str(folder)
    runs = pd.read_csv(folder / "tables/runs.csv")
    runs[runs.seed == 0].to_csv(folder / "tables/runs.csv", index=False)
    published = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(published | {"seeds": [0]}))
    assert "no arm in" in refused(config)
    assert "has 3 runs" in refused(config)
    runs.drop(columns="last_test_accuracy").to_csv(folder / "tables/runs.csv", index=False)
    assert "has no column 'last_test_accuracy'" in refused(config)


def test_a_table_that_lost_runs_is_refused(config, folder):
    config["reference"] = str(folder)
    path = folder / "tables/runs.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:5] + lines[7:]))
    message = refused(config)
    assert "runs.csv lacks 2 of the runs that config.json beside it asks for" in message
    assert " of seed " in message


@pytest.mark.parametrize("value", ["93.2", "-0.1", "", "nan", "high"])
@pytest.mark.parametrize("column", ["last_validation_accuracy", "last_test_accuracy"])
def test_accuracies_that_are_no_shares_are_refused(config, folder, column, value):
    config["reference"] = str(folder)
    runs = pd.read_csv(folder / "tables/runs.csv", dtype=str)
    runs.loc[2, column] = value
    runs.to_csv(folder / "tables/runs.csv", index=False)
    assert f"runs.csv, line 4: {column} is {value!r}; allowed: a share from 0 to 1" in refused(config)


def test_a_seed_that_is_no_number_is_refused(config, folder):
    config["reference"] = str(folder)
    runs = pd.read_csv(folder / "tables/runs.csv", dtype=str)
    runs.loc[2, "seed"] = "2.5"
    runs.to_csv(folder / "tables/runs.csv", index=False)
    assert "runs.csv, line 4: seed is '2.5'; allowed: a whole number" in refused(config)


def test_a_study_on_other_images_is_left_out(config, folder):
    published = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(published | {"dataset": "mnist"}))
    config["reference"] = str(folder)
    locate_reference(config, [])
    assert config["reference"] is None


def test_a_study_may_name_none(config):
    config["reference"] = None
    locate_reference(config, [])
    assert asked_of(config) == {}
