"""The page of learning curves: its switches, and the values read off."""

import re

import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.slow

SEEDS = 2


@pytest.fixture
def page(smoke, visit) -> Page:
    return visit(smoke.results / "pages" / "curves.html")


def charts(page: Page) -> tuple[Locator, Locator]:
    """Training loss and validation accuracy."""
    expect(page.locator("svg")).to_have_count(2)
    return page.locator("svg").nth(0), page.locator("svg").nth(1)


def expect_curves(page: Page, means: int, seeds: int) -> None:
    for chart in charts(page):
        expect(chart.locator("path.mean")).to_have_count(means)
        expect(chart.locator("path.seed")).to_have_count(seeds)


def test_arms_and_seeds_are_switched_off_and_on(page):
    expect_curves(page, means=3, seeds=3 * SEEDS)
    baseline = page.get_by_role("button", name="baseline")
    baseline.click()
    expect(baseline).to_have_attribute("aria-pressed", "false")
    expect_curves(page, means=2, seeds=2 * SEEDS)
    page.get_by_role("button", name="seed 1").click()
    expect_curves(page, means=2, seeds=2)
    page.get_by_role("button", name="mean").click()
    expect_curves(page, means=0, seeds=2)
    baseline.press("Enter")  # by keyboard
    expect_curves(page, means=0, seeds=3)
    page.get_by_label("Experiment").select_option(label="resnet")
    expect_curves(page, means=5, seeds=5 * SEEDS)
    for chart in charts(page):
        expect(chart.locator("path.mean.broken")).to_have_count(1)  # the control
        assert "6px" in chart.locator("path.mean.broken").evaluate("path => getComputedStyle(path).strokeDasharray")


def test_all_at_once(page):
    seeds, arms = page.get_by_role("button", name="all seeds"), page.get_by_role("button", name="all arms")
    seeds.click()
    expect_curves(page, means=3, seeds=0)
    expect(page.get_by_role("button", name="seed 0")).to_have_attribute("aria-pressed", "false")
    arms.click()
    expect_curves(page, means=0, seeds=0)
    page.get_by_role("button", name="teacher").click()
    expect_curves(page, means=1, seeds=0)
    seeds.click()
    arms.click()
    expect_curves(page, means=3, seeds=3 * SEEDS)


def test_nothing_chosen_is_said_in_words(page):
    for arm in ("teacher", "baseline", "student, T = 4"):
        page.get_by_role("button", name=arm).click()
    expect_curves(page, means=0, seeds=0)
    for chart in charts(page):
        expect(chart).to_contain_text("No curve is chosen.")


def test_values_read_off_by_key_are_those_of_the_runs(page, smoke):
    epochs = pd.read_parquet(smoke.results / "collected" / "epochs.parquet")
    baseline = epochs[(epochs.model == "student") & (epochs.supervision == "labels")]
    for arm in ("teacher", "student, T = 4"):
        page.get_by_role("button", name=arm).click()
    _, accuracy = charts(page)
    accuracy.focus()
    for _ in range(3):
        accuracy.press("ArrowRight")
    expect_tip(page, "baseline, mean of 2 seeds", f"epoch 3: {100 * at(baseline, 2).mean():.2f} %")
    accuracy.press("ArrowDown")
    expect_tip(page, "baseline, seed 1", f"epoch 3: {100 * at(baseline[baseline.seed == 1], 2).mean():.2f} %")
    accuracy.press("ArrowLeft")
    expect_tip(page, "baseline, seed 1", f"epoch 2: {100 * at(baseline[baseline.seed == 1], 1).mean():.2f} %")


def at(rows: pd.DataFrame, epoch: int) -> pd.Series:
    return rows[rows.epoch == epoch].validation_accuracy


def expect_tip(page: Page, *texts: str) -> None:
    for text in texts:
        expect(page.locator(".tip").nth(1)).to_contain_text(text)


def test_the_pointer_reads_off_the_nearest_curve(page):
    for _, chart in zip(range(2), charts(page), strict=True):
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
        tip = page.locator(".tip", has_text="epoch")
        expect(tip).to_have_text(
            re.compile(r"^(teacher|baseline|student, T = 4), (mean of 2 seeds|seed \d).*epoch \d: [\d.]+")
        )
        inside = tip.bounding_box()
        assert inside["x"] >= 0
        assert inside["x"] + inside["width"] <= page.viewport_size["width"]
        assert abs(inside["y"] - box["y"]) < box["height"]
    page.mouse.move(0, 0)
    expect(page.locator(".tip", has_text="epoch")).to_have_count(0)


def test_steps_and_other_measures(page):
    loss, accuracy = charts(page)
    page.get_by_role("radio", name="step").check()
    expect(loss).to_have_attribute("aria-label", re.compile("^training loss .* by step, 9 curves"))
    points = len(re.findall("L", loss.locator("path.mean").first.get_attribute("d"))) + 1
    assert points > 3  # more than epochs
    page.get_by_label("Shown").nth(0).select_option(label="training accuracy, %")
    expect(loss).to_have_attribute("aria-label", re.compile("^training accuracy"))
    expect(accuracy).to_have_attribute("aria-label", re.compile("^validation accuracy"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_curves_are_drawn_and_nothing_is_cut_off(smoke, visit, photograph, scheme):
    page = visit(smoke.results / "pages" / "curves.html", color_scheme=scheme)
    for number, chart in enumerate(charts(page)):
        assert photograph(chart, f"chart-{number}-{scheme}") > 0.02
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_every_control_has_a_name(page):
    unnamed = page.evaluate(
        """[...document.querySelectorAll("select, input, button, svg")].filter(
             (element) => !(element.labels?.length || element.ariaLabel || element.innerText))
             .map((element) => element.outerHTML.slice(0, 100))"""
    )
    assert unnamed == []
