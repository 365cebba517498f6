"""What is said of a configuration that is refused: one line that names the key and what is allowed."""

import difflib
from collections.abc import Iterable, Iterator
from datetime import date


def unknown_key(place: str, key: object, allowed: Iterable[str]) -> str:
    """Of a key that `place` does not take, with the one that was probably meant."""
    close = difflib.get_close_matches(str(key), allowed, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(sorted(allowed))}"
    return f"config: unknown key {'.'.join([place, str(key)]).lstrip('.')!r}; {hint}"


def missing_key(place: str, key: str) -> str:
    """Of a key that `place` needs."""
    return f"config: key {'.'.join([place, key]).lstrip('.')!r} is missing; add it"


def quoted(value: object) -> str:
    """A value in a message, cut where it is long."""
    text = str(value) if isinstance(value, date) else repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def unknown_name(key: str, value: str, known: Iterable[str]) -> str:
    """Of a name that stands for nothing in the configuration."""
    return f"config: {key} is {value!r}, which is not defined; defined are: {', '.join(sorted(known)) or 'none'}"


def unknown_classes(place: str, settings: dict, config: dict) -> Iterator[str]:
    """Of labels that the study's data set has not, and of a choice that leaves none."""
    classes = len(config["datasets"].get(config["dataset"], {"classes": []})["classes"])
    for key in ("only_classes", "omit_classes", "classes"):
        if max(settings.get(key, [0])) >= classes:
            yield f"config: {place}.{key} is {settings[key]}; allowed: labels from 0 to {classes - 1}"
    if len(settings.get("omit_classes", [])) == classes:
        yield f"config: {place}.omit_classes leaves no class"
