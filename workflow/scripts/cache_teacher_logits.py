"""Store a trained teacher's logits on the stream of views that its students will be trained on."""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from dark_knowledge import command
from dark_knowledge.command import sha256
from dark_knowledge.data.prepared import Dataset, load_dataset
from dark_knowledge.integrity import checked_sum
from dark_knowledge.study.arms import NOT_HERE
from dark_knowledge.study.paths import RUN_FILES
from dark_knowledge.training.devices import choose_compute
from dark_knowledge.training.memory import scoring_need
from dark_knowledge.training.networks import build_model, load_weights
from dark_knowledge.training.recipes import ViewStream
from dark_knowledge.training.stopwatch import Stopwatch
from dark_knowledge.training.teacher_logits import (
    save_teacher_logits,
    stored_epochs,
    teacher_logits_from_elsewhere,
    teacher_logits_of_epoch,
)
from dark_knowledge.training.transfer_sets import chosen_images


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="prepared data set")
    parser.add_argument("--architecture", type=json.loads, required=True, help="the teacher's network, as JSON")
    parser.add_argument("--weights", type=Path, required=True, help="the teacher's weights, in its run's folder")
    parser.add_argument("--views", type=json.loads, required=True, help="what students see of the images, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="the students' seed")
    parser.add_argument("--transfer-set", type=json.loads, default={}, help="the drawn part to store alone, as JSON")
    parser.add_argument("--split-seed", type=int, required=True, help="draws the images of a transfer set")
    parser.add_argument("--accelerator", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    parser.add_argument("--precision", default="auto", choices=["auto", "bfloat16", "float32"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", required=True)
    parser.add_argument("--record", required=True, help="JSON file for what the logits are of, and what they cost")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    teacher_weights = checked_sum(
        arguments.weights, arguments.weights.with_name(RUN_FILES["metrics"]), "files", "weights"
    )
    data = load_dataset(arguments.data)
    stream = ViewStream(**arguments.views)
    images = chosen_images(data.train_labels, arguments.transfer_set, arguments.split_seed).nonzero().flatten()
    if arguments.architecture["architecture"] == "logits":
        logits = teacher_logits_from_elsewhere(load_file(arguments.weights)["train"], stream)[None, images]
        cost = {"seconds": 0.0, "images": 0, "machine": NOT_HERE}
    else:
        logits, cost = compute_logits(arguments, data, stream, images)
    save_teacher_logits(arguments.out, logits, stream, arguments.seed)
    # Beside the logits, not in their file: its bytes are part of a student's identity, and seconds are never the same.
    command.write_json(
        arguments.record,
        {
            "architecture": arguments.architecture,
            "teacher_weights": teacher_weights,
            "views": arguments.views,
            "seed": arguments.seed,
            "transfer_set": arguments.transfer_set,
            "split_seed": arguments.split_seed,
            "data": sha256(arguments.data),
            "logits": sha256(arguments.out),
        }
        | cost,
    )


def compute_logits(
    arguments: argparse.Namespace, data: Dataset, stream: ViewStream, images: Tensor
) -> tuple[Tensor, dict]:
    """The teacher's logits [epochs, k, c] of `images` [k] on the stream, and their cost: how many pass through it."""
    teacher = build_model(arguments.architecture, data.image_shape, data.classes)
    load_weights(teacher, arguments.weights)
    epochs = stored_epochs(stream)
    # Twice, while they are joined.
    stored = 2 * epochs * len(images) * data.classes * torch.half.itemsize
    compute = choose_compute(
        arguments.accelerator,
        arguments.precision,
        arguments.threads,
        need=lambda: scoring_need(teacher, data, stored),
    )
    data = data.to(compute.device)
    images = images.to(compute.device)
    teacher.to(compute.device, memory_format=torch.channels_last)
    logits, seconds = [], [0.0]
    with Stopwatch() as clock:
        for epoch in range(epochs):
            logits.append(teacher_logits_of_epoch(teacher, data, stream, arguments.seed, epoch, compute, images))
            seconds.append(clock.seconds())
            speed = len(logits[0]) / (seconds[-1] - seconds[-2])
            print(f"epoch {epoch + 1:3d}/{epochs}  {speed:.0f} images/s", flush=True)
    cost = {"seconds": seconds[-1], "images": len(logits) * len(logits[0]), "machine": compute.machine}
    return torch.stack(logits), cost


if __name__ == "__main__":
    command.run(main)
