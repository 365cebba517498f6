"""The conda environments name the versions that the lock installs."""

import tomllib
from pathlib import Path

import pytest
import yaml

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
