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


def test_jobs_that_could_share_a_gpu_side_by_side_are_told_of_once(workflow, tmp_path):
    tools, pipe = tmp_path / "tools", tmp_path / "mps"
    tools.mkdir()
    pipe.mkdir()
    workflow.environment |= {
        "PATH": f"{workflow.environment['PATH']}:{tools}",
        "CUDA_MPS_PIPE_DIRECTORY": str(pipe),
    }

    def told(*arguments: str) -> int:
        run = workflow.snakemake("--configfile", TINY, "--until", "save_asked", "--forcerun", "save_asked", *arguments)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stderr.count("`nvidia-cuda-mps-control -d`")

    for name in ("nvidia-smi", "nvidia-cuda-mps-control"):
        (tools / name).write_text("#!/bin/sh\n")
        (tools / name).chmod(0o755)
    assert told("--cores", "2") == 1
    assert told("--cores", "1") == 0
    assert told("--cores", "2", "--config", "accelerator=cpu") == 0
    (pipe / "control").touch()
    assert told("--cores", "2") == 0
