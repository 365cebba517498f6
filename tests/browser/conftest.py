"""Pages opened for real, in headless Chromium, on a wide and on a narrow screen.

A test fails on any error in the page, and on any request to the network. Screenshots go to the test's own folder.
"""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from ..conftest import INSTALL, lacking

LOCAL = ("file:", "data:", "blob:", "about:", "chrome:", "chrome-extension:")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        require_font(browser)
        yield browser
        browser.close()


def chromium() -> str:
    """Path of the browser."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    lacking("Chromium is missing", INSTALL)


def require_font(browser: Browser) -> None:
    """Skip the test where the font is missing that pages and figures are laid out for."""
    page = browser.new_page()
    wide, plain = page.evaluate(
        """() => ["'DejaVu Sans', monospace", "monospace"].map(family => {
            const context = document.createElement("canvas").getContext("2d");
            context.font = `100px ${family}`;
            return context.measureText("Width").width;
        })"""
    )
    page.close()
    if wide == plain:
        lacking("the font DejaVu Sans is missing", INSTALL)


@pytest.fixture(params=[1400, 390], ids=["wide", "narrow"])
def width(request) -> int:
    """Of the screen, in pixels."""
    return request.param


@pytest.fixture
def visit(browser: Browser, width: int, tmp_path: Path):
    """Open a file in a new window: visit(path) or visit(path, color_scheme="dark")."""
    opened = []

    def visit(path: Path, **settings: str) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 900}, **settings)
        opened.append((page, errors := [], requests := []))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield visit
    for number, (page, errors, requests) in enumerate(opened):
        page.screenshot(path=tmp_path / f"last-{number}.png")
        page.close()
        assert errors == []
        assert [url[:200] for url in requests if not url.startswith(LOCAL)] == []


@pytest.fixture
def photograph(tmp_path: Path) -> Callable[[Locator, str], float]:
    """Save a screenshot of an element; the share of its pixels that differ from the most frequent colour."""

    def photograph(element: Locator, name: str) -> float:
        content = element.screenshot(path=tmp_path / f"{name}.png")
        picture = Image.open(io.BytesIO(content)).convert("RGB")
        colours = picture.getcolors(maxcolors=picture.width * picture.height)
        return 1 - max(count for count, _ in colours) / (picture.width * picture.height)

    return photograph
