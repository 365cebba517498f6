"""Snakemake's report of the smoke study: every section, every result."""

import zipfile

import pytest
from playwright.sync_api import Page, expect

from ..conftest import SMOKE

pytestmark = pytest.mark.slow

SECTIONS = [
    "0 Overview",
    "1 Accuracy",
    "2 Temperature",
    "3 Convergence and stability",
    "4 Errors",
    "5 Calibration and fidelity",
    "6 Controls",
    "7 Claims",
    "8 Cost",
    "9 Provenance",
]
DRAWN = 0.005  # share of pixels that are not background: the sparsest figure has several times as many


@pytest.fixture
def report(smoke, visit, tmp_path, request) -> Page:
    """The report, or with the parameter "zip" the one in the archive, unpacked."""
    path = smoke.results / "report.html"
    if getattr(request, "param", "html") == "zip":
        made = smoke.snakemake("--cores", "1", "results/smoke/report.zip", "--configfile", SMOKE)
        assert made.returncode == 0, made.stdout + made.stderr
        with zipfile.ZipFile(smoke.results / "report.zip") as archive:
            archive.extractall(tmp_path)
        path = tmp_path / "report" / "report.html"
    page = visit(path)
    expect(page.get_by_role("heading", name="Knowledge distillation on fashion-mnist")).to_be_visible()
    return page


def menu(report: Page):
    return report.locator("nav").first


def test_sections_stand_in_the_order_of_a_paper(report):
    entries = [entry.strip() for entry in menu(report).get_by_role("listitem").all_inner_texts()]
    assert entries[entries.index("RESULTS") + 1 :] == SECTIONS


def test_front_page_opens_every_section(report):
    front = report.locator(".prose")
    assert front.get_by_role("link").all_inner_texts()[-len(SECTIONS) :] == SECTIONS
    assert "System Message" not in front.inner_text()
    front.get_by_role("link", name="4 Errors").click()
    expect(menu(report).get_by_text("all experiments")).to_be_visible()


def test_every_result_is_there_and_has_a_caption(report, smoke):
    captions = report.evaluate("Object.values(results).map((result) => result.caption)")
    made = [path for kind in ("figures/**/*.svg", "**/*.html") for path in smoke.results.glob(kind)]
    made = [path for path in made if path.parent.name != "bare"]
    assert len(captions) == len(made) - 1  # all but the report itself
    for caption in captions:
        assert len(caption) > 80, caption
        assert "System Message" not in caption


def test_workflow_and_statistics_are_drawn(report, photograph):
    for entry in ("Workflow", "Statistics"):
        menu(report).get_by_text(entry, exact=True).click()
        graph = report.locator(".vega-embed").first
        expect(graph.locator("canvas, svg").first).to_be_visible()
        assert photograph(graph, entry) > DRAWN


def test_no_sideways_scrolling(report):
    assert report.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("report", "width"), [("html", 1400), ("html", 390), ("zip", 1400)], indirect=True)
def test_every_result_of_every_section_shows_something(report, width, photograph):
    sections = report.evaluate("categories")
    assert set(sections) == set(SECTIONS)
    for section, subcategories in sections.items():
        for subcategory, paths in subcategories.items():
            report.evaluate("app.setView({ navbarMode: 'menu' })")
            menu(report).get_by_text(section, exact=True).click()
            if len(subcategories) > 1:
                menu(report).get_by_text(subcategory, exact=True).click()
            rows = menu(report).locator("tbody tr")
            expect(rows).to_have_count(len(paths))
            for number in range(len(paths)):
                links = rows.nth(number).get_by_role("link")
                eye, information = links.first, links.last
                eye.click()
                assert photograph(content(report), f"{section}, {subcategory}, {number}") > DRAWN
                box = information.bounding_box()
                assert box["x"] + box["width"] <= width
                information.click()
                expect(menu(report)).to_contain_text("Description")
                report.evaluate("app.setView({ navbarMode: 'subcategory' })")


def content(report: Page):
    """What the report shows now: an image, or a page in a frame that has been laid out."""
    image = report.locator("#app img:not(nav img), #app iframe")
    expect(image).to_have_count(1)
    if image.evaluate("element => element.tagName") == "IFRAME":
        body = report.frame_locator("#app iframe").locator("body")
        expect(body).to_contain_text(" ")
        expect(body.locator("h1, table").first).to_be_visible()
    else:
        assert image.evaluate("async image => { await image.decode(); return image.naturalWidth }") > 300
    return image


def test_the_explorer_works_inside_the_report(report):
    report.evaluate("app.setView({ navbarMode: 'subcategory', category: '4 Errors', subcategory: 'all experiments' })")
    menu(report).get_by_role("row").filter(has_text="error explorer").get_by_role("link").first.click()
    frame = report.frame_locator("#app iframe")
    expect(frame.get_by_role("status")).to_contain_text("student, T = 4 is right, baseline is wrong")
    frame.get_by_text("Both wrong").click()
    expect(frame.get_by_role("status")).to_contain_text("both wrong")
    assert frame.get_by_role("option", name="Test image").count() > 0
