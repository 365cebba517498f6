"""Write the study's summary: one self-contained page that tells what was asked, what came out and what it cost."""

import argparse
import json
from functools import partial
from pathlib import Path

import pandas as pd

from dark_knowledge import command
from dark_knowledge.analysis import accuracy as accuracies
from dark_knowledge.analysis import claims, class_errors, costs
from dark_knowledge.analysis.class_errors import hardest_class
from dark_knowledge.analysis.gains import gain_as_published
from dark_knowledge.analysis.payoff import payoff_table
from dark_knowledge.analysis.reproduction import load_published, reproduction_table
from dark_knowledge.analysis.results import Results, arm_of
from dark_knowledge.pages import rendering
from dark_knowledge.pages.claims import verdict_story
from dark_knowledge.pages.provenance import missing_classes
from dark_knowledge.pages.summary import (
    accuracy_story,
    error_story,
    payoff_story,
    provenance,
    reproduction_story,
    transfer_set_story,
)
from dark_knowledge.study import reference
from dark_knowledge.study.arms import experiments_of, published_of

FIGURES = ("temperature", "validation_accuracy", "errors_per_class", "confusion")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collected", type=Path, required=True, help="folder of the collected tables")
    parser.add_argument("--judged", type=pd.read_parquet, required=True, help="the claims' quantities, judged")
    parser.add_argument("--figures", type=Path, required=True, help="folder of the figures")
    parser.add_argument("--findings", type=Path, required=True, help="what was found in the data set, a JSON file")
    parser.add_argument("--config", type=Path, required=True, help="the study's whole configuration, a JSON file")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    results = Results(folder=arguments.collected)
    config = json.loads(arguments.config.read_text())
    figures_published = accuracies.published_rows(published_of(config))
    accuracy = accuracies.accuracy_table(results)
    gap = accuracies.gap_table(results, figures_published)
    told = stories(results, config, arguments.judged, accuracy, gap)
    figures = {
        name: {f: rendering.embedded_svg(arguments.figures / name / f"{f}.svg") for f in FIGURES}
        for name in experiments_of(config)
    }
    summary = partial(
        rendering.summary_page,
        missing_classes=missing_classes(json.loads(arguments.findings.read_text())),
        payoff=rendering.embedded_svg(arguments.figures / "payoff.svg"),
        accuracy=rendering.html_table(accuracies.readable_accuracy(accuracy, figures_published)),
        gap=rendering.html_table(accuracies.readable_gap(gap)),
        cost=rendering.html_table(costs.readable_costs(costs.cost_table(results))),
        provenance=provenance(results["runs"]),
        **asked_of_study(config),
        **notes(config),
        **reproduction(results, config),
    )

    def page(drawn: int) -> str:
        shown = [story | {"figures": figures[story["name"]] if n < drawn else {}} for n, story in enumerate(told)]
        return summary(experiments=shown)

    text, drawn = rendering.largest_page(page, len(told))
    rendering.save(arguments.out, text)
    print(f"figures of {drawn} of {len(told)} experiments")


def stories(
    results: Results, config: dict, judged: pd.DataFrame, accuracy: pd.DataFrame, gap: pd.DataFrame
) -> list[dict]:
    """What is told of each experiment, but for its figures."""
    classes, published = config["datasets"][config["dataset"]]["classes"], published_of(config)
    errors = class_errors.class_error_table(results["predictions"], results.all_arms(), classes)
    shown_claims, payoff = claims.shown_rows(judged), payoff_table(results)
    told = []
    for name in experiments_of(config):
        hardest = hardest_class(results["class_errors"], arm_of(results.arms(name), "baseline"), published[name])
        told.append(
            accuracy_story(name, accuracy, gap, gain_as_published(results, name))
            | payoff_story(payoff, name)
            | verdict_story(shown_claims, config, name)
            | error_story(name, errors, accuracy, hardest)
            | {"hardest_is_published": "improved_class" in published[name]}
            | {"transfer_set": transfer_set_story(config, name)}
        )
    return told


def asked_of_study(config: dict) -> dict:
    """What the first lines of the page say of the study."""
    seeds = {name: settings.get("seeds", config["seeds"]) for name, settings in experiments_of(config).items()}
    most = config["seeds"] if config["seeds"] in seeds.values() else next(iter(seeds.values()))
    return {
        "study": config["study"],
        "dataset": config["dataset"],
        "seeds": most,
        "own_seeds": [name for name, own in seeds.items() if own != most],
        "validation": config["split"]["validation"],
        "fewest_seeds": config["claims"]["fewest_seeds"],
    }


def notes(config: dict) -> dict:
    """The text beside each table and figure, as their own pages have it."""
    return {
        "reproduction_note": rendering.note("table_reproduction", config),
        "payoff_note": rendering.note("payoff", config),
        "accuracy_note": rendering.note("table_accuracy", config),
        "gap_note": rendering.note("table_gap_recovered", config),
        "cost_note": rendering.note("table_cost", config),
    }


def reproduction(results: Results, config: dict) -> dict:
    """What became of the published runs, where a published study is named."""
    asked = reference.asked_of(config)
    published = load_published(asked)
    table = reproduction_table(results, published, asked)
    story = reproduction_story(table, results["runs"], published) if asked else None
    return {"reproduction": story and story | {"folder": config["reference"]}}


if __name__ == "__main__":
    command.run(main)
