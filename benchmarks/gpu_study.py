"""The default study's jobs on a GPU, by their own command lines, and what the full study would take."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from gpu_kit import EPOCHS, NETS, SCRIPTS, Kit, say, train_command
from gpu_speed import BESIDE, JOBS, under_mps

from dark_knowledge.study.views import views_of

TEACHERS = {"plain-teacher": (4,), "resnet": (1, 2, 4, 8)}  # and the temperatures of their students
# The full study: epochs of training by net, epochs of teachers' logits by net, jobs. A test counts them.
FULL_EPOCHS = {"student": 15_280, "plain-teacher": 500, "resnet": 1_000}
FULL_LOGITS = {"student": 500, "plain-teacher": 500, "resnet": 510}
FULL_JOBS = 370


class Job:
    """A command line and those that must have ended before it starts."""

    def __init__(self, command: list[str], *after: "Job"):
        self.command, self.after, self.ended, self.status = command, after, threading.Event(), None

    def run(self, log: Path, places: threading.Semaphore) -> None:
        for job in self.after:
            job.ended.wait()
        with places, log.open("w") as file:
            failed = any(job.status for job in self.after)
            self.status = 1 if failed else subprocess.run(self.command, stdout=file, stderr=file).returncode
        self.ended.set()


def jobs_of_study(kit: Kit) -> list[Job]:
    """Trainings, logits and evaluations of the default study, each after those that it needs."""
    seeds, teachers = range(3), TEACHERS
    if kit.tiny:
        seeds, teachers = range(1), {"plain-teacher": (4,)}
    trained, cached, evaluated = {}, {}, {}
    for net in ["student", *teachers]:
        for seed in seeds:
            trained[net, "labels", seed] = Job(train(kit, net, "labels", seed))
    for teacher in teachers:
        for seed in seeds:
            cached[teacher, seed] = Job(cache(kit, teacher, seed), trained[teacher, "labels", seed])
    for teacher, temperatures in teachers.items():
        arms = [(f"{teacher}_T{temperature}", temperature, {}) for temperature in temperatures]
        if teacher == "resnet":
            arms.append(("shuffled", 4, {"shuffle": "within-class"}))
        for arm, temperature, transfer_set in arms:
            for seed in seeds:
                words = ["--teacher-logits", logits_file(kit, teacher, seed), "--temperature", temperature]
                words += ["--hard-weight", 0.1, "--transfer-set", json.dumps(transfer_set)]
                trained["student", arm, seed] = Job(train(kit, "student", arm, seed, *words), cached[teacher, seed])
    for net, arm in dict.fromkeys(key[:2] for key in trained):
        runs = [trained[net, arm, seed] for seed in seeds]
        evaluated[net, arm] = Job(evaluate(kit, net, arm, seeds), *runs)
    return [*trained.values(), *cached.values(), *evaluated.values()]


def folder_of(kit: Kit, net: str, arm: str, seed: int) -> Path:
    return kit.folder / "study" / net / arm / f"seed{seed}"


def logits_file(kit: Kit, teacher: str, seed: int) -> Path:
    return kit.folder / "study" / f"{teacher}-{seed}.safetensors"


def epochs_of(kit: Kit, net: str) -> int:
    return 1 if kit.tiny else EPOCHS[net]


def train(kit: Kit, net: str, arm: str, seed: int, *words: object) -> list[str]:
    out = folder_of(kit, net, arm, seed)
    return train_command(kit, net, epochs_of(kit, net), seed, out, "--score-test-each-epoch", *words)


def cache(kit: Kit, teacher: str, seed: int) -> list[str]:
    """The teacher's logits on the stream of its students."""
    out = logits_file(kit, teacher, seed)
    weights = folder_of(kit, teacher, "labels", seed) / "weights.safetensors"
    views = json.dumps(views_of(vars(kit.recipe(epochs_of(kit, "student")))))
    words = [sys.executable, SCRIPTS / "cache_teacher_logits.py", "--data", kit.dataset, "--accelerator", kit.device]
    words += ["--architecture", json.dumps(NETS[teacher]), "--weights", weights, "--views", views]
    words += ["--seed", seed, "--split-seed", 0, "--out", out, "--record", out.with_suffix(".json")]
    return [str(word) for word in words]


