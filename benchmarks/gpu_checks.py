"""The checks of the GPU kit: what a CPU promises, does the GPU keep it?"""

import math
import os
import platform
import shutil
import signal
import subprocess
import time

import torch
from gpu_kit import (
    DROPOUT,
    HARD_WEIGHT,
    NETS,
    TEMPERATURE,
    Kit,
    asked,
    new_net,
    new_training,
    same,
    say,
    seconds_of,
    supervision_of,
    train_command,
    weights_of,
)

from dark_knowledge.data.prepared import Dataset
from dark_knowledge.training import gpus, loop
from dark_knowledge.training.augment import epoch_views, pad_images, render
from dark_knowledge.training.devices import Compute
from dark_knowledge.training.evaluate import accuracy, predict
from dark_knowledge.training.losses import distillation_losses, learn_from_labels
from dark_knowledge.training.memory import training_need
from dark_knowledge.training.teacher_logits import teacher_logits_of_epoch
from dark_knowledge.training.transfer_sets import chosen_images, shuffled_images

FLOAT32 = Compute(torch.device("cpu"), bfloat16=False)


def machine(kit: Kit) -> None:
    """What the figures were taken on, and what a process costs before its first tensor."""
    say("Python, PyTorch, CUDA", f"{platform.python_version()}, {torch.__version__}, {torch.version.cuda}")
    say("processors", len(os.sched_getaffinity(0)))
    if not kit.gpu:
        return
    query = "name,driver_version,compute_mode,mig.mode.current,memory.total,power.limit"
    say("GPU", asked("nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"))
    say("MPS control", "there" if shutil.which("nvidia-cuda-mps-control") else "missing")
    visible, told = gpus.visible_gpus(), gpus._told_by_driver()
    known = all(gpu.index is None or gpu.name in told for gpu in visible)
    say("GPUs named as the driver names them", len(visible), "", "all", known)
    device = kit.compute().device
    after = gpus._told_by_driver()
    taken = max((told[name].free - after[name].free for name in told if name in after), default=0)
    say("memory of an empty process", taken / 2**20, "MiB", f"at most {gpus.CONTEXT // 2**20}", taken <= gpus.CONTEXT)
    say("computes on", torch.cuda.get_device_name(device))


def exactness(kit: Kit) -> None:
    """The GPU computes what the CPU computes: exactly where numbers are whole, closely where they are not."""
    compute = kit.compute()
    there, here = kit.part_of_data(10_000, compute.device), kit.part_of_data(10_000, "cpu")
    _same_images(there, here, kit)
    _stored_rows(there, compute, kit)
    _loss_against_float64(compute)
    _logits_against_the_cpu(there, here, compute, kit)
    if kit.gpu:
        _no_waiting(there, compute, kit)
        _memory_as_foretold(compute, kit)


