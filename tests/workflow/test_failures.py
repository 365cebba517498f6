"""A job that failed leaves no old numbers under a new configuration: the same command fails again, or makes it good."""

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from graphlib import TopologicalSorter
from itertools import cycle
from pathlib import Path

import pandas as pd
import pytest
import yaml

from ..conftest import TINY, Workflow, findings

pytestmark = pytest.mark.slow

# A change after which every rule has to run again.
CHANGE = "split: {seed: 1}\ndatasets: {subset: {classes: [a, b, c, d, e, f, g, h, i, j]}}\n"

# What the command of a rule has and no other that runs at that time; else it is the rule's own name.
COMMANDS = {
    "distill_model": "--temperature",
    "save_design": "save_design:",
    "save_settings": "save_settings:",
    "save_config": "/settings.json",
    "save_asked": "save_asked:",
    "report": "--report",
}

FAULT = """import os, pathlib, signal
words = pathlib.Path("/proc/self/cmdline").read_bytes().replace(bytes(1), b" ").decode()
if any(fault in words for fault in os.environ["FAULTS"].splitlines()):
    os.kill(os.getpid(), getattr(signal, os.environ["SIGNAL"]))
"""


class FaultyWorkflow(Workflow):
    """The tiny study, whose processes die of a signal as they start, where their command line holds a fault.

    The processes are of Python, `cp` too.
    """

    def __init__(self, folder: Path, tiny_study: Path):
        super().__init__(folder, tiny_study)
        site = folder.parent / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(FAULT)
        (site / "cp").write_text(f"#!{sys.executable}\nimport os, sys\nos.execv('/bin/cp', sys.argv)\n")
        (site / "cp").chmod(0o755)
        self.environment["PATH"] = f"{site}{os.pathsep}{self.environment['PATH']}"
        self.environment |= {"PYTHONPATH": str(site), "FAULTS": ""}

    def run_until(self, rules: list[str], signal: str) -> str:
        """Run the changed study up to some rules, whose jobs all die; what Snakemake says."""
        self.environment |= {"FAULTS": "\n".join(COMMANDS.get(rule, f"{rule}.py") for rule in rules), "SIGNAL": signal}
        failed = self.snakemake("--cores", "2", "--keep-going", "--until", *rules, "--configfile", TINY, "change.yaml")
        self.environment["FAULTS"] = ""
        assert failed.returncode != 0, (rules, failed.stdout + failed.stderr)
        return failed.stdout + failed.stderr


def ranks(workflow: Workflow, *arguments: str) -> Iterator[list[str]]:
    """The rules that a study would run, those that need none of one another together, after all that they need."""
    planned = workflow.plan(*arguments).keys() - {"all", "study"}
    graph = workflow.snakemake("--rulegraph", *arguments).stdout
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', graph))
    sorter = TopologicalSorter({name: [] for name in planned})
    for needed, needing in re.findall(r"(\d+) -> (\d+)", graph):
        if {names[needed], names[needing]} <= planned:
            sorter.add(names[needing], names[needed])
    sorter.prepare()
    while sorter.is_active():
        rank = sorter.get_ready()
        yield sorted(rank)
        sorter.done(*rank)


def rules_run(said: str) -> set[str]:
    """Names of the rules whose jobs Snakemake started."""
    return set(re.findall(r"^(?:local)?rule (\w+):$", said, re.MULTILINE))


