"""Jobs spread over GPUs, and no killed job holds one."""

import multiprocessing
import tempfile
from collections import Counter
from types import SimpleNamespace

import pytest
import torch

from dark_knowledge.training.devices import choose_compute, claim_gpu

fork = multiprocessing.get_context("fork")


class Job:
    """A process that claims one of the GPUs and holds it until it is killed."""

    def __init__(self, names, folder):
        ours, theirs = fork.Pipe()
        self.process = fork.Process(target=self._main, args=(names, folder, theirs), daemon=True)
        self.process.start()
        self.answer = ours

    @staticmethod
    def _main(names, folder, answer):
        answer.send(claim_gpu(names, folder))
        answer.recv()

    def gpu(self) -> int:
        assert self.answer.poll(60)
        return self.answer.recv()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


@pytest.fixture
def start(tmp_path):
    """Start jobs on fake GPUs; all end with the test."""
    jobs = []

    def start(*names) -> Job:
        jobs.append(Job(list(names), tmp_path))
        return jobs[-1]

    yield start
    for job in jobs:
        job.kill()


def test_each_job_gets_a_gpu_of_its_own(start):
    jobs = [start("a", "b", "c", "d") for _ in range(4)]
    assert sorted(job.gpu() for job in jobs) == [0, 1, 2, 3]


def test_more_jobs_than_gpus_are_spread_evenly(start):
    jobs = [start("a", "b") for _ in range(6)]
    assert Counter(job.gpu() for job in jobs) == {0: 3, 1: 3}


def test_a_new_job_takes_the_gpu_with_the_fewest_jobs_whichever_of_them_ended(start):
    jobs = []
    for gpu in (0, 1, 0):
        jobs.append(start("a", "b"))
        assert jobs[-1].gpu() == gpu
    jobs[0].kill()
    jobs[1].kill()
    assert start("a", "b").gpu() == 1  # the third job is still on the first GPU


def test_a_killed_job_leaves_its_gpu(start):
    jobs = [start("a", "b", "c") for _ in range(3)]
    places = {job.gpu(): job for job in jobs}
    for index in (1, 0, 2, 1):
        places[index].kill()
        places[index] = start("a", "b", "c")
        assert places[index].gpu() == index


def test_jobs_that_see_different_gpus_agree(start):
    """As CUDA_VISIBLE_DEVICES=1,0 and CUDA_VISIBLE_DEVICES=1 make them see: names count, not numbers."""
    assert start("b", "a").gpu() == 0
    assert start("a", "b").gpu() == 0
    assert start("b", "c").gpu() == 1


@pytest.fixture
def two_gpus(monkeypatch, tmp_path):
    """A machine with two GPUs as PyTorch shows them."""
    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace(uuid=f"gpu-{index}"))
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    return chosen


def test_auto_takes_cuda_first_and_the_gpu_that_is_free(two_gpus, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert [choose_compute("auto", "auto", 1).device for _ in range(2)] == [torch.device("cuda", n) for n in (0, 1)]
    assert two_gpus == [torch.device("cuda", 0), torch.device("cuda", 1)]


def test_the_cpu_needs_no_claim(two_gpus, tmp_path):
    assert choose_compute("cpu", "float32", 1).device == torch.device("cpu")
    assert not list(tmp_path.iterdir())
