"""Jobs get a place on a GPU when it has room, spread over all, wait rather than fail, and compute bit for bit.

No test here needs a GPU: PyTorch and the driver's tool are replaced by what they would say.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import cache_teacher_logits
import evaluate_runs
import pytest
import torch
from safetensors.torch import save_file

from dark_knowledge import command
from dark_knowledge.command import InputError, memory_is_full, sha256
from dark_knowledge.data.prepared import save_dataset
from dark_knowledge.data.preparing import Split, prepare
from dark_knowledge.study.views import views_of
from dark_knowledge.training import devices, gpus, loop, memory
from dark_knowledge.training.augment import pad_images
from dark_knowledge.training.checkpoint import Progress
from dark_knowledge.training.devices import choose_compute, peak_memory_mb
from dark_knowledge.training.gpus import CONTEXT, Gpu, claim_gpu, visible_gpus
from dark_knowledge.training.losses import learn_from_labels, learn_from_teacher
from dark_knowledge.training.memory import scoring_need, training_need
from dark_knowledge.training.networks import build_model
from dark_knowledge.training.stopwatch import Stopwatch

fork = multiprocessing.get_context("fork")
GB = 2**30


def gpu(name: str, total: float = 80, free: float | None = None, exclusive: bool = False) -> Gpu:
    """A fake GPU, its memory in GB."""
    return Gpu(name, 0, int(total * GB), int((total if free is None else free) * GB), exclusive)


class WouldWaitError(Exception):
    """Raised in place of a pause, by a job that would wait."""


def wait(what: str, pause: float) -> None:
    raise WouldWaitError(what)


class Job:
    """A process that claims a place on one of the GPUs and holds it until it is killed."""

    def __init__(self, listed: list[Gpu], need: float, folder: Path):
        ours, theirs = fork.Pipe()
        self.process = fork.Process(target=self._main, args=(listed, int(need * GB), folder, theirs), daemon=True)
        self.process.start()
        self._answer = ours

    @staticmethod
    def _main(listed, need, folder, answer):
        claimed, _ = claim_gpu(lambda: listed, need, folder, lambda what, pause: time.sleep(0.01))
        answer.send(claimed.name)
        answer.recv()

    def gpu(self) -> str:
        assert self._answer.poll(60)
        return self._answer.recv()

    def has_place(self) -> bool:
        return self._answer.poll(0.2)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


@pytest.fixture
def start(tmp_path):
    """Start jobs on fake GPUs; all end with the test."""
    jobs = []

    def start(*listed: Gpu, need: float = 1) -> Job:
        jobs.append(Job(list(listed), need, tmp_path))
        return jobs[-1]

    yield start
    for job in jobs:
        job.kill()


def test_each_job_gets_a_gpu_of_its_own(start):
    jobs = [start(*map(gpu, "abcd")) for _ in range(4)]
    assert sorted(job.gpu() for job in jobs) == ["a", "b", "c", "d"]


def test_a_new_job_takes_the_gpu_with_the_fewest_jobs_whichever_of_them_ended(start):
    jobs = []
    for name in "aba":
        jobs.append(start(gpu("a"), gpu("b")))
        assert jobs[-1].gpu() == name
    jobs[0].kill()
    jobs[1].kill()
    assert start(gpu("a"), gpu("b")).gpu() == "b"  # the third job is still on the first GPU


def test_a_killed_job_leaves_its_gpu(start):
    jobs = [start(*map(gpu, "abc")) for _ in range(3)]
    places = {job.gpu(): job for job in jobs}
    for name in "baca":
        places[name].kill()
        places[name] = start(*map(gpu, "abc"))
        assert places[name].gpu() == name


def test_jobs_that_see_different_gpus_agree(start):
    """As CUDA_VISIBLE_DEVICES=1,0 and CUDA_VISIBLE_DEVICES=1 make them see: names count, not numbers."""
    assert start(gpu("b"), gpu("a")).gpu() == "b"
    assert start(gpu("a"), gpu("b")).gpu() == "a"
    assert start(gpu("b"), gpu("c")).gpu() == "c"


def test_a_job_that_waits_for_a_full_gpu_keeps_none_from_another(start):
    """As two studies on one machine, CUDA_VISIBLE_DEVICES=0 of the one and 1 of the other."""
    assert start(gpu("a", total=6), need=4).gpu() == "a"
    waiting = start(gpu("a", total=6), need=4)
    assert not waiting.has_place()
    assert start(gpu("b", total=6), need=4).gpu() == "b"
    assert start(gpu("a", total=6), gpu("c", total=6), need=4).gpu() == "c"
    assert not waiting.has_place()


def test_none_overtakes_one_that_waits_for_the_same_gpus(start):
    assert start(gpu("a", total=6), need=2).gpu() == "a"
    large = start(gpu("a", total=6), need=4.4)
    assert not large.has_place()
    assert not start(gpu("a", total=6), need=1).has_place()


def test_sixteen_jobs_on_a_laptop_of_6_gb_wait_for_one_another(start):
    laptop = gpu("laptop", total=6, free=5.5)  # its desktop takes the rest
    jobs = [start(laptop, need=1.3) for _ in range(16)]
    finished = 0
    while jobs:
        running = [job for job in jobs if job.has_place()]
        assert 1 <= len(running) <= 4  # 5 would need 6.5 GB
        for job in running:
            job.kill()
            jobs.remove(job)
        finished += len(running)
    assert finished == 16


def test_a_laptop_is_used_as_far_as_its_memory_goes(start):
    for _ in range(4):
        assert start(gpu("laptop", total=6, free=5.5), need=1.3).gpu() == "laptop"
    assert not start(gpu("laptop", total=6, free=5.5), need=1.3).has_place()


def test_jobs_spread_over_the_eight_gpus_of_a_server(start):
    server = [gpu(name) for name in "abcdefgh"]
    jobs = [start(*server, need=1.5) for _ in range(32)]
    assert Counter(job.gpu() for job in jobs) == dict.fromkeys("abcdefgh", 4)


def test_a_job_that_waits_starts_when_another_ends(start):
    first = start(gpu("a", total=6), need=4)
    assert first.gpu() == "a"
    second = start(gpu("a", total=6), need=4)
    assert not second.has_place()
    first.kill()
    assert second.gpu() == "a"


def test_memory_that_another_program_takes_is_left_to_it(tmp_path):
    """Jobs that have not allocated yet count by what they asked for, other programs by what they hold."""
    claim_gpu(lambda: [gpu("a", total=6)], 3 * GB, tmp_path, wait)
    with pytest.raises(WouldWaitError, match="room"):
        claim_gpu(lambda: [gpu("a", total=6, free=6)], 4 * GB, tmp_path, wait)
    with pytest.raises(WouldWaitError, match="room"):
        claim_gpu(lambda: [gpu("a", total=6, free=1)], 2 * GB, tmp_path, wait)
    assert claim_gpu(lambda: [gpu("b", free=1), gpu("c", free=2)], GB, tmp_path, wait)[0].name == "c"


def test_a_job_that_needs_more_than_there_is_takes_a_gpu_alone(tmp_path):
    _, granted = claim_gpu(lambda: [gpu("a", total=8, free=7)], 100 * GB, tmp_path, wait)
    assert granted == 6 * GB
    with pytest.raises(WouldWaitError, match="room"):
        claim_gpu(lambda: [gpu("a", total=8, free=7)], 100 * GB, tmp_path, wait)


def test_an_exclusive_gpu_takes_one_job_at_a_time(tmp_path):
    claim_gpu(lambda: [gpu("a", exclusive=True)], GB, tmp_path, wait)
    with pytest.raises(WouldWaitError, match="room"):
        claim_gpu(lambda: [gpu("a", exclusive=True)], GB, tmp_path, wait)


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """Let the driver's tool be a script that answers its two questions."""

    def answer(query: str, listed: str = "") -> None:
        tool = tmp_path / "bin" / "nvidia-smi"
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f"#!/bin/sh\ncase $1 in -L) cat <<'E'\n{listed}\nE\n;; *) cat <<'E'\n{query}\nE\n;; esac\n")
        tool.chmod(0o755)

    answer("")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path / "mps"))
    return answer


