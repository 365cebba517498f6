"""The workflow as a part of another one, whose configuration, command line and rules are its own."""

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml

from ..conftest import CHECKOUT, TINY

OUTER = """
configfile: "outer.yaml"

module dk:
    snakefile: {snakefile}
    config: config["dk"]
    {place}

use rule * from dk as dk_*

rule count_runs:
    default_target: True
    input: rules.dk_all.input
    output: "runs.txt"
    shell: "wc --lines < {folder}/tables/runs.csv > {{output}}"
"""
TWO = """
configfile: "outer.yaml"

module one:
    snakefile: "{folder}/workflow/Snakefile"
    config: config["one"]
    prefix: "one"

use rule * from one as one_*

module two:
    snakefile: "{folder}/workflow/Snakefile"
    config: config["two"]
    prefix: "two"

use rule * from two as two_*

rule both:
    default_target: True
    input: rules.one_all.input, rules.two_all.input
"""
LOCAL, GITHUB = '"{folder}/workflow/Snakefile"', 'github("someone/dark-knowledge", path="workflow/Snakefile", tag="v1")'
PLACES = {
    "prefix": (LOCAL, 'prefix: "distilled"', "distilled/results/tiny"),
    "pathvars": (GITHUB, 'pathvars:\n        results="here",', "here"),
    "neither": (LOCAL, "", "results/tiny"),
}


def publish(workflow, hub: Path) -> None:
    """Make the checkout a repository of version v1, which is what github.com has where the workflow runs."""
    (hub / "someone").mkdir(parents=True)
    shutil.move(workflow.folder, hub / "someone" / "dark-knowledge")
    for words in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["-c", "user.name=someone", "-c", "user.email=", "commit", "--quiet", "--message", "v1"],
        ["tag", "v1"],
    ):
        subprocess.run(["git", *words], cwd=hub / "someone" / "dark-knowledge", check=True)
    workflow.environment |= {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{hub.as_uri()}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "XDG_CACHE_HOME": str(hub / "cache"),
    }


def commits_of(workflow) -> set[str]:
    """The commit that a published workflow's runs are to name; none where it is no repository."""
    hub = workflow.folder.parent / "hub" / "someone" / "dark-knowledge"
    if not hub.exists():
        return set()
    commit = subprocess.run(["git", "rev-parse", "v1"], cwd=hub, capture_output=True, text=True, check=True).stdout
    return {commit[:12]}


@pytest.fixture(params=PLACES)
def outer(request, workflow, tmp_path):
    """A workflow in a folder of its own that uses a checkout's, and the folder of the study's results."""
    snakefile, place, folder = PLACES[request.param]
    home = tmp_path / "outer"
    home.mkdir()
    if snakefile == GITHUB:
        publish(workflow, tmp_path / "hub")
    snakefile = snakefile.format(folder=workflow.folder)
    (home / "Snakefile").write_text(OUTER.format(snakefile=snakefile, place=place, folder=folder))
    changed = yaml.safe_load((CHECKOUT / TINY).read_text())
    changed["datasets"]["subset"]["folder"] = str(CHECKOUT / "tests/data/fashion-mnist")
    (home / "outer.yaml").write_text(yaml.safe_dump({"dk": changed, "seeds": "of the outer workflow", "more": {}}))
    return home, folder


@pytest.fixture
def outer_of_two(workflow, tmp_path):
    """A workflow with two studies of a checkout, of which the second has another seed and another experiment beside."""
    home = tmp_path / "outer"
    home.mkdir()
    (home / "Snakefile").write_text(TWO.format(folder=workflow.folder))
    one = yaml.safe_load((CHECKOUT / TINY).read_text())
    one["datasets"]["subset"]["folder"] = str(CHECKOUT / "tests/data/fashion-mnist")
    warmer = {"teacher": "resnet", "student": "student", "temperatures": [8], "hard_weight": 0.1}
    two = one | {"seeds": [7], "experiments": one["experiments"] | {"warmer": warmer}}
    (home / "outer.yaml").write_text(yaml.safe_dump({"one": one, "two": two}))
    return home


def test_only_changed_keys_are_given_and_the_outer_workflows_are_its_own(workflow, outer):
    home, _ = outer
    (home / "more.yaml").write_text("seeds: {a: b}\nmore: [1, 2]\n")
    plan = workflow.plan("--configfile", "more.yaml", "--config", "seeds=[7]", folder=home)
    assert (plan["dk_train_model"], plan["dk_distill_model"], plan["count_runs"]) == (2, 2, 1)


