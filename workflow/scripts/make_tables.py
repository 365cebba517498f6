"""Write a study's tables, each as CSV (tidy), HTML and LaTeX (as read)."""

import argparse
import json
from pathlib import Path

import pandas as pd

from dark_knowledge import command, pages, tables
from dark_knowledge.command import written_whole


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for table in ("arms", "runs", "predictions"):
        parser.add_argument(f"--{table}", type=pd.read_parquet, required=True, help="collected table")
    parser.add_argument("--classes", type=json.loads, required=True, help="class names, as a JSON list")
    parser.add_argument("--published", type=json.loads, required=True, help="figures by experiment and role, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="folder for <table>.csv, .html and .tex")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    arms, runs = arguments.arms, arguments.runs
    published = tables.published_rows(arguments.published)
    accuracy = tables.accuracy_table(runs, arms)
    gap = tables.gap_table(runs, arms, published)
    class_errors = tables.class_error_table(arguments.predictions, arms, arguments.classes)
    index = tables.run_table(runs)
    for name, tidy, readable in (
        ("accuracy", accuracy, tables.readable_accuracy(accuracy, published)),
        ("gap_recovered", gap, tables.readable_gap(gap)),
        ("errors_per_class", class_errors, tables.readable_class_errors(class_errors)),
        ("runs", index, tables.readable_runs(index)),
    ):
        save(arguments.out / f"{name}.csv", tidy.to_csv(index=False))
        save(arguments.out / f"{name}.html", pages.table_page(readable, tables.NOTES[name]))
        save(arguments.out / f"{name}.tex", readable.style.hide(axis="index").to_latex(hrules=True))


def save(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    command.run(main)