@pytest.fixture
def two_gpus(driver, monkeypatch, tmp_path):
    """A machine with two GPUs as PyTorch shows them; returns the bytes that jobs allocate at once."""
    taken = []

    def empty(size, dtype, device):
        taken.append((device, size))

    properties = lambda index: SimpleNamespace(uuid=f"{index}", total_memory=8 * GB)  # noqa: E731
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr(torch, "empty", empty)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    return taken


@pytest.fixture(autouse=True)
def _settings_are_put_back():
    cudnn, cublas = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, cublas.allow_tf32
    yield
    cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, cublas.allow_tf32 = before


def test_auto_takes_cuda_first_and_the_gpu_that_is_free(two_gpus, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    found = [choose_compute("auto", "auto", 1, need=lambda: 2 * GB).device for _ in range(2)]
    assert found == [torch.device("cuda", n) for n in (0, 1)]
    assert two_gpus == [(torch.device("cuda", n), 2 * GB - CONTEXT) for n in (0, 1)]


def test_the_cpu_needs_no_claim(two_gpus, tmp_path):
    def need():
        pytest.fail("a job on a CPU has no use for it")

    assert choose_compute("cpu", "float32", 1, need).device == torch.device("cpu")
    assert not list(tmp_path.glob("dark-knowledge-*"))


def test_a_user_without_a_name_can_claim_a_gpu(two_gpus, monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 12345)  # no entry in passwd, as in many a container
    assert choose_compute("cuda", "auto", 1).device.type == "cuda"


def test_float32_is_float32_and_convolutions_repeat_on_cuda(two_gpus, monkeypatch):
    torch.backends.cuda.matmul.allow_tf32 = True  # as some containers set it
    torch.backends.cudnn.benchmark = True
    choose_compute("cuda", "float32", 1)
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.benchmark
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_cuda_with_no_visible_gpu_is_refused_in_one_line(two_gpus, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    with pytest.raises(InputError, match=r"^accelerator is 'cuda', .*CUDA_VISIBLE_DEVICES.*use auto or cpu$"):
        choose_compute("cuda", "auto", 1)


@pytest.fixture
def no_gpu(driver, monkeypatch):
    """PyTorch finds no GPU, because the driver is too old."""

    def init():
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 11040). Please update your GPU")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "init", init)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_a_gpu_that_is_asked_for_and_cannot_be_used_is_refused_with_the_reason(no_gpu):
    with pytest.raises(InputError, match=r"driver .* is too old \(found version 11040\)\); use auto or cpu"):
        choose_compute("cuda", "auto", 1)


@pytest.mark.parametrize("owner", ["this machine", "this cluster job"])
def test_a_run_says_that_it_computes_on_the_cpu_though_there_is_a_gpu(no_gpu, monkeypatch, tmp_path, capsys, owner):
    if owner == "this machine":
        (tmp_path / "gpus" / "0000:01:00.0").mkdir(parents=True)
        monkeypatch.setattr(devices, "DRIVER", tmp_path)
    else:
        monkeypatch.setenv("SLURM_JOB_GPUS", "3")
    assert choose_compute("auto", "auto", 1).device.type == "cpu"
    said = capsys.readouterr().err
    assert said.startswith(f"this run computes on the CPU, though {owner} has a GPU: The NVIDIA driver")
    assert said.count("\n") == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # hidden on purpose
    choose_compute("auto", "auto", 1)
    assert capsys.readouterr().err == ""


def test_a_machine_without_a_gpu_says_nothing(no_gpu, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(devices, "DRIVER", tmp_path / "none")
    choose_compute("auto", "auto", 1)
    assert capsys.readouterr().err == ""


def test_free_memory_and_exclusive_mode_are_read_off_the_driver(two_gpus, driver, tmp_path):
    driver("GPU-0, 8192, 3000, Default, [N/A]\nGPU-1, 8192, 8000, Exclusive_Process, Disabled")
    first, second = visible_gpus()
    assert (first.name, first.free, first.exclusive) == ("GPU-0", 3000 * 2**20, False)
    assert (second.name, second.free, second.exclusive) == ("GPU-1", 8000 * 2**20, True)
    (tmp_path / "mps").mkdir()
    (tmp_path / "mps" / "control").touch()  # the service lets many processes share an exclusive GPU
    assert not visible_gpus()[1].exclusive


def test_a_driver_that_tells_nothing_leaves_what_pytorch_tells(two_gpus, driver):
    driver("GPU-0, [N/A], [N/A], Default, [N/A]")
    assert [(gpu.index, gpu.total, gpu.free) for gpu in visible_gpus()] == [(0, 8 * GB, 8 * GB), (1, 8 * GB, 8 * GB)]


CUT_UP = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-0)
  MIG 3g.20gb     Device  0: (UUID: MIG-a)
  MIG 1c.2g.10gb  Device  1: (UUID: MIG-b)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-1)
