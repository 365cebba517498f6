"""A study that is stopped in the middle of a training, in all the ways there are, and what then goes on."""

import os
import shutil
import signal
import subprocess
import time

import psutil
import pytest

from ..conftest import TINY, Workflow, findings, undone

pytestmark = pytest.mark.slow

RUN = "results/tiny/runs/resnet/labels/seed0"
COMMAND = ("--cores", "1", f"{RUN}/weights.safetensors", "--configfile", TINY, "long.yaml")


@pytest.fixture
def workflow(tmp_path):
    """The tiny study with a training long enough to be stopped."""
    workflow = Workflow(tmp_path / "checkout")
    (workflow.folder / "long.yaml").write_text("recipes: {teacher: {epochs: 60}}\n")
    return workflow


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What the training finds that nobody stops."""
    workflow = Workflow(tmp_path_factory.mktemp("whole") / "checkout")
    (workflow.folder / "long.yaml").write_text("recipes: {teacher: {epochs: 60}}\n")
    done = workflow.snakemake(*COMMAND)
    assert done.returncode == 0, done.stdout + done.stderr
    return findings(workflow.folder / RUN)


def start_and_wait(workflow, file="resume.pt"):
    """Start Snakemake and wait for a file in the run's folder."""
    process = workflow.start(*COMMAND)
    deadline = time.monotonic() + 300
    while not (workflow.folder / RUN / file).exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def kill_all(process) -> None:
    """As a power cut: Snakemake and everything that it started end at once."""
    for one in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
        one.kill()
    process.communicate(timeout=60)


def test_a_killed_study_goes_on_with_the_two_commands_of_the_readme(workflow, whole):
    kill_all(start_and_wait(workflow))
    locked = workflow.snakemake(*COMMAND)
    assert locked.returncode != 0
    assert "--unlock" in locked.stderr
    assert "`snakemake --unlock`" in (workflow.folder / "docs/running.md").read_text()
    assert workflow.snakemake("--unlock").returncode == 0
    again = workflow.snakemake(*COMMAND)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "continuing" in (workflow.folder / "results/tiny/logs/runs/resnet/labels/seed0.log").read_text()
    assert findings(workflow.folder / RUN) == whole


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_stopped_study_goes_on_with_the_same_command(workflow, whole, signal_):
    process = start_and_wait(workflow)
    os.killpg(process.pid, signal_)
    said, _ = process.communicate(timeout=120)
    assert process.returncode != 0, said
    assert not (workflow.folder / RUN / "weights.safetensors").exists()
    again = workflow.snakemake(*COMMAND)
    assert again.returncode == 0, again.stdout + again.stderr
    assert findings(workflow.folder / RUN) == whole


def test_a_second_snakemake_in_the_same_folder_is_told(workflow, whole):
    first = start_and_wait(workflow)
    second = workflow.snakemake(*COMMAND)
    assert second.returncode != 0
    assert "Directory cannot be locked" in second.stderr
    said, _ = first.communicate(timeout=300)
    assert first.returncode == 0, said
    assert findings(workflow.folder / RUN) == whole


def test_a_study_on_a_full_disk_goes_on_once_there_is_room(workflow, whole):
    """The file system of the results has room for the data and the logs, and none for a checkpoint."""
    results = workflow.folder / "results" / "tiny"
    results.mkdir(parents=True)
    with undone(["mount", "-t", "tmpfs", "-o", "size=50m", "tmpfs", str(results)], ["umount", str(results)]):
        data = workflow.snakemake("--cores", "1", "results/tiny/data/dataset.safetensors", "--configfile", TINY)
        assert data.returncode == 0, data.stdout + data.stderr
        resize(results, shutil.disk_usage(results).used // 1024 + 24)
        full = workflow.snakemake(*COMMAND)
        said = full.stdout + full.stderr
        assert full.returncode != 0
        assert "error: No space left on device: " in said
        assert "Traceback" not in said
        assert not (workflow.folder / RUN / "weights.safetensors").exists()
        resize(results, 50_000)
        again = workflow.snakemake(*COMMAND)
        assert again.returncode == 0, again.stdout + again.stderr
        assert findings(workflow.folder / RUN) == whole


def resize(folder, kilobytes: int) -> None:
    """Give the tmpfs at `folder` another size."""
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(folder)], check=True)
