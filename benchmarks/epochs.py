"""Time training epochs: this engine, the loops that people copy, and this engine with one thing changed at a time.

Every measurement is a fresh process, or two side by side, on the study's nets and images; rounds are interleaved. The
figure is what the whole machine trains in a second. torchdistill must be installed for this benchmark only.
"""

import argparse
import json
import tempfile
from pathlib import Path

import pandas as pd
import torch
from measuring import (
    CONFIG,
    measure_together,
    part_of_data,
    prepare_data,
    save_results,
    seconds_of_epochs,
    study_net,
    wait_for_the_others,
)
from peers import HARD_WEIGHT, TEMPERATURE, torchdistill_epoch, tutorial_epoch
from torch import nn

from dark_knowledge.data.prepared import Dataset
from dark_knowledge.training import convolution, devices
from dark_knowledge.training.augment import epoch_views, pad_images, render
from dark_knowledge.training.devices import Compute, choose_compute, peak_memory_mb
from dark_knowledge.training.evaluate import predict
from dark_knowledge.training.loop import train
from dark_knowledge.training.losses import distillation_losses, learn_from_labels, learn_from_teacher
from dark_knowledge.training.recipes import Recipe
from dark_knowledge.training.teacher_logits import teacher_logits_of_epoch

TEACHER, STUDENT = "resnet", "student"
BATCHES, SECONDS = 80, 4
RECIPE = Recipe(**CONFIG["recipes"]["student"] | {"epochs": 1})

# What is measured: (what is trained, variant, processes, threads of each).
MEASURED = [
    *(
        ("distillation", variant, *how)
        for variant, how in {
            "this engine": (2, 1),
            "one process of two threads": (1, 2),
            "live teacher": (2, 1),
            "float32": (2, 1),
            "NCHW": (2, 1),
            "freed memory returned": (2, 1),
            "oneDNN's weight gradients": (2, 1),
            "compiled": (2, 1),
            "tutorial": (1, 2),
            "tutorial, two processes": (2, 1),
            "torchdistill": (1, 2),
        }.items()
    ),
    *(
        (f"{net} on labels", variant, *how)
        for net in (STUDENT, TEACHER)
        for variant, how in {
            "this engine": (2, 1),
            "float32": (2, 1),
            "NCHW": (2, 1),
            "oneDNN's weight gradients": (2, 1),
            "compiled": (2, 1),
            "tutorial": (1, 2),
        }.items()
    ),
]
QUICK = ("this engine", "oneDNN's weight gradients", "tutorial")


class Contiguous(nn.Module):
    """Lay images out as NCHW; of one channel, they fit both layouts until they are copied."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.clone(memory_format=torch.contiguous_format)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two short rounds of what matters most; writes no file")
    parser.add_argument("--measure", nargs=5, metavar=("TASK", "VARIANT", "THREADS", "BATCHES", "SECONDS"))
    arguments = parser.parse_args()
    if arguments.measure:
        task, variant, *numbers = arguments.measure
        print(json.dumps(measure(task, variant, *map(int, numbers))))
        return
    prepare_data()
    if arguments.quick:
        table = summary(measure_all([case for case in MEASURED if case[1] in QUICK], 2, BATCHES // 4, SECONDS // 2))
        print(readable(table).to_string(index=False))
        return
    table = summary(measure_all(MEASURED, arguments.rounds, BATCHES, SECONDS))
    save_results("epochs", table, "Training epochs beside peers", notes(arguments.rounds), readable(table))


def measure_all(cases: list[tuple], rounds: int, batches: int, seconds: int) -> list[tuple]:
    """Rows for `summary`: each of the cases, entries of MEASURED, once a round, in processes that start afresh."""
    rows = []
    for number in range(rounds):
        for task, variant, processes, threads in cases:
            command = [__file__, "--measure", task, variant, *map(str, (threads, batches, seconds))]
            found = measure_together(command, processes)
            speed = sum(process["images_per_second"] for process in found)
            memory = max(process["peak_memory_mb"] for process in found)
            rows.append((task, variant, processes, threads, number, speed, memory))
            print(*rows[-1], flush=True)
    return rows


def summary(rows: list[tuple]) -> pd.DataFrame:
    """A row per task and variant: median images a second, their range, the ratio to this engine by round, memory."""
    columns = ["task", "variant", "processes", "threads", "round", "images_per_second", "peak_memory_mb"]
    table = pd.DataFrame(rows, columns=columns)
    engine = table[table.variant == "this engine"].set_index(["task", "round"]).images_per_second.rename("engine")
    table = table.join(engine, on=["task", "round"])
    table["slower"] = table.engine / table.images_per_second
    groups = table.groupby(columns[:4], sort=False)
    return groups.agg(
        n=("round", "size"),
        images_per_second=("images_per_second", "median"),
        lowest=("images_per_second", "min"),
        highest=("images_per_second", "max"),
        times_slower=("slower", "median"),
        least_slower=("slower", "min"),
        most_slower=("slower", "max"),
        peak_memory_mb=("peak_memory_mb", "max"),
    ).reset_index()


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The summary for readers."""
    return pd.DataFrame(
        {
            "epoch of": table.task,
            "variant": table.variant,
            "processes x threads": [f"{row.processes} x {row.threads}" for row in table.itertuples()],
            "images/s": _ranges(table.images_per_second, table.lowest, table.highest, ",.0f"),
            "times slower": _ranges(table.times_slower, table.least_slower, table.most_slower, ".2f"),
            "peak memory, MB": [f"{value:.0f}" for value in table.peak_memory_mb],
        }
    )


