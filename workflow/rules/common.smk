"""Helpers for the rules: the checked configuration, the study's arms, and what a rule needs to know about a run."""

import getpass
import hashlib
import importlib.util
import json
import os
import re
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(WORKFLOW / "scripts"))
if set("{}") & set(str(WORKFLOW)):
    sys.exit(f"error: braces in {WORKFLOW.parent}: Snakemake takes them for wildcards; rename that folder")
if workflow.storage_settings.default_storage_provider:
    sys.exit("error: default-storage-provider: results must be files that all jobs see; run without that option")

# What the jobs find in their environment: the Python that runs Snakemake, where it has the study's packages, whatever
# else the PATH holds; a script's own folder among its modules; no profile for the Snakemake that makes the report.
if importlib.util.find_spec("torch") is not None:
    places = [os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]
    os.environ |= {"PATH": os.pathsep.join(places)}
for variable in ("PYTHONSAFEPATH", "SNAKEMAKE_PROFILE"):
    os.environ.pop(variable, None)
try:
    getpass.getuser()
except (KeyError, OSError):  # a user without a name, as in a container; Snakemake asks for it too
    os.environ |= {"LOGNAME": str(os.getuid())}

import yaml
from snakemake.common.configfile import load_configfile
from snakemake.io import flag, is_flagged
from snakemake.path_modifier import PATH_MODIFIER_FLAG
from snakemake.utils import update_config

from dark_knowledge.study import arms, checking, paths, reference, spelling
from dark_knowledge.command import InputError, sha256, written_whole
from dark_knowledge.data import checks
from dark_knowledge.data.identity import identity_of
from dark_knowledge.data.parts import LABEL_PARTS, Split
from dark_knowledge.data.sources import FILES, checksum_of
from dark_knowledge.fingerprint import code_fingerprint
from dark_knowledge.pages import captions
from dark_knowledge.study.views import views_of

try:
    if workflow.modifier.skip_configfile:
        # A module: its part of the outer workflow's configuration changes the default study's keys, and nothing else does.
        given, config = config, load_configfile(WORKFLOW.parent / "config.yaml")
        update_config(config, given)
        # Where that part is the whole of it, entries of the command line are among its keys.
        settings = workflow.config_settings
        update_config(config, spelling.well_read(settings.config_args or [], settings.overwrite_config, given))
    else:
        for file in workflow.configfiles:
            checking.check_file(file)
        update_config(config, spelling.command_line(workflow.config_settings.config_args or []))
    # Files that it names lie beside it, or where Snakemake runs.
    folders = [Path(file).parent for file in workflow.configfiles] + [Path()]
    if workflow.config_settings.replace_workflow_config:  # for the report: config.json has every path from here
        folders = [Path()]
    checking.check_config(config, WORKFLOW / "schemas" / "config.schema.yaml", folders)
    config = checking.canonical(config)
except InputError as error:
    sys.exit(f"error: {error}")


pathvars:
    results=f"results/{config['study']}",
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


DATASET = config["datasets"][config["dataset"]]
# The folder that rules write as <results>/data, a module's prefix before it.
DATA = Path(workflow.pathvars.apply(workflow.modifier.path_modifier.replace_prefix("<results>/data")))

try:
    checking.check_owner(DATA.parent, config["study"])
    IDENTITY = identity_of(config["dataset"], DATASET, DATA)
    STORED = {part: DATA / IDENTITY / f"{part}.idx" for part in FILES}
    if all(file.exists() for file in STORED.values()):
        checks.check_labels(STORED, DATASET["classes"], Split(**config["split"]))
except InputError as error:
    sys.exit(f"error: {error}")

# What the study compares with a paper; empty where it does not.
PAPER = arms.paper_of(config)


def as_it_is(file):
    """A path that a module's prefix does not move: of a file of the user's, or with the prefix in it already."""
    return flag(file, PATH_MODIFIER_FLAG)


# What is read of a published study.
REFERENCE = [as_it_is(file) for file in reference.files_of(config)]

# The sections of tables that have a rule of their own.
PAPER_SECTION, CLAIMS_SECTION = "Paper against ours", "Claims"
# Sections of the report, in the order of a paper's results. The report sorts them by name.
SECTIONS = [
    "Overview",
    *([PAPER_SECTION] if PAPER else []),
    "Accuracy",
    "Temperature",
    "Convergence and stability",
    "Errors",
    "Calibration and fidelity",
    "Controls",
    CLAIMS_SECTION,
    "Cost",
    "Provenance",
]

