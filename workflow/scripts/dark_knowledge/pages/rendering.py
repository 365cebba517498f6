"""Self-contained HTML pages: no network, and scripts only in the interactive ones."""

import base64
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dark_knowledge.command import written_whole
from dark_knowledge.pages import captions
from dark_knowledge.pages.latex import latex_table

# Snakemake's single-file report shows a larger page blank: as a data address it would be above what a browser opens.
MOST_BYTES = 1_500_000


LONGEST_CELL = 40  # characters of a cell on one line


def table_page(name: str, table: Markup, config: dict, *, one_seed: bool = False) -> str:
    """A page with one table as HTML, its title and its note; of one seed it says why there is no interval."""
    study = {key: config[key] for key in ("study", "dataset")}
    _, label = captions.heading(f"table_{name}")
    title, text = label[0].upper() + label[1:], note(f"table_{name}", config)
    return _render("table.html.j2", title=title, table=table, note=text, one_seed=one_seed, **study)


def note(name: str, config: dict) -> str:
    """What a table says of itself: the text that is its caption in Snakemake's report, with the same variables."""
    return _render(f"{name}.rst", snakemake={"config": config}).strip()


def summary_page(**content: object) -> str:
    """The study's summary; its contents are the variables of summary.html.j2."""
    return _render("summary.html.j2", **content)


def provenance_page(**content: object) -> str:
    """Where the numbers come from; its contents are the variables of provenance.html.j2."""
    return _render("provenance.html.j2", **content)


def interactive_page(template: str, data: dict, **content: object) -> str:
    """A page whose script reads `data` as JSON; other contents are variables of the template."""
    return _render(template, data=data, **content)


def largest_page(page: Callable[[int], str], most: int) -> tuple[str, int]:
    """The page of a count up to `most`, close to the largest that a single-file report shows, and that count."""
    count = most
    while (size := len((text := page(count)).encode())) > MOST_BYTES and count > 1:
        count = max(1, min(count - 1, int(0.99 * count * MOST_BYTES / size)))
    return text, count


def claims_page(**content: object) -> str:
    """The page of the note's claims; its contents are the variables of claims.html.j2."""
    return _render("claims.html.j2", drawing=interval_drawing, **content)


def interval_drawing(effect: float, low: float, high: float, reference: float, claimed: str) -> Markup:
    """A small drawing of an effect and its interval about the reference in the middle, the claimed side shaded.

    Its scale is its own: it shows sides, not sizes. Empty where there is no effect.
    """
    if pd.isna(effect):
        return Markup("")
    half = max(abs(value - reference) for value in (effect, low, high) if not pd.isna(value)) or 1
    x, start, end = (60 + 54 * (value - reference) / half for value in (effect, low, high))
    side = {
        "above": '<rect x="60" width="60" height="14" fill="#e4eef7"/>',
        "below": '<rect width="60" height="14" fill="#e4eef7"/>',
    }
    interval = "" if pd.isna(low) else f'<path d="M{start:.1f} 7H{end:.1f}" stroke="#1c2430" stroke-width="2"/>'
    return Markup(
        '<svg width="120" height="14" aria-hidden="true">'
        f'{side.get(claimed, "")}<path d="M60 0V14" stroke="#556070"/>{interval}'
        f'<circle cx="{x:.1f}" cy="7" r="3.5" fill="#1c2430"/></svg>'
    )


def html_table(table: pd.DataFrame) -> Markup:
    """The table as HTML, cells escaped, without its index."""  # pandas strips cells, and writes a line's end as \\n
    rows = [_html_row("th", table.columns), *(_html_row("td", row) for row in table.itertuples(index=False))]
    head, body = Markup("\n").join(rows[:1]), Markup("\n").join(rows[1:])
    table = '<table class="dataframe">\n<thead>\n{}\n</thead>\n<tbody>\n{}\n</tbody>\n</table>'
    return Markup(table).format(head, body)


def _html_row(kind: str, cells: Iterable[object]) -> Markup:
    """A table's row of cells th or td, each on a line."""
    return Markup("<tr>\n{}</tr>").format(
        Markup("").join(Markup(f"{_tag(kind, str(cell))}{{}}</{kind}>\n").format(str(cell)) for cell in cells)
    )


def _tag(kind: str, text: str) -> str:
    """What a cell th or td begins with; one of a sentence may be broken into lines."""
    if kind == "th":
        return '<th scope="col">'
    return '<td class="long">' if len(text) > LONGEST_CELL else "<td>"


def embedded_svg(path: str | Path) -> str:
    """A drawing as a data address for an image's `src`."""
    return "data:image/svg+xml;base64," + base64.b64encode(Path(path).read_bytes()).decode()


def write_table(folder: Path, name: str, tidy: pd.DataFrame, readable: pd.DataFrame) -> None:
    """Write a table as <name>.csv (tidy), and as it is read as <name>.tex and bare/<name>.html, without a page."""
    save(folder / f"{name}.csv", tidy.to_csv(index=False))
    save(folder / f"{name}.tex", latex_table(readable))
    save(folder / "bare" / f"{name}.html", html_table(readable))


def save(path: Path, text: str) -> None:
    """Write `text`, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _render(template: str, **content: object) -> str:
    environment = Environment(
        loader=FileSystemLoader(captions.FOLDER),
        autoescape=lambda name: name.endswith(".j2"),
        undefined=StrictUndefined,
    )
    return environment.get_template(template).render(content)
