"""What tables and figures say of themselves: each has one text, and the page of a table shows it."""

import json
import re
import sys
from html import escape

import pandas as pd
import pytest
import write_tables
import yaml
from docutils.core import publish_parts
from snakemake.utils import update_config

from dark_knowledge.pages import captions, rendering

TEXTS = sorted(captions.FOLDER.glob("table_*.rst")) + sorted(captions.FOLDER.glob("figure_*.rst"))
TABLES = [path.stem for path in TEXTS if path.stem.startswith("table_")]


@pytest.fixture
def hinton(config, root) -> dict:
    """The study with a paper's numbers, which all texts suit."""
    update_config(config, yaml.safe_load((root / "workflow" / "studies" / "hinton2015.yaml").read_text()))
    return config


def named_in(root, script: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (root / "workflow" / "scripts" / script).read_text(), re.MULTILINE))


def test_each_table_and_figure_has_a_text_and_each_text_its_table_or_figure(root):
    tables = named_in(root, "make_tables.py", r'^    yield "(\w+)", ')
    tables |= named_in(root, "compare_with_paper.py", r'\btables(?: = \{|\[)"(\w+)"')
    tables |= named_in(root, "judge_claims.py", r'write_table\(arguments.tables, "(\w+)"')
    figures = named_in(root, "plot_experiment.py", r'^        "(\w+)": ')
    figures |= named_in(root, "compare_with_paper.py", r'\bfigures\["(\w+)"\]')
    assert {path.stem for path in TEXTS} == {f"table_{name}" for name in tables} | {
        f"figure_{name}" for name in figures
    }


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_a_text_begins_with_its_section_and_label(path):
    assert re.match(r"{# [A-Z][a-z ]+: .+ #}\n[A-Z]", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", TABLES)
def test_a_tables_text_says_the_same_in_the_report_and_on_its_page(name, hinton):
    note = rendering.note(name, hinton)
    assert note.endswith(".")
    assert "#" not in note
    in_report = re.sub("<.*?>", "", publish_parts(note, writer="html")["fragment"]).strip()
    assert in_report.replace("&lt;", "<").replace("&amp;", "&") == note


@pytest.mark.parametrize(("seeds", "said"), [([3], True), ([3, 4], False)])
def test_a_page_has_its_table_its_note_and_says_why_one_seed_has_no_interval(
    tmp_path, monkeypatch, config, seeds, said
):
    config["seeds"] = seeds
    for settings in config["experiments"].values():
        settings.pop("seeds", None)
    (tmp_path / "config.json").write_text(json.dumps(config))
    table = pd.DataFrame({"class": ["<b>"]})
    rendering.write_table(tmp_path, "mcnemar", table, table)
    words = ["--tables", tmp_path / "bare" / "mcnemar.html", "--config", tmp_path / "config.json", "--out", tmp_path]
    monkeypatch.setattr(sys, "argv", ["write_tables.py", *map(str, words)])
    write_tables.main()
    page = (tmp_path / "mcnemar.html").read_text()
    assert "<td>&lt;b&gt;</td>" in page
    assert "McNemar&#39;s test of each pair" in page
    assert ("Each arm has one seed" in page) == said


@pytest.mark.parametrize("text", ["two\n lines", " lead", "<script>alert(1)</script>", "{a}", "a & b", "👕"])
def test_a_cell_is_the_text_that_was_given(text):
    table = rendering.html_table(pd.DataFrame({"class": [text]}))
    assert f"<td>{escape(text)}</td>" in table
