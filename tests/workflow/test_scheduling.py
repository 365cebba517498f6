"""What Snakemake does while jobs run."""

import pytest

from ..conftest import TINY

pytestmark = pytest.mark.slow


def test_snakemake_looks_at_its_queue_when_a_job_ends_and_not_ever_more_often(workflow):
    (workflow.folder / "two.yaml").write_text("seeds: [0, 1]\n")
    weights = [f"results/tiny/runs/resnet/labels/seed{seed}/weights.safetensors" for seed in (0, 1)]
    run = workflow.snakemake("--cores", "1", "--verbose", *weights, "--configfile", TINY, "two.yaml")
    assert run.returncode == 0, run.stdout + run.stderr
    finished, looks = (run.stderr.count(text) for text in ("Finished jobid: ", "Ready jobs: "))
    assert finished == 4  # find the data, prepare it, train twice, one after the other
    assert looks <= finished
