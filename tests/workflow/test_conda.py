"""Each rule finds what it needs in its conda environment, and in no other."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import TINY

pytestmark = pytest.mark.slow


@pytest.fixture
def conda(workflow, tmp_path):
    """A `conda` first on the workflow's PATH."""
    bin = tmp_path / "conda" / "bin"
    bin.mkdir(parents=True)
    script = Path(__file__).with_name("conda.py")
    (bin / "conda").write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    (bin / "conda").chmod(0o755)
    (bin / "activate").write_text('PATH="$1/bin:$PATH"\n')
    workflow.environment |= {"PATH": f"{bin}:{workflow.environment['PATH']}", "CONDA_STAND_IN": str(bin.parent)}


def test_the_tiny_study_runs_in_its_conda_environments(workflow, conda):
    fewer = "experiments={resnet: {temperatures: [4]}}"
    done = workflow.snakemake("--cores", "2", "--sdm", "conda", "--configfile", TINY, "--config", fewer)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (workflow.folder / "results" / "tiny" / "report.html").exists()
    environments = [path for path in (workflow.folder / ".snakemake" / "conda").iterdir() if path.is_dir()]
    assert len(environments) == 2
    for module in ("torch", "seaborn"):  # of training and of analysis; neither environment has both
        found = [
            subprocess.run([path / "bin" / "python", "-c", f"import {module}"], capture_output=True).returncode == 0
            for path in environments
        ]
        assert sorted(found) == [False, True]
    shutil.rmtree(workflow.folder / ".snakemake" / "conda")
