"""Where a study's numbers come from, as tables for readers, and what the study left undone."""

from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from dark_knowledge.analysis.formats import show_whole
from dark_knowledge.command import sha256
from dark_knowledge.study.arms import Arm, arms_of, controls_of, experiments_of, file_of, recipe_of
from dark_knowledge.study.paths import format_number

STEPS = {
    "data": "find and prepare the data",
    "runs": "train and evaluate",
    "teacher_logits": "store teachers' logits",
    "collected": "collect results",
}


def versions(packages: list[str]) -> pd.DataFrame:
    """The installed versions of the packages."""
    return pd.DataFrame({"package": packages, "version": [version(package) for package in packages]})


def file_table(files: dict[str, Path], named: dict[str, str | None]) -> pd.DataFrame:
    """Each IDX file's size and checksum, and whether it is the one that the config names.

    `files` and `named` are the paths and the config's checksums, by part.
    """
    found = {part: sha256(path) for part, path in files.items()}
    return pd.DataFrame(
        {
            "file": list(files),
            "checked": [_verdict(checksum, named.get(part)) for part, checksum in found.items()],
            "bytes": [f"{path.stat().st_size:,}" for path in files.values()],
            "SHA-256 of the uncompressed file": list(found.values()),
        }
    )


def _verdict(found: str, named: str | None) -> str:
    if named is None:
        return "the config names no checksum"
    return "as in the config" if found == named else "differs from the config"


def noteworthy(findings: dict) -> list[str]:
    """What a reader should know of the images that the study uses, a line each; `findings` are of `checks.findings`."""
    both = findings["test_images_in_training"]
    lines = [f"{both:,} of the test images are also, byte for byte, training or validation images."]
    if findings["under_two_classes"]:
        lines.append(f"{findings['under_two_classes']:,} different training images stand under more than one class.")
    for what, line in (("blank", "are blank, one value everywhere"), ("repeated", "repeat another one of theirs")):
        lines += [f"{count:,} of the {part} images {line}." for part, count in findings[what].items() if count]
    return lines + missing_classes(findings)


def missing_classes(findings: dict) -> list[str]:
    """The classes of which the study has no images in a part, a line a part."""
    missing = findings["missing_classes"].items()
    return [f"Without {part} images: {', '.join(classes)}." for part, classes in missing if classes]


def machine_table(runs: pd.DataFrame) -> pd.DataFrame:
    """A row per machine, device, precision, PyTorch and commit: how many runs were made so, and their training time."""
    by = ["machine", "device", "precision", "threads", "torch", "commit"]
    groups = runs.assign(commit=runs.commit.fillna("unknown")).groupby(by, sort=False, as_index=False, dropna=False)
    table = groups.agg(runs=("seconds", "size"), seconds=("seconds", "sum"), memory=("peak_memory_mb", "max"))
    return table.assign(
        threads=show_whole(table.threads),
        seconds=[f"{seconds:,.0f}" for seconds in table.seconds],
        memory=[f"{memory:.0f}" for memory in table.memory],
    ).rename(columns={"torch": "PyTorch", "seconds": "training, s", "memory": "largest memory of a run, MB"})


def from_elsewhere(config: dict) -> list[str]:
    """A line for each model that was not trained here: the file of its weights or logits, with its checksum."""
    models = dict.fromkeys(arm.model for arm in arms_of(config))
    files = {model: file for model in models if (file := file_of(config, model)) is not None}
    return [
        f"Model {model} was not trained here. It is the file {file}, SHA-256 {sha256(file)}."
        for model, file in files.items()
    ]


def run_counts(runs: pd.DataFrame) -> pd.DataFrame:
    """The seeds of each model and supervision."""
    seeds = runs.groupby(["model", "supervision"], sort=False).seed
    return pd.DataFrame(
        {"n": seeds.size(), "seeds": seeds.agg(lambda own: ", ".join(str(seed) for seed in sorted(own)))}
    ).reset_index()


