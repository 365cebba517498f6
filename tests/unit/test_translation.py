"""The Chinese README says as much as the English one: same sections, commands, links, figures and numbers."""

import re
from itertools import zip_longest

import pytest

PAGES = ("README.md", "README.zh.md")


def parts(text: str) -> list[str]:
    """What may be told apart without knowing the language: sections, and in them paragraphs, points and rows."""
    return re.split(r"\n\n|\n(?=[*|] ?)|\n(?=## )", text)


def commands(part: str) -> list[str]:
    """Lines of code without their comments."""
    return [
        re.sub(r"\s+#.*", "", line)
        for block in re.findall(r"```\w+\n(.*?)```", part, re.S)
        for line in block.split("\n")
    ]


def links(part: str) -> list[str]:
    return [target for target in re.findall(r"\]\((.*?)\)", part) if target not in PAGES]


def names(part: str) -> list[str]:
    """Files, keys and commands in the text."""
    return sorted(re.findall(r"`(.+?)`", re.sub("```.*?```", "", part, flags=re.S)))


def numbers(part: str) -> list[str]:
    """All numbers in the text, in any order."""
    return sorted(re.findall("[+\N{MINUS SIGN}]?[0-9]+(?:[.,][0-9]+)*", re.sub(r"\]\(.*?\)", "", part)))


def headings(part: str) -> list[str]:
    return re.findall("^#+ ", part, re.MULTILINE)


@pytest.mark.parametrize("of", [headings, commands, links, names, numbers], ids=lambda function: function.__name__)
def test_both_readmes_say_the_same(root, of):
    english, chinese = (list(filter(None, map(of, parts((root / page).read_text(encoding="utf-8"))))) for page in PAGES)
    for ours, theirs in zip_longest(english, chinese):
        assert theirs == ours