@pytest.fixture(scope="module")
def changed(workflow_of_module) -> Workflow:
    """The changed study where nothing failed."""
    (workflow_of_module.folder / "change.yaml").write_text(CHANGE)
    done = workflow_of_module.snakemake("--cores", "2", "--configfile", TINY, "change.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    return workflow_of_module


@pytest.fixture(scope="module")
def fresh(changed) -> dict:
    """What it finds."""
    return findings(changed.folder / "results/tiny")


def test_each_rule_fails_in_turn_and_the_study_ends_as_if_none_had(tmp_path, tiny_study, fresh):
    workflow = FaultyWorkflow(tmp_path / "checkout", tiny_study)
    results = workflow.folder / "results/tiny"
    report = (results / "report.html").read_bytes()
    (workflow.folder / "change.yaml").write_text(CHANGE)
    unmended = set()
    every = list(ranks(workflow, "--configfile", TINY, "change.yaml"))
    assert every[-1] == ["report"]
    for rules, signal in zip(every, cycle(("SIGTERM", "SIGKILL"))):
        said = workflow.run_until(rules, signal)
        assert set(re.findall(r"Error in rule (\w+):", said)) == set(rules)
        unmended = unmended - rules_run(said) | set(rules)
        if rules != ["report"]:
            assert (results / "report.html").read_bytes() == report
            assert "results/tiny/report.html is of an earlier run" in said
    assert not (results / "report.html").exists()
    done = workflow.snakemake("--cores", "2", "--configfile", TINY, "change.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert unmended <= rules_run(done.stdout + done.stderr)
    assert findings(results) == fresh
    assert workflow.plan("--configfile", TINY, "change.yaml") == {}


def test_a_report_of_this_run_is_not_called_an_earlier_ones(tmp_path, tiny_study):
    workflow = FaultyWorkflow(tmp_path / "checkout", tiny_study)
    report = workflow.folder / "results/tiny/report.html"
    report.unlink()
    workflow.environment |= {"FAULTS": "report.zip", "SIGNAL": "SIGTERM"}
    failed = workflow.snakemake("--cores", "2", "--keep-going", "--configfile", TINY, "--config", "report_zip=true")
    said = failed.stdout + failed.stderr
    assert re.findall(r"Error in rule (\w+):", said) == ["zip_report"]
    assert report.exists()
    assert "is of an earlier run" not in said


def test_a_training_that_diverges_fails_each_time_and_config_and_tables_stay_of_one_study(tmp_path, tiny_study):
    workflow = Workflow(tmp_path / "checkout", tiny_study)
    bad = "recipes: {teacher: {learning_rate: 100, weight_decay: 1.0, epochs: 10}}"
    (workflow.folder / "bad.yaml").write_text(bad)
    results = workflow.folder / "results/tiny"
    for _ in range(2):
        failed = workflow.snakemake("--cores", "1", "--configfile", TINY, "bad.yaml")
        assert failed.returncode != 0
        assert "training diverged; lower `learning_rate`" in failed.stdout + failed.stderr
        teacher = pd.read_csv(results / "tables/runs.csv").query("model == 'resnet'").iloc[0]
        config = yaml.safe_load((results / "config.json").read_text())
        assert teacher.epochs == config["recipes"]["teacher"]["epochs"] == 2


def test_settings_are_those_of_the_start_whatever_is_edited_meanwhile(tmp_path, tiny_study):
    workflow = Workflow(tmp_path / "checkout", tiny_study)
    (workflow.folder / "mine.yaml").write_text("claims: {fewest_seeds: 5}\n")
    log = workflow.folder / "results/tiny/logs/collected/collect_results.log"
    log.unlink()
    process = workflow.start("--cores", "1", "--configfile", TINY, "mine.yaml", "--forcerun", "collect_results")
    while not log.exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)
    (workflow.folder / "mine.yaml").write_text("claims: {fewest_seeds: 7}\n")
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    results = workflow.folder / "results/tiny"
    assert json.loads((results / "config.json").read_text())["claims"]["fewest_seeds"] == 5


def test_a_file_that_somebody_removed_is_made_again(changed, fresh):
    results = changed.folder / "results/tiny"
    for name in ("runs/student/labels/seed0/history.parquet", "tables/mcnemar.tex", "figures/resnet/cost.svg"):
        (results / name).unlink()
    assert changed.snakemake("--cores", "2", "--configfile", TINY, "change.yaml").returncode == 0
    assert (results / "figures/resnet/cost.svg").exists()
    assert findings(results) == fresh


def test_weights_that_somebody_damaged_are_named_and_made_anew(changed, fresh):
    results = changed.folder / "results/tiny"
    weights = results / "runs/student/labels/seed0/weights.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-8] + bytes([content[-8] ^ 1]) + content[-7:])
    again = ("--cores", "2", "--until", "evaluate_runs", "--configfile", TINY, "change.yaml")
    assert changed.snakemake(*again).returncode != 0
    said = (results / "logs/runs/student/labels/evaluate_runs.log").read_text()
    assert said.startswith(
        "error: an input is damaged: results/tiny/runs/student/labels/seed0/weights.safetensors, which"
    )
    weights.unlink()
    assert changed.snakemake(*again).returncode == 0
    assert findings(results) == fresh