GPU 2: NVIDIA A100-SXM4-40GB (UUID: GPU-2)
  MIG 1g.5gb+me   Device  0: (UUID: MIG-c)"""


@pytest.fixture
def mig(two_gpus, driver, monkeypatch):
    """One GPU whole, two cut into instances, of which CUDA would show one."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: pytest.fail("CUDA starts before an instance is chosen"))
    rows = [f"GPU-{n}, 40960, 40000, Default, {mig}" for n, mig in enumerate(("Enabled", "Disabled", "Enabled"))]
    driver("\n".join(rows), CUT_UP)


def test_instances_of_a_gpu_are_told_apart(mig):
    found = {unit.name: round(unit.total / GB, 1) for unit in visible_gpus()}
    assert found == {"MIG-a": 19.0, "MIG-b": 9.5, "GPU-1": 40.0, "MIG-c": 4.8}


@pytest.mark.parametrize(
    ("visible", "names"),
    [("MIG-b,MIG-c", ["MIG-b", "MIG-c"]), ("0", ["MIG-a", "MIG-b"]), ("GPU-2", ["MIG-c"]), ("", [])],
)
def test_instances_that_are_hidden_are_left_out(mig, monkeypatch, visible, names):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [unit.name for unit in visible_gpus()] == names


def test_jobs_spread_over_instances_each_seeing_its_own(mig, monkeypatch):
    seen = []
    for _ in range(4):
        with monkeypatch.context() as process:
            process.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
            assert choose_compute("cuda", "auto", 1).device == torch.device("cuda", 0)
            seen.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert sorted(seen) == ["GPU-1", "MIG-a", "MIG-b", "MIG-c"]


