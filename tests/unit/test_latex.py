"""Tables as LaTeX: text stays text, and pdflatex sets it."""

import re
import shutil
import subprocess

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dark_knowledge.pages.latex import COMMANDS, escaped, latex_table

ODD = [
    "👕", "{a}", "<b>", " lead", "two\nlines", "a_b^c$%&#~\\", "\N{MINUS SIGN}≥²é", "10⁻³", "x₂", "日本", "--''``",
    "a  b", "Łódź", "[1]", "*",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("93.12 ± 0.22", r"93.12 \ensuremath{\pm} 0.22"),
        ("\N{MINUS SIGN}0.5", r"\ensuremath{-}0.5"),
        ("10⁻³", r"10\textsuperscript{\ensuremath{-}}\textsuperscript{3}"),
        ("p ≥ 5 %", r"p \ensuremath{\geq} 5 \%"),
        ("naïve", r"na\"{i}ve"),
        ("two\nlines", "two lines"),
        ("  a", r"\ \ a"),
        ("👕", "U+1F455"),
        (7, "7"),
    ],
)
def test_each_character_has_its_command(text, written):
    assert escaped(text) == written


@given(st.text())
def test_any_text_comes_out_as_ascii_of_one_line_and_with_matching_braces(text):
    written = escaped(text)
    assert written.isascii()
    assert written.isprintable()
    bare = re.sub(r"\\[{}]", "", written.replace(r"\textbackslash", ""))
    assert bare.count("{") == bare.count("}")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_pdflatex_sets_all_of_it(tmp_path):
    texts = pd.Series(["".join(COMMANDS), *COMMANDS, *ODD, "".join(ODD)])
    lines = [r"\documentclass{article}", r"\usepackage{booktabs}", r"\begin{document}"]
    lines += [latex_table(pd.DataFrame({"\N{MINUS SIGN}0 & ≥": texts})), r"\end{document}"]
    (tmp_path / "table.tex").write_text("\n".join(lines), encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "Missing character" not in (tmp_path / "table.log").read_text(errors="replace")
