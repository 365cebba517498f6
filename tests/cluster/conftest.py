"""A cluster for all tests of this folder, and Snakemake called on it with the profile that users have."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from ..conftest import AS_ROOT, CHECKOUT, INSTALL, Workflow, lacking
from .slurm import Slurm, may_make_devices, missing_programs

PROFILE = (
    "--profile", str(CHECKOUT / "profiles" / "slurm"),
    "--profile", str(CHECKOUT / "profiles" / "slurm" / "site.yaml"),
    "--slurm-init-seconds-before-status-checks", "1",
    "--max-status-checks-per-second", "10",
    "--latency-wait", "5",
)  # fmt: skip


@pytest.fixture(scope="session")
def slurm():
    require_slurm()
    with Slurm() as cluster:
        yield cluster


def require_slurm() -> None:
    """Skip the test where SLURM is not installed, or may not be started."""
    if missing := missing_programs():
        lacking(f"SLURM is missing ({', '.join(missing)})", INSTALL)
    if not may_make_devices():
        lacking("SLURM cannot be given devices that stand for GPUs", AS_ROOT)


class Jobs:
    """The small Snakefile beside this file, in a folder of its own, its jobs sent to the cluster."""

    def __init__(self, folder: Path, slurm: Slurm):
        self.folder, self.slurm, self.environment = folder, slurm, dict(slurm.environment)
        shutil.copy(Path(__file__).parent / "Snakefile", folder)
        self.known = {job["JobId"] for job in slurm.jobs()}
        self.processes: list[subprocess.Popen] = []

    def start(self, *targets: str, options: tuple[str, ...] = ()) -> subprocess.Popen:
        with (self.folder / "output").open("a") as output:
            process = subprocess.Popen(
                ["snakemake", *PROFILE, *options, "--config", f"targets={list(targets)}"],
                cwd=self.folder, env=self.environment, stdout=output, stderr=output, process_group=0,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )  # fmt: skip
        self.processes.append(process)
        return process

    def __enter__(self) -> "Jobs":
        return self

    def __exit__(self, *_) -> None:
        for process in self.processes:
            if process.poll() is None:  # a test failed while it ran
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def run(self, *targets: str, options: tuple[str, ...] = ()) -> int:
        return self.end_of(self.start(*targets, options=options))

    def end_of(self, process: subprocess.Popen) -> int:
        """The exit code; after seven minutes the test fails, and all that was said is shown."""
        try:
            return process.wait(420)
        except subprocess.TimeoutExpired:
            pytest.fail(f"Snakemake did not end:\n{self.output}")

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    def submitted(self, name: str) -> list[dict[str, str]]:
        """The cluster jobs of a rule or group of this test so far, in their order."""
        own = [job for job in self.slurm.jobs() if job["JobId"] not in self.known]
        return sorted((job for job in own if name in job["Comment"]), key=lambda job: int(job["JobId"]))

    def wait_for_attempt(self, attempt: int, n: int = 0) -> str:
        """Wait until the rule `wait` of `n` has begun so often; returns the number of its cluster job."""
        path = self.folder / f"attempts{n}"
        self.slurm.wait_until(
            lambda: path.exists() and len(path.read_text().splitlines()) == attempt, f"attempt {attempt}"
        )
        return self.submitted(f"rule_wait_wildcards_{n}")[-1]["JobId"]

    def go(self) -> None:
        """Let the rule `wait` end."""
        (self.folder / "go").touch()


@pytest.fixture
def jobs(tmp_path, slurm):
    with Jobs(tmp_path, slurm) as jobs:
        yield jobs


@pytest.fixture
def workflow(tmp_path, slurm):
    """The workflow itself; its `environment` knows the cluster."""
    workflow = Workflow(tmp_path / "checkout")
    workflow.environment = slurm.environment
    return workflow
