"""Write the error explorer: a page to look through the test images that some run gets wrong."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import safe_open

from dark_knowledge import command
from dark_knowledge.analysis.results import ExperimentArm, Results, distinct_arms, rows_of
from dark_knowledge.command import InputError
from dark_knowledge.figures import style
from dark_knowledge.pages import explorer, rendering
from dark_knowledge.study.paths import logits_file

COMPRESSION = 50  # no set of pictures is packed more tightly: so many bytes of them are tried at most for one of a page


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collected", type=Path, required=True, help="folder of the collected tables")
    parser.add_argument("--data", required=True, help="prepared data set")
    parser.add_argument("--results", type=Path, required=True, help="the study's folder, with each arm's logits")
    parser.add_argument("--classes", type=json.loads, required=True, help="class names in the order of labels, as JSON")
    parser.add_argument("--study", required=True, help="its name, for the page")
    parser.add_argument("--dataset", required=True, help="its name, for the page")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    results = Results(folder=arguments.collected)
    arms = style.drawn_arms(results.all_arms())
    with safe_open(arguments.data, framework="np") as file:
        images, labels = file.get_tensor("test_images"), file.get_tensor("test_labels")
    distinct = distinct_arms(arms)
    seeds = [rows_of(results["runs"], arm).seed.to_list() for arm in distinct]
    logits = [test_logits(arguments.results / logits_file(arm.model, arm.supervision)) for arm in distinct]
    check_against(results["predictions"], distinct, seeds, logits)
    order = explorer.disputed_images(np.concatenate([own.argmax(-1) for own in logits]), labels)

    named = {"classes": arguments.classes, "study": arguments.study, "dataset": arguments.dataset}

    def page(shown: int) -> str:
        data = explorer.page_data(arms, logits, seeds, labels, order, shown)
        return explorer.error_page(data | named, images[order[:shown]])

    most = 1 + COMPRESSION * rendering.MOST_BYTES // images[0].nbytes
    text, shown = rendering.largest_page(page, min(len(order), most))
    rendering.save(arguments.out, text)
    print(f"{shown} of the {len(order)} images that some run gets wrong")


def test_logits(path: Path) -> np.ndarray:
    """Logits [seeds, images, classes] of an arm's runs on the test images after the last epoch."""
    with safe_open(path, framework="np") as file:
        return file.get_tensor("last/test")


def check_against(predictions: pd.DataFrame, distinct: list[ExperimentArm], seeds: list, logits: list) -> None:
    """Refuse logits that are not those the tables were collected from: counts of page and tables would differ."""
    for arm, own_seeds, own in zip(distinct, seeds, logits, strict=True):
        collected = rows_of(predictions, arm).pivot(index="seed", columns="image", values="prediction")
        if not np.array_equal(collected.loc[own_seeds], own.argmax(-1)):
            raise InputError(
                f"{logits_file(arm.model, arm.supervision)} gives other answers than collected/predictions.parquet; "
                "remove both files from the study's folder and run the same command again"
            )


if __name__ == "__main__":
    command.run(main)
