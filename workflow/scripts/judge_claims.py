"""Answer the note's claims: a table of all quantities (CSV and HTML) and a page that explains the verdicts."""

import argparse
import json
from pathlib import Path

from dark_knowledge import command
from dark_knowledge.analysis import claims
from dark_knowledge.analysis.results import Results
from dark_knowledge.analysis.statistics import least_sign_flip_p
from dark_knowledge.pages import rendering
from dark_knowledge.study.arms import published_of, recipe_of

HIDDEN = ["digits", "is_difference"]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collected", type=Path, required=True, help="folder of the collected tables")
    parser.add_argument("--config", type=Path, required=True, help="the study's whole configuration, a JSON file")
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--table", type=Path, required=True, help="HTML page of all quantities")
    parser.add_argument("--page", type=Path, required=True, help="HTML page that explains the verdicts")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    config = json.loads(arguments.config.read_text())
    results = Results(folder=arguments.collected)
    classes = config["datasets"][config["dataset"]]["classes"]
    table = claims.claims_table(results, classes, published_of(config), config["claims"])
    shown = claims.shown_rows(table)
    page = rendering.claims_page(
        study=config["study"],
        dataset=config["dataset"],
        validation=config["split"]["validation"],
        rule=config["claims"],
        least_p=[f"{least_sign_flip_p(n):.3g}" for n in sorted(table.n.unique())],
        seeds=sorted(table.n.unique()),
        experiments=[
            {
                "name": name,
                "student": rows.student_arm.iloc[0],
                "temperatures": len(config["experiments"][name]["temperatures"]),
                "published": bool(published_of(config)[name]),
                "recipes": recipes_of(config, name),
                "rows": rows.to_dict("records"),
            }
            for name, rows in shown.groupby("experiment", sort=False)
        ],
    )
    rendering.save(arguments.csv, table.drop(columns=HIDDEN).to_csv(index=False))
    quantities = rendering.html_table(claims.readable_claims(table), "claims")
    rendering.save(arguments.table, rendering.table_page(quantities, claims.NOTE))
    rendering.save(arguments.page, page)


def recipes_of(config: dict, experiment: str) -> dict[str, dict]:
    """The training settings of the experiment's two networks, by what they are in it."""
    settings = config["experiments"][experiment]
    models = {"baseline and student": settings["student"], "teacher": settings["teacher"]}
    return {name: config["recipes"][recipe_of(config, model)] for name, model in models.items()}


if __name__ == "__main__":
    command.run(main)
