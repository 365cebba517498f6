"""The measurements of the GPU kit: epochs by every way of taking a step, alone and beside other jobs."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import torch
from gpu_graph import GraphedEpochs, graphed_passes
from gpu_kit import DROPOUT, NETS, Kit, asked, loop, new_net, new_training, say, seconds_of, supervision_of

from dark_knowledge.data.prepared import Dataset
from dark_knowledge.training.augment import epoch_views, render
from dark_knowledge.training.devices import Compute
from dark_knowledge.training.recipes import Recipe, one_cycle

TUTORIAL_IMAGES = 10_240
JOBS = (1, 2, 4, 8, 16)
BESIDE = ("", " under MPS")  # jobs that share the GPU by turns, or side by side by the Multi-Process Service


def eager_epochs(training: loop._Training) -> Iterator[torch.Tensor]:
    """Epoch after epoch by the engine's own loop; the measured rows of each."""
    for epoch in cycle(range(training.recipe.epochs)):
        yield loop._train_epoch(training, loop.Progress(history=[{}] * epoch), [])[0]


def epochs_of_graphed_passes(training: loop._Training) -> Iterator[torch.Tensor]:
    with graphed_passes(training):
        yield from eager_epochs(training)


def graphed_epochs(training: loop._Training) -> Iterator[torch.Tensor]:
    graphed = GraphedEpochs(training)
    for epoch in cycle(range(training.recipe.epochs)):
        yield graphed.train(epoch)


def epochs(kit: Kit, net: str) -> None:
    """An epoch of one net: eager, with its passes or all as a graph, and as the tutorial takes it, on the same GPU."""
    compute = kit.compute()
    data = kit.part_of_data(55_000, compute.device)
    recipe = kit.recipe(epochs=20)
    say_speed(f"{net}, eager", eager_epochs(training_of(net, data, recipe, compute)), data, kit)
    if kit.gpu:
        say(f"{net}, eager: peak GPU memory", torch.cuda.max_memory_allocated() / 1e6, "MB")
    passes = epochs_of_graphed_passes(training_of(net, data, recipe, compute))
    say_speed(f"{net}, passes as graphs", passes, data, kit)
    agreement(net, data, recipe, compute, kit)
    say_speed(f"{net}, graph", graphed_epochs(training_of(net, data, recipe, compute)), data, kit)
    tutorial(net, kit, compute)
    if kit.gpu:  # last, for a profiler can leave a process slower than it was
        _profile(training_of(net, data, recipe, compute), net)


def compiled(kit: Kit, net: str) -> None:
    """An epoch with the net compiled; `reduce-overhead` also makes graphs of its forward and backward passes."""
    compute = kit.compute()
    data = kit.part_of_data(55_000, compute.device)
    training = training_of(net, data, kit.recipe(epochs=20), compute)
    if not kit.tiny:  # a compiler need not be there where the kit is tested
        training.model.compile(mode="reduce-overhead")
    run = eager_epochs(training)
    say(f"{net}, compiled: first epoch", seconds_of(lambda: next(run)), "s")
    say_speed(f"{net}, compiled", run, data, kit)


def training_of(net: str, data: Dataset, recipe: Recipe, compute: Compute) -> loop._Training:
    return new_training(NETS[net], data, recipe, supervision_of(net, data, recipe.epochs), compute)


