"""The study's plain pages by themselves, on a screen and on paper."""

import pytest

pytestmark = pytest.mark.slow

PAGES = [
    "summary.html",
    "pages/claims.html",
    "pages/provenance.html",
    "tables/accuracy.html",
    "tables/reproduction.html",
]
PAPER = 960  # pixels of a landscape A4 page within its margins
CUT = "(box) => getComputedStyle(box).overflowX !== 'visible' && box.scrollWidth > box.clientWidth"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_itself_does_not_scroll_sideways(smoke, visit, name):
    page = visit(smoke.results / name)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_verdict_is_seen_without_scrolling(smoke, visit, width):
    verdicts = visit(smoke.results / "pages/claims.html").locator("td > b").all()
    assert len(verdicts) == 2 * 9
    for verdict in verdicts:
        box = verdict.bounding_box()
        assert box["x"] + box["width"] <= width


@pytest.mark.parametrize("name", PAGES)
def test_on_paper_nothing_is_cut_off_or_closed(smoke, visit, name):
    page = visit(smoke.results / name)
    page.set_viewport_size({"width": PAPER, "height": 700})
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(f"[...document.querySelectorAll('.wide')].filter({CUT}).length") == 0
    assert page.evaluate("[...document.querySelectorAll('details table')].every((table) => table.checkVisibility())")
