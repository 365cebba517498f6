"""A study on the cluster is the study at home."""

import pytest

from ..conftest import TINY, findings
from .conftest import PROFILE

pytestmark = pytest.mark.slow


def test_the_cluster_finds_what_one_machine_finds(workflow):
    done = workflow.snakemake(*PROFILE, "--configfile", TINY)
    assert done.returncode == 0, done.stdout + done.stderr
    results = workflow.folder / "results" / "tiny"
    on_cluster = findings(results)
    assert (results / "report.html").stat().st_size > 1_000_000
    results.rename(results.with_name("on-cluster"))
    done = workflow.snakemake("--cores", "2", "--configfile", TINY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len([name for name in on_cluster if name.endswith("weights.safetensors")]) == 4
    assert findings(results) == on_cluster
