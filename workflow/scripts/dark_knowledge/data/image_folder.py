"""A folder of pictures, train/<class>/* and test/<class>/*."""

from functools import partial

import numpy as np
from PIL import Image

from dark_knowledge.data.listing import class_names, pictures_of
from dark_knowledge.data.parts import draw
from dark_knowledge.data.pictures import Picture
from dark_knowledge.streams import generator


def open_folder(dataset: dict) -> tuple[dict[str, list[Picture]], str]:
    """The pictures of both parts, and where they are. Without a folder test, `test_share` of train is split off."""
    labels = {name: label for label, name in enumerate(class_names(dataset))}
    parts = {
        part: [Picture(str(path), partial(Image.open, path), labels[name]) for path, name in files]
        for part, files in pictures_of(dataset).items()
    }
    if "test" not in parts:
        pictures = parts["train"]
        count = max(1, round(dataset["test_share"] * len(pictures)))
        # By no seed of the study: a data set has one test part.
        labels = np.array([picture.label for picture in pictures])
        drawn = draw("test_share", labels, count, generator("test share"), least=1, left=1)
        parts = {part: [pictures[i] for i in index] for part, index in zip(("train", "test"), drawn, strict=True)}
    return parts, dataset["image_folder"]
