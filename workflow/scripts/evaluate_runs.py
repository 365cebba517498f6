"""Compute the logits of one arm's runs, all seeds, in evaluation mode on unaugmented images of every part."""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from dark_knowledge import command
from dark_knowledge.command import sha256, written_whole
from dark_knowledge.data.prepared import Dataset, load_dataset
from dark_knowledge.training.devices import Compute, choose_compute
from dark_knowledge.training.evaluate import accuracy, predict
from dark_knowledge.training.networks import build_model, load_weights
from dark_knowledge.training.transfer_sets import chosen_images

PARTS = ("train", "validation", "test")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="prepared data set")
    parser.add_argument("--architecture", type=json.loads, required=True, help="the arm's network, as JSON")
    parser.add_argument("--last", nargs="+", required=True, help="weights after the last epoch, one file a seed")
    parser.add_argument("--selected", nargs="+", required=True, help="weights of the validation-selected epoch")
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
    compute = choose_compute(arguments.accelerator, arguments.precision, arguments.threads)
    data = load_dataset(arguments.data, compute.device)
    model = None  # where the weights are the logits themselves
    if arguments.architecture["architecture"] != "logits":
        model = build_model(arguments.architecture, data.image_size, len(data.classes))
        model.to(compute.device, memory_format=torch.channels_last)
    tensors = {f"{epoch}/{part}": [] for epoch in ("last", "selected") for part in PARTS}
    for last, selected in zip(arguments.last, arguments.selected, strict=True):
        logits = logits_of(model, last, data, compute)
        append(tensors, "last", logits)
        # Where validation selected the last epoch the weights are the same bytes, and so are the logits.
        same = Path(last).read_bytes() == Path(selected).read_bytes()
        append(tensors, "selected", logits if same else logits_of(model, selected, data, compute))
    chosen = chosen_images(data.train_labels.cpu(), arguments.transfer_set, arguments.split_seed)
    record = {
        "architecture": arguments.architecture,
        "data": sha256(arguments.data),
        "transfer_set": arguments.transfer_set,
        "split_seed": arguments.split_seed,
        "weights": [sha256(path) for path in arguments.last],
        "selected": [sha256(path) for path in arguments.selected],
    }
    with written_whole(arguments.out) as temporary:
        stacked = {name: torch.stack(logits) for name, logits in tensors.items()}
        temporary.write_bytes(save(stacked | {"transfer_set": chosen}, {"record": json.dumps(record)}))


def logits_of(model: nn.Module | None, weights: str, data: Dataset, compute: Compute) -> dict[str, Tensor]:
    """Logits [images, classes] of every part, from the given weights."""
    if model is None:
        logits = load_file(weights)
    else:
        load_weights(model, weights)
        logits = {part: predict(model, data, getattr(data, f"{part}_images"), compute).cpu() for part in PARTS}
    for part in PARTS:
        print(f"{weights}  {part}  {accuracy(logits[part], getattr(data, f'{part}_labels').cpu()):.2%}", flush=True)
    return logits


def append(tensors: dict[str, list[Tensor]], epoch: str, logits: dict[str, Tensor]) -> None:
    for part in PARTS:
        tensors[f"{epoch}/{part}"].append(logits[part])


if __name__ == "__main__":
    command.run(main)
