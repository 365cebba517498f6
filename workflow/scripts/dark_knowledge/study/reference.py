"""A published study to compare with: where its folder is, and which of its arms have this study's settings.

A finished study's folder is one, or a copy of its config.json and tables/runs.csv. Imported while Snakemake parses the
workflow, so nothing heavy is imported here.
"""

import csv
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from dark_knowledge.command import InputError
from dark_knowledge.data.listing import NAMES
from dark_knowledge.study.arms import (
    ALL_SEEDS,
    Arm,
    arm_named,
    arms_of,
    is_ensemble,
    is_trained,
    members_of,
    recipe_of,
)
from dark_knowledge.study.messages import quoted

CHECKOUT = Path(__file__).parents[4]
CONFIG, RUNS = "config.json", "tables/runs.csv"
COLUMNS = ("model", "supervision", "seed", "last_validation_accuracy", "last_test_accuracy")
FEWEST = 3  # runs of an arm: the interval of two says nothing, ± 13 of their standard deviations for one new run
AS_PUBLISHED = "as published"  # the name, among the arms, of what figures reported elsewhere say
HOW = "name a finished study's folder, or a copy of its config.json and tables"

# What a recipe means that does not say: keys that may be left out, or that earlier versions had not.
UNSAID = {"optimiser": "sgd", "schedule": "one-cycle", "decay": 0.1, "padding": "background", "erase": 0, "mixup": 0}


def locate_reference(config: dict, folders: Iterable[Path]) -> None:
    """Write in `config` where the published study is: in one of `folders`, or in this checkout.

    Refuse what is none, and one whose arms have too few runs. One on other images is left out: nothing of it can be
    compared.
    """
    if config.get("reference") is None:
        return
    name, folders = os.path.expanduser(config["reference"]), [*folders, CHECKOUT]
    found = [(folder / name).resolve() for folder in folders if (folder / name).is_dir()]
    if not found:
        looked = " or ".join(sorted({str(folder.absolute()) for folder in folders}))
        raise InputError(
            f"config: reference names {quoted(name)}, which is no folder in {looked}; {HOW}, or set `reference: null`; "
            "`git checkout results/reference` brings back what this repository published"
        )
    if found[0] == Path(config.get("pathvars", {}).get("results", f"results/{config['study']}")).resolve():
        raise InputError(f"config: reference is {quoted(name)}, this study's own folder; copy it and name the copy")
    folder = Path(os.path.relpath(found[0]))
    config["reference"] = str(folder) if _checked(folder)["dataset"] == config["dataset"] else None


def _checked(folder: Path) -> dict:
    """The published study's configuration; a folder that is none is refused."""
    for file in (CONFIG, RUNS):
        if not (folder / file).is_file():
            raise InputError(f"config: reference: {folder} has no {file}; {HOW}")
    try:
        published = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        asked = {
            (arm.model, arm.supervision, seed)
            for arm, seeds in arms_of(published).items()
            for seed in (seeds if is_trained(published, arm.model) else [ALL_SEEDS])
        }
        for arm in arms_of(published):
            settings_of(published, arm)  # a config.json cut short has not all of them
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise InputError(f"config: reference: {folder / CONFIG} is no study's configuration; {HOW}") from error
    runs = _runs_in(folder / RUNS)
    if missing := sorted(asked - set(runs)):
        raise InputError(
            f"config: reference: {folder / RUNS} lacks {len(missing)} of the runs that {CONFIG} beside it asks for, "
            f"{missing[0][0]}/{missing[0][1]} of seed {missing[0][2]} among them; {HOW}"
        )
    counts = Counter(run[:2] for run in runs)
    if max(counts.values(), default=0) < FEWEST:
        raise InputError(
            f"config: reference: no arm in {folder / RUNS} has {FEWEST} runs, and fewer predict nothing; publish more "
            "seeds"
        )
    return published


