"""Judge the note's claims: a table of all quantities that speak for or against them, with the verdicts."""

import argparse
import json
from pathlib import Path

from dark_knowledge import command
from dark_knowledge.analysis import claims
from dark_knowledge.analysis.results import Results
from dark_knowledge.command import written_whole
from dark_knowledge.pages import rendering
from dark_knowledge.study.arms import published_of

HIDDEN = ["digits", "is_difference"]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collected", type=Path, required=True, help="folder of the collected tables")
    parser.add_argument("--config", type=Path, required=True, help="the study's whole configuration, a JSON file")
    parser.add_argument("--judged", type=Path, required=True, help="where the quantities with their verdicts go")
    parser.add_argument("--tables", type=Path, required=True, help="folder for claims.csv, .tex and bare/claims.html")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    config = json.loads(arguments.config.read_text())
    results = Results(folder=arguments.collected)
    classes = config["datasets"][config["dataset"]]["classes"]
    table = claims.claims_table(results, classes, published_of(config), config["claims"])
    with written_whole(arguments.judged) as temporary:
        table.to_parquet(temporary, index=False)
    rendering.write_table(arguments.tables, "claims", table.drop(columns=HIDDEN), claims.readable_claims(table))


if __name__ == "__main__":
    command.run(main)
