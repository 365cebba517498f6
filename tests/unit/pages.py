"""What the tests read of the pages that tell results, and of the committed tables that these follow from."""

import re
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"


def table(study: str, name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / study / "tables" / f"{name}.csv")


def sections(page: str) -> dict[str, str]:
    """The page's parts by their headings, without what stands before all headings."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return dict(part.split("\n", 1) for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:])


def rows(section: str) -> list[str]:
    """The rows of its table below the head."""
    return re.findall(r"^\| (.*) \|$", section, re.MULTILINE)[2:]


def points(section: str) -> list[str]:
    """Its points, each on one line."""
    found = re.findall(r"^\* (.*?)(?=\n\n|\n\* |\Z)", section, re.MULTILINE | re.DOTALL)
    return [" ".join(point.split()) for point in found]
