"""The worked examples of docs/architecture.md: what they touch, and that a study runs with all of them."""

import re
import subprocess

import pandas as pd
import pytest

from ..conftest import CHECKOUT, TINY

PAGE = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^### An? (.+?)\n(.*?)(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL))
COSTS = re.findall(r"^\| (\w+) \| (\d+) \|$", PAGE, re.MULTILINE)


def blocks(text: str, language: str) -> str:
    return "".join(re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


def test_each_wish_has_an_example():
    assert [wish for wish, _ in COSTS] == list(EXAMPLES)


@pytest.mark.parametrize(("wish", "cost"), COSTS)
def test_a_wish_costs_what_the_page_says(wish, cost):
    touched = re.findall(r"^\+\+\+ b/(.+)$", blocks(EXAMPLES[wish], "diff"), re.MULTILINE)
    assert len([name for name in touched if not name.startswith("workflow/report/")]) == int(cost)


@pytest.mark.parametrize("wish", EXAMPLES)
def test_an_example_fits_the_code_as_it_is(wish):
    if diff := blocks(EXAMPLES[wish], "diff"):
        subprocess.run(["git", "apply", "--check", "-"], cwd=CHECKOUT, input=diff, text=True, check=True)


@pytest.fixture(scope="module")
def with_all(workflow_of_module):
    """The tiny study's results, with every example of the page in the checkout."""
    for diff in filter(None, (blocks(example, "diff") for example in EXAMPLES.values())):
        subprocess.run(["git", "apply", "-"], cwd=workflow_of_module.folder, input=diff, text=True, check=True)
    (workflow_of_module.folder / "my_nets.py").write_text(blocks(EXAMPLES["network"], "python"))
    studies = [f"{wish}.yaml" for wish in EXAMPLES]
    for study, example in zip(studies, EXAMPLES.values(), strict=True):
        (workflow_of_module.folder / study).write_text(blocks(example, "yaml") or "{}")
    run = workflow_of_module.snakemake("--cores", "2", "--configfile", TINY, *studies)
    assert run.returncode == 0, run.stdout + run.stderr
    return workflow_of_module.folder / "results" / "tiny"


@pytest.mark.slow
def test_the_network_was_trained_and_distilled(with_all):
    runs = pd.read_csv(with_all / "tables" / "runs.csv")
    flat = runs[runs.model == "flat"]
    assert {"labels", "resnet_T1_w0.1", "resnet_T4_w0.1"} <= set(flat.supervision)
    assert (flat.parameters == 785 * 10).all()


@pytest.mark.slow
def test_the_loss_stands_beside_hintons(with_all):
    losses = pd.read_csv(with_all / "tables" / "losses.csv")
    assert losses.arm.tolist() == ["brier, T = 1", "brier, T = 4"]
    assert losses.reference.tolist() == ["student, T = 1", "student, T = 4"]


@pytest.mark.slow
def test_the_figure_and_the_table_are_in_the_report(with_all):
    assert "</svg>" in (with_all / "figures" / "resnet" / "every_run.svg").read_text()
    extremes = pd.read_csv(with_all / "tables" / "extremes.csv")
    assert (extremes.lowest <= extremes.highest).all()
    assert "More runs lie further apart" in (with_all / "tables" / "extremes.html").read_text()
    report = (with_all / "report.html").read_text()
    for label in ("every run", "table: best and worst runs"):
        assert label in report


@pytest.mark.slow
def test_the_claim_was_judged_and_stands_on_its_page(with_all):
    claims = pd.read_csv(with_all / "tables" / "claims.csv", dtype={"claim": str})
    (claim,) = claims[claims.claim == "7"].itertuples()
    assert claim.effect == pytest.approx(claim.student - claim.baseline)
    assert claim.verdict == "undecided"
    assert "The student is surer of its answers than the baseline." in (with_all / "pages" / "claims.html").read_text()
