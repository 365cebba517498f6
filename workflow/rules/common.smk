"""Helpers for the rules: the checked configuration, the study's arms, and what a rule needs to know about a run."""

import getpass
import hashlib
import importlib.util
import json
import os
import shlex
import sys
from pathlib import Path

SCRIPTS = Path(workflow.current_basedir).parent / "scripts"
sys.path.insert(0, str(SCRIPTS))
if set("{}") & set(str(SCRIPTS)):
    sys.exit(f"error: braces in {SCRIPTS.parents[1]}: Snakemake takes them for wildcards; rename that folder")

# What the jobs find in their environment: the Python that runs Snakemake, where it has the study's packages, whatever
# else the PATH holds; a script's own folder among its modules; no profile for the Snakemake that makes the report.
if importlib.util.find_spec("torch") is not None:
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
for variable in ("PYTHONSAFEPATH", "SNAKEMAKE_PROFILE"):
    os.environ.pop(variable, None)
try:
    getpass.getuser()
except (KeyError, OSError):  # a user without a name, as in a container; Snakemake asks for it too
    os.environ["LOGNAME"] = str(os.getuid())

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from dark_knowledge.study import arms, checking
from dark_knowledge.command import InputError
from dark_knowledge.fingerprint import code_fingerprint

NAME = "[a-z0-9][a-z0-9-]*"
NUMBER = r"[0-9.e+-]+"

try:
    for file in workflow.configfiles:
        checking.check_file(file)
    update_config(config, checking.as_yaml(workflow.config_settings.config))
    checking.check_config(config, SCRIPTS.parent / "schemas" / "config.schema.yaml")
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
    """The path as seen from the working directory. Snakemake remembers no Path among parameters, only what is printed
    alike everywhere: so a checkout that was renamed, moved or reached by a link runs nothing again."""
    return Path(os.path.relpath(path))


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
    checksum = DATASET["sha256"][part]
    return ensure(f"<results>/data/{part}.idx", non_empty=True, **({"sha256": checksum} if checksum else {}))
