"""A study's configuration, checked: a wrong key, type, value or name ends in one line that says what is allowed.

Imported while Snakemake parses the workflow, so nothing heavy is imported here.
"""

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping

import yaml
from jsonschema import Draft202012Validator, TypeChecker, validators
from jsonschema.exceptions import ValidationError, best_match

from dark_knowledge.command import InputError
from dark_knowledge.study.arms import (
    arm_named,
    controls_of,
    experiments_of,
    is_trained,
    paper_of,
    published_of,
    roles_in,
    scores_test_each_epoch,
)
from dark_knowledge.study.signatures import SOFT_LOSSES, functions_in, keywords_of


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
    with open(path, encoding="utf-8") as file:
        try:
            waiting = [yaml.compose(file, yaml.CSafeLoader)]
        except yaml.MarkedYAMLError as error:
            raise InputError(f"config: {path}, line {error.problem_mark.line + 1}: {error.problem}; mend it") from error
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


def as_yaml(given: object) -> object:
    """Values of `--config` as a file would give them: Snakemake leaves numbers and null in lists and mappings text."""
    if isinstance(given, Mapping):
        return {key: as_yaml(value) for key, value in given.items()}
    if isinstance(given, list):
        return [as_yaml(value) for value in given]
    try:
        return yaml.safe_load(given) if isinstance(given, str) else given
    except yaml.YAMLError:
        return given


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
    for message in _contradictions(config):
        raise InputError(message)


def _schema_message(error: ValidationError) -> str:
    place = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        allowed = sorted(error.schema.get("properties", {}))
        return _unknown_key(place, next(key for key in error.instance if key not in allowed), allowed)
    if error.validator == "required":
        return _missing_key(place, next(key for key in error.validator_value if key not in error.instance))
    allowed = " ".join(error.schema.get("description", error.message).split())
    if "propertyNames" in error.absolute_schema_path:
        return f"config: {place} has an entry named {_shown(error.instance)}; allowed: {allowed}"
    return f"config: {place} is {_shown(error.instance)}; allowed: {allowed}"


def _unknown_key(place: str, key: object, allowed: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(key), allowed, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(sorted(allowed))}"
    return f"config: unknown key {'.'.join([place, str(key)]).lstrip('.')!r}; {hint}"


def _missing_key(place: str, key: str) -> str:
    return f"config: key {'.'.join([place, key]).lstrip('.')!r} is missing; add it"


def _shown(value: object) -> str:
    text = repr(value)
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
    for name, settings in config["recipes"].items():
        if settings["batch_size"] > images - split["validation"]:
            yield (
                f"config: recipes.{name}.batch_size is {settings['batch_size']}; allowed: at most the "
                f"{images - split['validation']} images that split leaves for training"
            )
        yield from _wrong_schedule(f"recipes.{name}", settings)
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
    yield from _wrong_teachers(models, config)
    for name, settings in config["losses"].items():
        yield from _wrong_loss(f"losses.{name}", settings)
    if config["dataset"] in config["datasets"]:
        labels = len(config["datasets"][config["dataset"]]["classes"])
        for name, figures in published_of(config).items():
            if figures.get("improved_class", 0) >= labels:
                yield (
                    f"config: experiments.{name}.published.improved_class is {figures['improved_class']}; allowed: "
                    f"0 to {labels - 1}, the labels of {config['dataset']}"
                )
    yield from _paper_contradictions(config)
    for name in sorted(models):
        yield from _wrong_model(f"models.{name}", config["models"][name], models, config)


def _wrong_schedule(place: str, settings: dict) -> Iterator[str]:
    """Keys of a schedule in steps where there is another, and milestones that no training passes."""
    if settings.get("schedule") != "steps":
        for key in settings.keys() & {"milestones", "decay"}:
            yield f"config: {place}.{key} is set, which takes schedule: steps; change `schedule`, or leave it out"
    elif "milestones" not in settings:
        yield _missing_key(place, "milestones")
    elif settings["milestones"] != sorted(settings["milestones"]) or settings["milestones"][-1] >= settings["epochs"]:
        yield (
            f"config: {place}.milestones is {_shown(settings['milestones'])}; allowed: ascending numbers below epochs, "
            f"{settings['epochs']}"
        )


