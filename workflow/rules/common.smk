"""Helpers for the rules: the checked configuration, the study's arms, and what a rule needs to know about a run."""

import hashlib
import json
import os
import shlex
import sys
from pathlib import Path

SCRIPTS = Path(workflow.current_basedir).parent / "scripts"
sys.path.insert(0, str(SCRIPTS))

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from dark_knowledge.study import arms, checking
from dark_knowledge.command import InputError
from dark_knowledge.data import checks
from dark_knowledge.data.identity import identity_of
from dark_knowledge.data.parts import Split
from dark_knowledge.data.sources import FILES, checksum_of
from dark_knowledge.fingerprint import code_fingerprint

NAME = "[a-z0-9][a-z0-9-]*"
NUMBER = r"[0-9.e+-]+"

try:
    for file in workflow.configfiles:
        checking.check_file(file)
    update_config(config, checking.as_yaml(workflow.config_settings.config))
    checking.check_config(config, SCRIPTS.parent / "schemas" / "config.schema.yaml")
    IDENTITY = identity_of(
        config["dataset"],
        config["datasets"][config["dataset"]],
        Path("results", config["study"], "data"),
    )
    STORED = {part: Path("results", config["study"], "data", IDENTITY, f"{part}.idx") for part in FILES}
    if all(file.exists() for file in STORED.values()):
        checks.check_labels(STORED, config["datasets"][config["dataset"]]["classes"], Split(**config["split"]))
except InputError as error:
    sys.exit(f"error: {error}")

# What the study compares with a paper; empty where it does not.
PAPER = arms.paper_of(config)

# Sections of the report, in the order of a paper's results. The report sorts them by name.
SECTIONS = [
    "Overview",
    *(["Paper against ours"] if PAPER else []),
    "Accuracy",
    "Temperature",
    "Convergence and stability",
    "Errors",
    "Calibration and fidelity",
    "Controls",
    "Claims",
    "Cost",
    "Provenance",
]

EXPERIMENTS = list(arms.experiments_of(config))
ARMS = arms.arms_of(config)
ENSEMBLES = [model for model, settings in config["models"].items() if settings and arms.is_ensemble(config, model)]
SEEDS = {(arm.model, arm.supervision): seeds for arm, seeds in ARMS.items()}
ARCHITECTURES = {arm.model: {"architecture": config["models"][arm.model]["architecture"]} for arm in ARMS}
DATASET = config["datasets"][config["dataset"]]

# GPUs of a training job: what a cluster is asked for, and what `--resources gpu=N` counts on a workstation.
GPUS = 0 if config["accelerator"] == "cpu" else 1


def relative(path):
    """The path as seen from the working directory, so that a moved checkout changes no parameter."""
    return os.path.relpath(path)


def script(name):
    """Path of a command line."""
    return relative(SCRIPTS / name)


def code(script):
    """Fingerprint of a command line's code: as a parameter, it re-runs a rule whose code was edited."""
    return code_fingerprint(SCRIPTS / script)


def section(name):
    """Category of a result in the report: its section with the number that sorts it, as long as the longest."""
    digits = len(str(len(SECTIONS) - 1))
    return f"{SECTIONS.index(name):0{digits}} {name}"


def full_study():
    """The default study at full length, which says what this study leaves undone."""
    root = Path(workflow.current_basedir).parents[1]
    full = yaml.safe_load((root / "config.yaml").read_text())
    update_config(full, yaml.safe_load((root / "workflow/studies/full.yaml").read_text()))
    return {key: full[key] for key in ("dataset", "seeds", "recipes", "experiments")}


def texts(*patterns):
    """Fingerprint of templates and captions in workflow/report, for the rules that fill them in."""
    folder = SCRIPTS.parent / "report"
    content = b"".join(path.read_bytes() for pattern in patterns for path in sorted(folder.glob(pattern)))
    return hashlib.sha256(content).hexdigest()[:12]


def as_json(value):
    return json.dumps(value, separators=(",", ":"))


def architecture(model):
    """The network's settings, as JSON for a command line."""
    return as_json(network(model))


def network(model):
    settings = {key: value for key, value in config["models"][model].items() if key != "recipe"}
    if arms.is_ensemble(config, model):
        settings |= {"members": network(settings["members"]), "count": len(config["seeds"])}
    return settings


def teacher_seed(wildcards):
    """Students learn from the teacher of their own seed; an ensemble is one for all, filed under the first seed."""
    return config["seeds"][0] if arms.is_ensemble(config, wildcards.teacher) else wildcards.seed


def recipe(name):
    """The training settings, as JSON for a command line."""
    return as_json(config["recipes"][name])


def recipe_of(model):
    """Name of a model's recipe."""
    return arms.recipe_of(config, model)


def transfer_set(part):
    """The settings of a transfer set, as JSON for a command line; `part` is empty where runs learn from all images."""
    return as_json(config["transfer_sets"][part.removeprefix("_on-")] if part else {})


def of_arm(file):
    """Input function: a file of each seed's run of an arm."""
    return lambda wildcards: expand(
        f"<results>/runs/{wildcards.model}/{wildcards.supervision}/seed{{seed}}/{file}",
        seed=SEEDS[wildcards.model, wildcards.supervision],
    )


def unless_kept(teacher_logits):
    """Remove a teacher's logits after their last use, unless the study keeps them."""
    return teacher_logits if config["keep_teacher_logits"] else temp(teacher_logits)


def verified(part):
    """Path of an IDX file, with its checksum where the config has one."""
    checksum = checksum_of(DATASET, part)
    path = f"<results>/data/{IDENTITY}/{part}.idx"
    return ensure(path, non_empty=True, **({"sha256": checksum} if checksum else {}))
