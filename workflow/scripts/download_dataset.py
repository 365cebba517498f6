"""Read a data set at its source, refuse what cannot be learned, and store its images and labels as four IDX files."""

import argparse
import json
from pathlib import Path

from dark_knowledge import command
from dark_knowledge.data.checks import check
from dark_knowledge.data.parts import Split
from dark_knowledge.data.sources import FILES
from dark_knowledge.data.storing import store


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="name of the data set")
    parser.add_argument("--source", type=json.loads, required=True, help="the data set's config entry, as JSON")
    parser.add_argument("--split", type=json.loads, required=True, help="the config's split, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="folder for <part>.idx and source.json")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    for line in store(arguments.dataset, arguments.source, arguments.out):
        print(line, flush=True)
    check(
        {part: arguments.out / f"{part}.idx" for part in FILES}, arguments.source["classes"], Split(**arguments.split)
    )
    command.write_json(arguments.out / "source.json", arguments.source)


if __name__ == "__main__":
    command.run(main)
