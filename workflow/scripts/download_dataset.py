"""Find the four IDX files of a data set at its sources, verify them, and store them uncompressed."""

import argparse
import json
from pathlib import Path

from dark_knowledge import command
from dark_knowledge.command import written_whole
from dark_knowledge.data.sources import FILES, fetch_part


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="name of the data set")
    parser.add_argument("--source", type=json.loads, required=True, help="the data set's config entry, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="folder for <part>.idx")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    for part, file in FILES.items():
        payload, origin = fetch_part(arguments.dataset, part, arguments.source)
        with written_whole(arguments.out / f"{part}.idx") as temporary:
            temporary.write_bytes(payload)
        print(f"{file} from {origin}", flush=True)


if __name__ == "__main__":
    command.run(main)
