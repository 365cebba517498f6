"""A study's configuration, checked: a wrong key, type, value or name ends in one line that says what is allowed.

Imported while Snakemake parses the workflow, so nothing heavy is imported here.
"""

import json
import math
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, TypeChecker, validators
from jsonschema.exceptions import ValidationError, best_match

from dark_knowledge.command import InputError
from dark_knowledge.data.listing import PLACES, class_names
from dark_knowledge.study import spelling
from dark_knowledge.study.contradictions import contradictions
from dark_knowledge.study.messages import missing_key, quoted, unknown_key
from dark_knowledge.study.model_section import locate_files
from dark_knowledge.study.reference import locate_reference


def _is_integer(_checker: TypeChecker, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: TypeChecker, value: object) -> bool:
    return _is_integer(checker, value) or (isinstance(value, float) and math.isfinite(value))


# JSON Schema takes 1.0 for an integer, and Python's JSON has NaN and infinities.
StrictValidator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number}),
)


def check_file(path: str) -> None:
    """Refuse a configuration file that gives a key twice in one mapping: YAML keeps the last of them in silence."""
    text = Path(path).read_text(encoding="utf-8")
    try:
        json.loads(text, object_pairs_hook=partial(_each_key_once, path))
        return
    except ValueError:
        pass  # no JSON, as which Snakemake too reads a file first: YAML has other escapes
    try:
        waiting = [yaml.compose(text, yaml.CSafeLoader)]
    except yaml.MarkedYAMLError as error:
        raise InputError(f"config: {path}, line {error.problem_mark.line + 1}: {error.problem}; correct it") from error
    known = set()  # an alias leads to a node again, and may lead in circles
    while waiting:
        node = waiting.pop()
        if id(node) in known or not isinstance(node, yaml.CollectionNode):
            continue
        known.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
            continue
        keys = set()
        for key, value in node.value:
            if (key.tag, str(key.value)) in keys:
                line = key.start_mark.line + 1
                raise InputError(f"config: {path}, line {line}: key {key.value!r} stands there twice; keep one of them")
            keys.add((key.tag, str(key.value)))
            waiting.append(value)


def _each_key_once(path: str, pairs: list[tuple[str, object]]) -> None:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise InputError(f"config: {path}: key {key!r} stands there twice; keep one of them")


def canonical(value: object, name: str = "") -> object:
    """A configuration as its meaning alone decides: keys in alphabetical order, whole numbers without a point.

    Experiments and controls keep their order, in which readers see them.
    """
    if isinstance(value, dict):
        keys = value if name in ("experiments", "controls") else sorted(value)
        return {key: canonical(value[key], key) for key in keys}
    if isinstance(value, list):
        return [canonical(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check_config(config: dict, schema_path: str, folders: Iterable[Path] = (Path(),)) -> None:
    """Refuse a configuration that breaks the schema or contradicts itself, in one line that names the key.

    The files that it names are looked for in `folders`, and where they are is written into it.
    """
    with open(schema_path, encoding="utf-8") as file:
        schema = yaml.load(file, yaml.CSafeLoader)
    error = best_match(StrictValidator(schema).iter_errors(config), key=lambda error: -len(error.absolute_path))
    if error is not None:
        raise InputError(_schema_message(error))
    locate_files(config["models"], folders)
    _locate_images(config, folders)
    locate_reference(config, folders)
    _complete_classes(config)
    for message in contradictions(config):
        raise InputError(message)


def check_owner(results: Path, study: str) -> None:
    """Refuse a folder whose results are another study's: each would remove or take over what the other made."""
    owner = next(filter(None, map(_study_of, (results / "settings.json", results / "config.json"))), study)
    if owner != study:
        raise InputError(
            f"config: study is {quoted(study)}, and its results folder {results} holds those of {quoted(owner)}; give "
            "each study a folder of its own (pathvars), or remove that one"
        )


def _study_of(file: Path) -> str | None:
    """The study whose settings a file keeps; None where there is no file, or one that a power failure cut short."""
    try:
        return json.loads(file.read_text(encoding="utf-8")).get("study")
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None


def _locate_images(config: dict, folders: Iterable[Path]) -> None:
    """Write in `config` where the chosen data set's images are, in one of `folders`; what is gone keeps its name."""
    dataset = config["datasets"].get(config["dataset"], {})
    for key in PLACES:
        if key in dataset and not Path(dataset[key]).is_absolute():
            places = [folder / dataset[key] for folder in folders]
            dataset[key] = os.path.relpath(next(filter(os.path.exists, places), dataset[key]))


def _complete_classes(config: dict) -> None:
    """Name the classes of the chosen data set where its folders do."""
    if (dataset := config["datasets"].get(config["dataset"])) is not None:
        try:
            dataset["classes"] = class_names(dataset)
        except (InputError, OSError) as error:
            raise InputError(f"config: datasets.{config['dataset']}: {error}") from error


def _schema_message(error: ValidationError) -> str:
    place = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        allowed = sorted(error.schema.get("properties", {}))
        return unknown_key(place, next(key for key in error.instance if key not in allowed), allowed)
    if error.validator == "required":
        return missing_key(place, next(key for key in error.validator_value if key not in error.instance))
    if error.validator == "dependentRequired":
        needed = (key for of, keys in error.validator_value.items() if of in error.instance for key in keys)
        return missing_key(place, next(key for key in needed if key not in error.instance))
    allowed = " ".join(error.schema.get("description", error.message).split())
    if "propertyNames" in error.absolute_schema_path:
        return f"config: {place} has an entry named {quoted(error.instance)}; allowed: {allowed}{spelling.hint(error)}"
    return f"config: {place} is {quoted(error.instance)}; allowed: {allowed}{spelling.hint(error)}"
