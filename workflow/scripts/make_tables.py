"""Write a study's tables, each as CSV (tidy), and as it is read as LaTeX and as HTML without a page."""

import argparse
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from dark_knowledge import command
from dark_knowledge.analysis import accuracy as accuracies
from dark_knowledge.analysis import calibration, class_errors, controls, convergence, costs, error_sets, losses
from dark_knowledge.analysis.gains import gain_table, readable_gains
from dark_knowledge.analysis.payoff import payoff_table, readable_payoff
from dark_knowledge.analysis.reproduction import load_published, readable_reproduction, reproduction_table
from dark_knowledge.analysis.results import Results
from dark_knowledge.analysis.runs import readable_runs, run_table
from dark_knowledge.pages import rendering


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collected", type=Path, required=True, help="folder of the collected tables")
    parser.add_argument("--asked", type=Path, required=True, help="what the tables show beside the runs, a JSON file")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    results, asked = Results(folder=arguments.collected), json.loads(arguments.asked.read_text())
    for name, table, readable in tables(results, asked):
        rendering.write_table(arguments.out, name, table, readable(table))


def tables(results: Results, asked: dict) -> Iterator[tuple[str, pd.DataFrame, Callable]]:
    """Each table's name, the tidy table, and what makes one for readers of it."""
    classes, published = asked["classes"], asked["published"]
    figures = accuracies.published_rows(published)
    reproduced = reproduction_table(results, load_published(asked["reference"]), asked["reference"])
    times = convergence.convergence_table(results, asked["validation_accuracies"])
    per_class = class_errors.class_error_table(results["predictions"], results.all_arms(), classes)
    differences = class_errors.class_difference_table(results, classes)
    hardest = class_errors.hardest_class_table(results, classes, published)
    yield "accuracy", accuracies.accuracy_table(results), partial(accuracies.readable_accuracy, published=figures)
    yield "reproduction", reproduced, readable_reproduction
    yield "gap_recovered", accuracies.gap_table(results, figures), accuracies.readable_gap
    yield "gains", gain_table(results), readable_gains
    yield "payoff", payoff_table(results), readable_payoff
    yield "mcnemar", error_sets.mcnemar_table(results), error_sets.readable_mcnemar
    yield "convergence", times, convergence.readable_convergence
    yield "errors_per_class", per_class, class_errors.readable_class_errors
    yield "class_differences", differences, class_errors.readable_class_differences
    yield "hardest_class", hardest, class_errors.readable_hardest_class
    yield "error_similarity", error_sets.similarity_table(results), error_sets.readable_similarity
    yield "image_outcomes", error_sets.outcome_table(results), error_sets.readable_outcomes
    yield "calibration", calibration.calibration_table(results), calibration.readable_calibration
    yield "controls", controls.control_table(results), controls.readable_controls
    yield "losses", losses.loss_table(results), losses.readable_losses
    yield "cost", costs.cost_table(results), costs.readable_costs
    yield "runs", run_table(results["runs"]), readable_runs


if __name__ == "__main__":
    command.run(main)