EXPERIMENTS = list(arms.experiments_of(config))
ARMS = arms.arms_of(config)
VIEWS = {paths.views_name(views): views for views in map(views_of, config["recipes"].values())}
UNTRAINED = [model for model, settings in config["models"].items() if settings and not arms.is_trained(config, model)]
SEEDS = {(arm.model, arm.supervision): seeds for arm, seeds in ARMS.items()}

# GPUs of a training job: what a cluster is asked for, and what `--resources gpu=N` counts on a workstation.
GPUS = 0 if config["accelerator"] == "cpu" else 1

# Of a training job on its host, in MB: CUDA's libraries alone take more than a small training on a processor.
MEMORY = 4000 if GPUS else 2000


def gpus(model):
    """GPUs of a job that asks a trained model for its answers: none where there are only its logits."""
    return 0 if config["models"][model]["architecture"] == "logits" else GPUS


def scripts(name):
    """Path of a command line. (Snakemake has a `script` of its own.)"""
    return WORKFLOW / "scripts" / name


def code(script):
    """Fingerprint of a command line's code: as a parameter, it re-runs a rule whose code was edited."""
    return code_fingerprint(WORKFLOW / "scripts" / script)


def section(name):
    """Category of a result in the report: its section with the number that sorts it, as long as the longest."""
    digits = len(str(len(SECTIONS) - 1))
    return f"{SECTIONS.index(name):0{digits}} {name}"


def full_study():
    """The default study at full length, which says what this study leaves undone."""
    root = WORKFLOW.parent
    full = yaml.safe_load((root / "config.yaml").read_text())
    update_config(full, yaml.safe_load((root / "workflow/studies/full.yaml").read_text()))
    return {key: full[key] for key in ("dataset", "seeds", "recipes", "models", "experiments")}


def texts(*patterns):
    """Fingerprint of templates and captions in workflow/report, for the rules that fill them in."""
    content = b"".join(path.read_bytes() for pattern in patterns for path in sorted(captions.FOLDER.glob(pattern)))
    return hashlib.sha256(content).hexdigest()[:12]


def as_json(value):
    """JSON for a command line or a parameter. Braces within its texts are escaped, which Snakemake takes for wildcards."""
    text = json.dumps(value, separators=(",", ":"))
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda quoted: quoted[0].translate({0x7B: r"\u007b", 0x7D: r"\u007d"}), text)


def architecture(model):
    """The network's settings, as JSON for a command line."""
    return as_json(arms.network_of(config, model))


def teacher_file(name, wildcards):
    """A file of the run that teaches a student: of its own seed, or the first seed's of a teacher that is one for all."""
    teacher = arms.arm_named(config, wildcards.teacher)
    seed = arms.filed_seed(config, teacher.model, wildcards.seed)
    return paths.run_files(teacher.supervision, teacher.model)[name].format(seed=seed)


def sources(wildcards):
    """What a model that is not trained here is made from: the files of its members' runs, or its own file.

    Of logits also the labels, which say how many rows there must be.
    """
    if not arms.is_ensemble(config, wildcards.untrained):
        data = rules.download_dataset.output
        # Its content decides, which is a parameter.
        file = {"file": ancient(as_it_is(arms.file_of(config, wildcards.untrained)))}
        is_logits = config["models"][wildcards.untrained]["architecture"] == "logits"
        return file | ({part: data[part] for part in LABEL_PARTS} if is_logits else {})
    members = arms.members_of(config, wildcards.untrained)
    return {"members": expand(list(paths.run_files(members.supervision, members.model).values()), seed=config["seeds"])}


def content_of_file(wildcards):
    """Checksum of a model's own file, which tells whether it changed, as its time does not; None where it has none."""
    file = arms.file_of(config, wildcards.untrained)
    return file and sha256(file)


def source_options(wildcards, input):
    """The options of a command line that give what `sources` names."""
    if arms.is_ensemble(config, wildcards.untrained):
        return ["--members", Path(input.members[0]).parents[1], "--seeds", *config["seeds"]]
    keys = [key for key in ("file", *LABEL_PARTS) if key in input.keys()]
    return [word for key in keys for word in (f"--{key.replace('_', '-')}", input[key])]


