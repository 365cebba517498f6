"""Write the study's summary: one self-contained page that tells what was asked, what came out and what it cost."""

import argparse
import json
from functools import partial
from pathlib import Path

import pandas as pd

from dark_knowledge import command, costs, pages, study, tables
from dark_knowledge.class_errors import hardest_class
from dark_knowledge.command import written_whole

FIGURES = ("temperature", "validation_accuracy", "errors_per_class", "confusion")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for table in ("arms", "runs", "predictions", "class_errors"):
        parser.add_argument(f"--{table.replace('_', '-')}", type=pd.read_parquet, required=True, help="collected table")
    parser.add_argument("--figures", type=Path, required=True, help="folder of the figures")
    parser.add_argument("--config", type=Path, required=True, help="the study's whole configuration, a JSON file")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    arms, runs = arguments.arms, arguments.runs
    config = json.loads(arguments.config.read_text())
    experiments = study.experiments_of(config)
    published = study.published_of(config)
    figures_published = tables.published_rows(published)
    classes = config["datasets"][config["dataset"]]["classes"]
    accuracy = tables.accuracy_table(runs, arms)
    gap = tables.gap_table(runs, arms, figures_published)
    errors = tables.class_error_table(arguments.predictions, arms, classes)
    figures = {
        name: {f: pages.embedded_svg(arguments.figures / name / f"{f}.svg") for f in FIGURES} for name in experiments
    }
    summary = partial(
        pages.summary_page,
        study=config["study"],
        dataset=config["dataset"],
        seeds=config["seeds"],
        validation=config["split"]["validation"],
        fewest_seeds=config["claims"]["fewest_seeds"],
        own_seeds=[
            name for name, settings in experiments.items() if settings.get("seeds", config["seeds"]) != config["seeds"]
        ],
        accuracy=pages.html_table(tables.readable_accuracy(accuracy, figures_published)),
        accuracy_note=tables.NOTES["accuracy"],
        gap=pages.html_table(tables.readable_gap(gap)),
        gap_note=tables.NOTES["gap_recovered"],
        cost=pages.html_table(costs.readable_costs(costs.cost_table(runs, arms))),
        cost_note=costs.NOTE,
        provenance=provenance(runs),
    )
    told = []
    for name in experiments:
        baseline = tables.arm_of(arms[arms.experiment == name], "baseline")
        hardest = hardest_class(arguments.class_errors, baseline, published[name])
        told.append(
            accuracy_story(name, accuracy, gap)
            | error_story(name, errors, accuracy, hardest)
            | {"hardest_is_published": "improved_class" in published[name]}
        )

    def page(drawn: int) -> str:
        shown = [story | {"figures": figures[story["name"]] if n < drawn else {}} for n, story in enumerate(told)]
        return summary(experiments=shown)

    text, drawn = pages.largest_page(page, len(told))
    with written_whole(arguments.out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"figures of {drawn} of {len(told)} experiments")


def accuracy_story(experiment: str, accuracy: pd.DataFrame, gap: pd.DataFrame) -> dict:
    """The accuracies of one experiment's three roles and what distillation gained, as shown in the text."""
    rows = accuracy[accuracy.experiment == experiment]
    shown = {
        row.role: tables.show_interval(row.last_test_accuracy_mean, row.last_test_accuracy_high)
        for row in rows.itertuples()
        if row.role in ("teacher", "baseline") or row.chosen
    }
    gains = gap[gap.experiment == experiment]
    gain = gains[gains.chosen].iloc[0]
    published = gains[gains.arm == tables.AS_PUBLISHED].gain
    return shown | {
        "name": experiment,
        "temperature": f"{rows[rows.chosen].temperature.iloc[0]:g}",
        "temperatures": int((rows.role == "student").sum()),
        "n": gain.n,
        "gain": tables.show_difference(gain.gain, gain.gain_high),
        "gain_low": gain.gain_low,
        "gain_high": gain.gain_high,
        "published_gain": None if published.empty else f"{published.iloc[0]:.2f}",
    }


def error_story(experiment: str, errors: pd.DataFrame, accuracy: pd.DataFrame, hardest: int) -> dict:
    """Each role's test errors on the class `hardest`, as shown in the text."""
    chosen = accuracy[(accuracy.experiment == experiment) & accuracy.chosen].temperature.iloc[0]
    compared = errors.role.isin(["teacher", "baseline"]) | ((errors.role == "student") & (errors.temperature == chosen))
    of_class = errors[(errors.experiment == experiment) & compared & (errors.label == hardest)]
    return {
        "hardest": tables.class_label(of_class["class"].iloc[0], hardest),
        "hardest_images": of_class.images.iloc[0],
    } | {f"hardest_{row.role}": tables.show_interval(row.errors, row.errors_high, 1) for row in of_class.itertuples()}


def provenance(runs: pd.DataFrame) -> list[str]:
    """Where the numbers come from, a line each."""
    runs = runs[runs.seed != study.ALL_SEEDS]  # an ensemble was not trained
    return [
        f"{len(runs)} runs; code at commit {', '.join(sorted(runs.commit.fillna('unknown').unique()))}",
        f"PyTorch {', '.join(sorted(runs.torch.unique()))}",
        f"{', '.join(sorted(runs.machine.unique()))}, {', '.join(sorted(runs.precision.unique()))}",
        f"largest memory of a training job: {runs.peak_memory_mb.max():.0f} MB",
    ]


if __name__ == "__main__":
    command.run(main)
