"""A study on the cluster is the study at home."""

import re

import pytest

from ..conftest import TINY, findings
from ..workflow.test_terminal import COMMAND, TRAINING, WHOLE, Terminal
from .conftest import PROFILE

pytestmark = pytest.mark.slow


def test_the_cluster_finds_what_one_machine_finds(workflow, tiny_study):
    done = workflow.snakemake(*PROFILE, "--configfile", TINY)
    assert done.returncode == 0, done.stdout + done.stderr
    results = workflow.folder / "results" / "tiny"
    on_cluster = findings(results)
    assert (results / "report.html").stat().st_size > 1_000_000
    assert len([name for name in on_cluster if name.endswith("weights.safetensors")]) == 4
    assert on_cluster == findings(tiny_study / "results" / "tiny")


def test_the_terminal_of_a_login_node_shows_a_training_that_runs_on_the_cluster(workflow):
    (workflow.folder / "long.yaml").write_text("recipes: {teacher: {epochs: 60}}\n")
    environment = workflow.environment | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    environment.pop("COLUMNS", None)
    command = ["snakemake", *PROFILE, *COMMAND[2:]]
    terminal = Terminal(command, cwd=workflow.folder, env=environment)
    terminal.read()
    assert terminal.process.wait(60) == 0, terminal.lines
    assert any(TRAINING.match(line) for frame in terminal.frames for line in frame)
    assert not terminal.shows(TRAINING)
    assert terminal.shows(re.compile(r"^\d\d:\d\d:\d\d  resnet labels seed 0, \d:\d\d, [\d.]+ % on validation$"))
    assert [WHOLE.match(line)[1] for line in terminal.lines if WHOLE.match(line)] == ["1"]