@pytest.mark.parametrize(
    "refusal",
    [
        "CUDA error: CUDA-capable device(s) is/are busy or unavailable",
        "CUDA error: out of memory",
        "CUDA out of memory. Tried to allocate 2.00 GiB.",
    ],
)
def test_a_job_waits_while_another_program_holds_the_gpu(two_gpus, monkeypatch, refusal):
    """An exclusive GPU, or memory that was taken since the driver told of it."""
    tries = []

    def empty(size, dtype, device):
        tries.append(size)
        if len(tries) < 3:
            raise torch.AcceleratorError(refusal)

    monkeypatch.setattr(torch, "empty", empty)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    assert choose_compute("cuda", "auto", 1).device.type == "cuda"
    assert len(tries) == 3


def test_a_jobs_peak_is_counted_without_what_it_asked_for(two_gpus, monkeypatch):
    calls = []
    monkeypatch.setattr(torch, "empty", lambda size, dtype, device: calls.append("taken"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: calls.append("forgotten"))
    choose_compute("cuda", "auto", 1)
    assert calls == ["taken", "forgotten"]


def test_another_fault_of_a_gpu_is_no_reason_to_wait(two_gpus, monkeypatch):
    def empty(size, dtype, device):
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch, "empty", empty)
    with pytest.raises(torch.AcceleratorError, match="illegal"):
        choose_compute("cuda", "auto", 1)


def test_a_job_that_waits_says_so_once(monkeypatch, capsys):
    clock = iter(range(1000))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    waiting = gpus._Waiting()
    for _ in range(10):
        waiting.look_again_later("room", 0.5)
    assert capsys.readouterr().err == "this job waits for room\n"
    assert waiting.seconds == 10


@pytest.mark.parametrize(
    "said",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB.",
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "MPS backend out of memory (MPS allocated: 8.00 GB)",
    ],
)
def test_every_way_to_say_that_a_gpus_memory_is_full_is_one_line(said):
    with pytest.raises(SystemExit, match=r"^error: the GPU's memory is full; lower `batch_size`[^\n]*$"):
        command.run(lambda: raise_(RuntimeError(said)))


