"""The error explorer: what its filters show, against the collected predictions; its keys; and odd studies."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

from dark_knowledge.figures.style import DrawnArm
from dark_knowledge.pages import explorer

pytestmark = pytest.mark.slow


@pytest.fixture
def explore(visit):
    """Open an error explorer, whose numbers are unpacked after it has loaded."""

    def explore(path: Path, **settings: str) -> Page:
        page = visit(path, **settings)
        expect(page.get_by_role("status")).to_have_text(re.compile(r"image"))
        return page

    return explore


@pytest.fixture
def page(smoke, explore) -> Page:
    return explore(smoke.results / "pages" / "error_explorer.html")


@pytest.fixture(scope="session")
def collected(smoke) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The collected arms and the predictions after the last epoch."""
    predictions = pd.read_parquet(smoke.results / "collected" / "predictions.parquet")
    return pd.read_parquet(smoke.results / "collected" / "arms.parquet"), predictions[predictions.epoch == "last"]


def right_less_wrong(
    collected, experiment: str, role: str, seed: int | None, temperature: float | None = None
) -> pd.Series:
    """By test image, the share of an arm's seeds (or of the one) that are right, less the share that are wrong."""
    arms, predictions = collected
    arms = arms[(arms.experiment == experiment) & (arms.role == role)]
    (arm,) = (arms if temperature is None else arms[arms.temperature == temperature]).itertuples()
    rows = predictions[(predictions.model == arm.model) & (predictions.supervision == arm.supervision)]
    rows = rows if seed is None else rows[rows.seed == seed]
    return 2 * (rows.label == rows.prediction).groupby(rows.image).mean() - 1


def choose(page: Page, label: str, text: str) -> None:
    """Choose an option by its text, whatever count stands behind it."""
    select = page.get_by_label(label, exact=True)
    options = [
        option for option in select.locator("option").all_inner_texts() if re.sub(r" \(\d+\)$", "", option) == text
    ]
    select.select_option(label=options[0])


