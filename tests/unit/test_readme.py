"""The README's numbers are those of the committed reference results."""

from pathlib import Path

import pandas as pd

from dark_knowledge.paper import readable_paper
from dark_knowledge.tables import show_interval, starred

ROOT = Path(__file__).parents[2]


def test_accuracies_are_those_of_the_reference_run():
    readme = (ROOT / "README.md").read_text()
    table = pd.read_csv(ROOT / "results" / "reference" / "note" / "tables" / "accuracy.csv")
    for row in table.itertuples():
        shown = " | ".join(
            [
                row.experiment,
                starred(row.arm, row.chosen),
                f"{row.parameters:,}",
                show_interval(row.last_test_accuracy_mean, row.last_test_accuracy_high),
            ]
        )
        assert f"| {shown} |" in readme


def test_the_papers_numbers_are_those_of_the_reference_run():
    readme = (ROOT / "README.md").read_text()
    table = pd.read_csv(ROOT / "results" / "reference" / "hinton2015" / "tables" / "paper.csv")
    shown = readable_paper(table.fillna({"inside": "", "remark": ""}))
    columns = ["number", "bias", "paper", "ours", "our spread", "paper inside"]
    assert len(shown) > 10
    for row in shown[columns].astype(str).itertuples(index=False):
        assert f"| {' | '.join(row)} |" in readme


def test_the_performance_table_is_of_the_committed_benchmarks():
    section = (ROOT / "README.md").read_text().split("## How fast it is", 1)[1].split("\n## ", 1)[0]
    measured = "".join(path.read_text() for path in (ROOT / "benchmarks" / "results").glob("*.md"))
    rows = [line for line in section.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) > 10
    for row in rows:
        assert f"{row}\n" in measured
