"""Compute the logits of one arm's runs, all seeds, in evaluation mode on unaugmented images of every part."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from dark_knowledge import command
from dark_knowledge.command import sha256, written_whole
from dark_knowledge.data.prepared import Dataset, load_dataset
from dark_knowledge.integrity import checked_sum, tensors_sum
from dark_knowledge.study.paths import RUN_FILES, seed_folder
from dark_knowledge.training.devices import choose_compute
from dark_knowledge.training.evaluate import accuracy, predict
from dark_knowledge.training.memory import scoring_need
from dark_knowledge.training.networks import build_model, load_weights
from dark_knowledge.training.transfer_sets import chosen_images

PARTS = ("train", "validation", "test")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="prepared data set")
    parser.add_argument("--architecture", type=json.loads, required=True, help="the arm's network, as JSON")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the arm's runs")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="the runs to evaluate, in this order")
    parser.add_argument("--transfer-set", type=json.loads, default={}, help="what the arm learned from, as JSON")
    parser.add_argument("--split-seed", type=int, required=True, help="draws the images of a transfer set")
    parser.add_argument("--accelerator", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    parser.add_argument("--precision", default="auto", choices=["auto", "bfloat16", "float32"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--out", required=True, help="tensors <epoch>/<part> [seeds, images, classes], transfer_set [n]"
    )
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    data = load_dataset(arguments.data)
    # Where there are only logits, from elsewhere, they are the run's weights.
    logits_of = load_file if arguments.architecture["architecture"] == "logits" else evaluation(arguments, data)
    tensors = {f"{epoch}/{part}": [] for epoch in ("last", "selected") for part in PARTS}
    record = {"weights": [], "selected": []}
    for seed in arguments.seeds:
        folder = arguments.runs / seed_folder(seed)
        last, selected = (folder / RUN_FILES[name] for name in record)
        for name, sums in record.items():
            sums.append(checked_sum(folder / RUN_FILES[name], folder / RUN_FILES["metrics"], "files", name))
        logits = logits_of(last)
        append(tensors, "last", logits)
        # Where validation selected the last epoch the weights are the same bytes, and so are the logits.
        same = record["weights"][-1] == record["selected"][-1]
        append(tensors, "selected", logits if same else logits_of(selected))
    chosen = chosen_images(data.train_labels.cpu(), arguments.transfer_set, arguments.split_seed)
    record |= {
        "architecture": arguments.architecture,
        "data": sha256(arguments.data),
        "transfer_set": arguments.transfer_set,
        "split_seed": arguments.split_seed,
    }
    with written_whole(arguments.out) as temporary:
        stacked = {name: torch.stack(logits) for name, logits in tensors.items()} | {"transfer_set": chosen}
        temporary.write_bytes(save(stacked, {"record": json.dumps(record | {"sum": tensors_sum(stacked)})}))


def evaluation(arguments: argparse.Namespace, data: Dataset) -> Callable[[Path], dict[str, Tensor]]:
    """A function from a file of the network's weights to its logits [images, classes] of every part."""
    model = build_model(arguments.architecture, data.image_shape, data.classes)
    compute = choose_compute(
        arguments.accelerator, arguments.precision, arguments.threads, need=lambda: scoring_need(model, data)
    )
    data = data.to(compute.device)
    model.to(compute.device, memory_format=torch.channels_last)

    def logits_of(weights: Path) -> dict[str, Tensor]:
        load_weights(model, weights)
        logits = {part: predict(model, data, getattr(data, f"{part}_images"), compute).cpu() for part in PARTS}
        for part in PARTS:
            share = accuracy(logits[part], getattr(data, f"{part}_labels").cpu())
            print(f"{weights}  {part}  {share:.2%}", flush=True)
        return logits

    return logits_of


def append(tensors: dict[str, list[Tensor]], epoch: str, logits: dict[str, Tensor]) -> None:
    for part in PARTS:
        tensors[f"{epoch}/{part}"].append(logits[part])


if __name__ == "__main__":
    command.run(main)