def _wrong_loss(place: str, settings: dict) -> Iterator[str]:
    """A loss that training/soft_losses.py does not have, and keys that it does not take."""
    functions = functions_in(SOFT_LOSSES)
    if (name := settings["function"]) not in functions:
        yield f"config: {place}.function is {_shown(name)}; allowed: {', '.join(sorted(functions))}"
        return
    keywords = keywords_of(functions[name])
    for key in settings.keys() - {"function", *keywords}:
        yield _unknown_key(place, key, ["function", *keywords])
    for key, needed in keywords.items():
        if needed and key not in settings:
            yield _missing_key(place, key)


def _wrong_model(place: str, settings: dict, models: set[str], config: dict) -> Iterator[str]:
    if settings["architecture"] == "ensemble":
        trained = _trained(models, config) | set(config.get("teachers", {}))
        if settings["members"] not in trained:
            yield _unknown(f"{place}.members", settings["members"], trained)
    elif settings["architecture"] != "logits" and ("recipe" in settings) == ("weights" in settings):
        if "recipe" not in settings:
            yield f"{_missing_key(place, 'recipe')}, or `weights` where it was trained elsewhere"
        else:
            yield f"config: {place} has recipe and weights; allowed: one of them, for a training here or elsewhere"
    elif settings.get("recipe", next(iter(config["recipes"]))) not in config["recipes"]:
        yield _unknown(f"{place}.recipe", settings["recipe"], config["recipes"])
    if settings["architecture"] == "plain" and len(settings["channels"]) != len(settings["pool"]):
        yield f"config: {place}.pool has {len(settings['pool'])} entries; allowed: one for each of channels"


def _wrong_teachers(models: set[str], config: dict) -> Iterator[str]:
    """Entries of `teachers` that name what is not defined, or that would have to be trained before themselves."""
    for name, settings in config.get("teachers", {}).items():
        place = f"teachers.{name}"
        if name in models:
            yield f"config: {place} has the name of a model; allowed: any other name"
        yield from _unknown_parts(place, settings, models, config)
        yield from _incomplete_control(place, settings, config)
    yield from _circles(config)


def _circles(config: dict) -> Iterator[str]:
    for start in config.get("teachers", {}):
        passed, waiting = set(), [start]
        while waiting:
            name = waiting.pop()
            if name == start and passed:
                yield f"config: teachers.{start} learns in the end from itself; name another teacher"
                return
            if name not in passed:
                passed.add(name)
                waiting += _sources(config, name)


def _sources(config: dict, name: str) -> list[str]:
    """What a teacher of this name is made from: its own teacher, or an ensemble's members."""
    arm = arm_named(config, name)
    settings = config["models"].get(arm.model) or {}
    return [source for source in (arm.teacher, settings.get("members")) if source is not None]


def _trained(models: set[str], config: dict) -> set[str]:
    """The models that are trained here."""
    return {name for name in models if is_trained(config, name)}


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
    arms = [role.label for role in roles_in(config, name)]
    if "arm" in entry and entry["arm"] not in arms:
        yield f"config: {place}.arm is {entry['arm']!r}; allowed: {'; '.join(arms)}"
    for key in ("temperatures", "against", "alike"):
        if set(entry.get(key, [])) - set(settings["temperatures"]):
            yield f"config: {place}.{key} is {entry[key]}; allowed: temperatures of {name}, {settings['temperatures']}"


def _unknown_parts(place: str, settings: dict, models: set[str], config: dict) -> Iterator[str]:
    trained, teachers = _trained(models, config), models | set(config.get("teachers", {}))
    names = {"teacher": teachers, "student": trained, "model": trained, "transfer_set": config["transfer_sets"]}
    for key, known in names.items():
        if key in settings and settings[key] not in known:
            yield _unknown(f"{place}.{key}", settings[key], known)
    for loss in [settings.get("loss"), *settings.get("losses", [])]:
        if loss is not None and loss not in config["losses"]:
            yield _unknown(f"{place}.{'loss' if loss == settings.get('loss') else 'losses'}", loss, config["losses"])
    if settings.get("loss") in settings.get("losses", []):
        yield f"config: {place}.losses has {settings['loss']!r}, the experiment's own `loss`; leave one of them out"


def _incomplete_control(place: str, changes: dict, config: dict) -> Iterator[str]:
    if "teacher" in changes and "temperature" not in changes:
        yield f"config: key '{place}.temperature' is missing; a control with a teacher needs one"
    for key in ("temperature", "hard_weight", "loss"):
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
