"""Write a study's tables, each as CSV (tidy), and as it is read as LaTeX and as HTML without a page."""

import argparse
import json
from pathlib import Path

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
    classes, published = asked["classes"], asked["published"]
    figures = accuracies.published_rows(published)
    accuracy = accuracies.accuracy_table(results)
    gap = accuracies.gap_table(results, figures)
    gains = gain_table(results)
    paid = payoff_table(results)
    mcnemar = error_sets.mcnemar_table(results)
    times = convergence.convergence_table(results, asked["validation_accuracies"])
    per_class = class_errors.class_error_table(results["predictions"], results.all_arms(), classes)
    differences = class_errors.class_difference_table(results, classes)
    hardest = class_errors.hardest_class_table(results, classes, published)
    similarity = error_sets.similarity_table(results)
    outcomes = error_sets.outcome_table(results)
    calibrated = calibration.calibration_table(results)
    controlled = controls.control_table(results)
    by_loss = losses.loss_table(results)
    reproduced = reproduction_table(results, load_published(asked["reference"]), asked["reference"])
    cost = costs.cost_table(results)
    index = run_table(results["runs"])
    for name, tidy, readable in (
        ("accuracy", accuracy, accuracies.readable_accuracy(accuracy, figures)),
        ("reproduction", reproduced, readable_reproduction(reproduced)),
        ("gap_recovered", gap, accuracies.readable_gap(gap)),
        ("gains", gains, readable_gains(gains)),
        ("payoff", paid, readable_payoff(paid)),
        ("mcnemar", mcnemar, error_sets.readable_mcnemar(mcnemar)),
        ("convergence", times, convergence.readable_convergence(times)),
        ("errors_per_class", per_class, class_errors.readable_class_errors(per_class)),
        ("class_differences", differences, class_errors.readable_class_differences(differences)),
        ("hardest_class", hardest, class_errors.readable_hardest_class(hardest)),
        ("error_similarity", similarity, error_sets.readable_similarity(similarity)),
        ("image_outcomes", outcomes, error_sets.readable_outcomes(outcomes)),
        ("calibration", calibrated, calibration.readable_calibration(calibrated)),
        ("controls", controlled, controls.readable_controls(controlled)),
        ("losses", by_loss, losses.readable_losses(by_loss)),
        ("cost", cost, costs.readable_costs(cost)),
        ("runs", index, readable_runs(index)),
    ):
        rendering.write_table(arguments.out, name, tidy, readable)


if __name__ == "__main__":
    command.run(main)
