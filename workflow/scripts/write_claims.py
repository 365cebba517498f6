"""Write the page that answers the note's claims and explains the verdicts."""

import argparse
import json
from pathlib import Path

import pandas as pd

from dark_knowledge import command
from dark_knowledge.analysis import claims
from dark_knowledge.analysis.statistics import least_sign_flip_p
from dark_knowledge.pages import rendering
from dark_knowledge.pages.claims import is_taught_by_one_run, recipes_of
from dark_knowledge.study.arms import published_of


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judged", type=pd.read_parquet, required=True, help="the quantities with their verdicts")
    parser.add_argument("--config", type=Path, required=True, help="the study's whole configuration, a JSON file")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    config, table = json.loads(arguments.config.read_text()), arguments.judged
    shown = claims.shown_rows(table)
    seeds = sorted(table.n[table.effect.notna()].unique())
    page = rendering.claims_page(
        study=config["study"],
        dataset=config["dataset"],
        validation=config["split"]["validation"],
        rule=config["claims"],
        least_p=[f"{least_sign_flip_p(n):.3g}" for n in seeds],
        seeds=seeds,
        experiments=[
            {
                "name": name,
                "student": rows.student_arm.iloc[0],
                "temperatures": len(config["experiments"][name]["temperatures"]),
                "published": bool(published_of(config)[name]),
                "recipes": recipes_of(config, name),
                "taught_by_one_run": is_taught_by_one_run(config, name),
                "rows": rows.to_dict("records"),
            }
            for name, rows in shown.groupby("experiment", sort=False)
        ],
    )
    rendering.save(arguments.out, page)


if __name__ == "__main__":
    command.run(main)
