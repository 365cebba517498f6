"""Count what a reader should know of a data set's images."""

import argparse
import json
from pathlib import Path

from dark_knowledge import command
from dark_knowledge.data.checks import findings
from dark_knowledge.data.parts import Split
from dark_knowledge.data.sources import FILES


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for part in FILES:
        parser.add_argument(f"--{part.replace('_', '-')}", type=Path, required=True)
    parser.add_argument("--classes", type=json.loads, required=True, help="class names, as a JSON list")
    parser.add_argument("--split", type=json.loads, required=True, help="the config's split, as JSON")
    parser.add_argument("--out", required=True, help="JSON file of what was found")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    files = {part: getattr(arguments, part) for part in FILES}
    found = findings(files, arguments.classes, Split(**arguments.split))
    command.write_json(arguments.out, found)
    print(json.dumps(found))


if __name__ == "__main__":
    command.run(main)