@pytest.mark.parametrize("outer", ["neither"], indirect=True)
def test_an_outer_workflow_of_nothing_else_has_the_command_line_read_well(workflow, outer):
    """As Snakedeploy writes it."""
    home, _ = outer
    config = yaml.safe_load((home / "outer.yaml").read_text())
    (home / "outer.yaml").write_text(yaml.safe_dump(config["dk"]))
    (home / "Snakefile").write_text((home / "Snakefile").read_text().replace('config["dk"]', "config"))
    plan = workflow.plan("--config", "seeds=[3, 4]", "split={validation: 100}", folder=home)
    assert (plan["dk_train_model"], plan["dk_distill_model"]) == (4, 4)


@pytest.mark.parametrize("outer", ["prefix"], indirect=True)
def test_a_bad_key_of_the_modules_part_is_refused_in_one_line(workflow, outer):
    home, _ = outer
    config = yaml.safe_load((home / "outer.yaml").read_text())
    config["dk"]["seedz"] = [1]
    (home / "outer.yaml").write_text(yaml.safe_dump(config))
    refused = workflow.snakemake("--dry-run", folder=home)
    assert refused.returncode != 0
    assert "error: config: unknown key 'seedz'; did you mean 'seeds'?" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("outer", ["prefix"], indirect=True)
def test_a_modules_own_weights_lie_where_they_are_named(workflow, outer):
    home, _ = outer
    config = yaml.safe_load((home / "outer.yaml").read_text())
    config["dk"]["models"]["given"] = {"architecture": "plain", "weights": "given.pt", "channels": [4], "pool": [True]}
    config["dk"]["experiments"]["resnet"]["teacher"] = "given"
    (home / "outer.yaml").write_text(yaml.safe_dump(config))
    (home / "given.pt").write_bytes(b"weights")
    assert workflow.plan(folder=home)["dk_assemble_run"] == 1


@pytest.mark.parametrize("outer", ["prefix", "pathvars"], indirect=True)
def test_images_that_a_module_has_read_are_known_when_their_folder_is_gone(workflow, outer):
    home, folder = outer
    shutil.copytree(CHECKOUT / "tests/data/fashion-mnist", home / "images")
    config = yaml.safe_load((home / "outer.yaml").read_text())
    config["dk"]["datasets"]["subset"]["folder"] = "images"
    (home / "outer.yaml").write_text(yaml.safe_dump(config))
    read = workflow.snakemake("--cores", "1", "--until", "dk_download_dataset", folder=home)
    assert read.returncode == 0, read.stdout + read.stderr
    assert len(list((home / folder / "data").glob("*/source.json"))) == 1
    shutil.rmtree(home / "images")
    plan = workflow.plan(folder=home)
    assert plan["dk_prepare_dataset"] == 1
    assert "dk_download_dataset" not in plan


@pytest.mark.slow
@pytest.mark.parametrize("outer", ["prefix", "pathvars"], indirect=True)
def test_a_module_runs_whole_with_its_report_where_it_belongs(workflow, outer):
    home, folder = outer
    config = yaml.safe_load((home / "outer.yaml").read_text())
    config["dk"]["experiments"]["resnet"]["temperatures"] = [4]
    (home / "outer.yaml").write_text(yaml.safe_dump(config))
    (home / "profiles" / "default").mkdir(parents=True)
    (home / "profiles" / "default" / "config.yaml").write_text("until: [count_runs]")  # not of what makes the report
    done = workflow.snakemake("--cores", "2", folder=home)
    assert done.returncode == 0, done.stdout + done.stderr
    results = home / folder
    runs = pd.read_csv(results / "tables/runs.csv", dtype={"commit": str})
    assert int((home / "runs.txt").read_text()) == 1 + len(runs)
    assert set(runs.commit.dropna()) == commits_of(workflow)
    report = (results / "report.html").read_text()
    assert "accuracy by temperature" in report
    assert json.loads((results / "config.json").read_text())["seeds"] == [0]
    assert not [path for path in home.rglob("report.html") if path.parent != results]
    assert workflow.plan(folder=home) == {}


def test_two_studies_of_one_checkout_are_modules_of_one_workflow(workflow, outer_of_two):
    plan = workflow.plan(folder=outer_of_two)
    assert (plan["one_distill_model"], plan["one_plot_experiment"]) == (2, 1)
    assert (plan["two_distill_model"], plan["two_plot_experiment"]) == (3, 2)
    alone = workflow.plan("two_all", folder=outer_of_two)
    assert not [rule for rule in alone if rule.startswith("one_")]
