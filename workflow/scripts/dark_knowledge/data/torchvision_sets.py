"""Classification sets of torchvision that have a fixed training and test part, read in torchvision's own formats."""

import inspect
import os
import tempfile
from functools import partial

from torch.utils.data import Dataset
from torchvision import datasets

from dark_knowledge.command import InputError
from dark_knowledge.data.pictures import Picture


def open_torchvision(name: str, dataset: dict) -> tuple[dict[str, list[Picture]], str]:
    """The pictures of both parts, and where they were found; torchvision checks its own checksums.

    Looked for in `folder`, then in the folder that the environment variable DARK_KNOWLEDGE_DATA names and there in one
    of the data set's name; if in none, torchvision downloads it.
    """
    folders = [dataset["folder"]] if "folder" in dataset else []
    if root := os.environ.get("DARK_KNOWLEDGE_DATA"):
        folders += [root, os.path.join(root, name)]
    failures = []
    for folder in map(os.path.expanduser, folders):
        try:
            return _parts(dataset, folder, download=False), folder
        except InputError:
            raise
        except Exception as error:  # whatever the set's own code raises
            failures.append(f"{folder}: {_reason(error)}")
            print(f"passed over {failures[-1]}", flush=True)
    keeper = tempfile.TemporaryDirectory()
    open_torchvision.keeper = keeper  # removed when the process ends
    try:
        return _parts(dataset, keeper.name, download=True), f"torchvision's source of {dataset['torchvision']}"
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        failures.append(f"download: {_reason(error)}")
    raise InputError(
        f"{dataset['torchvision']} of data set {name!r} was found nowhere ({'; '.join(failures)}); put it into a "
        f"folder as torchvision does and name that in the config (datasets.{name}.folder)"
    )


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _parts(dataset: dict, root: str, download: bool) -> dict[str, list[Picture]]:
    """`torchvision` names a set, or a set and its split: EMNIST/letters."""
    set_name, _, split = dataset["torchvision"].partition("/")
    make = getattr(datasets, set_name)
    parts = {}
    for part in ("train", "test"):
        if "split" in inspect.signature(make.__init__).parameters and not split:
            own = {"split": "trainval" if part == "train" and set_name == "OxfordIIITPet" else part}
        else:
            own = {"train": part == "train"} | ({"split": split} if split else {})
        images = make(root, **own, download=download)
        _check_order(images, dataset)
        parts[part] = [
            Picture(f"image {i} of {part} of {set_name} in {root}", partial(_image, images, i), int(images[i][1]))
            for i in range(len(images))
        ]
    return parts


def _image(images: Dataset, i: int):
    return images[i][0]


def _check_order(images: Dataset, dataset: dict) -> None:
    """Refuse the set's own class names in another order: every label would get a wrong name."""
    own, named = (
        [str(word).casefold() for word in names] for names in (getattr(images, "classes", []), dataset["classes"])
    )
    if own != named and sorted(own) == sorted(named):
        raise InputError(f"classes are not in the order of {dataset['torchvision']}: {list(images.classes)}")
