"""Gather a study's runs into tidy tables, keys first.

A row per arm, run, epoch, logged step and test prediction; per run, part and class, its errors; and per run of an
experiment, its similarity to the teacher.
"""

import argparse
import json
from pathlib import Path

from dark_knowledge import command
from dark_knowledge.analysis.collecting import collect
from dark_knowledge.command import written_whole


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="prepared data set")
    parser.add_argument("--results", type=Path, required=True, help="the study's folder, with runs and teacher_logits")
    parser.add_argument("--design", type=Path, required=True, help="what the runs are to be, a JSON file")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    design = json.loads(arguments.design.read_text())
    tables = collect(design, arguments.data, arguments.results)
    for name, table in tables.items():
        with written_whole(arguments.out / f"{name}.parquet") as temporary:
            table.to_parquet(temporary, index=False)
        print(f"{name}: {len(table)} rows")


if __name__ == "__main__":
    command.run(main)
