"""Put the trained members of an ensemble into one network, filed like a run: its weights, and what the members cost."""

import argparse
import json
from pathlib import Path

import pandas as pd
from safetensors.torch import load_file, save

from dark_knowledge import command
from dark_knowledge.command import written_whole
from dark_knowledge.study.paths import run_sums

# Not steps: in each of its steps all members take one, which their multiply-adds count.
SUMS = ("parameters", "multiply_adds", "seconds", "start_up_seconds")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", type=json.loads, required=True, help="the ensemble, as JSON")
    parser.add_argument("--members", type=Path, nargs="+", required=True, help="the members' run folders")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    for name in ("weights", "selected"):
        weights = {
            f"members.{number}.{key}": tensor
            for number, member in enumerate(arguments.members)
            for key, tensor in load_file(member / f"{name}.safetensors").items()
        }
        with written_whole(arguments.out / f"{name}.safetensors") as temporary:
            temporary.write_bytes(save(weights))
    # It was not trained, so that it has no curves.
    for name in ("history", "steps"):
        columns = pd.read_parquet(arguments.members[0] / f"{name}.parquet").iloc[:0]
        with written_whole(arguments.out / f"{name}.parquet") as temporary:
            columns.to_parquet(temporary, index=False)
    metrics = [json.loads((member / "metrics.json").read_text()) for member in arguments.members]
    sums = {key: sum(of_member[key] for of_member in metrics) for key in SUMS}
    # Nor has it an epoch that was selected, or a speed.
    none = dict.fromkeys(("validation_accuracy", "selected_epoch", "images_per_second", "peak_memory_mb"))
    own = {
        "architecture": arguments.architecture,
        "members": [of_member["files"]["weights"] for of_member in metrics],
        "files": run_sums(arguments.out),
    }
    whole = metrics[0] | own | none | sums
    command.write_json(arguments.out / "metrics.json", whole)


if __name__ == "__main__":
    command.run(main)
