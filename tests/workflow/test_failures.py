"""A job that failed leaves no old numbers under a new configuration: the same command fails again, or makes it good."""

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
    "save_config": "save_config:",
    "save_asked": "save_asked:",
    "report": "--report",
}

FAULT = """import os, pathlib, signal
words = pathlib.Path("/proc/self/cmdline").read_bytes().replace(bytes(1), b" ").decode()
if os.environ["FAULT"] in words:
    os.kill(os.getpid(), getattr(signal, os.environ["SIGNAL"]))
"""


class FaultyWorkflow(Workflow):
    """A workflow whose Python processes die of a signal as they start, where their command line holds a fault."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        site = folder.parent / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(FAULT)
        self.environment |= {"PYTHONPATH": str(site), "FAULT": "no such word"}

    def run_until(self, rule: str, signal: str):
        """Run the changed study up to a rule, whose jobs die."""
        self.environment |= {"FAULT": COMMANDS.get(rule, f"{rule}.py"), "SIGNAL": signal}
        try:
            return self.snakemake("--cores", "1", "--until", rule, "--configfile", TINY, "change.yaml")
        finally:
            self.environment["FAULT"] = "no such word"


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


def test_each_rule_fails_in_turn_and_the_study_ends_as_if_none_had(tmp_path, fresh):
    workflow = FaultyWorkflow(tmp_path / "checkout")
    before = workflow.snakemake("--cores", "2", "--configfile", TINY)
    assert before.returncode == 0, before.stdout + before.stderr
    results = workflow.folder / "results/tiny"
    report = (results / "report.html").read_bytes()
    (workflow.folder / "change.yaml").write_text(CHANGE)
    rules = [rule for rule in workflow.plan("--configfile", TINY, "change.yaml") if rule not in ("all", "study")]
    # A rule comes after all that it needs. Snakemake lists a rule where its first job stands, and the teacher is
    # evaluated before the students are trained.
    rules.remove("evaluate_runs")
    rules.insert(rules.index("collect_results"), "evaluate_runs")
    for rule, signal in zip(rules, cycle(("SIGTERM", "SIGKILL"))):
        failed = workflow.run_until(rule, signal)
        said = failed.stdout + failed.stderr
        assert failed.returncode != 0, (rule, said)
        assert f"Error in rule {rule}:" in said
        if rule != "report":
            assert (results / "report.html").read_bytes() == report
            assert "results/tiny/report.html is of an earlier run" in said
        assert rule in workflow.plan("--configfile", TINY, "change.yaml")
    assert not (results / "report.html").exists()
    done = workflow.snakemake("--cores", "2", "--configfile", TINY, "change.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert findings(results) == fresh
    assert workflow.plan("--configfile", TINY, "change.yaml") == {}


def test_a_training_that_diverges_fails_each_time_and_config_and_tables_stay_of_one_study(tmp_path):
    workflow = Workflow(tmp_path / "checkout")
    assert workflow.snakemake("--cores", "2", "--configfile", TINY).returncode == 0
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


def test_a_file_that_somebody_removed_is_made_again(changed, fresh):
    results = changed.folder / "results/tiny"
    for name in ("runs/student/labels/seed0/history.parquet", "tables/mcnemar.tex", "figures/resnet/cost.svg"):
        (results / name).unlink()
    assert changed.snakemake("--cores", "2", "--configfile", TINY, "change.yaml").returncode == 0
    assert (results / "figures/resnet/cost.svg").exists()
    assert findings(results) == fresh
