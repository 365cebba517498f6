"""What becomes of jobs on a real SLURM, through the profile that users have."""

import os
import shutil
import signal
from itertools import pairwise

import pytest

from .conftest import Jobs

pytestmark = pytest.mark.slow


# Students of one teacher and seed, and one of another seed.
MEMBERS = ["member_large_0_0", "member_large_0_1", "member_large_0_2", "member_large_1_0"]


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory, slurm):
    """Jobs of all kinds, sent together and ended."""
    gpus = [f"gpu{n}" for n in range(4)]
    with Jobs(tmp_path_factory.mktemp("scheduled"), slurm) as jobs:
        assert jobs.run(*gpus, "gres0", *MEMBERS, "memory") == 0, jobs.output
        yield jobs


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory, slurm):
    """Three running jobs: one that was cancelled, one requeued, one whose time ran out; all ended well in the end."""
    with Jobs(tmp_path_factory.mktemp("disturbed"), slurm) as jobs:
        running = jobs.start("waited0", "waited1", "waited2")
        cancelled, requeued, late = [jobs.wait_for_attempt(1, n) for n in range(3)]
        slurm.scontrol("update", f"JobId={late}", "EndTime=now+1")
        slurm.scancel(cancelled)
        slurm.scontrol("requeue", requeued)
        for n in range(3):
            jobs.wait_for_attempt(2, n)
        jobs.go()
        assert jobs.end_of(running) == 0, jobs.output
        yield jobs


def times_of(jobs, name) -> tuple[float, float]:
    begin, end = (jobs.folder / name).read_text().split()[-2:]
    return float(begin), float(end)


def in_turn(times) -> bool:
    times = sorted(times)
    return all(end <= begin for (_, end), (begin, _) in pairwise(times))


def test_each_gpu_job_has_a_device_of_its_own(scheduled):
    devices = {"0": [], "1": []}
    for name in ("gpu0", "gpu1", "gpu2", "gpu3", "gres0"):
        devices[(scheduled.folder / name).read_text().split()[0]].append(times_of(scheduled, name))
    assert all(devices.values())  # five jobs on two devices: both were used
    assert in_turn(devices["0"])
    assert in_turn(devices["1"])


def test_gpu_jobs_go_to_the_sites_partition(scheduled):
    jobs = scheduled.submitted("rule_train_model")
    assert [(job["Partition"], job["TresPerJob"]) for job in jobs] == [("gpu", "gres:gpu:1")] * 4
    assert scheduled.submitted("rule_use_memory")[0]["Partition"] == "cpu"


def test_a_site_can_ask_for_gpus_by_gres(scheduled):
    (job,) = scheduled.submitted("rule_train_by_gres")
    assert "TresPerJob" not in job
    assert job["TresPerNode"] == "gres:gpu:1"


def test_short_jobs_share_a_cluster_job_and_run_in_turn(scheduled):
    (job,) = scheduled.submitted("rule_students_large_0_distill_model")
    assert (job["NumCPUs"], job["TimeLimit"]) == ("1", "00:09:00")
    assert "mem=400M" in job["TRES"]
    assert in_turn(times_of(scheduled, member) for member in MEMBERS[:3])


def test_students_of_another_seed_are_another_cluster_job(scheduled):
    (job,) = scheduled.submitted("rule_students_large_1_distill_model")
    assert job["TimeLimit"] == "00:03:00"


def test_a_job_over_its_memory_gets_more(scheduled):
    first, second = scheduled.submitted("rule_use_memory")
    assert ("mem=400M" in first["TRES"], first["JobState"]) == (True, "FAILED")
    assert ("mem=800M" in second["TRES"], second["JobState"]) == (True, "COMPLETED")


def test_a_cancelled_job_is_told_and_sent_again(disturbed):
    assert "SLURM status is: 'CANCELLED'" in disturbed.output
    first, second = disturbed.submitted("rule_wait_wildcards_0")
    assert (first["JobState"], second["JobState"]) == ("CANCELLED", "COMPLETED")


def test_a_requeued_job_begins_again_under_its_number(disturbed):
    (job,) = disturbed.submitted("rule_wait_wildcards_1")
    assert (job["JobState"], job["Restarts"]) == ("COMPLETED", "1")


def test_a_job_over_its_time_gets_more(disturbed):
    assert "SLURM status is: 'TIMEOUT'" in disturbed.output
    first, second = disturbed.submitted("rule_wait_wildcards_2")
    assert (first["JobState"], second["JobState"]) == ("TIMEOUT", "COMPLETED")
    assert second["TimeLimit"] == "00:20:00"


def test_a_job_outlives_the_crash_of_its_node(jobs):
    running = jobs.start("waited0")
    number = jobs.wait_for_attempt(1)
    jobs.slurm.kill_node()
    jobs.slurm.start_node()
    assert jobs.wait_for_attempt(2) == number
    jobs.go()
    assert jobs.end_of(running) == 0, jobs.output
    assert jobs.slurm.job(number)["Restarts"] == "1"


def test_ctrl_c_takes_the_cluster_jobs_along(jobs):
    running = jobs.start("waited0")
    number = jobs.wait_for_attempt(1)
    os.killpg(running.pid, signal.SIGINT)
    assert jobs.end_of(running) != 0
    jobs.slurm.wait_until(lambda: jobs.slurm.job(number)["JobState"] == "CANCELLED", "the job's end")
    assert not (jobs.folder / "waited0").exists()
    jobs.go()
    assert jobs.run("waited0") == 0, jobs.output


def test_a_cluster_job_outlives_a_killed_snakemake(jobs):
    running = jobs.start("waited0")
    number = jobs.wait_for_attempt(1)
    os.killpg(running.pid, signal.SIGKILL)
    jobs.end_of(running)
    jobs.go()
    jobs.slurm.wait_until(lambda: jobs.slurm.job(number)["JobState"] == "COMPLETED", "the job's end")
    assert jobs.run("waited0") != 0
    assert "Directory cannot be locked" in jobs.output
    assert jobs.run("waited0", options=("--unlock",)) == 0
    assert jobs.run("waited0") == 0, jobs.output


def test_a_controller_that_does_not_answer_for_a_while_is_asked_again(jobs):
    squeue = jobs.folder / "bin" / "squeue"
    squeue.parent.mkdir()
    real = shutil.which("squeue", path=jobs.environment["PATH"])
    squeue.write_text(f'#!/bin/sh\necho >> "$0.asked"\n[ $(wc -l < "$0.asked") -gt 8 ] && exec {real} "$@"\nexit 1\n')
    squeue.chmod(0o755)
    jobs.environment["PATH"] = f"{squeue.parent}:{jobs.environment['PATH']}"
    jobs.go()
    assert jobs.run("waited0") == 0, jobs.output
    assert len((squeue.parent / "squeue.asked").read_text()) > 8


def test_an_unknown_partition_is_told(jobs):
    options = ("--set-resources", "wait:slurm_partition=nowhere", "--retries", "0")
    assert jobs.run("waited0", options=options) != 0
    assert "invalid partition specified: nowhere" in jobs.output
