"""Turn four IDX files into the prepared data set of a study: cut, split, measured."""

import argparse
import json
from pathlib import Path

from dark_knowledge import command
from dark_knowledge.data.parts import Split
from dark_knowledge.data.prepared import save_dataset
from dark_knowledge.data.preparing import prepare
from dark_knowledge.data.sources import FILES


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for part in FILES:
        parser.add_argument(f"--{part.replace('_', '-')}", type=Path, required=True)
    parser.add_argument("--classes", type=int, required=True, help="their number")
    parser.add_argument("--split", type=json.loads, required=True, help="the config's split, as JSON")
    parser.add_argument("--out", required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    files = {part: getattr(arguments, part) for part in FILES}
    tensors, description = prepare(files, arguments.classes, Split(**arguments.split))
    save_dataset(arguments.out, tensors, description)
    for name, tensor in tensors.items():
        print(f"{name:18} {tuple(tensor.shape)}")
    for key, title in (("mean", "mean"), ("std", "standard deviation")):
        print(f"{title} by channel: {', '.join(f'{value:.4f}' for value in description[key])}")


if __name__ == "__main__":
    command.run(main)
