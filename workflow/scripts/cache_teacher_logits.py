"""Store a trained teacher's logits on the stream of views that its students will be trained on."""

import argparse
import json

import torch
from safetensors.torch import load_file
from torch import Tensor

from dark_knowledge import command
from dark_knowledge.command import sha256
from dark_knowledge.data.prepared import Dataset, load_dataset
from dark_knowledge.study.arms import NOT_HERE
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


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="prepared data set")
    parser.add_argument("--architecture", type=json.loads, required=True, help="the teacher's network, as JSON")
    parser.add_argument("--weights", required=True, help="the teacher's weights")
    parser.add_argument("--views", type=json.loads, required=True, help="what students see of the images, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="the students' seed")
    parser.add_argument("--accelerator", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    parser.add_argument("--precision", default="auto", choices=["auto", "bfloat16", "float32"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", required=True)
    parser.add_argument("--record", required=True, help="JSON file for what the logits are of, and what they cost")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    data = load_dataset(arguments.data)
    stream = ViewStream(**arguments.views)
    if arguments.architecture["architecture"] == "logits":
        logits = teacher_logits_from_elsewhere(load_file(arguments.weights)["train"], stream)[None]
        cost = {"seconds": 0.0, "images": 0, "machine": NOT_HERE}
    else:
        logits, cost = compute_logits(arguments, data, stream)
    save_teacher_logits(arguments.out, logits, stream, arguments.seed)
    # Beside the logits, not in their file: its bytes are part of a student's identity, and seconds are never the same.
    command.write_json(
        arguments.record,
        {
            "architecture": arguments.architecture,
            "teacher_weights": sha256(arguments.weights),
            "views": arguments.views,
            "seed": arguments.seed,
            "data": sha256(arguments.data),
            "logits": sha256(arguments.out),
        }
        | cost,
    )


def compute_logits(arguments: argparse.Namespace, data: Dataset, stream: ViewStream) -> tuple[Tensor, dict]:
    """The teacher's logits [epochs, n, c] on the stream, and what they cost: the images passed through it."""
    teacher = build_model(arguments.architecture, data.image_shape, data.classes)
    load_weights(teacher, arguments.weights)
    epochs = stored_epochs(stream)
    # Twice, while they are joined.
    stored = 2 * epochs * len(data.train_images) * data.classes * torch.half.itemsize
    compute = choose_compute(
        arguments.accelerator,
        arguments.precision,
        arguments.threads,
        need=lambda: scoring_need(teacher, data, stored),
    )
    data = data.to(compute.device)
    teacher.to(compute.device, memory_format=torch.channels_last)
    logits, seconds = [], [0.0]
    with Stopwatch() as clock:
        for epoch in range(epochs):
            logits.append(teacher_logits_of_epoch(teacher, data, stream, arguments.seed, epoch, compute))
            seconds.append(clock.seconds())
            speed = len(logits[0]) / (seconds[-1] - seconds[-2])
            print(f"epoch {epoch + 1:3d}/{epochs}  {speed:.0f} images/s", flush=True)
    cost = {"seconds": seconds[-1], "images": len(logits) * len(logits[0]), "machine": compute.machine}
    return torch.stack(logits), cost


if __name__ == "__main__":
    command.run(main)
