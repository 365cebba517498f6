"""What every rule has, read from its text: a rule without it would take what is old for new."""

import re

import pytest

from .conftest import ROOT

RULES = {
    name: body
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk"))
    for name, body in re.findall(
        r"^(?:rule|use rule \w+ as) (\w+)(?: with)?:\n((?:(?: .*)?\n)*)", path.read_text(), re.MULTILINE
    )
}


@pytest.mark.parametrize("rule", [name for name, body in RULES.items() if "scripts(" in body])
def test_a_rule_runs_again_when_its_code_is_edited(rule):
    """But for the one that reads the source, whose identity has the readers' code."""
    script, code = (re.findall(rf'\b{call}\("(\w+\.py)"\)', RULES[rule]) for call in ("scripts", "code"))
    assert code == (script if rule != "download_dataset" else [])


def test_all_rules_were_read():
    assert {"train_model", "distill_model", "collect_results", "judge_claims", "report"} < RULES.keys()
    assert (
        len([body for body in RULES.values() if "scripts(" in body])
        == len(list((ROOT / "workflow" / "scripts").glob("*.py"))) - 1
    )  # watch_study.py is no rule's


OF_FILES = re.compile(r"^ {8}\w+=lambda wildcards, (?:in|out)put: ?(\(\n(?: {9,}.*\n)+|.*)", re.MULTILINE)
SETTING = re.compile(r"\b(?:config|loss|recipe|architecture|transfer_set)\b[\[(]")


@pytest.mark.parametrize("rule", sorted(RULES.keys() - {"download_dataset"}))  # where that is on purpose
def test_what_a_setting_gives_is_a_parameter_without_inputs(rule):
    """Snakemake takes no notice of a change in one whose function is given the inputs or the outputs."""
    assert not [expression for expression in OF_FILES.findall(RULES[rule]) if SETTING.search(expression)]