@pytest.mark.parametrize("said", ["CUDA error: an illegal memory access was encountered", "out of range"])
def test_other_faults_are_not_taken_for_a_lack_of_memory(said):
    assert not memory_is_full(RuntimeError(said))
    with pytest.raises(RuntimeError):
        command.run(lambda: raise_(RuntimeError(said)))


@pytest.mark.parametrize("work", [lambda: torch.empty(2**60, dtype=torch.uint8), lambda: bytearray(2**60)])
def test_a_machine_whose_memory_is_full_is_one_line(work):
    with pytest.raises(SystemExit, match=r"^error: this machine's memory is full; let fewer jobs run at a time"):
        command.run(work)


def raise_(error: Exception) -> None:
    raise error


def test_peak_memory_is_the_gpus_on_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 123e6)
    assert peak_memory_mb(torch.device("cuda", 0)) == 123


def test_what_a_job_needs_grows_with_its_batch_network_and_logits(data, recipe, make_model):
    model = make_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(0)
    need = training_need(model, data, recipe())
    drawn = torch.rand(3)
    assert training_need(model, data, recipe(batch_size=20_000)) > 1.3 * need
    assert training_need(make_model(channels=(32, 64)), data, recipe()) > 1.1 * need
    assert training_need(model, data, recipe(), teacher_logits=GB) > need + GB
    assert scoring_need(model, data, logits=GB) > scoring_need(model, data) + GB
    assert scoring_need(model, data) > CONTEXT
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    torch.manual_seed(0)
    assert torch.equal(torch.rand(3), drawn)  # what is drawn for it is drawn from elsewhere


@pytest.fixture
def asked(monkeypatch):
    """The bytes that jobs ask a fake GPU for, on which the CPU computes."""
    asked = []
    monkeypatch.setattr(devices, "visible_gpus", lambda: [gpu("a")])
    monkeypatch.setattr(devices, "take_gpu", lambda need: asked.append(need) or (torch.device("cpu"), 1000.0))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    return asked


@pytest.mark.parametrize("distilled", [False, True])
def test_a_training_asks_for_what_it_needs_and_does_not_count_its_waiting(training, tmp_path, asked, distilled):
    run = training(tmp_path / "run", distilled)
    run.words[run.words.index("cpu")] = "cuda"
    run.run_here()
    assert len(asked) == 1
    assert CONTEXT < asked[0] < 2 * GB
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert -1000 < metrics["start_up_seconds"] < -900  # it only said to have waited


def test_a_checkpoint_of_another_kind_of_gpu_is_not_continued(training, tmp_path, monkeypatch, uninterrupted):
    """Its bits would be neither one's nor the other's."""
    run = training(tmp_path / "run")
    process = run.start_and_wait_for_checkpoint()
    process.terminate()
    process.join()
    monkeypatch.setattr(devices.Compute, "machine", "another")
    run.end()
    assert "another kind of machine; training starts afresh" in run.said
    assert run.found()["weights"] == uninterrupted[False]["weights"]


def test_logits_and_evaluations_ask_for_what_they_need(idx_files, make_model, recipe, tmp_path, monkeypatch, asked):
    save_dataset(tmp_path / "data", *prepare(idx_files, 10, Split(validation=100, seed=0)))
    (tmp_path / "seed4").mkdir()
    run = tmp_path / "seed4"
    for name in ("weights", "selected"):
        tensors = {key: value.contiguous() for key, value in make_model().state_dict().items()}
        save_file(tensors, run / f"{name}.safetensors")
    sums = {name: sha256(run / f"{name}.safetensors") for name in ("weights", "selected")}
    (run / "metrics.json").write_text(json.dumps({"files": sums}))
    same = ["--data", tmp_path / "data", "--accelerator", "cuda", "--out", tmp_path / "out", "--architecture"]
    same.append(json.dumps({"architecture": "plain", "channels": [4, 8], "pool": [True, True]}))
    caching = ["--weights", run / "weights.safetensors", "--views", json.dumps(views_of(asdict(recipe()))), "--seed", 0]
    caching += ["--split-seed", 0, "--record", tmp_path / "record"]
    evaluation = ["--runs", tmp_path, "--seeds", 4, "--split-seed", 0]
    for script, words in ((cache_teacher_logits, caching), (evaluate_runs, evaluation)):
        monkeypatch.setattr("sys.argv", ["script", *map(str, same + words)])
        script.main()
    assert len(asked) == 2
    assert all(CONTEXT < need < 2 * GB for need in asked)


