"""Correct biases of classes that a transfer set left out, from stored logits: a row per run, correction and label."""

import argparse
import json
from pathlib import Path

from safetensors import safe_open

from dark_knowledge import command
from dark_knowledge.analysis.bias_correction import corrected_table
from dark_knowledge.analysis.records import Records
from dark_knowledge.command import written_whole


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="prepared data set")
    parser.add_argument("--results", type=Path, required=True, help="the study's folder, with runs and teacher_logits")
    parser.add_argument("--design", type=Path, required=True, help="what the runs are to be, a JSON file")
    parser.add_argument("--asked", type=Path, required=True, help="what the tables show beside the runs, a JSON file")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    with safe_open(arguments.data, framework="np") as data:
        train_labels, test_labels = data.get_tensor("train_labels"), data.get_tensor("test_labels")
    design = json.loads(arguments.design.read_text())
    corrections = json.loads(arguments.asked.read_text())["paper"].get("corrections", {})
    table = corrected_table(Records(design, arguments.results, arguments.data), corrections, train_labels, test_labels)
    with written_whole(arguments.out) as temporary:
        table.to_parquet(temporary, index=False)
    print(f"{len(table)} rows")


if __name__ == "__main__":
    command.run(main)
