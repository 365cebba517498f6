"""A study's arms: what each of its runs learned from, and the roles that experiments give to them.

Imported while Snakemake parses the workflow, so nothing heavy is imported here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

# In tables, the seed of an ensemble: one run, put together from those of all seeds.
ALL_SEEDS = -1


@dataclass(frozen=True)
class Arm:
    """What a run learned from, all seeds alike: labels alone, or a teacher at a temperature beside them.

    `transfer_set` names a part of the training images, or altered soft targets; None stands for all, unaltered.
    """

    model: str
    teacher: str | None = None
    temperature: float | None = None
    hard_weight: float | None = None
    transfer_set: str | None = None

    @property
    def supervision(self) -> str:
        """The arm's name in paths, without its model."""
        source = "labels"
        if self.teacher is not None:
            source = f"{self.teacher}_T{format_number(self.temperature)}_w{format_number(self.hard_weight)}"
        return source if self.transfer_set is None else f"{source}_on-{self.transfer_set}"


@dataclass(frozen=True)
class Role:
    """The part an arm plays in one experiment: teacher, baseline, student or control. `label` is for readers."""

    experiment: str
    role: str
    label: str
    arm: Arm


def format_number(value: float) -> str:
    """The one way a number is written in a path: 4, not 4.0."""
    return str(int(value)) if value == int(value) else repr(value)


def experiments_of(config: dict) -> dict[str, dict]:
    """The study's experiments, without those that it leaves out (null)."""
    return {name: settings for name, settings in config["experiments"].items() if settings is not None}


def published_of(config: dict) -> dict[str, dict]:
    """Each experiment's figures published for the study's data set, an empty mapping where it has none."""
    published = {name: settings.get("published") or {} for name, settings in experiments_of(config).items()}
    return {name: figures if figures.get("dataset") == config["dataset"] else {} for name, figures in published.items()}


def paper_of(config: dict) -> dict:
    """What the study compares with a paper; empty where it does not."""
    return config.get("paper") or {}


def roles_of(config: dict) -> list[Role]:
    """Every experiment's teacher, baseline, students by temperature and controls, in the config's order."""
    return [role for name, settings in experiments_of(config).items() for role in roles_in(name, settings)]


def roles_in(name: str, settings: dict) -> Iterator[Role]:
    teacher, student, transfer_set = settings["teacher"], settings["student"], settings.get("transfer_set")
    yield Role(name, "teacher", "teacher", Arm(teacher))
    yield Role(name, "baseline", "baseline", Arm(student, transfer_set=transfer_set))
    for temperature in settings["temperatures"]:
        arm = Arm(student, teacher, temperature, settings["hard_weight"], transfer_set)
        yield Role(name, "student", f"student, T = {temperature:g}", arm)
    for control, changes in controls_of(settings).items():
        yield Role(name, "control", control.replace("-", " "), _control(settings, changes))


def controls_of(settings: dict) -> dict[str, dict]:
    """An experiment's controls, without those that it leaves out (null)."""
    return {name: changes for name, changes in settings.get("controls", {}).items() if changes is not None}


def _control(settings: dict, changes: dict) -> Arm:
    """An arm written out: the experiment's own but for the changes; without a teacher there it learns from labels."""
    model = changes.get("model", settings["student"])
    transfer_set = changes.get("transfer_set", settings.get("transfer_set"))
    if "teacher" not in changes:
        return Arm(model, transfer_set=transfer_set)
    hard_weight = changes.get("hard_weight", settings["hard_weight"])
    return Arm(model, changes["teacher"], changes["temperature"], hard_weight, transfer_set)


def is_ensemble(config: dict, model: str) -> bool:
    """Whether a model is the mean of another model's runs."""
    return config["models"][model]["architecture"] == "ensemble"


def recipe_of(config: dict, model: str) -> str:
    """Name of a model's recipe; an ensemble was trained as its members."""
    settings = config["models"][model]
    return recipe_of(config, settings["members"]) if settings["architecture"] == "ensemble" else settings["recipe"]


def scores_test_each_epoch(config: dict, model: str) -> bool:
    """Whether a model's runs are scored on the test set after each epoch."""
    chosen = config["score_test_each_epoch"]
    return chosen if isinstance(chosen, bool) else model in chosen


def arms_of(config: dict) -> dict[Arm, list[int]]:
    """The arms of all experiments and what teaches them, each once, with the seeds that anything asks for, sorted.

    An ensemble of all seeds is one run, filed under the first seed.
    """
    arms = {}
    for role in roles_of(config):
        taught = [Arm(role.arm.teacher)] if role.arm.teacher else []
        for arm in [role.arm, *taught]:
            seeds = config["experiments"][role.experiment].get("seeds", config["seeds"])
            if is_ensemble(config, arm.model):
                seeds = config["seeds"][:1]
            arms[arm] = sorted({*arms.get(arm, []), *seeds})
    return arms