def benchmark_table(folder: Path, arms: Collection[Arm]) -> pd.DataFrame:
    """Wall seconds and memory of the jobs up to the collected results, by step, from the benchmark files there are.

    Of runs those of the study's `arms`: files of others, which it had before, stay in its folder.
    """
    own, rows = {folder / "runs" / arm.model / arm.supervision for arm in arms}, []
    for step, title in STEPS.items():
        # A full disk, or the end of Snakemake in the middle of a line, leaves files without a measure.
        jobs = [
            path
            for path in sorted((folder / step).rglob("*.tsv"))
            if (step != "runs" or path.parent in own) and "\n" in path.read_text().strip()
        ]
        if jobs:
            table = pd.concat([pd.read_csv(path, sep="\t") for path in jobs]).reindex(columns=["s", "max_rss"])
            # A job of a moment has no measure of its memory.
            seconds, memory = (pd.to_numeric(table[column], errors="coerce") for column in table)
            most = "" if memory.isna().all() else f"{memory.max():,.0f}"
            rows.append((title, len(jobs), f"{seconds.sum():,.0f}", most))
    return pd.DataFrame(
        rows, columns=["step", "jobs measured", "wall seconds, all jobs", "largest memory of a job, MB"]
    )


def is_form_of(config: dict, full: dict) -> bool:
    """Whether the study asks what the study `full` asks: on its data set, with one of its pairs at least."""
    own, others = experiments_of(config), experiments_of(full)
    roles = ("teacher", "student")
    shared = [name for name in own.keys() & others if all(own[name][role] == others[name][role] for role in roles)]
    return config["dataset"] == full["dataset"] and bool(shared)


def left_undone(config: dict, full: dict, devices: set[str]) -> list[str]:
    """What the study did not run, a line each: of the study `full` where it is a form of that, else of its own."""
    limits = {"training": config["split"].get("train_limit"), "test": config["split"].get("test_limit")}
    lines = [
        f"The data set's other {part} images: {limit:,} at most were used."
        for part, limit in limits.items()
        if limit is not None
    ]
    left_out = [name for name, settings in config["experiments"].items() if settings is None]
    if is_form_of(config, full):
        lines += _unlike(config, full)
    elif left_out:
        lines.append(f"Experiments that the configuration leaves out: {', '.join(left_out)}.")
    if not devices & {"cuda", "mps"}:
        lines.append("A run on a GPU: nothing here shows its speed or its rounding.")
    return lines


def _unlike(config: dict, full: dict) -> list[str]:
    lines = []
    seeds = sorted(set(full["seeds"]) - set(config["seeds"]))
    if seeds:
        lines.append(f"Seeds {', '.join(map(str, seeds))} of the full study.")
    own, others = experiments_of(config), experiments_of(full)
    for name, settings in others.items():
        if name not in own:
            lines.append(f"Experiment {name} of the full study.")
            continue
        missing = [value for value in settings["temperatures"] if value not in own[name]["temperatures"]]
        if missing:
            lines.append(f"Experiment {name}: temperatures {', '.join(map(format_number, missing))} of the full study.")
        controls = [control for control in controls_of(settings) if control not in controls_of(own[name])]
        if controls:
            lines.append(f"Experiment {name}: controls {', '.join(controls)} of the full study.")
    trained = {own[name][role] for name in own.keys() & others for role in ("teacher", "student")}
    for model in sorted(trained & full["models"].keys()):
        epochs, most = _epochs(config, model), _epochs(full, model)
        if epochs is not None and most is not None and epochs < most:
            lines.append(f"Training as long as the full study's: {model} for {epochs} epochs, not {most}.")
    return lines


def _epochs(config: dict, model: str) -> int | None:
    """How many epochs a model is trained for; None of a training elsewhere."""
    recipe = recipe_of(config, model)
    return None if recipe is None else config["recipes"][recipe]["epochs"]