def say_speed(name: str, run: Iterator[torch.Tensor], data: Dataset, kit: Kit) -> None:
    """The median of five epochs after one to warm up."""
    next(run)
    seconds = sorted(seconds_of(lambda: next(run)) for _ in range(1 if kit.tiny else 5))
    say(f"{name}: epoch", seconds[len(seconds) // 2], "s")
    say(f"{name}: speed", len(data.train_images) / seconds[len(seconds) // 2], "images/s")


def agreement(net: str, data: Dataset, recipe: Recipe, compute: Compute, kit: Kit) -> None:
    """The graph computes what the loop computes: losses of an epoch, rates that move, dropout that differs."""
    eager = next(eager_epochs(training_of(net, data, recipe, compute)))[:, 0]
    passes = next(epochs_of_graphed_passes(training_of(net, data, recipe, compute)))[:, 0]
    unequal = (eager != passes).nonzero()
    first = f"from step {unequal[0].item() + 1} on not" if len(unequal) else "all"
    say(f"{net}: passes as graphs against eager, same losses to the bit", first)
    graphed = next(graphed_epochs(training_of(net, data, recipe, compute)))[:, 0]
    say(f"{net}: graph against eager, same losses to the bit", torch.equal(eager, graphed))
    off = ((eager - graphed).abs() / eager)[:10].max().item()
    say(f"{net}: graph against eager, losses of 10 steps", off, "relative", "below 0.01", off < 0.01)
    off = (eager[:200].mean() / graphed[:200].mean() - 1).abs().item()
    say(f"{net}: graph against eager, mean loss of 200 steps", off, "relative", "below 0.02", off < 0.02)
    if net != "student":
        return
    training = training_of(net, data, recipe, compute)
    graph = GraphedEpochs(training)
    rates = []
    for epoch in range(2):
        graph.train(epoch)
        rates.append(graph.rate.item())
    expected = [one_cycle((e + 1) * graph.steps - 1, 20 * graph.steps, 0.1, 0.2) for e in range(2)]
    moved = max(abs(one - other) for one, other in zip(rates, expected, strict=True)) < 1e-6
    say("learning rate of the graph moves", rates, "", "as planned", moved)
    dropped = new_training(DROPOUT, data, recipe, supervision_of("teacher", data, 1), compute)
    graph = GraphedEpochs(dropped)
    try:
        runs = [graph.train(0)[-1, 0].item()]
        before = {name: value.clone() for name, value in dropped.model.state_dict().items()}
        for _ in range(2):  # the same step twice from the same weights, but for what dropout draws
            dropped.model.load_state_dict(before)
            graph.step.zero_()
            graph.graph.replay() if kit.gpu else graph._body()
            runs.append(graph.measured[0, 0].item())
        say("dropout of the graph differs from step to step", runs[1:], "", "two values", runs[1] != runs[2])
    except RuntimeError as error:
        say("dropout of the graph differs from step to step", str(error).splitlines()[0], "", "two values", False)


def _profile(training: loop._Training, net: str) -> None:
    """Kernels of a step, and how long they keep the GPU busy."""
    from torch.profiler import ProfilerActivity, profile

    data, recipe = training.data, training.recipe
    views = epoch_views(0, 0, len(data.train_images), flip=True, shift=recipe.shift, device=training.compute.device)
    batches = views.order.split(recipe.batch_size)
    training.model.train()

    def steps(first: int, last: int) -> None:
        for index in batches[first:last]:
            images = data.normalise(render(training.padded, index, views, recipe.shift))
            loop._step(training, images, 0, index, 0.01)

    steps(0, 10)
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as found:
        steps(10, 30)
        torch.cuda.synchronize()
    kernels = [event for event in found.key_averages() if event.device_type == torch.autograd.DeviceType.CUDA]
    say(f"{net}: kernels of a step", sum(event.count for event in kernels) / 20)
    say(f"{net}: GPU busy in a step", sum(event.self_device_time_total for event in kernels) / 20 / 1000, "ms")


def tutorial(net: str, kit: Kit, compute: Compute) -> None:
    """PyTorch's tutorial loop on the same device: two workers that hand out images one by one, a live teacher."""
    try:
        from peers import tutorial_epoch
    except ImportError as error:
        say(f"{net}, tutorial: speed", f"not measured: {error}")
        return
    images = kit.part_of_data(TUTORIAL_IMAGES, "cpu")
    there = kit.part_of_data(1, compute.device)
    teacher = new_net(NETS["resnet"], there).eval() if net == "student" else None
    epoch = tutorial_epoch(new_net(NETS[net], there), teacher, images, kit.recipe().batch_size, 2, compute.device)
    epoch() if not kit.tiny else None
    seconds = min(seconds_of(epoch) for _ in range(1 if kit.tiny else 2))
    say(f"{net}, tutorial: speed", len(images.train_images) / seconds, "images/s")


def sharing(kit: Kit, beside: str = "") -> None:
    """Distillations that share the GPU: images a second of all together."""
    most = 2 if kit.tiny else max(JOBS)
    command = [sys.executable, Path(__file__).with_name("gpu.py"), "--part", "worker", "--device", kit.device]
    command += ["--work", kit.folder] + ["--tiny"] * kit.tiny
    workers = [
        subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(most)
    ]
    for process in workers:
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("a job that shares the GPU ended before it measured")
    for way in ("eager", "graph"):
        for jobs in JOBS:
            if jobs <= most:
                say(f"{jobs} jobs{beside}, {way}", _together(workers[:jobs], way, 0.2 if kit.tiny else 4), "images/s")
    for process in workers:
        process.communicate()  # closes its standard input, which ends it


def _together(workers: list[subprocess.Popen], way: str, seconds: float) -> float:
    for process in workers:
        process.stdin.write(json.dumps([way, seconds]) + "\n")
        process.stdin.flush()
    return sum(json.loads(process.stdout.readline()) for process in workers)


def worker(kit: Kit) -> None:
    """A job that shares the GPU: ready, then for each line of its input so many seconds of one way."""
    compute = kit.compute()
    data = kit.part_of_data(55_000, compute.device)
    recipe = kit.recipe(epochs=20)
    ways = {
        "eager": eager_epochs(training_of("student", data, recipe, compute)),
        "graph": graphed_epochs(training_of("student", data, recipe, compute)),
    }
    for run in ways.values():
        next(run)
    print("ready", flush=True)
    for line in sys.stdin:
        way, seconds = json.loads(line)
        started, images = time.perf_counter(), 0
        while (passed := time.perf_counter() - started) < seconds or not images:
            images += len(next(ways[way])) * recipe.batch_size
        print(images / passed, flush=True)


@contextlib.contextmanager
def under_mps(kit: Kit) -> Iterator[bool]:
    """Run CUDA's Multi-Process Service for the processes started within; says whether it answers."""
    pipe = {"CUDA_MPS_PIPE_DIRECTORY": str(kit.folder / "mps"), "CUDA_MPS_LOG_DIRECTORY": str(kit.folder / "mps-log")}
    for folder in pipe.values():
        Path(folder).mkdir(exist_ok=True)
    before = dict(os.environ)
    os.environ.update(pipe)
    try:
        yield _daemon_starts()
    finally:
        end_mps(kit)
        os.environ.clear()
        os.environ.update(before)


def _daemon_starts() -> bool:
    silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)  # a daemon would keep a pipe open
    try:
        return subprocess.run(["nvidia-cuda-mps-control", "-d"], timeout=20, **silent).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def end_mps(kit: Kit) -> None:
    """End a service that this kit started; without one, nothing."""
    if (kit.folder / "mps" / "control").exists():
        os.environ["CUDA_MPS_PIPE_DIRECTORY"] = str(kit.folder / "mps")
        asked("nvidia-cuda-mps-control", stdin="quit -t 1\n")


def sharing_under_mps(kit: Kit) -> None:
    with under_mps(kit) as answers:
        if answers:
            sharing(kit, " under MPS")
        else:
            say("Multi-Process Service", "not measured: it does not start")