def _ranges(middle: pd.Series, low: pd.Series, high: pd.Series, form: str) -> list[str]:
    return [f"{m:{form}} ({a:{form}} to {b:{form}})" for m, a, b in zip(middle, low, high, strict=True)]


def notes(rounds: int) -> list[str]:
    return [
        f"Images a second of the whole machine: median of {rounds} interleaved rounds, with the lowest and highest. "
        f"One epoch is {BATCHES} batches of {RECIPE.batch_size}; images of this engine are flipped and shifted.",
        "Times slower: the speed of this engine over the variant's in the same round, median and range. Peak memory is "
        "of one process.",
        "Tutorial: PyTorch's Knowledge Distillation Tutorial, float32, DataLoader of two workers, no augmentation. "
        "torchdistill: version 1.1.5, DistillationBox and KDLoss with the same DataLoader.",
    ]


def measure(task: str, variant: str, threads: int, batches: int, seconds: int) -> dict:
    """Images a second of about so many seconds of epochs, after one epoch to warm up."""
    images = batches * RECIPE.batch_size
    data = part_of_data(images)
    epoch = peer_epoch(task, variant, data, threads) if is_peer(variant) else engine_epoch(task, variant, data, threads)
    repetitions = max(1, round(seconds / seconds_of_epochs(epoch, 1)))
    wait_for_the_others()
    taken = seconds_of_epochs(epoch, repetitions)
    return {"images_per_second": repetitions * images / taken, "peak_memory_mb": peak_memory_mb(torch.device("cpu"))}


def is_peer(variant: str) -> bool:
    return variant.startswith(("tutorial", "torchdistill"))


def peer_epoch(task: str, variant: str, data: Dataset, threads: int):
    torch.set_num_threads(threads)
    net = TEACHER if task.startswith(TEACHER) else STUDENT
    teacher = study_net(TEACHER, data).eval() if task == "distillation" else None
    make = torchdistill_epoch if variant == "torchdistill" else tutorial_epoch
    return make(study_net(net, data), teacher, data, RECIPE.batch_size, workers=2 if threads == 2 else 1)


def engine_epoch(task: str, variant: str, data: Dataset, threads: int):
    """An epoch of the engine, its scoring left small, with what the variant changes."""
    if variant == "freed memory returned":
        devices._keep_freed_memory = lambda: None
    if variant == "oneDNN's weight gradients":
        convolution.largest_image_for_products = lambda: 0
    compute = choose_compute("cpu", "float32" if variant == "float32" else "auto", threads)
    model = study_net(TEACHER if task.startswith(TEACHER) else STUDENT, data)
    if variant == "NCHW":
        model = nn.Sequential(Contiguous(), model)
    else:
        model.to(memory_format=torch.channels_last)
    if variant == "compiled":
        model.compile()
    supervision = learn_from_labels(data.train_labels, 0)
    if task == "distillation":
        supervision = teacher_supervision(variant, data, compute)

    def epoch() -> None:
        with tempfile.TemporaryDirectory() as folder:
            train(
                model, data, RECIPE, supervision, seed=0, compute=compute, score_test_each_epoch=False,
                checkpoint=Path(folder, "resume.pt"), identity={},
            )  # fmt: skip

    return epoch


def teacher_supervision(variant: str, data: Dataset, compute: Compute):
    """Stored logits, or a live pass of the teacher on the student's views."""
    teacher = study_net(TEACHER, data).to(memory_format=torch.channels_last)
    if variant != "live teacher":
        logits = teacher_logits_of_epoch(teacher, data, RECIPE, 0, 0, compute)[None]
        return learn_from_teacher(data.train_labels, logits, temperature=TEMPERATURE, hard_weight=HARD_WEIGHT)
    padded = pad_images(data.train_images, RECIPE.shift)
    views = epoch_views(0, 0, len(padded), flip=RECIPE.flip, shift=RECIPE.shift)

    def supervision(logits, epoch, index, mix):
        soft = predict(teacher, data, render(padded, index, views, RECIPE.shift), compute).clone()
        return distillation_losses(
            logits, data.train_labels[index], soft, temperature=TEMPERATURE, hard_weight=HARD_WEIGHT
        )

    return supervision


if __name__ == "__main__":
    main()
