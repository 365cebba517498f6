"""The documentation's numbers are those of the committed reference results."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from snakemake.utils import update_config

from dark_knowledge.analysis.formats import show_interval, starred
from dark_knowledge.analysis.paper import readable_paper
from dark_knowledge.data.formats import read_idx
from dark_knowledge.study.arms import roles_of
from dark_knowledge.study.checking import check_config

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
    page = (ROOT / "docs" / "speed.md").read_text()
    measured = "".join(path.read_text() for path in (ROOT / "benchmarks" / "results").glob("*.md"))
    rows = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) > 10
    for row in rows:
        assert f"{row}\n" in measured


def example(language: str) -> str:
    """The README's one example of a language."""
    _, rest = (ROOT / "README.md").read_text().split(f"```{language}\n")
    return rest.split("```", 1)[0]


def test_the_study_of_your_own_is_allowed():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(config, yaml.safe_load(example("yaml")))
    check_config(config, ROOT / "workflow" / "schemas" / "config.schema.yaml")
    assert [role.label for role in roles_of(config)] == ["teacher", "baseline", "student, T = 2", "student, T = 4"]


def test_what_the_example_writes_can_be_read(tmp_path):
    names = {}
    exec(f"import pathlib, struct\n{example('python')}", names)
    images = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    names["write_idx"](tmp_path / "images", images)
    assert (read_idx((tmp_path / "images").read_bytes(), "images") == images).all()
