"""Captions of the results in Snakemake's report: text of workflow/report, whose first line says where they stand."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "report"


def heading(name: str) -> tuple[str, str]:
    """Section of the report and label there of a result: what the first line of its caption says."""
    first, _, _ = (FOLDER / f"{name}.rst").read_text(encoding="utf-8").partition("\n")
    return re.fullmatch(r"{# (.+?): (.+) #}", first).groups()
