"""What a data set is, wherever it lies: the name of the folder of its images, new where they must be read again.

Imported while Snakemake parses the workflow, so nothing heavy is imported here.
"""

import hashlib
import json
from pathlib import Path

from dark_knowledge.command import InputError
from dark_knowledge.data.listing import NAMES, PLACES, array_files, class_names, content_of, pictures_of, place_of
from dark_knowledge.data.sources import FILES, checksum_of, fetch_part
from dark_knowledge.fingerprint import code_fingerprint

# Sources that code turns into bytes; an IDX file is taken as it is.
DECODED = {"image_folder", "torchvision", "arrays"}


def identity_of(name: str, dataset: dict, stored: Path) -> str:
    """A hash of what a data set holds and how it is read: the same for other mirrors, or a copy in another folder.

    Of files without a checksum it is the content. If the named place is gone, it is what was read there, as the
    folder `stored` tells. The files of a torchvision set are known by its name alone.
    """
    try:
        content = _content(name, dataset)
    except (InputError, OSError):
        if (recorded := _recorded(dataset, stored)) is not None:
            return recorded
        content = None  # reading it will tell
    settings = {key: value for key, value in dataset.items() if key not in {*NAMES, "sha256"}}
    if DECODED & dataset.keys():
        settings["code"] = code_fingerprint(Path(__file__).with_name("storing.py"))
    return hashlib.sha256(json.dumps([settings, content], sort_keys=True).encode()).hexdigest()[:16]


def _recorded(dataset: dict, stored: Path) -> str | None:
    """The name under which a place that is gone was read last."""
    key = next((key for key in PLACES if key in dataset), None)
    if key is None or place_of(dataset, key).exists():
        return None
    read = [file for file in stored.glob("*/source.json") if json.loads(file.read_text(encoding="utf-8")) == dataset]
    return max(read, key=lambda file: file.stat().st_mtime).parent.name if read else None


def _content(name: str, dataset: dict) -> object:
    if "image_folder" in dataset:
        parts = pictures_of(dataset)
        files = [(path, f"{part}/{own}/{path.name}") for part in parts for path, own in parts[part]]
        return class_names(dataset), content_of(files)
    if "arrays" in dataset:
        place = place_of(dataset, "arrays")
        return content_of([(path, path.stem if place.is_dir() else "") for path in array_files(place)])
    if "torchvision" in dataset:
        return dataset["torchvision"]
    return [checksum_of(dataset, part) or _payload(name, part, dataset) for part in FILES]


def _payload(name: str, part: str, dataset: dict) -> str:
    """The checksum of a file that the config names none of: of one on this machine, or else its mirrors."""
    try:
        return hashlib.sha256(fetch_part(name, part, dataset, local=True)[0]).hexdigest()
    except InputError:
        if "folder" in dataset or not (dataset.get("mirrors") or dataset.get("debian_package")):
            raise
        return json.dumps([dataset.get("mirrors"), dataset.get("debian_package")])
