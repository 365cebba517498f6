"""Write the page of learning curves, with switches for arms and seeds."""

import argparse
import json
from pathlib import Path

import pandas as pd
from safetensors import safe_open

from dark_knowledge import command, curves, pages, plots
from dark_knowledge.command import written_whole


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for table in ("arms", "epochs", "steps"):
        parser.add_argument(f"--{table}", type=pd.read_parquet, required=True, help="collected table")
    parser.add_argument("--data", required=True, help="prepared data set")
    parser.add_argument("--batch-sizes", type=json.loads, required=True, help="images a step, by model, as JSON")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    arms = pd.concat([plots.drawn_arms(arguments.arms, name) for name in arguments.arms.experiment.unique()])
    with safe_open(arguments.data, framework="np") as file:
        (images,) = file.get_slice("train_labels").get_shape()
    steps_per_epoch = {model: images // size for model, size in arguments.batch_sizes.items()}
    all_epochs = int(arguments.epochs.epoch.max()) + 1

    def page(most_epochs: int) -> str:
        data = curves.page_data(arms, arguments.epochs, arguments.steps, steps_per_epoch, most_epochs)
        return pages.interactive_page("curves.html.j2", data, epochs=most_epochs, all_epochs=all_epochs)

    text, _ = pages.largest_page(page, all_epochs)
    with written_whole(arguments.out) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    command.run(main)
