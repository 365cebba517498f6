"""What the error explorer carries: the test images that some run gets wrong, and what every run says of them.

Runs are numbered through: arms in the order of `distinct_arms`, and the seeds of an arm one after another. Teachers'
runs are numbered apart in the same way.
"""

import base64
import io
import math
import zlib
from itertools import groupby

import numpy as np
from PIL import Image
from scipy.special import softmax

from dark_knowledge.analysis.results import distinct_arms
from dark_knowledge.figures.style import DrawnArm
from dark_knowledge.pages import rendering
from dark_knowledge.study.arms import ALL_SEEDS

# Longer side of a picture among the others, and of the chosen one, on the screen.
SMALL, LARGE = 56, 150
# How many temperatures below the largest logit nothing is left that the page would show: e^-12 is 0.0006 %.
NO_SHARE = 12


def disputed_images(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Indices of the images that some run gets wrong, those first on whose answer the runs disagree most.

    `predictions` [runs, n], `labels` [n]. Disagreement is the distance of the share of right runs from a half.
    """
    right = (predictions == labels).mean(0)
    order = np.argsort(np.abs(right - 0.5), kind="stable")
    return order[right[order] < 1]


def probability_codes(logits: np.ndarray) -> np.ndarray:
    """Probabilities at T = 1 as uint8, in 255ths: at most 0.2 percentage points off. Same shape as `logits`."""
    return np.rint(255 * softmax(logits, axis=-1)).astype(np.uint8)


def gap_codes(logits: np.ndarray, hottest: float) -> tuple[np.ndarray, float]:
    """How far each logit lies below the largest of its image, as uint8 codes, and the largest gap of all.

    A code c stands for the gap `largest * (c / 255)**2`, finest where probabilities are large, so that
    softmax(-gap / T) gives the soft target at any T up to `hottest`; about half a percentage point off at T = 1, less
    above. Gaps end at `NO_SHARE` of `hottest`: a logit of -1e9, which masks a class, would take the codes of the rest.
    """
    gaps = np.minimum(logits.max(-1, keepdims=True) - logits, NO_SHARE * hottest)
    largest = max(float(gaps.max(initial=0)), 1e-6)
    return np.rint(255 * np.sqrt(gaps / largest)).astype(np.uint8), largest


def sprite(images: np.ndarray, columns: int) -> bytes:
    """Images uint8 [n, c, h, w], grey or coloured, as tiles of one PNG, row by row; n above 0."""
    count, channels, height, width = images.shape
    rows = -(-count // columns)
    tiles = np.zeros((rows * columns, height, width, channels), np.uint8)
    tiles[:count] = images.transpose(0, 2, 3, 1)
    sheet = tiles.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    sheet = sheet.reshape(rows * height, columns * width, channels)
    file = io.BytesIO()
    Image.fromarray(sheet[:, :, 0] if channels == 1 else sheet).save(file, "PNG", optimize=True)
    return file.getvalue()


def base64_text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def packed(codes: np.ndarray) -> str:
    """uint8 codes of any shape, in C order, compressed by zlib, as base64."""
    assert codes.dtype == np.uint8
    return base64_text(zlib.compress(codes.tobytes(), 9))


def page_data(
    arms: list[DrawnArm],
    logits: list[np.ndarray],
    seeds: list[list[int]],
    labels: np.ndarray,
    order: np.ndarray,
    shown: int,
) -> dict:
    """The page's numbers, for JSON.

    `arms` are those of all experiments; `logits` [seeds, n, classes] and `seeds` are those of `distinct_arms(arms)`;
    `labels` [n]; `order` is what `disputed_images` gives, of which the first `shown` carry probabilities. Every image
    of `order` carries each run's answer, so that counts are complete.
    """
    number = {arm.key: place for place, arm in enumerate(distinct_arms(arms))}
    taught_by = dict.fromkeys(arm.teacher_key for arm in arms)
    teachers = [number[teacher] for teacher in taught_by if teacher in number]
    images = order[:shown]
    answers = np.concatenate([own.argmax(-1) for own in logits])[:, order]
    probabilities = np.concatenate([probability_codes(own[:, images]) for own in logits])
    none = np.empty((0, len(images), logits[0].shape[-1]))
    hottest = max((arm.temperature for arm in arms if not np.isnan(arm.temperature)), default=1)
    of_teachers = np.concatenate([none, *(logits[place][:, images] for place in teachers)])
    gaps, largest_gap = gap_codes(of_teachers, hottest)
    return {
        "testImages": len(labels),
        "shown": len(images),
        "image": order.tolist(),
        "label": labels[order].tolist(),
        # An image's runs, and a class's runs, stand together: similar numbers side by side compress best.
        "answers": packed(answers.T.astype(np.uint8)),
        "probabilities": packed(probabilities.transpose(1, 2, 0)),
        "gaps": packed(gaps.transpose(1, 2, 0)),
        "largestGap": largest_gap,
        "allSeeds": ALL_SEEDS,
        "arms": [{"seeds": own} for own in seeds],
        "teachers": teachers,
        "experiments": [
            _experiment(name, list(own), number) for name, own in groupby(arms, key=lambda arm: arm.experiment)
        ],
    }


def _experiment(name: str, arms: list[DrawnArm], number: dict) -> dict:
    """An experiment's arms as the page lists them: the first two to compare are the chosen student and the baseline."""
    listed = [
        {
            "name": arm.arm,
            "role": arm.role,
            "colour": arm.colour,
            "arm": number[arm.key],
            "temperature": None if np.isnan(arm.temperature) else arm.temperature,
            "teacher": number.get(arm.teacher_key),
        }
        for arm in arms
    ]
    chosen = [arm.chosen for arm in arms].index(True)
    baseline = [arm.role for arm in arms].index("baseline")
    return {"name": name, "arms": listed, "compared": [chosen, baseline]}


def error_page(data: dict, images: np.ndarray) -> str:
    """The page of the given numbers and pictures, uint8 [shown, c, h, w]."""
    channels, height, width = images.shape[1:]
    columns = max(1, math.isqrt(len(images)))
    left_out = len(data["image"]) - len(images)
    carried = (
        f"Of the {data['testImages']:,} test images this page has the {len(data['image']):,} that some run gets wrong."
    )
    if left_out:
        carried += (
            f" To stay small it counts {left_out:,} of them without showing them: those on which the runs agree most."
        )
    return rendering.interactive_page(
        "error_explorer.html.j2",
        data | {"width": width, "height": height, "columns": columns},
        sprite=base64_text(sprite(images, columns)) if len(images) else "",
        inverted=channels == 1,
        small=pixel(SMALL, height, width),
        large=pixel(LARGE, height, width),
        carried=carried,
    )


def pixel(longer_side: int, height: int, width: int) -> float:
    """Screen pixels of an image's pixel: whole ones where the image is small, for sharp edges."""
    scale = longer_side / max(height, width)
    return math.floor(scale) if scale >= 1 else round(scale, 4)
