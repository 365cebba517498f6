"""What YAML makes of what a person writes: the command line read as a file is, and hints where text became a number.

Imported while Snakemake parses the workflow, so nothing heavy is imported here.
"""

import re
from collections.abc import Iterable
from datetime import date

import yaml
from jsonschema.exceptions import ValidationError


def command_line(words: Iterable[str]) -> dict[str, object]:
    """The entries `key=value` of `--config`, each value what a file would give.

    Snakemake's own reading makes text of every number, true and null within a value, and forgets which text was quoted.
    """
    given = {}
    for word in words:
        key, _, value = word.partition("=")
        try:
            given[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            given[key] = value
    return given


def well_read(words: Iterable[str], misread: dict, given: dict) -> dict[str, object]:
    """Of the entries of `--config` those that stand in `given`, which has them as Snakemake read them, `misread`."""
    entries = command_line(words)
    return {key: value for key, value in entries.items() if key in given and _holds(given[key], misread.get(key))}


def _holds(whole: object, part: object) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and _holds(whole[key], value) for key, value in part.items())
    return whole == part


def hint(error: ValidationError) -> str:
    """What to write instead where YAML took text for something else, or a number for text; empty for other errors."""
    if error.validator != "type":
        return ""
    value, types = error.instance, error.validator_value
    types = {types} if isinstance(types, str) else set(types)
    if "string" in types and isinstance(value, bool | int | float | date):
        return "; in quotes it is text"
    if types & {"number", "integer"} and isinstance(value, str):
        number = re.fullmatch(r"([-+]?\d+)(\.\d*)?(?:[eE]([-+]?)(\d+))?", value)
        if number is not None:
            whole, part, sign, power = number.groups()
            exponent = f"e{sign or '+'}{power}" if power else ""
            return f"; YAML takes it for text: write {whole}{part or ('.0' if power else '')}{exponent}"
    return ""
