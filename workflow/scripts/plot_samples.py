"""Draw the first training images of each class."""

import argparse
import json

from safetensors import safe_open

from dark_knowledge import command
from dark_knowledge.command import written_whole
from dark_knowledge.figures import style
from dark_knowledge.figures.images import samples


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="prepared data set")
    parser.add_argument("--classes", type=json.loads, required=True, help="class names in the order of labels, as JSON")
    parser.add_argument("--out", required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    with safe_open(arguments.data, framework="np") as file:
        images, labels = file.get_tensor("train_images"), file.get_tensor("train_labels")
    with written_whole(arguments.out) as temporary:
        style.save(samples(images, labels, arguments.classes), temporary)


if __name__ == "__main__":
    command.run(main)
