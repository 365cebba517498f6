"""Helpers for the rules: the checked configuration, the study's arms, and what a rule needs to know about a run."""

import hashlib
import json
import os
import shlex
import sys
from pathlib import Path

SCRIPTS = Path(workflow.current_basedir).parent / "scripts"
sys.path.insert(0, str(SCRIPTS))

from snakemake.exceptions import WorkflowError

from dark_knowledge import study
from dark_knowledge.command import InputError
from dark_knowledge.fingerprint import code_fingerprint

NAME = "[a-z0-9][a-z0-9-]*"
NUMBER = r"[0-9.e+-]+"

try:
    for file in workflow.configfiles:
        study.check_file(file)
    study.check_config(config, SCRIPTS.parent / "schemas" / "config.schema.yaml")
except InputError as error:
    sys.exit(f"error: {error}")

EXPERIMENTS = list(study.experiments_of(config))
ARMS = study.arms_of(config)
SEEDS = config["seeds"]
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


def texts(*patterns):
    """Fingerprint of templates and captions in workflow/report, for the rules that fill them in."""
    folder = SCRIPTS.parent / "report"
    content = b"".join(path.read_bytes() for pattern in patterns for path in sorted(folder.glob(pattern)))
    return hashlib.sha256(content).hexdigest()[:12]


def as_json(value):
    return json.dumps(value, separators=(",", ":"))


def architecture(model):
    """The network's settings, as JSON for a command line."""
    return as_json({key: value for key, value in config["models"][model].items() if key != "recipe"})


def recipe(name):
    """The training settings, as JSON for a command line."""
    return as_json(config["recipes"][name])


def recipe_of(model):
    return config["models"][model]["recipe"]


def unless_kept(teacher_logits):
    """Remove a teacher's logits after their last use, unless the study keeps them."""
    return teacher_logits if config["keep_teacher_logits"] else temp(teacher_logits)


def verified(part):
    """Path of an IDX file, with its checksum where the config has one."""
    checksum = DATASET["sha256"][part]
    return ensure(f"<results>/data/{part}.idx", non_empty=True, **({"sha256": checksum} if checksum else {}))
