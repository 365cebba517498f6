"""Self-contained HTML pages: no script, no network."""

import base64
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parents[2] / "report"


def table_page(table: pd.DataFrame, note: str) -> str:
    """A page with one table and the note that explains it."""
    return _render("table.html.j2", table=html_table(table), note=note)


def summary_page(**content: object) -> str:
    """The study's summary; its contents are the variables of summary.html.j2."""
    return _render("summary.html.j2", **content)


def html_table(table: pd.DataFrame) -> Markup:
    """The table as HTML, cells escaped, without its index."""
    return Markup(table.to_html(index=False, border=0, escape=True))


def embedded_svg(path: str | Path) -> str:
    """A drawing as a data address for an image's `src`."""
    return "data:image/svg+xml;base64," + base64.b64encode(Path(path).read_bytes()).decode()


def _render(template: str, **content: object) -> str:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    return environment.get_template(template).render(content)