def evaluate(kit: Kit, net: str, arm: str, seeds: range) -> list[str]:
    words = [sys.executable, SCRIPTS / "evaluate_runs.py", "--data", kit.dataset, "--accelerator", kit.device]
    words += ["--architecture", json.dumps(NETS[net]), "--split-seed", 0]
    words += ["--runs", kit.folder / "study" / net / arm, "--seeds", *seeds]
    words += ["--out", kit.folder / "study" / net / arm / "evaluation.safetensors"]
    return [str(word) for word in words]


def study(kit: Kit) -> None:
    """All jobs of the default study, as many at a time as there are processors, each started as soon as it can be."""
    missing = [name for name in ("pandas", "pyarrow", "safetensors") if importlib.util.find_spec(name) is None]
    if missing:
        say("default study", f"not measured: {', '.join(missing)} missing")
        return
    jobs = jobs_of_study(kit)
    (kit.folder / "study").mkdir()
    logs = [kit.folder / "study" / f"{number}.log" for number in range(len(jobs))]
    places = threading.Semaphore(len(os.sched_getaffinity(0)))
    started = time.perf_counter()
    with _energy(kit), ThreadPoolExecutor(len(jobs)) as pool:
        running = [pool.submit(job.run, log, places) for job, log in zip(jobs, logs, strict=True)]
        for number, done in enumerate(as_completed(running), 1):
            done.result()
            if number % 10 == 0:
                say(f"{number} of {len(jobs)} jobs ended after", time.perf_counter() - started, "s")
    seconds = time.perf_counter() - started
    failed = [log.read_text().strip().splitlines()[-1:] for job, log in zip(jobs, logs, strict=True) if job.status]
    say("jobs of the default study that failed", failed, "", "none", not failed)
    say("default study, trainings and evaluations", seconds, "s", "below 120", seconds < 120 or kit.tiny)
    metrics = [json.loads(path.read_text()) for path in (kit.folder / "study").glob("*/*/seed*/metrics.json")]
    if metrics:
        say("default study, jobs", len(jobs))
        say("start-up of a job, median", sorted(m["start_up_seconds"] for m in metrics)[len(metrics) // 2], "s")
        say("peak GPU memory of a job", max(m["peak_memory_mb"] for m in metrics), "MB")
    for folder in sorted((kit.folder / "study").glob("*/*/")):
        found = [json.loads(path.read_text()) for path in folder.glob("seed*/metrics.json")]
        if found:
            mean = sum(run["validation_accuracy"]["last"] for run in found) / len(found)
            name = f"{folder.parent.name}, {folder.name}"
            say(f"{name}: validation accuracy, mean of {len(found)}", 100 * mean, "%")


def study_under_mps(kit: Kit) -> None:
    with under_mps(kit) as answers:
        if answers:
            study(kit)
        else:
            say("Multi-Process Service", "not measured: it does not start")


@contextmanager
def _energy(kit: Kit):
    """Say what the GPU used meanwhile, where NVML is there and answers."""
    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        before = pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except Exception as error:  # any library of that name, any driver
        if kit.gpu:
            say("energy of the GPU", f"not measured: {error}")
        yield
        return
    yield
    used = pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) - before
    say("energy of the GPU during the study", used / 1000, "J")


def extrapolated(found: dict[str, float], processors: int) -> dict[str, float]:
    """Minutes of the full study by measured parts, by way of taking a step; `found` is what other parts said.

    Work is counted in seconds of an epoch of each net alone on the GPU, sped up by what sharing gave the student, and
    the start-up of all jobs is spread over the processors. Logits are counted as a third of an epoch.
    """
    minutes = {}
    start_up = found.get("start-up of a job, median", found.get("start-up of a job"))
    for way, beside in product(("eager", "graph"), BESIDE):
        alone = {net: found.get(f"{net}, {way}: epoch") for net in NETS}
        together = [found.get(f"{jobs} jobs{beside}, {way}") for jobs in JOBS]
        if None in alone.values() or together[0] is None or start_up is None:
            continue
        gain = max(speed for speed in together if speed) / together[0]
        work = sum(alone[net] * epochs for net, epochs in FULL_EPOCHS.items())
        work += sum(alone[net] * epochs / 3 for net, epochs in FULL_LOGITS.items())
        minutes[f"{way}{beside}"] = (work / gain + FULL_JOBS * start_up / processors) / 60
    return minutes
