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

A study is a YAML file with what differs from the default study, [config.yaml](../config.yaml). Mappings are merged key
by key; lists and values are replaced; `null` removes an inherited model, experiment, control, `published` or `paper`.

What a study, its `split` or its `claims` leaves out is as in the default study. A new entry, such as a model, inherits
nothing: keys marked * are required, and for the others the table says what holds without them.

A *run* is one training with one seed; an *arm* is the runs that differ in nothing but the seed. An experiment's arms
are its teacher, its baseline (the student's network, trained on labels alone), a student for each temperature, and
controls. *Soft targets* are a teacher's softmax probabilities at a temperature. A relative path is looked for beside
the study's file, then where Snakemake runs. *A name* has {NAME.removeprefix("a name of ")}."""
COLUMNS = ["key", "meaning", "value", "default"]


def resolved(settings: dict) -> dict:
    """Settings with those that they refer to; their own description says what the key is for."""
    if "$ref" not in settings:
        return settings
    own = dict(settings)
    referred = SCHEMA["$defs"][own.pop("$ref").rpartition("/")[2]]
    if "description" in own:
        own["title"] = own.pop("description")
    return referred | own


def parts(place: str, settings: dict, shown: list[dict], kind: str = "") -> Iterator[tuple[str, dict]]:
    """Sections of the page, each keys once: those of `settings` at their place in a study, their kinds, those below.

    What the kinds of an entry have in common stands in its own section.
    """
    settings = resolved(settings)
    entry_kinds = [resolved(each) for each in kinds(settings)]
    shared = common([each["properties"] for each in entry_kinds])
    keys = settings.get("properties", {}) | shared
    if keys in shown:
        return
    if keys:
        shown.append(keys)
        heading = f"`{place}`" if place else "The study"
        needed = settings.get("required", []) if place else []  # a study inherits what it leaves out
        yield f"{heading}: {kind}" if kind else heading, settings | {"properties": keys, "required": needed}
    for each in entry_kinds:
        own = {key: child for key, child in each["properties"].items() if key not in shared}
        yield from parts(place, each | {"properties": own}, shown, each["title"])
    for key, child in keys.items():
        child = resolved(child)
        child, inner = resolved(child.get("items", child)), f"{place}.{key}".lstrip(".")
        entries = child.get("additionalProperties")
        if isinstance(entries, dict) and "properties" not in child:
            child, inner = entries, f"{inner}.<name>"
        yield from parts(inner, child, shown)


def common(properties: list[dict]) -> dict:
    """The keys that several of these have with the same settings."""
    items = [item for each in properties for item in each.items()]
    return {key: child for key, child in items if child and items.count((key, child)) > 1}


def kinds(settings: dict) -> Iterator[dict]:
    """What an entry is held against, depending on its keys."""
    for condition in [*settings.get("allOf", []), settings]:
        for branch in ("then", "else"):
            if branch in condition:
                yield from [condition[branch]] if "$ref" in condition[branch] else kinds(condition[branch])


def row(key: str, settings: dict, needed: bool) -> list[str]:
    """The cells of COLUMNS. What a mapping holds is said in a section of its own."""
    settings = resolved(settings)
    allowed = "a name" if settings["description"] == NAME else settings["description"]
    purpose = settings.get("title", allowed.partition(": the keys")[0])
    if "object" in (types := settings.get("type", [])) and "string" not in types:
        allowed = "a mapping, or null" if "null" in types else "a mapping"
    default = f"`{json.dumps(settings['default'])}`" if "default" in settings else ""
    star = " *" if needed and not default else ""
    return [f"`{key}`{star}", escape(purpose, quote=False), escape(allowed, quote=False), default]


def section(heading: str, settings: dict) -> str:
    """A heading, what the whole is, and a row a key."""
    lines = [f"## {heading}"]
    if "markdownDescription" in settings:
        lines.append(settings["markdownDescription"])
    rows = [row(key, child, key in settings["required"]) for key, child in settings["properties"].items() if child]
    if isinstance(others := settings.get("additionalProperties"), dict):
        rows.append(row("<name>", others, needed=False))
    shown = len(COLUMNS) if any(default for *_, default in rows) else len(COLUMNS) - 1
    table = [f"| {' | '.join(cells[:shown])} |" for cells in (COLUMNS, ["---"] * shown, *rows)]
    return "\n\n".join([*lines, "\n".join(table)])


def main() -> None:
    print(HEAD, *(section(*part) for part in parts("", SCHEMA, [])), sep="\n\n")


if __name__ == "__main__":
    main()
