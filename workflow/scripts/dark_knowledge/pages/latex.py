"""Tables as LaTeX that every engine compiles: ASCII alone, any other character by its command."""

import re
import unicodedata

import pandas as pd

# By combining character.
ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0323": "d", "\u0327": "c", "\u0331": "b",
}  # fmt: skip

# `{}` after a sign keeps it from joining the next one to a ligature.
COMMANDS = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "|": r"\textbar{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "-": "-{}", "`": "`{}", "'": "'{}",
    "[": "{[}", "*": "{*}",  # at the head of a row the end of the row before would take them for its own
    "\N{EN DASH}": "--{}", "\N{EM DASH}": "---{}", "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{LEFT SINGLE QUOTATION MARK}": "`{}", "\N{RIGHT SINGLE QUOTATION MARK}": "'{}",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``{}", "\N{RIGHT DOUBLE QUOTATION MARK}": "''{}",
    "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}", "ø": r"\o{}", "Ø": r"\O{}",
    "ł": r"\l{}", "Ł": r"\L{}", "\N{LATIN SMALL LETTER DOTLESS I}": r"\i{}",
    "\N{MINUS SIGN}": r"\ensuremath{-}", "\N{PLUS-MINUS SIGN}": r"\ensuremath{\pm}",
    "\N{MULTIPLICATION SIGN}": r"\ensuremath{\times}", "\N{MIDDLE DOT}": r"\ensuremath{\cdot}",
    "\N{LESS-THAN OR EQUAL TO}": r"\ensuremath{\leq}", "\N{GREATER-THAN OR EQUAL TO}": r"\ensuremath{\geq}",
    "\N{SQUARE ROOT}": r"\ensuremath{\surd}",
}  # fmt: skip


def latex_table(table: pd.DataFrame) -> str:
    """The table as LaTeX, cells and headings escaped, without its index."""
    return table.style.hide(axis="index").format(escaped).format_index(escaped, axis="columns").to_latex(hrules=True)


def escaped(text: object) -> str:
    """A cell's text on one line; a character that LaTeX's own fonts lack stands as its code point, U+1F455."""
    line = "".join(map(_character, " ".join(str(text).splitlines())))
    return re.sub("^ |(?<= ) ", r"\\ ", line)  # TeX drops the first space and makes one of many


def _character(character: str) -> str:
    if character in COMMANDS:
        return COMMANDS[character]
    if " " <= character <= "~":
        return character
    kind, _, codes = unicodedata.decomposition(character).rpartition("> ")
    parts = [chr(int(code, 16)) for code in codes.split()]
    if kind in ("<super", "<sub"):
        return f"\\text{kind[1:]}script{{{''.join(map(_character, parts))}}}"
    if len(parts) == 2 and parts[0].isascii() and parts[1] in ACCENTS:
        return f"\\{ACCENTS[parts[1]]}{{{parts[0]}}}"
    return f"U+{ord(character):04X}"
