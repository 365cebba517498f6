"""A study's configuration: checked, and unfolded into the arms that its experiments compare.

Imported while Snakemake parses the workflow, so nothing heavy is imported here.
"""

import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from jsonschema import Draft202012Validator, TypeChecker, validators
from jsonschema.exceptions import ValidationError, best_match

from dark_knowledge.command import InputError


def _is_integer(_checker: TypeChecker, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: TypeChecker, value: object) -> bool:
    return _is_integer(checker, value) or (isinstance(value, float) and math.isfinite(value))


# JSON Schema takes 1.0 for an integer, and Python's JSON has NaN and infinities.
StrictValidator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number}),
)


@dataclass(frozen=True)
class Arm:
    """What a run learned from, all seeds alike: labels alone, or a teacher at a temperature beside them."""

    model: str
    teacher: str | None = None
    temperature: float | None = None
    hard_weight: float | None = None

    @property
    def supervision(self) -> str:
        """The arm's name in paths, without its model."""
        if self.teacher is None:
            return "labels"
        return f"{self.teacher}_T{format_number(self.temperature)}_w{format_number(self.hard_weight)}"


@dataclass(frozen=True)
class Role:
    """The part an arm plays in one experiment: teacher, baseline or student."""

    experiment: str
    role: str
    arm: Arm


def format_number(value: float) -> str:
    """The one way a number is written in a path: 4, not 4.0."""
    return str(int(value)) if value == int(value) else repr(value)


def experiments_of(config: dict) -> dict[str, dict]:
    """The study's experiments, without those that it leaves out (null)."""
    return {name: settings for name, settings in config["experiments"].items() if settings is not None}


def roles_of(config: dict) -> list[Role]:
    """Every experiment's teacher, baseline and students by temperature, in the config's order."""
    return [role for name, settings in experiments_of(config).items() for role in _roles(name, settings)]


def _roles(name: str, settings: dict) -> Iterator[Role]:
    teacher, student = settings["teacher"], settings["student"]
    yield Role(name, "teacher", Arm(teacher))
    yield Role(name, "baseline", Arm(student))
    for temperature in settings["temperatures"]:
        yield Role(name, "student", Arm(student, teacher, temperature, settings["hard_weight"]))


def arms_of(config: dict) -> list[Arm]:
    """The arms of all experiments, each once."""
    return list(dict.fromkeys(role.arm for role in roles_of(config)))


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
        unknown = next(key for key in error.instance if key not in allowed)
        close = difflib.get_close_matches(str(unknown), allowed, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(allowed)}"
        return f"config: unknown key {'.'.join([place, str(unknown)]).lstrip('.')!r}; {hint}"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"config: key {'.'.join([place, missing]).lstrip('.')!r} is missing; add it"
    allowed = " ".join(error.schema.get("description", error.message).split())
    if "propertyNames" in error.absolute_schema_path:
        return f"config: {place} has an entry named {_shown(error.instance)}; allowed: {allowed}"
    return f"config: {place} is {_shown(error.instance)}; allowed: {allowed}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _contradictions(config: dict) -> Iterator[str]:
    models = {name for name, settings in config["models"].items() if settings is not None}
    if config["dataset"] not in config["datasets"]:
        yield _unknown("dataset", config["dataset"], config["datasets"])
    if not experiments_of(config):
        yield "config: experiments is empty; at least one experiment is needed"
    split = config["split"]
    if (images := split.get("train_limit", math.inf)) <= split["validation"]:
        yield f"config: split.validation is {split['validation']}; allowed: less than split.train_limit, {images}"
    for name, settings in config["recipes"].items():
        if settings["batch_size"] > images - split["validation"]:
            yield (
                f"config: recipes.{name}.batch_size is {settings['batch_size']}; allowed: at most the "
                f"{images - split['validation']} images that split leaves for training"
            )
    for name, settings in experiments_of(config).items():
        for role in ("teacher", "student"):
            if settings[role] not in models:
                yield _unknown(f"experiments.{name}.{role}", settings[role], models)
    for name in sorted(models):
        settings = config["models"][name]
        if settings["recipe"] not in config["recipes"]:
            yield _unknown(f"models.{name}.recipe", settings["recipe"], config["recipes"])
        if settings["architecture"] == "plain" and len(settings["channels"]) != len(settings["pool"]):
            yield f"config: models.{name}.pool has {len(settings['pool'])} entries; allowed: one for each of channels"


def _unknown(key: str, value: str, known: Iterator[str]) -> str:
    return f"config: {key} is {value!r}, which is not defined; defined are: {', '.join(sorted(known))}"
