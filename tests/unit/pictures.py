"""Small data sets in every supported form, made from random pixels."""

from pathlib import Path

import numpy as np
from PIL import Image

PER_CLASS = 6


def pixels(number: int, shape: tuple[int, ...] = (8, 8, 3)) -> np.ndarray:
    """Random bytes, other ones for each number."""
    return np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, array: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def folder_of_pictures(
    root: Path,
    classes: tuple[str, ...] = ("cat", "dog"),
    parts: tuple[str, ...] = ("train", "test"),
    grey: bool = False,
) -> Path:
    """train/<class>/* and test/<class>/*, PNG files of 8x8 pixels, all different."""
    number = 0
    for part in parts:
        for name in classes:
            for _ in range(PER_CLASS):
                number += 1
                save(root / part / name / f"{number}.png", pixels(number, (8, 8) if grey else (8, 8, 3)))
    return root


def arrays(shape: tuple[int, ...] = (8, 8), n: int = 12) -> dict[str, np.ndarray]:
    """Images and labels of two classes by part."""
    return {
        "train_images": pixels(1, (n, *shape)),
        "train_labels": np.arange(n) % 2,
        "test_images": pixels(2, (n, *shape)),
        "test_labels": np.arange(n) % 2,
    }
