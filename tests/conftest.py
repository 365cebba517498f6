"""The workflow as a person uses it: a copy of the checkout, and Snakemake called on it."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pandas as pd
import pytest
from xdist.scheduler import LoadScopeScheduling

CHECKOUT = Path(__file__).parents[1]
INSTALL = "to install it: apt-get install --no-install-recommends " + " ".join(
    (CHECKOUT / "tests" / "debian-packages.txt").read_text().split()
)
AS_ROOT = "run the tests as root, on a machine that allows it"
SMOKE = "workflow/studies/smoke.yaml"
TINY = "tests/data/tiny.yaml"


def lacking(reason: str, remedy: str) -> NoReturn:
    """Skip the test, since this machine lacks a part that it needs. In CI, where all parts must be there, fail."""
    refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    refuse(f"{reason}; {remedy}")


class _FilesThatShare(LoadScopeScheduling):
    """Deals out whole files, and in one piece those that share the smoke study and those that share the cluster."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        if file.parent.name == "browser" or file.name == "test_smoke.py":
            return "smoke"
        return "cluster" if file.parent.name == "cluster" else str(file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log) -> _FilesThatShare:
    """How `pytest -n` deals out the tests: in the order below."""
    config.option.loadscopereorder = False
    return _FilesThatShare(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no worker is left with a long one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, item.path.parent.name == "unit"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last lines of all: what was skipped, why, and what would help."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not (skipped := reporter.stats.get("skipped")):
        return
    reporter.write_line("Tests that were skipped:")
    for reason, count in Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped).items():
        reporter.write_line(f"  {count}: {reason}")


@contextmanager
def undone(do: list[str], undo: list[str]) -> Iterator[None]:
    """Run a command on a folder, its last word, for the length of a block; skip the test where that is forbidden."""
    done = subprocess.run(["env", *do], capture_output=True, text=True)  # env says of a missing command that it is
    if done.returncode:
        said = done.stderr.partition("\n")[0].replace(do[-1], "FOLDER")
        lacking(f"no right to {do[0]} ({said})", AS_ROOT)
    try:
        yield
    finally:
        subprocess.run(undo, check=True)


class Workflow:
    """A copy of the checkout in `folder`, with the tests' own Python first on the PATH.

    `finished` is the folder of such a copy, whose results are taken over.
    """

    def __init__(self, folder: Path, finished: Path | None = None):
        self.folder = folder
        if finished:
            shutil.copytree(finished, folder)
        self.environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # with it, each job would compile all modules again
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=CHECKOUT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            if (CHECKOUT / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(CHECKOUT / name, folder / name, follow_symlinks=False)

    def snakemake(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess:
        """Run Snakemake to its end."""
        return subprocess.run(
            ["snakemake", *arguments],
            cwd=folder or self.folder, env=self.environment, capture_output=True, text=True, timeout=900,
        )  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start Snakemake at the head of a process group of its own, where Ctrl-C reaches it as in a terminal."""
        return subprocess.Popen(
            ["snakemake", *arguments],
            cwd=self.folder, env=self.environment, text=True, process_group=0,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip

    def plan(self, *arguments: str, folder: Path | None = None) -> dict[str, int]:
        """Jobs per rule that Snakemake would run now; empty when there is nothing to do."""
        planned = self.snakemake("--dry-run", *arguments, folder=folder)
        assert planned.returncode == 0, planned.stderr
        jobs = {}
        lines = iter(planned.stdout.splitlines())
        for line in lines:
            if line.startswith("---"):
                for row in lines:
                    if not row.strip() or row.startswith("total"):
                        break
                    rule, count = row.split()
                    jobs[rule] = int(count)
                break
        return jobs

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace `old`, which must be there, in a file of the copy."""
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


def findings(folder: Path) -> dict:
    """What all runs of a study found: weights and logits as bytes, tables without what a clock or a scale fills."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".safetensors":
            found[name] = path.read_bytes()
        elif path.suffix == ".csv":
            found[name] = unmeasured(pd.read_csv(path))
        elif path.name in ("history.parquet", "steps.parquet"):
            found[name] = unmeasured(pd.read_parquet(path))
        elif path.name == "metrics.json":
            metrics = json.loads(path.read_text())
            found[name] = {
                key: metrics[key] for key in ("validation_accuracy", "selected_epoch", "parameters", "device")
            }
    return found


def unmeasured(table: pd.DataFrame) -> str:
    """The table as text, floats to their last bit, without seconds and memory."""
    if "unit" in table:
        table = table[table.unit != "s"]
    kept = table.columns[~table.columns.str.contains("second|minute|memory")]
    return table[kept].to_csv(float_format="%a")


@pytest.fixture
def workflow(tmp_path):
    return Workflow(tmp_path / "checkout")


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory, worker_id) -> Path:
    """A checkout with the tiny study, run whole and once for all workers. Tests that change it do so in a copy."""
    shared = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    checkout = shared / "tiny" / "checkout"
    with (shared / "tiny.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (checkout / "results" / "tiny" / "report.html").exists():
            run = Workflow(checkout).snakemake("--cores", "2", "--configfile", TINY)
            assert run.returncode == 0, run.stdout + run.stderr
    return checkout


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """The smoke study, run once and whole. Tests that change it put it back."""
    workflow = Workflow(tmp_path_factory.mktemp("smoke") / "checkout")
    workflow.run = workflow.snakemake("--cores", "2", "--configfile", SMOKE)
    assert workflow.run.returncode == 0, workflow.run.stdout + workflow.run.stderr
    workflow.results = workflow.folder / "results" / "smoke"
    return workflow


@pytest.fixture(scope="module")
def workflow_of_module(tmp_path_factory):
    """A copy of the checkout that a module's tests share."""
    return Workflow(tmp_path_factory.mktemp("module") / "checkout")
