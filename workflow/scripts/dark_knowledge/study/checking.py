"""A study's configuration, checked: a wrong key, type, value or name ends in one line that says what is allowed.

Imported while Snakemake parses the workflow, so nothing heavy is imported here.
"""

import difflib
import json
import math
from collections.abc import Iterable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, TypeChecker, validators
from jsonschema.exceptions import ValidationError, best_match

from dark_knowledge.command import InputError
from dark_knowledge.data.listing import class_names
from dark_knowledge.study import spelling
from dark_knowledge.study.arms import (
    controls_of,
    experiments_of,
    is_ensemble,
    paper_of,
    published_of,
    roles_in,
    scores_test_each_epoch,
)


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


def check_config(config: dict, schema_path: str) -> None:
    """Refuse a configuration that breaks the schema or contradicts itself, in one line that names the key."""
    with open(schema_path, encoding="utf-8") as file:
        schema = yaml.load(file, yaml.CSafeLoader)
    error = best_match(StrictValidator(schema).iter_errors(config), key=lambda error: -len(error.absolute_path))
    if error is not None:
        raise InputError(_schema_message(error))
    _complete_classes(config)
    for message in _contradictions(config):
        raise InputError(message)


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
        unknown = next(key for key in error.instance if key not in allowed)
        close = difflib.get_close_matches(str(unknown), allowed, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(allowed)}"
        return f"config: unknown key {'.'.join([place, str(unknown)]).lstrip('.')!r}; {hint}"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"config: key {'.'.join([place, missing]).lstrip('.')!r} is missing; add it"
    allowed = " ".join(error.schema.get("description", error.message).split())
    if "propertyNames" in error.absolute_schema_path:
        return f"config: {place} has an entry named {_shown(error.instance)}; allowed: {allowed}{spelling.hint(error)}"
    return f"config: {place} is {_shown(error.instance)}; allowed: {allowed}{spelling.hint(error)}"


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, date) else repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _contradictions(config: dict) -> Iterator[str]:
    models = {name for name, settings in config["models"].items() if settings is not None}
    if config["dataset"] not in config["datasets"]:
        yield _unknown("dataset", config["dataset"], config["datasets"])
    if not experiments_of(config):
        yield "config: experiments is empty; at least one experiment is needed"
    if isinstance(config["score_test_each_epoch"], list):
        for name in config["score_test_each_epoch"]:
            if name not in models:
                yield _unknown("score_test_each_epoch", name, models)
    split = config["split"]
    if (images := split.get("train_limit", math.inf)) <= split["validation"]:
        yield f"config: split.validation is {split['validation']}; allowed: less than split.train_limit, {images}"
    yield from _lost_classes(config)
    for name, settings in config["recipes"].items():
        if settings["batch_size"] > images - split["validation"]:
            yield (
                f"config: recipes.{name}.batch_size is {settings['batch_size']}; allowed: at most the "
                f"{images - split['validation']} images that split leaves for training"
            )
    for name, settings in experiments_of(config).items():
        yield from _unknown_parts(f"experiments.{name}", settings, models, config)
        if (published := (settings.get("published") or {}).get("dataset", config["dataset"])) not in config["datasets"]:
            yield _unknown(f"experiments.{name}.published.dataset", published, config["datasets"])
        if _shuffles(settings, config):
            yield f"config: experiments.{name}.transfer_set shuffles soft targets; that takes a control, with a teacher"
        for control, changes in controls_of(settings).items():
            place = f"experiments.{name}.controls.{control}"
            if control in ("teacher", "baseline", "student"):
                yield f"config: {place} has the name of another arm; allowed: any other name"
            yield from _unknown_parts(place, changes, models, config)
            yield from _incomplete_control(place, changes, config)
    for name, settings in config["transfer_sets"].items():
        yield from _unknown_classes(f"transfer_sets.{name}", settings, config)
    if config["dataset"] in config["datasets"]:
        labels = len(config["datasets"][config["dataset"]]["classes"])
        for name, figures in published_of(config).items():
            if figures.get("improved_class", 0) >= labels:
                yield (
                    f"config: experiments.{name}.published.improved_class is {figures['improved_class']}; allowed: "
                    f"0 to {labels - 1}, the labels of {config['dataset']}"
                )
    yield from _paper_contradictions(config)
    trained = {name for name in models if not is_ensemble(config, name)}
    for name in sorted(models):
        settings = config["models"][name]
        if settings["architecture"] == "ensemble":
            members = config["models"].get(settings["members"]) or {"architecture": "ensemble"}
            if members["architecture"] == "ensemble":
                yield _unknown(f"models.{name}.members", settings["members"], trained)
            continue
        if settings["recipe"] not in config["recipes"]:
            yield _unknown(f"models.{name}.recipe", settings["recipe"], config["recipes"])
        if settings["architecture"] == "plain" and len(settings["channels"]) != len(settings["pool"]):
            yield f"config: models.{name}.pool has {len(settings['pool'])} entries; allowed: one for each of channels"