def recipe(name):
    """The training settings, as JSON for a command line."""
    return as_json(config["recipes"][name])


def recipe_of(model):
    """Name of a model's recipe."""
    return arms.recipe_of(config, model)


def taught_from(wildcards):
    """The wildcards of the stored logits that teach an arm."""
    on = paths.transfer_set_of(wildcards.on)
    return arms.taught_from(config, arms.Arm(wildcards.model, wildcards.teacher, transfer_set=on))


def transfer_set(supervision):
    """The settings of a supervision's transfer set, as JSON for a command line; empty where it has none."""
    name = paths.transfer_set_of(supervision)
    return as_json(config["transfer_sets"][name] if name else {})


def learned_from(wildcards):
    """The supervision of an arm's runs, of an ensemble its members'."""
    if arms.is_ensemble(config, wildcards.model):
        return arms.members_of(config, wildcards.model).supervision
    return wildcards.supervision


def loss(by):
    """The option of a command line that gives the loss of a part of a supervision's name; empty where it is Hinton's."""
    name = paths.loss_of(by)
    return f" --loss {shlex.quote(as_json(config['losses'][name]))}" if name else ""


def of_arm(file):
    """Input function: a file of each seed's run of an arm."""
    return lambda wildcards: expand(
        paths.run_files(wildcards.supervision, wildcards.model)[file],
        seed=SEEDS[wildcards.model, wildcards.supervision],
    )


def logits_of(arm):
    """An arm's logits, all seeds."""
    return f"<results>/{paths.logits_file(arm.model, arm.supervision)}"


def asked_wildcards():
    """Every set of wildcards with which the study asks for a rule's outputs, by the wildcards' names."""
    runs = [(arm, str(seed)) for arm, seeds in ARMS.items() for seed in seeds]
    kinds = [
        [{}],
        [{"experiment": name} for name in EXPERIMENTS],
        [{"model": arm.model, "supervision": arm.supervision} for arm in ARMS],
        [{"untrained": arm.model, "seed": seed} for arm, seed in runs if arm.model in UNTRAINED],
        [arm.wildcards | {"seed": seed} for arm, seed in runs if arm.teacher is None and arm.model not in UNTRAINED],
        [arm.wildcards | {"seed": seed} for arm, seed in runs if arm.teacher],
        [arms.taught_from(config, arm) | {"seed": seed} for arm, seed in runs if arm.teacher],
    ]
    return {frozenset(kind[0]): kind for kind in kinds if kind}


def kept_outputs(without):
    """Every file that the workflow's rules write for this study and keep, so that a target can ask for each.

    Snakemake forgets a failed job's former parameters and removes its outputs. Whatever of them no target asks for would
    then be missing for good, and what had been made of it would pass for up to date.
    """
    asked = asked_wildcards()
    files = set()
    for each in workflow.modifier.rules:  # of this module, where several are of the same checkout
        if not Path(each.snakefile).is_relative_to(WORKFLOW) or each.name in [other.rule.name for other in without]:
            continue
        for file in each.output:
            if not is_flagged(file, "temp"):
                for wildcards in asked.get(frozenset(file.get_wildcard_names()), []):
                    files.add(str(file.apply_wildcards(wildcards)))
    return [as_it_is(file) for file in sorted(files)]


def unless_kept(teacher_logits):
    """Remove a teacher's logits after their last use, unless the study keeps them."""
    return teacher_logits if config["keep_teacher_logits"] else temp(teacher_logits)


def verified(part):
    """Path of an IDX file, with its checksum where the config has one."""
    checksum = checksum_of(DATASET, part)
    path = f"<results>/data/{IDENTITY}/{part}.idx"
    return ensure(path, non_empty=True, **({"sha256": checksum} if checksum else {}))


def times_size(factor, least):
    """Memory, in MB, that grows with the input's size."""
    return lambda wildcards, input: round(least + factor * input.size_mb)


def titles(kind, only=None):
    """Section of the report and label there of each table or figure, by name.

    Of the section `only`, or else of all but those whose tables have a rule of their own.
    """
    found = {}
    for path in sorted(captions.FOLDER.glob(f"{kind}_*.rst")):
        section, label = captions.heading(path.stem)
        if section == only or (only is None and section not in (PAPER_SECTION, CLAIMS_SECTION)):
            found[path.stem.removeprefix(f"{kind}_")] = section, label
    return found