@pytest.mark.parametrize("distilled", [False, True])
@pytest.mark.parametrize("architecture", ["convolutions", "dropout"])
def test_an_epoch_reads_its_losses_once(data, recipe, compute, make_model, monkeypatch, architecture, distilled):
    """Each time that a GPU's value is read the processor waits for all that was launched before it."""
    model = make_model()
    if architecture == "dropout":
        settings = {"architecture": "mlp", "hidden": [32], "input_dropout": 0.2, "hidden_dropout": 0.5}
        model = build_model(settings, (1, 28, 28), 10)
    supervision = learn_from_labels(data.train_labels, 0)
    if distilled:
        logits = torch.zeros(2, len(data.train_images), 10).half()
        supervision = learn_from_teacher(data.train_labels, logits, temperature=4, hard_weight=0.1)
    optimiser = loop._make_optimiser(model, recipe(), fused=True)
    chosen = torch.ones(len(data.train_images), dtype=torch.bool)
    padded = pad_images(data.train_images, 2)
    training = loop._Training(model, optimiser, data, padded, chosen, recipe(), supervision, 0, compute)
    reads, cpu = [], torch.Tensor.cpu
    for name in ("item", "tolist", "numpy", "__bool__", "__int__", "__float__", "__index__"):
        monkeypatch.setattr(torch.Tensor, name, lambda *_, name=name: pytest.fail(f"{name} reads a value"))
    monkeypatch.setattr(torch.Tensor, "cpu", lambda tensor: reads.append(tensor) or cpu(tensor))
    loop._train_epoch(training, Progress(), [])
    assert [tuple(tensor.shape) for tensor in reads] == [(10, 4)]


def test_memory_of_a_batch_is_foretold_from_a_few_images(data, make_model):
    """Against the peak of a step of the whole batch, followed in the same way; and a step that is known."""
    for work in (memory._step, memory._score):

        def run(images, work=work):
            work(make_model(), data, images)

        foretold = memory._bytes_of_batch(run, data, 64)
        assert foretold == pytest.approx(memory._peak_bytes(run, data.train_images[:64]), rel=0.15)

    def known(images):
        first = torch.zeros(1000, dtype=torch.uint8)
        del first
        return torch.zeros(500, dtype=torch.uint8), torch.zeros(600, dtype=torch.uint8)

    assert memory._peak_bytes(known, data.train_images[:1]) == 1100


STOPPED = """
import os, subprocess, sys, time
from dark_knowledge.training.stopwatch import Stopwatch
with Stopwatch() as clock:
    subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -STOP {os.getpid()}; sleep 2; kill -CONT {os.getpid()}"])
    started = time.perf_counter()
    while time.perf_counter() - started < 2.6:
        sum(range(1000))
    print(clock.seconds())
"""


def test_a_stopped_process_does_not_count_its_sleep(root):
    environment = os.environ | {"PYTHONPATH": str(root / "workflow" / "scripts")}
    command = [sys.executable, "-c", STOPPED]
    seconds = float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert 0.05 < seconds < 1.5  # of 2.6, of which it slept 2


def test_a_stopwatch_counts_waiting_and_gives_its_signal_back():
    before = signal.getsignal(signal.SIGCONT)
    with Stopwatch() as clock:
        time.sleep(0.1)  # as for a GPU
        first = clock.seconds()
        assert clock.seconds() >= first >= 0.1
    assert signal.getsignal(signal.SIGCONT) == before


def test_mean_and_spread_are_copied_to_the_device_once(data):
    """A copy for each batch would wait for the GPU, and end the capture of a CUDA graph."""
    fresh = data.to("cpu")
    first = fresh.normalise(fresh.train_images[:2])
    assert fresh._mean_and_std[0] is fresh._mean_and_std[0]
    moved = fresh.to("meta")
    assert moved._mean_and_std[0].device.type == "meta"
    assert torch.equal(fresh.normalise(fresh.train_images[:2]), first)