def _lost_classes(config: dict) -> Iterator[str]:
    """Parts too small for an image of each class."""
    if config["dataset"] not in config["datasets"]:
        return
    classes = len(config["datasets"][config["dataset"]]["classes"])
    parts = {f"split.{key}": config["split"].get(key, math.inf) for key in ("validation", "test_limit")}
    parts |= {
        f"transfer_sets.{name}.images": settings.get("images", math.inf)
        for name, settings in config["transfer_sets"].items()
    }
    for key, images in parts.items():
        if images < classes:
            yield f"config: {key} is {images}; allowed: at least {classes}, an image a class of {config['dataset']}"


def _paper_contradictions(config: dict) -> Iterator[str]:
    """Experiments, arms, classes and temperatures that the paper's section names and the study has not."""
    paper, experiments = paper_of(config), experiments_of(config)
    places = [
        (f"paper.{key}.{number}", entry)
        for key in ("numbers", "contrasts")
        for number, entry in enumerate(paper.get(key, []))
    ]
    named = [(f"{place}.experiment", entry["experiment"]) for place, entry in places]
    named += [
        (f"paper.{key}", name)
        for key in ("grid", "mends", "early_stopping", "ensembles")
        for name in paper.get(key, ())
    ]
    unknown = [_unknown(place, name, experiments) for place, name in named if name not in experiments]
    if unknown:
        yield from unknown
        return
    for place, entry in places:
        yield from _unknown_arm(place, entry, config)
        if entry.get("mend", "none") != "none" and entry["experiment"] not in paper.get("mends", {}):
            yield f"config: {place}.mend is {entry['mend']!r}; that takes paper.mends.{entry['experiment']}"
        if entry.get("mend", "none") != "none" and entry.get("epoch") == "selected":
            yield f"config: {place}.epoch is 'selected'; biases are mended after the last epoch alone"
        yield from _unknown_classes(place, entry, config)
    for name, entry in paper.get("mends", {}).items():
        yield from _unknown_classes(f"paper.mends.{name}", entry, config)
        if len(set(entry["classes"])) == len(config["datasets"][config["dataset"]]["classes"]):
            yield f"config: paper.mends.{name}.classes names every class; a shift of all of them mends nothing"
    for name in paper.get("grid", []):
        architecture = config["models"][experiments[name]["student"]]["architecture"]
        if architecture != "mlp":
            yield f"config: paper.grid holds {name!r}, whose student is {architecture!r}; allowed: mlp"
    for name in paper.get("early_stopping", []):
        if not scores_test_each_epoch(config, student := experiments[name]["student"]):
            yield (
                f"config: paper.early_stopping draws {name}'s test errors by epoch; that takes "
                f"score_test_each_epoch: [{student}]"
            )


def _unknown_arm(place: str, entry: dict, config: dict) -> Iterator[str]:
    name, settings = entry["experiment"], config["experiments"][entry["experiment"]]
    arms = [role.label for role in roles_in(name, settings)]
    if "arm" in entry and entry["arm"] not in arms:
        yield f"config: {place}.arm is {entry['arm']!r}; allowed: {'; '.join(arms)}"
    for key in ("temperatures", "against", "alike"):
        if set(entry.get(key, [])) - set(settings["temperatures"]):
            yield f"config: {place}.{key} is {entry[key]}; allowed: temperatures of {name}, {settings['temperatures']}"


def _unknown_parts(place: str, settings: dict, models: set[str], config: dict) -> Iterator[str]:
    trained = {name for name in models if not is_ensemble(config, name)}
    names = {"teacher": models, "student": trained, "model": trained, "transfer_set": config["transfer_sets"]}
    for key, known in names.items():
        if key in settings and settings[key] not in known:
            yield _unknown(f"{place}.{key}", settings[key], known)


def _incomplete_control(place: str, changes: dict, config: dict) -> Iterator[str]:
    if "teacher" in changes and "temperature" not in changes:
        yield f"config: key '{place}.temperature' is missing; a control with a teacher needs one"
    for key in ("temperature", "hard_weight"):
        if key in changes and "teacher" not in changes:
            yield f"config: {place}.{key} is set without a teacher; name `teacher`, or leave it out"
    if _shuffles(changes, config) and "teacher" not in changes:
        yield f"config: {place} shuffles soft targets but has no teacher; name `teacher`"


def _unknown_classes(place: str, settings: dict, config: dict) -> Iterator[str]:
    classes = len(config["datasets"].get(config["dataset"], {"classes": []})["classes"])
    for key in ("only_classes", "omit_classes", "classes"):
        if max(settings.get(key, [0])) >= classes:
            yield f"config: {place}.{key} is {settings[key]}; allowed: labels from 0 to {classes - 1}"
    if len(settings.get("omit_classes", [])) == classes:
        yield f"config: {place}.omit_classes leaves no class"


def _shuffles(settings: dict, config: dict) -> bool:
    return "shuffle" in config["transfer_sets"].get(settings.get("transfer_set"), {})


def _unknown(key: str, value: str, known: Iterable[str]) -> str:
    return f"config: {key} is {value!r}, which is not defined; defined are: {', '.join(sorted(known)) or 'none'}"
