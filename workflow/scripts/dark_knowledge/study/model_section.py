"""What the configuration's section `models` gets wrong, and where the files are that it names.

Networks in files and modules of the user's are read, not run: nothing heavy is imported while Snakemake parses.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from dark_knowledge.command import InputError
from dark_knowledge.fingerprint import file_fingerprint
from dark_knowledge.study.arms import is_own_file, is_trained
from dark_knowledge.study.messages import missing_key, quoted, unknown_key, unknown_name
from dark_knowledge.study.signatures import Signature, module_file, signature_of

# What a network's function is given beside its entry's own keys, and which of those are no arguments of it.
GIVEN = {"num_classes", "image_shape"}
NO_ARGUMENTS = {"architecture", "recipe", "weights"}
# Names of which the workflow would not tell a function's argument from what it writes there itself.
TAKEN = {"code", "file", "members"}


def locate_files(models: dict, folders: list[Path]) -> None:
    """Write in `models` where the files are that they name: beside the configuration, or where Snakemake runs."""
    for name, settings in models.items():
        if settings is None:
            continue
        key = "file" if settings["architecture"] == "logits" else "weights"
        if key in settings:
            settings[key] = _located(f"models.{name}.{key}", settings[key], folders)
        if is_own_file(settings["architecture"]):
            file, _, function = settings["architecture"].rpartition(":")
            settings["architecture"] = f"{_located(f'models.{name}.architecture', file, folders)}:{function}"


def _located(place: str, name: str, folders: list[Path]) -> str:
    name = os.path.expanduser(name)
    for folder in folders:
        if (folder / name).is_file():
            return name if Path(name).is_absolute() else os.path.relpath(folder / name)
    looked = " or ".join(sorted({str(folder.absolute()) for folder in folders}))
    raise InputError(
        f"config: {place} names {quoted(name)}, which is no file in {looked}; correct the name or put it there"
    )


def trained_models(config: dict) -> set[str]:
    """The models that are trained here, once a seed."""
    return {name for name, settings in config["models"].items() if settings is not None and is_trained(config, name)}


def wrong_model(place: str, settings: dict, config: dict) -> Iterator[str]:
    """What a model's entry gets wrong beyond the schema."""
    architecture = settings["architecture"]
    if architecture == "ensemble":
        allowed = trained_models(config) | set(config.get("teachers", {}))
        if settings["members"] not in allowed:
            yield unknown_name(f"{place}.members", settings["members"], allowed)
    elif architecture != "logits":
        yield from _wrong_training(place, settings, config)
    if architecture == "plain" and len(settings["channels"]) != len(settings["pool"]):
        yield f"config: {place}.pool has {len(settings['pool'])} entries; allowed: one for each of channels"
    if ":" in architecture:
        yield from _wrong_function(place, settings)


def _wrong_training(place: str, settings: dict, config: dict) -> Iterator[str]:
    """A network is either trained here by a recipe or has weights from elsewhere."""
    if "recipe" in settings and "weights" in settings:
        yield f"config: {place} has recipe and weights; allowed: one of them, for a training here or elsewhere"
    elif "recipe" not in settings and "weights" not in settings:
        yield f"{missing_key(place, 'recipe')}, or `weights` where it was trained elsewhere"
    elif "recipe" in settings and settings["recipe"] not in config["recipes"]:
        yield unknown_name(f"{place}.recipe", settings["recipe"], config["recipes"])


def _wrong_function(place: str, settings: dict) -> Iterator[str]:
    """A network's function that its file or module does not have, or that does not take the entry's keys."""
    source, _, name = settings["architecture"].rpartition(":")
    path = Path(source) if is_own_file(settings["architecture"]) else module_file(source)
    if path is None and find_spec("torch") is None:
        return  # nor is what trains installed here: it is in an environment of the jobs' own, whose error will tell
    if path is None:
        yield f"config: {place}.architecture: no module {source!r} is installed; install it, or name a file.py:function"
        return
    try:
        signature = signature_of(path, name)
        if is_own_file(settings["architecture"]):
            file_fingerprint(path)  # reads the modules beside it too, as each training's rule does
    except SyntaxError as error:
        yield f"config: {place}.architecture: {error.filename}, line {error.lineno}: {error.msg}; correct it"
        return
    except UnicodeDecodeError:
        yield f"config: {place}.architecture: {source}, or a file that it imports, is no text in UTF-8; save it as such"
        return
    if signature is None:
        yield f"config: {place}.architecture: {source} has no {name!r}; allowed: a function or class that stands there"
        return
    yield from _wrong_keys(place, settings, signature)


def _wrong_keys(place: str, settings: dict, signature: Signature) -> Iterator[str]:
    own = settings.keys() - NO_ARGUMENTS
    missing = {key for key, needed in signature.keywords.items() if needed} - own - GIVEN
    for key in sorted(own & TAKEN | missing & (NO_ARGUMENTS | TAKEN)):
        yield (
            f"config: {place} can give {settings['architecture']} no argument {key!r}, since that name has another "
            "meaning to the workflow; rename the argument"
        )
    for key in sorted(own & GIVEN):
        yield f"config: {place}.{key} is set; leave it out, for it is the data set's"
    if not signature.any_keyword:
        if "num_classes" not in signature.keywords:
            yield f"config: {place}.architecture: {settings['architecture']} takes no argument num_classes; give it one"
        for key in sorted(own - signature.keywords.keys()):
            yield unknown_key(place, key, (signature.keywords.keys() - GIVEN - TAKEN) | NO_ARGUMENTS)
    for key in signature.keywords:
        if key in missing:
            yield missing_key(place, key)
