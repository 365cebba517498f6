"""From whatever source a data set names to four IDX files."""

from collections.abc import Iterator
from pathlib import Path

from dark_knowledge.command import InputError, written_whole
from dark_knowledge.data import arrays
from dark_knowledge.data.formats import write_idx
from dark_knowledge.data.image_folder import open_folder
from dark_knowledge.data.pictures import Picture, common_form, decoded
from dark_knowledge.data.sources import FILES, fetch_part


def store(name: str, dataset: dict, out: Path) -> Iterator[str]:
    """Read a data set at its source, and write `<part>.idx` into the folder `out`; yields what was found where.

    `dataset` is an entry of `datasets` in config.yaml. Grey images are stored as [n, h, w], others as [n, 3, h, w].
    """
    if "image_folder" in dataset:
        yield from _store_pictures(*open_folder(dataset), dataset.get("size"), out, seen={})
    elif "torchvision" in dataset:
        # Imported here: it takes seconds.
        from dark_knowledge.data.torchvision_sets import open_torchvision

        yield from _store_pictures(*open_torchvision(name, dataset), dataset.get("size"), out)
    elif "arrays" in dataset:
        yield from _store_arrays(*arrays.open_arrays(dataset), dataset.get("range"), dataset.get("size"), out)
    else:
        for part, file in FILES.items():
            payload, origin = fetch_part(name, part, dataset)
            with written_whole(out / f"{part}.idx") as temporary:
                temporary.write_bytes(payload)
            yield f"{file} from {origin}"


def _store_pictures(
    parts: dict[str, list[Picture]], origin: str, size: list[int] | None, out: Path, seen: dict | None = None
) -> Iterator[str]:
    form = common_form([picture for pictures in parts.values() for picture in pictures], size)
    image = (form.height, form.width) if form.channels == 1 else (form.channels, form.height, form.width)
    for part, pictures in parts.items():
        if not pictures:
            raise InputError(f"{origin} has no pictures for {part}")
        write_idx(out / f"{part}_images.idx", (len(pictures), *image), decoded(pictures, form, size is not None, seen))
        write_idx(out / f"{part}_labels.idx", (len(pictures),), [bytes(picture.label for picture in pictures)])
        yield f"{len(pictures)} {part} pictures from {origin}, as {'x'.join(map(str, image))}"


def _store_arrays(
    found: dict, origin: str, value_range: list[float] | None, size: list[int] | None, out: Path
) -> Iterator[str]:
    for part, array in found.items():
        name = f"{part} of {origin}"
        if part.endswith("_images"):
            shape, pieces = arrays.image_bytes(array, name, value_range, size)
            if shape[1] == 1 and len(shape) == 4:
                shape = (shape[0], *shape[2:])
        else:
            shape, content = arrays.label_bytes(array, name)
            pieces = [content]
        write_idx(out / f"{part}.idx", shape, pieces)
        yield f"{name}: {'x'.join(map(str, shape))}"