def tiles(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Test images").get_by_role("option")


def kind(page: Page, name: str) -> Locator:
    return page.get_by_role("radio", name=name)


def title(page: Page) -> str:
    return page.get_by_role("heading", level=2).inner_text()


def expect_shown(page: Page, images: set[int]) -> None:
    """The count line and the pictures are those of the given test images."""
    start = {0: "No image", 1: "1 image"}.get(len(images), f"{len(images)} images")
    expect(page.get_by_role("status")).to_have_text(re.compile(rf"^{start}\b"))
    names = tiles(page).evaluate_all("tiles => tiles.map(tile => tile.getAttribute('aria-label'))")
    assert {int(re.match(r"Test image (\d+), ", name)[1]) for name in names} == images


@pytest.mark.parametrize("width", [1400], indirect=True)
@pytest.mark.parametrize("seed", [None, 0, 1])
@pytest.mark.parametrize(("experiment", "temperature"), [("custom", 4), ("resnet", 1), ("resnet", 4)])
def test_counts_are_those_of_the_collected_predictions(page, collected, experiment, temperature, seed):
    choose(page, "Experiment", experiment)
    choose(page, "Arm", f"student, T = {temperature}")
    choose(page, "Seed", "majority of seeds" if seed is None else f"seed {seed}")
    student = right_less_wrong(collected, experiment, "student", seed, temperature)
    baseline = right_less_wrong(collected, experiment, "baseline", seed)
    labels = collected[1].groupby("image").label.first()
    kinds = {
        "Repaired": (student > 0) & (baseline < 0),
        "Broken": (student < 0) & (baseline > 0),
        "Both wrong": (student < 0) & (baseline < 0),
        "Undecided": (student == 0) | (baseline == 0),
    }
    for name, found in kinds.items():
        choose(page, "True class", "all")
        kind(page, name).check()
        assert kind(page, f"{name} {found.sum()}").is_checked()
        expect_shown(page, set(found[found].index))
        choose(page, "True class", "Shirt")
        expect_shown(page, set(found[found & (labels == 6)].index))


def test_any_two_arms_compare(page, collected):
    choose(page, "Arm", "teacher")
    teacher, baseline = (right_less_wrong(collected, "custom", role, None) for role in ("teacher", "baseline"))
    expect_shown(page, set(teacher.index[(teacher > 0) & (baseline < 0)]))
    choose(page, "Arm", "baseline")  # the other arm until now: they change places
    assert page.get_by_label("compared with").locator("option:checked").inner_text() == "teacher"
    expect_shown(page, set(teacher.index[(baseline > 0) & (teacher < 0)]))


def test_the_first_choice_is_the_student_that_validation_chose(page, smoke):
    choose(page, "Experiment", "resnet")
    accuracy = pd.read_csv(smoke.results / "tables" / "accuracy.csv")
    (chosen,) = accuracy[(accuracy.experiment == "resnet") & accuracy.chosen].temperature
    assert page.get_by_label("Arm", exact=True).locator("option:checked").inner_text() == f"student, T = {chosen:g}"
    assert page.get_by_label("compared with").locator("option:checked").inner_text() == "baseline"


def test_an_image_shows_its_class_probabilities_and_answers(page, collected, smoke):
    choose(page, "Seed", "seed 1")
    kind(page, "Both wrong").check()
    image = int(title(page).removeprefix("Test image "))
    _, predictions = collected
    rows = predictions[(predictions.image == image) & (predictions.seed == 1)].set_index(["model", "supervision"])
    detail = page.get_by_role("region")
    assert detail.get_by_text("True class").inner_text() == f"True class: {classes(smoke)[rows.label.iloc[0]]}"
    head = detail.get_by_role("table").first.get_by_role("columnheader").all_inner_texts()
    assert [name.replace("\N{NO-BREAK SPACE}", " ").strip() for name in head] == [
        "class", "student, T = 4", "baseline", "teacher", "soft target, T = 4",
    ]  # fmt: skip
    shares = table_of(detail.get_by_role("table").first)
    assert len(shares) == 10
    for column, arm in enumerate(
        [("student", "plain-teacher_T4_w0.1"), ("student", "labels"), ("plain-teacher", "labels")]
    ):
        values = [row[column] for row in shares.values()]
        assert sum(values) == pytest.approx(100, abs=6)  # rounded to whole percent
        answer = classes(smoke)[rows.prediction[arm]]
        assert shares[answer][column] == max(values) == pytest.approx(100 * rows.confidence[arm], abs=1)
    assert max(row[3] for row in shares.values()) < max(row[2] for row in shares.values())  # softer than at T = 1
    answers = detail.get_by_role("table").last.get_by_role("row").all_inner_texts()
    assert len(answers) == 1 + 3
    assert classes(smoke)[rows.prediction["plain-teacher", "labels"]] in answers[1]


def classes(smoke) -> list[str]:
    errors = pd.read_csv(smoke.results / "tables" / "errors_per_class.csv")
    return errors.drop_duplicates("label").sort_values("label")["class"].to_list()


def table_of(table: Locator) -> dict[str, list[float]]:
    """Percentages by class; below one stands as a half."""
    rows = table.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return {row[0].removesuffix(" (true)"): [float(cell.replace("<1", "0.5")) for cell in row[1:]] for row in rows}


def test_keys_go_from_image_to_image(page):
    kind(page, "Both wrong").check()
    names = [f"Test image {number}" for number in numbers(page)]
    assert title(page) == names[0]
    page.keyboard.press("j")
    assert title(page) == names[1]
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert title(page) == names[1]
    page.keyboard.press("ArrowRight")
    assert title(page) == names[2]
    page.keyboard.press("End")
    assert title(page) == names[-1]
    page.keyboard.press("ArrowRight")  # there is none
    assert title(page) == names[-1]
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    columns = names.index(title(page))
    assert columns > 1
    page.keyboard.press("ArrowUp")
    assert title(page) == names[0]
    chosen = page.locator(":focus")
    assert chosen.get_attribute("aria-selected") == "true"
    assert chosen.evaluate("tile => getComputedStyle(tile).outlineStyle") != "none"
    tiles(page).nth(columns).click()
    assert title(page) == names[columns]


def numbers(page: Page) -> list[int]:
    names = tiles(page).evaluate_all("tiles => tiles.map(tile => tile.getAttribute('aria-label'))")
    return [int(re.match(r"Test image (\d+), ", name)[1]) for name in names]


def test_tab_goes_through_the_filters_to_the_images(page):
    page.locator("body").press("Tab")
    reached = []
    for _ in range(7):
        reached.append(page.evaluate("(({ id, role, name }) => id || role || name)(document.activeElement)"))
        page.keyboard.press("Tab")
    assert reached == ["experiment", "arm", "rival", "seed", "class", "kind", "option"]


def test_every_control_has_a_name(page):
    unnamed = page.evaluate(
        """[...document.querySelectorAll("select, input, button, [role=option], [role=img], section")].filter(
             (element) => !(element.labels?.length || element.ariaLabel || element.getAttribute("aria-labelledby")))
             .map((element) => element.outerHTML.slice(0, 100))"""
    )
    assert unnamed == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_or_unreadable(smoke, explore, photograph, scheme):
    page = explore(smoke.results / "pages" / "error_explorer.html", color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert photograph(page.get_by_role("listbox"), f"images-{scheme}") > 0.2
    assert photograph(page.get_by_role("region"), f"detail-{scheme}") > 0.05
    ink, paper = page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
    brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (ink, paper)]
    assert (brightness[0] < brightness[1]) == (scheme == "light")


def test_half_and_half_is_undecided(tmp_path, explore):
    """Two seeds of class 0 for each of nine images: both, one or none right, in student and baseline."""
    right = {"student": [2, 2, 2, 1, 1, 1, 0, 0, 0], "baseline": [2, 1, 0, 2, 1, 0, 2, 1, 0]}
    answers = [np.array([np.less(seed, own) for seed in range(2)]) for own in ([1] * 9, *right.values())]
    arms = [
        DrawnArm("tied", "teacher", "teacher", "large", "labels", colour="#1a1a1a"),
        DrawnArm(*("tied", "student", "student", "small", "large_T2_w0.1", "large", 2.0, True), colour="#2a7f8e"),
        DrawnArm("tied", "baseline", "baseline", "small", "labels", colour="#d55e00"),
    ]
    logits = [np.stack([own, ~own], axis=-1).astype(float) for own in answers]
    data = explorer.page_data(arms, logits, [[0, 1]] * 3, np.zeros(9, int), np.arange(9), 9)
    named = {"classes": ["yes", "no"], "study": "tied", "dataset": "made"}
    (tmp_path / "tied.html").write_text(explorer.error_page(data | named, np.zeros((9, 1, 4, 4), np.uint8)))
    page = explore(tmp_path / "tied.html")
    for name, images in {"Repaired": {2}, "Broken": {6}, "Both wrong": {8}, "Undecided": {1, 3, 4, 5, 7}}.items():
        kind(page, f"{name} {len(images)}").check()
        expect_shown(page, images)
    expect(page.get_by_role("status")).to_have_text(
        "5 images: student or baseline is undecided (by the majority of seeds)."
    )
    said = tiles(page).nth(1).get_attribute("title")
    assert said == "Test image 3, yes; student: yes (1 of 2), no (1 of 2); baseline: yes (2 of 2)"
    choose(page, "Seed", "seed 0")  # right where one or both are
    for name, images in {"Repaired": {2, 5}, "Broken": {6, 7}, "Both wrong": {8}, "Undecided": set()}.items():
        kind(page, f"{name} {len(images)}").check()
        expect_shown(page, images)


def odd_study(images: int, classes: int, seeds: list[list[int]], spread: float) -> str:
    """A page of one experiment with a control, made of random logits: the larger `spread`, the fewer errors."""
    random = np.random.default_rng(0)
    arms = [
        DrawnArm("odd", "teacher", "teacher", "large", "labels", colour="#1a1a1a"),
        DrawnArm("odd", "baseline", "baseline", "small", "labels", colour="#d55e00"),
        DrawnArm(*("odd", "student", "student, T = 2", "small", "large_T2_w0.1", "large", 2.0, True), colour="#2a7f8e"),
        DrawnArm(*("odd", "control", "student, no labels", "small", "large_T2_w0", "large", 2.0), colour="#777777"),
    ]
    labels = random.integers(0, classes, images)
    logits = [random.normal(spread * np.eye(classes)[labels], 1, (len(own), images, classes)) for own in seeds]
    pictures = random.integers(0, 256, (images, 1, 20, 33), dtype=np.uint8)
    order = explorer.disputed_images(np.concatenate([own.argmax(-1) for own in logits]), labels)
    data = explorer.page_data(arms, logits, seeds, labels, order, len(order) // 2)
    return explorer.error_page(
        data | {"classes": [f"class {label}" for label in range(classes)], "study": "odd", "dataset": "random"},
        pictures[order[: len(order) // 2]],
    )


def test_many_classes_odd_pictures_and_other_seeds(tmp_path, explore):
    (tmp_path / "odd.html").write_text(odd_study(300, 47, [[0, 1, 2], [0, 1, 2], [0, 1, 2, 3], [2]], spread=2))
    page = explore(tmp_path / "odd.html")
    kind(page, "Both wrong").check()
    count = page.get_by_role("status").inner_text()
    found, left_out = map(int, re.match(r"(\d+) images: .* Of these, (\d+) images cannot be shown", count).groups())
    assert tiles(page).count() == found - left_out
    assert re.search(r"35 other classes have at most \d+ % in any column", page.get_by_role("region").inner_text())
    shares = table_of(page.get_by_role("table").first)
    assert len(shares) == 12
    assert re.search(r"True class: (.*)", page.get_by_role("region").inner_text())[1] in shares
    assert page.get_by_label("Seed").locator("option").all_inner_texts() == [
        "majority of seeds", "seed 0", "seed 1", "seed 2",
    ]  # fmt: skip
    choose(page, "Seed", "seed 0")
    kind(page, "Both wrong").check()
    assert "no run with seed 0" in page.get_by_role("region").inner_text()
    choose(page, "Arm", "student, no labels")
    assert page.get_by_label("Seed").locator("option").all_inner_texts() == ["majority of seeds", "seed 2"]
    assert page.get_by_label("Seed").locator("option:checked").inner_text() == "majority of seeds"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_no_error_at_all_is_said_in_words(tmp_path, explore):
    (tmp_path / "none.html").write_text(odd_study(50, 2, [[0], [0], [0], [0]], spread=50))
    page = explore(tmp_path / "none.html")
    expect(page.get_by_role("status")).to_have_text(
        "No image: student, T = 2 is right, baseline is wrong (by the majority of seeds)."
    )
    assert tiles(page).count() == 0
    assert not page.get_by_role("region").is_visible()
    page.keyboard.press("j")
