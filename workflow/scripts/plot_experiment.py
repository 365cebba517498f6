"""Draw the figures of one experiment."""

import argparse
import json
from pathlib import Path

import pandas as pd

from dark_knowledge import command, plots
from dark_knowledge.command import written_whole
from dark_knowledge.tables import chosen_temperature


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for table in ("arms", "runs", "epochs", "steps", "predictions"):
        parser.add_argument(f"--{table}", type=Path, required=True)
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--classes", type=json.loads, required=True, help="class names in the order of labels, as JSON")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    study_arms = pd.read_parquet(arguments.arms)
    runs, epochs, steps = (pd.read_parquet(path) for path in (arguments.runs, arguments.epochs, arguments.steps))
    arms = plots.drawn_arms(study_arms, arguments.experiment)
    chosen = chosen_temperature(runs, study_arms, arguments.experiment)
    student = (arms.role == "student") & (arms.temperature == chosen)
    compared = arms[arms.role.isin(["teacher", "baseline"]) | student]
    # Of millions of predictions only those that are drawn.
    drawn = [("epoch", "==", "last"), ("supervision", "in", compared.supervision), ("model", "in", compared.model)]
    predictions = pd.read_parquet(arguments.predictions, filters=drawn)
    figures = {
        "loss_by_step": plots.loss_by_step(steps, arms),
        "accuracy_by_step": plots.accuracy_by_step(steps, arms),
        "loss_by_epoch": plots.loss_by_epoch(epochs, arms),
        "accuracy_by_epoch": plots.accuracy_by_epoch(epochs, arms),
        "student_losses": plots.student_losses(epochs, arms),
        "validation_accuracy": plots.validation_accuracy(epochs, arms),
        "temperature": plots.temperature(runs, arms),
        "errors_per_class": plots.errors_per_class(predictions, compared, arguments.classes),
        "confusion": plots.confusion(predictions, compared, arguments.classes),
    }
    for name, figure in figures.items():
        with written_whole(arguments.out / f"{name}.svg") as temporary:
            plots.save(figure, temporary)
        print(name)


if __name__ == "__main__":
    command.run(main)