def _runs_in(path: Path) -> list[tuple[str, str, int]]:
    """Model, supervision and seed of each run of a table; refused where that is none, or accuracies are no shares."""
    try:
        table = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    except UnicodeDecodeError as error:
        raise InputError(f"config: reference: {path} is no text in UTF-8; {HOW}") from error
    for column in COLUMNS:
        if column not in (table.fieldnames or ()):
            raise InputError(f"config: reference: {path} has no column {column!r}; {HOW}")
    rows = list(table)
    for line, row in enumerate(rows, start=2):
        for column, is_good, allowed in (
            ("seed", _is_whole, "a whole number"),
            ("last_validation_accuracy", _is_share, "a share from 0 to 1"),
            ("last_test_accuracy", _is_share, "a share from 0 to 1"),
        ):
            if not is_good(row[column]):
                raise InputError(
                    f"config: reference: {path}, line {line}: {column} is {quoted(row[column])}; allowed: {allowed}; "
                    f"{HOW}"
                )
    return [(row["model"], row["supervision"], int(row["seed"])) for row in rows]


def _is_whole(text: str | None) -> bool:
    return (text or "").removeprefix("-").isdecimal()


def _is_share(text: str | None) -> bool:
    try:
        return 0 <= float(text or "nan") <= 1
    except ValueError:
        return False


def files_of(config: dict) -> list[str]:
    """The files that are read of the published study; none without one."""
    return [f"{config['reference']}/{file}" for file in (CONFIG, RUNS)] if config.get("reference") else []


def asked_of(config: dict) -> dict:
    """What the comparison takes: the folder, the accepted chance of any wrong verdict, and how settings differ by arm.

    `unlike` has, for each of the study's arms that is published (<model>/<supervision>), the settings that differ.
    """
    if not config.get("reference"):
        return {}
    published = json.loads(Path(config["reference"], CONFIG).read_text(encoding="utf-8"))
    there = set(arms_of(published))
    return {
        "folder": config["reference"],
        "level": config["claims"]["level"],
        "unlike": {
            f"{arm.model}/{arm.supervision}": list(differing(settings_of(published, arm), settings_of(config, arm)))
            for arm in arms_of(config)
            if arm in there
        },
    }


def settings_of(config: dict, arm: Arm) -> dict:
    """All that decides an arm's runs but the code, the seed and the machine."""
    dataset = config["datasets"][config["dataset"]]
    images = {key: value for key, value in dataset.items() if key not in NAMES}
    return {"dataset": {"name": config["dataset"]} | images, "split": config["split"]} | _training_of(config, arm)


def _training_of(config: dict, arm: Arm) -> dict:
    recipe = recipe_of(config, arm.model)
    settings = {
        "model": _network_of(config["models"][arm.model]),
        "recipe": UNSAID | config["recipes"][recipe] if recipe else None,
        "temperature": arm.temperature,
        "hard_weight": arm.hard_weight,
        "loss": config["losses"][arm.loss] if arm.loss else None,
        "transfer_set": config["transfer_sets"][arm.transfer_set] if arm.transfer_set else None,
    }
    if is_ensemble(config, arm.model):
        settings |= {"members": _training_of(config, members_of(config, arm.model)), "seeds": config["seeds"]}
    if arm.teacher is not None:
        settings["teacher"] = _training_of(config, arm_named(config, arm.teacher))
    return settings


def _network_of(model: dict) -> dict:
    """A model's own keys, of files their names alone: they may lie elsewhere."""
    names = ("architecture", "weights", "file")
    unsaid = {"temperature": 1} if model["architecture"] == "ensemble" else {}
    own = unsaid | {key: value for key, value in model.items() if key not in ("recipe", "members")}
    return {key: Path(value).name if key in names else value for key, value in own.items()}


def differing(published: object, own: object, place: str = "") -> Iterator[str]:
    """The innermost places at which two settings differ, as `recipe.epochs 2, published 10`."""
    if isinstance(published, dict) and isinstance(own, dict):
        for key in sorted(published.keys() | own.keys()):
            yield from differing(published.get(key), own.get(key), f"{place}.{key}".lstrip("."))
    elif published != own:
        yield f"{place} {_value(own)}, published {_value(published)}"


def _value(value: object) -> str:
    return "none" if value is None else quoted(value)
