"""The conda environments name the versions that the lock installs; the workflow runs wherever it is called from."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from ..conftest import TINY, Workflow

ROOT = Path(__file__).parents[2]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def pinned(requirements):
    pairs = (requirement.split("==") for requirement in requirements)
    return {CONDA_NAMES.get(name, name): version for name, version in pairs}


@pytest.mark.parametrize("name", ["training", "analysis"])
def test_conda_environments_agree_with_the_project(name):
    project = pinned(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    listed = yaml.safe_load((ROOT / "envs" / f"{name}.yaml").read_text())["dependencies"]
    conda = dict(entry.split("=") for entry in listed)
    del conda["python"]
    assert conda
    assert {package: project.get(package) for package in conda} == conda


def test_the_lock_agrees_with_the_project_and_names_no_address():
    lock = (ROOT / "requirements.lock").read_text()
    for requirement in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        assert f"{requirement} " in lock
    assert "://" not in lock


# What a container may do to a process: a user of whom the system knows nothing.
NAMELESS = """
import pwd
def getpwuid(number):
    raise KeyError("getpwuid(): uid not found: 12345")
pwd.getpwuid = getpwuid
"""


@pytest.fixture
def hostile(tmp_path) -> dict[str, str]:
    """Another Python first on the PATH, safe paths, a profile of the user's, a user without a name."""
    other = tmp_path / "bin" / "python"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho another Python >&2\nexit 1\n")
    other.chmod(0o755)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NAMELESS)
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile" / "profile.yaml").write_text("cores: 1\n")
    kept = {key: value for key, value in os.environ.items() if key not in ("LOGNAME", "USER", "LNAME", "USERNAME")}
    return kept | {
        "PATH": f"{other.parent}:/usr/bin:/bin",
        "PYTHONPATH": str(tmp_path / "site"),
        "PYTHONSAFEPATH": "1",
        "SNAKEMAKE_PROFILE": str(tmp_path / "profile"),
    }


@pytest.mark.slow
def test_the_workflow_runs_by_its_path_in_any_environment_and_after_its_checkout_was_renamed(tmp_path, hostile):
    workflow = Workflow(tmp_path / "checkout")
    (workflow.folder / "Snakefile").open("a").write('rule env:\n    output: "env"\n    shell: "env > {output}"\n')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "tests").symlink_to(workflow.folder / "tests")  # the study names its data by tests/data

    def snakemake(checkout: Path, *words: str) -> str:
        command = [Path(sys.executable).parent / "snakemake", "--directory", elsewhere]
        command += ["--snakefile", checkout / "Snakefile", "--configfile", checkout / TINY, *words]
        command += ["--", "env", "results/tiny/data/dataset.safetensors"]
        done = subprocess.run(list(map(str, command)), env=hostile, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    snakemake(workflow.folder)
    found = dict(line.partition("=")[::2] for line in (elsewhere / "env").read_text().splitlines())
    assert not found.keys() & {"SNAKEMAKE_PROFILE", "PYTHONSAFEPATH"}
    assert found["PATH"].startswith(f"{Path(sys.executable).parent}:")
    link, renamed = tmp_path / "link", tmp_path / "renamed"
    link.symlink_to(workflow.folder)
    assert "Nothing to be done" in snakemake(link, "--dry-run")
    link.unlink()
    workflow.folder.rename(renamed)
    assert "Nothing to be done" in snakemake(renamed, "--dry-run")


@pytest.mark.slow
def test_a_checkout_with_braces_in_its_path_is_refused_in_one_line(tmp_path):
    workflow = Workflow(tmp_path / "{a}")
    done = workflow.snakemake("--dry-run")
    assert done.returncode == 1
    assert f"error: braces in {tmp_path / '{a}'}: Snakemake takes them for wildcards; rename that folder" in done.stderr
    assert "Traceback" not in done.stderr


STORAGE = """from snakemake_interface_storage_plugins.storage_object import StorageObjectRead, StorageObjectWrite
from snakemake_interface_storage_plugins.storage_provider import StorageProviderBase


class StorageProvider(StorageProviderBase):
    pass


class StorageObject(StorageObjectRead, StorageObjectWrite):
    pass


StorageProvider.__abstractmethods__ = frozenset()
"""


@pytest.mark.slow
def test_results_in_a_storage_are_refused_in_one_line(tmp_path):
    workflow = Workflow(tmp_path / "checkout")
    plugin = tmp_path / "plugins" / "snakemake_storage_plugin_fake"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").write_text(STORAGE)
    workflow.environment |= {"PYTHONPATH": str(plugin.parent)}
    storage = ("--default-storage-provider", "fake", "--default-storage-prefix", "fake://results")
    refused = workflow.snakemake("--dry-run", *storage)
    assert refused.returncode == 1
    assert "error: default-storage-provider: results must be files that all jobs see" in refused.stderr
    assert "Traceback" not in refused.stderr