def _same_images(there: Dataset, here: Dataset, kit: Kit) -> None:
    n, recipe = len(here.train_images), kit.recipe()
    rendered = []
    for data in (there, here):
        device = data.train_images.device
        views = epoch_views(3, 5, n, flip=recipe.flip, shift=recipe.shift, device=device)
        padded = pad_images(data.train_images, recipe.shift)
        rendered.append(render(padded, torch.arange(0, n, 2, device=device), views, recipe.shift).cpu())
    say("views drawn as on the CPU", torch.equal(*rendered), "", "exactly", torch.equal(*rendered))
    for name, draw in {
        "images of a transfer set": lambda labels: chosen_images(labels, {"images": n // 2}, 0),
        "shuffled images": lambda labels: shuffled_images(labels, True, 0),
    }.items():
        equal = torch.equal(draw(there.train_labels).cpu(), draw(here.train_labels))
        say(f"{name} as on the CPU", equal, "", "exactly", equal)


def _stored_rows(data: Dataset, compute: Compute, kit: Kit) -> None:
    """A stored row of teacher logits is a live forward pass on that view, also within another batch."""
    recipe, n = kit.recipe(), len(data.train_images)
    teacher = new_net(NETS["resnet"], data)
    stored = teacher_logits_of_epoch(teacher, data, recipe, 1, 2, compute)
    views = epoch_views(1, 2, n, flip=recipe.flip, shift=recipe.shift, device=compute.device)
    padded = pad_images(data.train_images, recipe.shift)
    first = torch.arange(n, device=compute.device)[: compute.scoring_batch(data.image_shape)]
    live = predict(teacher, data, render(padded, first, views, recipe.shift), compute).half()
    equal = torch.equal(stored[first], live)
    say("stored row = live pass, same batch", equal, "", "exactly", equal)
    batch = views.order[: recipe.batch_size]
    live = predict(teacher, data, render(padded, batch, views, recipe.shift), compute).half()
    off = (stored[batch] - live).abs().max().item() / stored.float().std().item()
    say("stored row against live pass, another batch", off, "standard deviations", "below 0.05", off < 0.05)


def _loss_against_float64(compute: Compute) -> None:
    """The loss and its gradient, against the paper's formula written out in float64 on the CPU."""
    torch.manual_seed(0)
    student, teacher, labels = 3 * torch.randn(128, 10), 5 * torch.randn(128, 10), torch.randint(10, (128,))
    logits = student.to(compute.device).requires_grad_()
    found = distillation_losses(
        logits,
        labels.to(compute.device),
        teacher.to(compute.device),
        temperature=TEMPERATURE,
        hard_weight=HARD_WEIGHT,
    )
    found.total.backward()
    p, q, q1 = (
        (z.double() / t).softmax(1) for z, t in ((teacher, TEMPERATURE), (student, TEMPERATURE), (student, 1.0))
    )
    rows = torch.arange(128)
    total = HARD_WEIGHT * -q1[rows, labels].log().mean()
    total += (1 - HARD_WEIGHT) * TEMPERATURE**2 * (p * (p.log() - q.log())).sum(1).mean()
    q1[rows, labels] -= 1
    gradient = (HARD_WEIGHT * q1 + (1 - HARD_WEIGHT) * TEMPERATURE * (q - p)) / 128
    off = abs(found.total.item() - total.item()) / total.item()
    say("loss against float64 on the CPU", off, "relative", "below 1e-5", off < 1e-5)
    off = (logits.grad.cpu() - gradient).abs().max().item() / gradient.abs().max().item()
    say("gradient against float64 on the CPU", off, "relative", "below 1e-5", off < 1e-5)


def _logits_against_the_cpu(there: Dataset, here: Dataset, compute: Compute, kit: Kit) -> None:
    """Float32 without TF32, and bfloat16, of a student that has learned a little."""
    recipe = kit.recipe(4 if kit.tiny else 2)
    student = new_net(NETS["student"], there)
    supervision = learn_from_labels(there.train_labels, 0)
    loop.train(
        student, there, recipe, supervision, seed=0, compute=compute, score_test_each_epoch=False,
        checkpoint=kit.folder / "exactness.pt", identity={},
    )  # fmt: skip
    (kit.folder / "exactness.pt").unlink()
    images = "test_images"
    float32 = predict(student, there, getattr(there, images), Compute(compute.device, bfloat16=False)).cpu()
    bfloat16 = predict(student, there, getattr(there, images), Compute(compute.device, bfloat16=True)).cpu()
    exact = predict(student.cpu(), here, getattr(here, images), FLOAT32)
    off = (float32 - exact).abs().max().item() / exact.std().item()
    say("float32 logits against the CPU's", off, "standard deviations", "below 1e-4", off < 1e-4)
    alike = (bfloat16.argmax(1) == exact.argmax(1)).float().mean().item()
    say("bfloat16 decides as float32 on the CPU", 100 * alike, "% of test images", "at least 99", alike >= 0.99)
    points = 100 * (accuracy(bfloat16, here.test_labels) - accuracy(exact, here.test_labels))
    say("bfloat16 against float32, accuracy", points, "points", "within 0.3", abs(points) <= 0.3 or kit.tiny)


def _no_waiting(data: Dataset, compute: Compute, kit: Kit) -> None:
    """Twenty steps in which nothing waits for the GPU."""
    recipe = kit.recipe()
    views = epoch_views(0, 0, len(data.train_images), flip=True, shift=recipe.shift, device=compute.device)
    for name, settings in {"student": NETS["student"], "dropout net": DROPOUT}.items():
        training = new_training(settings, data, recipe, supervision_of("teacher", data, 1), compute)
        training.model.train()
        batches = views.order.split(recipe.batch_size)

        def steps(first: int, last: int, training=training, batches=batches) -> None:
            for index in batches[first:last]:
                images = data.normalise(render(training.padded, index, views, recipe.shift))
                loop._step(training, images, 0, index, 0.01)

        steps(0, 3)
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            steps(3, 23)
            waited = "never"
        except RuntimeError as error:
            waited = str(error).splitlines()[0]
        finally:
            torch.cuda.set_sync_debug_mode("default")
        say(f"{name}: waits for the GPU within 20 steps", waited, "", "never", waited == "never")


def _memory_as_foretold(compute: Compute, kit: Kit) -> None:
    """An epoch of each net, on all images, stays within what its job asks for."""
    data = kit.part_of_data(55_000, "cpu")
    there = data.to(compute.device)
    base = torch.cuda.memory_reserved()
    for net, settings in NETS.items():
        recipe = kit.recipe()
        supervision = supervision_of(net, there, 1)
        need = training_need(new_net(settings, data), data, recipe, len(data.train_images) * 20) - gpus.CONTEXT
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        loop.train(
            new_net(settings, there), there, recipe, supervision, seed=0, compute=compute, score_test_each_epoch=True,
            checkpoint=kit.folder / "memory.pt", identity={"net": net},
        )  # fmt: skip
        taken = torch.cuda.max_memory_reserved()
        say(f"{net}: GPU memory of a job", taken / 1e6, "MB", f"at most {need / 1e6:.0f}", taken <= need)
    say("of it the data", base / 1e6, "MB")


def repetition(kit: Kit) -> None:
    """The same seed gives the same bits, also when a signal ends the training and the command is given again."""
    compute = kit.compute()
    data = kit.part_of_data(20_000, compute.device)
    for name, settings in {"student": NETS["student"], "resnet": NETS["resnet"], "dropout net": DROPOUT}.items():
        runs, seconds = [], []
        for _ in range(3):
            seconds.append(seconds_of(lambda: runs.append(_trained(settings, data, compute, kit))))  # noqa: B023
        equal = same(runs[0], runs[1]) and same(runs[0], runs[2])
        say(f"{name}: same seed, same bits", equal, "", "exactly", equal)
        stopped = _trained(settings, data, compute, kit, stop=True)
        say(f"{name}: ended by SIGTERM and continued", same(runs[0], stopped), "", "exactly", same(runs[0], stopped))
        if kit.gpu and name != "dropout net":
            torch.backends.cudnn.deterministic = False
            _trained(settings, data, compute, kit)
            free = seconds_of(lambda: _trained(settings, data, compute, kit))  # noqa: B023
            torch.backends.cudnn.deterministic = True
            slower = 100 * (min(seconds[1:]) / free - 1)
            say(f"{name}: cost of convolutions that repeat", slower, "%", "under 5", slower < 5)


def _trained(settings: dict, data: Dataset, compute: Compute, kit: Kit, stop: bool = False) -> dict:
    """Weights after two epochs; with `stop`, after a SIGTERM in the middle of the second and a second call."""
    labels, steps = learn_from_labels(data.train_labels, 0), []
    recipe = kit.recipe(2, learning_rate=0.02) if settings == DROPOUT else kit.recipe(2)  # which diverges at 0.1
    at = math.floor(1.5 * (len(data.train_images) // kit.recipe().batch_size))
    checkpoint = kit.folder / "repetition.pt"

    def supervision(logits, epoch, index, mix):
        steps.append(None)
        if stop and len(steps) == at:
            os.kill(os.getpid(), signal.SIGTERM)
        return labels(logits, epoch, index, mix)

    def train(model: torch.nn.Module) -> None:
        loop.train(
            model, data, recipe, supervision, seed=7, compute=compute, score_test_each_epoch=False,
            checkpoint=checkpoint, identity={},
        )  # fmt: skip

    model = new_net(settings, data)
    try:
        train(model)
    except SystemExit:
        model = new_net(settings, data, seed=99)
        train(model)
    assert not stop or len(steps) > at
    checkpoint.unlink()
    return weights_of(model)


def waiting(kit: Kit) -> None:
    """A training by its command line: beside a full GPU it waits, and then it trains, in bfloat16, as it should."""
    filled = _fill_memory(kit, left=200 * 2**20) if kit.gpu else None
    out, log = kit.folder / "waiting", kit.folder / "waiting.log"
    with log.open("w") as file:
        started = time.perf_counter()
        job = subprocess.Popen(train_command(kit, "student", 2, 0, out), stdout=file, stderr=subprocess.STDOUT)
        if filled is not None:
            while job.poll() is None and "waits" not in log.read_text() and time.perf_counter() - started < 25:
                time.sleep(0.1)
            waits = job.poll() is None and "waits" in log.read_text()
            say("a job beside a full GPU", log.read_text().strip(), "", "waits", waits)
            del filled
            torch.cuda.empty_cache()
        status = job.wait()
    said = log.read_text().strip().splitlines()
    say("training by its command line", said[-1] if said else "", "", "exit status 0", status == 0)
    if status == 0:
        import pandas as pd

        metrics = pd.read_json(out / "metrics.json", typ="series")
        best = 100 * metrics.validation_accuracy["last"]
        say("validation accuracy after two epochs", best, "%", "at least 85", best >= 85 or kit.tiny)
        say("precision", metrics.precision, "", "bfloat16", metrics.precision == "bfloat16" or not kit.gpu)
        say("images a second of a job", metrics.images_per_second, "1/s")
        say("start-up of a job", metrics.start_up_seconds, "s")
        say("peak memory of a job", metrics.peak_memory_mb, "MB")


def _fill_memory(kit: Kit, left: int) -> torch.Tensor:
    device = kit.compute().device
    free, _ = torch.cuda.mem_get_info(device)
    return torch.empty(free - left, dtype=torch.uint8, device=device)
