"""Prints docs/reference.md, the page of all keys of a configuration, made of the schema."""

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

import yaml

SCHEMA = yaml.safe_load((Path(__file__).parents[1] / "workflow" / "schemas" / "config.schema.yaml").read_text("utf-8"))
NAME = SCHEMA["$defs"]["name"]["description"]
HEAD = f"""<!-- Made of workflow/schemas/config.schema.yaml by `make reference`. -->
# Configuration

A study is a YAML file. It says what differs from the default study, [config.yaml](../config.yaml): mappings are merged
key by key, lists and values are replaced, and null leaves an inherited model, experiment, control or `published` out.
Every key is checked before any job starts.

Defaults are those of the default study, and in an entry what holds where the key is left out; keys with * cannot be.
What the default study's data sets, recipes, models, losses and experiments are stands in config.yaml.
*A name* below is {NAME}."""
COLUMNS = ["key", "is for", "type", "allowed", "default"]


def resolved(settings: dict) -> dict:
    """Settings with those that they refer to; their own description says what the key is for."""
    if "$ref" not in settings:
        return settings
    own = dict(settings)
    referred = SCHEMA["$defs"][own.pop("$ref").rpartition("/")[2]]
    if "description" in own:
        own["title"] = own.pop("description")
    return referred | own


def parts(place: str, settings: dict, shown: list[dict]) -> Iterator[tuple[str, dict]]:
    """Sections of the page, each keys once: those of `settings` at their place in a study, their kinds, those below."""
    settings = resolved(settings)
    keys = settings.get("properties", {})
    if keys in shown:
        return
    if keys:
        shown.append(keys)
        yield place, settings
    for kind in kinds(settings):
        yield from parts(place, kind, shown)
    for key, child in keys.items():
        child = resolved(child)
        child, inner = resolved(child.get("items", child)), f"{place}.{key}".lstrip(".")
        entries = child.get("additionalProperties")
        if isinstance(entries, dict) and "properties" not in child:
            child, inner = entries, f"{inner}.<name>"
        yield from parts(inner, child, shown)


def kinds(settings: dict) -> Iterator[dict]:
    """What an entry is held against, depending on its keys."""
    for condition in [*settings.get("allOf", []), settings]:
        for branch in ("then", "else"):
            if branch in condition:
                yield from [condition[branch]] if "$ref" in condition[branch] else kinds(condition[branch])


def type_of(settings: dict) -> str:
    """In JSON's words; of a choice, that of its values."""
    if "enum" in settings:
        return "integer" if isinstance(settings["enum"][0], int) else "string"
    types = settings["type"]
    return types if isinstance(types, str) else " or ".join(types)


def row(key: str, settings: dict, needed: bool) -> str:
    settings = resolved(settings)
    allowed = "a name" if settings["description"] == NAME else settings["description"]
    if "title" in settings:
        purpose = settings["title"]
    else:
        purpose, allowed = allowed, ""
    default = f"`{json.dumps(settings['default'])}`" if "default" in settings else ""
    star = " *" if needed and not default else ""
    words = (escape(text, quote=False) for text in (purpose, type_of(settings), allowed))
    return f"| {' | '.join([f'`{key}`{star}', *words, default])} |"


def section(place: str, settings: dict) -> str:
    """A heading, what the whole is, and a row a key."""
    lines = [f"## `{place}`" if place else "## The study"]
    if place and "title" in settings:
        lines[0] += f": {settings['title']}"
    if "description" in settings:
        lines.append(escape(settings["description"][:1].upper() + settings["description"][1:], quote=False) + ".")
    needed = settings.get("required", []) if place else []
    rows = [row(key, child, key in needed) for key, child in settings["properties"].items() if child]
    if isinstance(others := settings.get("additionalProperties"), dict):
        rows.append(row("<name>", others, needed=False))
    return "\n\n".join([*lines, "\n".join([f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|", *rows])])


def main() -> None:
    print(HEAD, *(section(*part) for part in parts("", SCHEMA, [])), sep="\n\n")


if __name__ == "__main__":
    main()
