"""What the error explorer carries, on numbers small enough to work by hand, and its size guard."""

import base64
import io
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import write_error_explorer
from PIL import Image
from scipy.special import log_softmax, softmax

from dark_knowledge.analysis import results
from dark_knowledge.command import InputError
from dark_knowledge.figures.style import DrawnArm
from dark_knowledge.pages import explorer, rendering

CLASSES = ["shirt", "shoe", "bag"]
LABELS = np.array([0, 1, 2, 0, 1])
# Two experiments share the baseline; a control has fewer seeds than the rest.
ARMS = [
    DrawnArm(*row, colour="#000000")
    for row in (
        ("x", "teacher", "teacher", "big", "labels"),
        ("x", "baseline", "baseline", "small", "labels"),
        ("x", "student", "student, T = 2", "small", "big_T2_w0.1", "big", 2.0, True),
        ("x", "control", "no labels", "small", "big_T2_w0", "big", 2.0),
        ("y", "teacher", "teacher", "other", "labels"),
        ("y", "baseline", "baseline", "small", "labels"),
        ("y", "student", "student, T = 4", "small", "other_T4_w0.1", "other", 4.0, True),
    )
]
SEEDS = [[0, 1], [0, 1], [0, 1], [7], [0, 1], [0, 1]]


def unpacked(text: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)


def make_logits(random=None, spread: float = 3.0) -> list[np.ndarray]:
    random = random or np.random.default_rng(0)
    return [random.normal(0, spread, (len(seeds), len(LABELS), len(CLASSES))).astype(np.float32) for seeds in SEEDS]


NAMED = {"classes": CLASSES, "study": "explored", "dataset": "letters"}


def make_data(logits: list[np.ndarray], shown: int | None = None) -> dict:
    order = explorer.disputed_images(np.concatenate([own.argmax(-1) for own in logits]), LABELS)
    data = explorer.page_data(ARMS, logits, SEEDS, LABELS, order, len(order) if shown is None else shown)
    return data | NAMED


def test_images_that_no_run_gets_wrong_are_left_out_and_disputed_ones_come_first():
    predictions = np.array([[0, 1, 0, 1, 0], [0, 1, 0, 0, 0], [0, 1, 0, 0, 1], [0, 1, 0, 0, 1]])
    # Right of four runs: 4, 4, 0, 3, 2.
    assert explorer.disputed_images(predictions, LABELS).tolist() == [4, 3, 2]


def test_probabilities_are_a_fifth_of_a_point_off_at_most():
    logits = np.random.default_rng(0).normal(0, 4, (3, 500, 10))
    codes = explorer.probability_codes(logits)
    assert codes.dtype == np.uint8
    assert np.abs(codes / 255 - softmax(logits, -1)).max() <= 0.5 / 255 + 1e-9


@pytest.mark.parametrize(("temperature", "tolerance"), [(1, 0.01), (2, 0.007), (4, 0.005), (20, 0.003)])
def test_soft_targets_of_any_temperature_follow_from_the_gaps(temperature, tolerance):
    logits = np.random.default_rng(1).normal(0, 6, (2, 2000, 10))
    codes, largest = explorer.gap_codes(logits, hottest=20)
    gaps = largest * (codes / 255) ** 2
    assert np.abs(softmax(-gaps / temperature, -1) - softmax(logits / temperature, -1)).max() < tolerance
    assert (codes.min(-1) == 0).all()


def test_equal_logits_have_no_gap():
    codes, largest = explorer.gap_codes(np.zeros((1, 2, 3)), hottest=4)
    assert not codes.any()
    assert largest > 0


def test_a_masked_class_leaves_the_others_their_soft_targets():
    logits = np.array([[[2.0, 1.0, 0.0, -1e9]]])
    codes, largest = explorer.gap_codes(logits, hottest=4)
    gaps = largest * (codes / 255) ** 2
    np.testing.assert_allclose(softmax(-gaps / 4, -1), softmax(logits / 4, -1), atol=0.003)


