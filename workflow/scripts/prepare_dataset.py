"""Turn four IDX files into the prepared data set of a study: cut, split, measured."""

import argparse
import json
from pathlib import Path

from dark_knowledge import command
from dark_knowledge.data.prepared import prepare, save_dataset
from dark_knowledge.data.sources import FILES


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for part in FILES:
        parser.add_argument(f"--{part.replace('_', '-')}", type=Path, required=True)
    parser.add_argument("--classes", type=json.loads, required=True, help="class names, as a JSON list")
    parser.add_argument("--split", type=json.loads, required=True, help="the config's split, as JSON")
    parser.add_argument("--out", required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    split = arguments.split
    tensors, description = prepare(
        {part: getattr(arguments, part) for part in FILES},
        classes=arguments.classes,
        validation=split["validation"],
        seed=split["seed"],
        train_limit=split.get("train_limit"),
        test_limit=split.get("test_limit"),
    )
    save_dataset(arguments.out, tensors, description)
    for name, tensor in tensors.items():
        print(f"{name:18} {tuple(tensor.shape)}")
    print(f"mean {description['mean']:.4f}, standard deviation {description['std']:.4f}")


if __name__ == "__main__":
    command.run(main)
