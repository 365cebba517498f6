"""The documentation's numbers are those of the committed reference results."""

import re
from pathlib import Path

import pandas as pd
import yaml
from snakemake.utils import update_config

from dark_knowledge.analysis.formats import show_interval, starred
from dark_knowledge.analysis.paper import readable_paper
from dark_knowledge.study.arms import roles_of
from dark_knowledge.study.checking import check_config

from .pictures import folder_of_pictures

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


def own_study(folder: Path) -> dict:
    """The README's study of your own, with pictures in `folder`."""
    text = example("yaml")
    assert len(text.splitlines()) == 5
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(config, yaml.safe_load(text.replace("/data/pets", str(folder))))
    return config


def test_the_study_of_your_own_is_allowed(tmp_path):
    config = own_study(folder_of_pictures(tmp_path))
    check_config(config, ROOT / "workflow" / "schemas" / "config.schema.yaml")
    assert config["datasets"]["pets"]["classes"] == ["cat", "dog"]
    assert "student, T = 4" in [role.label for role in roles_of(config)]


def test_what_may_be_changed_is_allowed(tmp_path):
    section = (ROOT / "README.md").read_text().split("### A study of your own")[1].split("\n### ")[0]
    keys, sources = (re.findall(rf"^\|.*?\| `({begin}.*?)`", section, re.MULTILINE) for begin in (r"\w+: \{", r"\{"))
    assert (len(keys), len(sources)) == (4, 3)
    config = own_study(folder_of_pictures(tmp_path))
    for change in keys:
        update_config(config, yaml.safe_load(change))
    check_config(config, ROOT / "workflow" / "schemas" / "config.schema.yaml")
    for source in sources:
        config["datasets"]["pets"] = yaml.safe_load(source.replace("...", "automobile"))
        check_config(config, ROOT / "workflow" / "schemas" / "config.schema.yaml")
