"""File like a run what was not trained here: an ensemble of runs, or weights or logits that come from elsewhere."""

import argparse
import json
from pathlib import Path

import pandas as pd
from safetensors.torch import load_file, save
from torch import Tensor

from dark_knowledge import command
from dark_knowledge.command import sha256, written_whole
from dark_knowledge.data.formats import open_idx
from dark_knowledge.data.parts import LABEL_PARTS
from dark_knowledge.data.prepared import Dataset, load_dataset
from dark_knowledge.integrity import checked_sum, read_record
from dark_knowledge.study.arms import NOT_HERE
from dark_knowledge.study.paths import RUN_FILES, run_sums, seed_folder
from dark_knowledge.training.elsewhere import read_logits, read_weights
from dark_knowledge.training.loop import HISTORY, STEPS
from dark_knowledge.training.networks import Ensemble, build_model, count_multiply_adds, count_parameters

# Of an ensemble the sum of its members'. Not steps: in each of its steps all members take one, which their
# multiply-adds count.
SUMS = ("parameters", "multiply_adds", "seconds", "start_up_seconds")
# What no run has that was not trained, and what is not known of a training elsewhere.
NONE = ("validation_accuracy", "selected_epoch", "images_per_second", "peak_memory_mb")
UNKNOWN = (*SUMS, *NONE, "recipe", "epochs", "steps", "device", "precision", "threads", "torch", "commit")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="prepared data set")
    parser.add_argument("--architecture", type=json.loads, required=True, help="the network, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="the seed under which the run is filed")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--members", type=Path, help="the folder of the runs of an ensemble's members")
    source.add_argument("--file", type=Path, help="weights, or logits of the data set's images")
    for part in LABEL_PARTS:
        parser.add_argument(f"--{part.replace('_', '-')}", type=Path, help="IDX file, an entry for each row of logits")
    parser.add_argument("--seeds", type=int, nargs="+", help="the members, in this order")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    own = {"architecture": arguments.architecture, "seed": arguments.seed, "data": sha256(arguments.data)}
    if arguments.members:
        members = [arguments.members / seed_folder(seed) for seed in arguments.seeds]
        weights = {name: of_members(members, name) for name in ("weights", "selected")}
        record = costs_of_members(members)
    else:
        tensors, record = from_elsewhere(arguments, load_dataset(arguments.data))
        weights = {"weights": tensors, "selected": tensors}
    for name, tensors in weights.items():
        with written_whole(arguments.out / RUN_FILES[name]) as temporary:
            temporary.write_bytes(save(tensors))
    # It was not trained here, so that it has no curves.
    for name, columns in (("history", HISTORY), ("steps", STEPS)):
        with written_whole(arguments.out / RUN_FILES[name]) as temporary:
            pd.DataFrame(columns=list(columns)).astype(columns).to_parquet(temporary, index=False)
    command.write_json(arguments.out / RUN_FILES["metrics"], record | own | {"files": run_sums(arguments.out)})


def of_members(members: list[Path], name: str) -> dict[str, Tensor]:
    for member in members:
        checked_sum(member / RUN_FILES[name], member / RUN_FILES["metrics"], "files", name)
    return Ensemble.weights_of([load_file(member / RUN_FILES[name]) for member in members])


def costs_of_members(members: list[Path]) -> dict:
    metrics = [read_record(member / RUN_FILES["metrics"]) for member in members]
    sums = {key: sum(of_member[key] for of_member in metrics) for key in SUMS}
    return (
        metrics[0] | sums | dict.fromkeys(NONE) | {"members": [of_member["files"]["weights"] for of_member in metrics]}
    )


def from_elsewhere(arguments: argparse.Namespace, data: Dataset) -> tuple[dict[str, Tensor], dict]:
    """The tensors of a file, checked against the network or the data set, and what is known of their origin."""
    file, architecture = arguments.file, arguments.architecture
    record = dict.fromkeys(UNKNOWN) | {"source": sha256(file), "file": str(file), "machine": NOT_HERE}
    if architecture["architecture"] == "logits":
        images = {"train": len(open_idx(arguments.train_labels)), "test": len(open_idx(arguments.test_labels))}
        return read_logits(file, data, images), record
    model = build_model(architecture, data.image_shape, data.classes)
    read_weights(file, model)
    sizes = {"parameters": count_parameters(model), "multiply_adds": count_multiply_adds(model, data.image_shape)}
    return {name: value.contiguous().clone() for name, value in model.state_dict().items()}, record | sizes


if __name__ == "__main__":
    command.run(main)