@pytest.mark.parametrize("count", [1, 5, 6])
@pytest.mark.parametrize("channels", [1, 3])
def test_sprite_holds_every_image(count, channels):
    images = np.random.default_rng(2).integers(0, 256, (count, channels, 4, 3), dtype=np.uint8)
    sheet = np.asarray(Image.open(io.BytesIO(explorer.sprite(images, columns=3))))
    sheet = sheet.reshape(4 * -(-count // 3), 9, channels)
    for number, image in enumerate(images):
        top, left = 4 * (number // 3), 3 * (number % 3)
        assert (sheet[top : top + 4, left : left + 3].transpose(2, 0, 1) == image).all()


def test_page_data_numbers_runs_through_whatever_the_roles_and_seeds():
    logits = make_logits()
    data = make_data(logits)
    assert [arm["seeds"] for arm in data["arms"]] == SEEDS
    assert data["teachers"] == [0, 4]
    assert [[arm["arm"] for arm in own["arms"]] for own in data["experiments"]] == [[0, 1, 2, 3], [4, 1, 5]]
    assert [own["compared"] for own in data["experiments"]] == [[2, 1], [2, 1]]
    assert [arm["teacher"] for arm in data["experiments"][0]["arms"]] == [None, None, 0, 0]
    images = data["image"]
    assert data["label"] == LABELS[images].tolist()
    answers = unpacked(data["answers"]).reshape(len(images), 11)
    assert (answers[:, 6] == logits[3][0].argmax(-1)[images]).all()  # the control's only run follows six others
    probabilities = unpacked(data["probabilities"]).reshape(len(images), 3, 11)
    assert probabilities[:, :, 6] / 255 == pytest.approx(softmax(logits[3][0][images], -1), abs=0.003)
    gaps = data["largestGap"] * (unpacked(data["gaps"]).reshape(len(images), 3, 4)[:, :, 3] / 255) ** 2
    expected = softmax(logits[4][1][images] / 4, -1)  # the second teacher's second seed
    assert softmax(-gaps / 4, -1) == pytest.approx(expected, abs=0.01)


def test_images_left_out_keep_their_answers():
    data = make_data(make_logits(), shown=2)
    assert data["shown"] == 2
    assert len(unpacked(data["answers"])) == 11 * len(data["image"])
    assert len(unpacked(data["probabilities"])) == 11 * 2 * 3


def test_a_study_without_errors_and_one_without_distillation_have_a_page():
    certain = [np.tile(20 * np.eye(3)[LABELS], (len(seeds), 1, 1)) for seeds in SEEDS]
    data = make_data(certain)
    assert (data["image"], data["shown"]) == ([], 0)
    assert "the 0 that some run gets wrong" in explorer.error_page(data, np.empty((0, 1, 4, 3), np.uint8))
    no_teacher = [replace(arm, teacher=None) for arm in ARMS]
    order = np.arange(5)
    data = explorer.page_data(no_teacher, make_logits(), SEEDS, LABELS, order, 5)
    assert data["teachers"] == []
    assert len(unpacked(data["gaps"])) == 0


def test_a_page_too_large_leaves_out_what_is_least_disputed_and_says_how_many():
    random = np.random.default_rng(3)
    count = 400
    images = random.integers(0, 256, (count, 1, 80, 80), dtype=np.uint8)  # noise does not compress: 3.4 MB as text
    labels = random.integers(0, 3, count)
    logits = [random.normal(0, 1, (len(seeds), count, 3)) for seeds in SEEDS]
    order = explorer.disputed_images(np.concatenate([own.argmax(-1) for own in logits]), labels)

    def page(shown: int) -> str:
        data = explorer.page_data(ARMS, logits, SEEDS, labels, order, shown)
        return explorer.error_page(data | NAMED, images[order[:shown]])

    text, shown = rendering.largest_page(page, len(order))
    assert 0.9 * rendering.MOST_BYTES < len(text.encode()) <= rendering.MOST_BYTES
    assert f"counts {len(order) - shown} of them without showing them" in text
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])
    assert data["shown"] == shown
    assert data["image"] == order.tolist()


def test_a_small_page_is_whole():
    assert rendering.largest_page("x".__mul__, 7) == ("xxxxxxx", 7)


def test_the_page_names_its_study_and_images():
    data = make_data(make_logits())
    text = explorer.error_page(data, np.zeros((data["shown"], 1, 4, 3), np.uint8))
    assert "<title>Error explorer: explored</title>" in text
    assert "Study “explored” on letters." in text


def test_class_names_cannot_break_the_page():
    data = make_data(make_logits()) | {"classes": ["</script><b>", "'\"", "&"]}
    text = explorer.error_page(data, np.zeros((data["shown"], 1, 4, 3), np.uint8))
    assert "</script><b>" not in text


def test_other_logits_than_the_collected_ones_are_refused():
    distinct = results.distinct_arms(ARMS)
    logits = make_logits()
    rows = [
        {"model": arm.model, "supervision": arm.supervision, "seed": seed, "image": image, "prediction": prediction}
        for arm, seeds, own in zip(distinct, SEEDS, logits, strict=True)
        for seed, answers in zip(seeds, own.argmax(-1), strict=True)
        for image, prediction in enumerate(answers)
    ]
    predictions = pd.DataFrame(rows).sample(frac=1, random_state=0)
    write_error_explorer.check_against(predictions, distinct, SEEDS, logits)
    swapped = [logits[0][::-1], *logits[1:]]
    with pytest.raises(
        InputError, match=r"runs/big/labels/logits\.safetensors gives other answers than collected/predictions"
    ):
        write_error_explorer.check_against(predictions, distinct, SEEDS, swapped)


@pytest.mark.parametrize(("height", "width", "scale"), [(28, 28, 2), (20, 40, 1), (100, 50, 0.56)])
def test_small_pictures_are_enlarged_by_whole_pixels(height, width, scale):
    assert explorer.pixel(56, height, width) == scale


def test_log_probabilities_serve_as_logits():
    logits = np.random.default_rng(4).normal(0, 3, (1, 50, 5))
    of_both = [explorer.gap_codes(given, hottest=4)[0].tolist() for given in (logits, log_softmax(logits, -1))]
    assert of_both[0] == of_both[1]
