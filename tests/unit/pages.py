"""What the tests read of the pages that tell results, and of the committed tables that these follow from."""

import json
import re
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"


def table(study: str, name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / study / "tables" / f"{name}.csv")


def config_of(study: str) -> dict:
    return json.loads((REFERENCE / study / "config.json").read_text())


def percent_correct(study: str, model: str) -> pd.DataFrame:
    """Test accuracies in percent after the last epoch: a row a seed, a column for what taught."""
    runs = table(study, "runs").query("model == @model")
    return 100 * runs.pivot(index="seed", columns="supervision", values="last_test_accuracy")


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def on_one_line(page: str) -> str:
    """The page without its line breaks, which may fall within a sentence."""
    return " ".join(read(page).split())


def sections(page: str) -> dict[str, str]:
    """The page's parts by their headings, without what stands before all headings."""
    return dict(part.split("\n", 1) for part in re.split(r"^## ", read(page), flags=re.MULTILINE)[1:])


def rows(section: str) -> list[str]:
    """The rows of its table below the head."""
    return re.findall(r"^\| (.*) \|$", section, re.MULTILINE)[2:]


def points(section: str) -> list[str]:
    """Its points, each on one line."""
    found = re.findall(r"^\* (.*?)(?=\n\n|\n\* |\Z)", section, re.MULTILINE | re.DOTALL)
    return [" ".join(point.split()) for point in found]
