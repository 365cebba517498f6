"""Refuse a data set that cannot be learned, before anything is made from it, and count what its reader should know."""

import argparse
import json
from pathlib import Path

from dark_knowledge import command
from dark_knowledge.data.checks import check
from dark_knowledge.data.preparing import Split
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
    findings = check(files, arguments.classes, Split(**arguments.split))
    command.write_json(arguments.out, findings)
    print(json.dumps(findings))


if __name__ == "__main__":
    command.run(main)
