"""Set a study's results beside a paper's: tables as CSV (tidy), LaTeX and HTML (as read), and figures."""

import argparse
import json
from pathlib import Path

import pandas as pd

from dark_knowledge import command
from dark_knowledge.analysis import paper
from dark_knowledge.analysis.results import Results
from dark_knowledge.command import written_whole
from dark_knowledge.figures import paper as paper_figures
from dark_knowledge.figures import style
from dark_knowledge.pages import rendering


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collected", type=Path, required=True, help="folder of the collected tables")
    parser.add_argument("--corrected", type=pd.read_parquet, required=True, help="errors with corrected biases")
    parser.add_argument("--asked", type=Path, required=True, help="what the tables show beside the runs, a JSON file")
    parser.add_argument("--tables", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--figures", type=Path, required=True, help="folder for <figure>.svg")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    asked, corrected, results = (
        json.loads(arguments.asked.read_text()),
        arguments.corrected,
        Results(folder=arguments.collected),
    )
    section = asked["paper"]
    arms = results.all_arms()
    # Not only those after the last epoch, which `results` has.
    columns = ["model", "supervision", "seed", "epoch", "label", "prediction"]
    errors = paper.errors_by_class(pd.read_parquet(arguments.collected / "predictions.parquet", columns=columns))

    numbers = paper.paper_table(section["numbers"], errors, corrected, arms)
    tables = {"paper": (numbers, paper.readable_paper(numbers))}
    figures = {}
    if "grid" in section:
        widths = paper.width_table(asked["hidden"], errors, arms)
        tables["width_temperature"] = (widths, paper.readable_widths(widths))
        figures["width_map"] = paper_figures.width_map(widths)
        figures["width_lines"] = paper_figures.width_lines(widths)
    if "contrasts" in section:
        contrasts = paper.contrast_table(section["contrasts"], errors, arms)
        tables["temperature_contrasts"] = (contrasts, paper.readable_contrasts(contrasts))
    if "corrections" in section:
        biases = paper.bias_table(corrected, section["corrections"])
        tables["bias_corrections"] = (biases, paper.readable_biases(biases))
        figures["bias_corrections"] = paper_figures.bias_corrections(corrected, asked["classes"])
    if "early_stopping" in section:
        figures["early_stopping"] = paper_figures.early_stopping(
            results["epochs"], results["runs"], arms, section["early_stopping"]
        )
    if "ensembles" in section:
        figures["ensembles"] = paper_figures.side_by_side(paper.lined_up(section["ensembles"], errors, arms), arms)

    for name, (tidy, readable) in tables.items():
        rendering.write_table(arguments.tables, name, tidy, readable)
    for name, figure in figures.items():
        with written_whole(arguments.figures / f"{name}.svg") as temporary:
            style.save(figure, temporary)


if __name__ == "__main__":
    command.run(main)
