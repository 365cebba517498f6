"""A study's arms: what each of its runs learned from, and the roles that experiments give to them.

Imported while Snakemake parses the workflow, so nothing heavy is imported here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from dark_knowledge.fingerprint import file_fingerprint
from dark_knowledge.study import paths
from dark_knowledge.study.views import drawn_part, views_of

# In tables, the seed of a model that was not trained here: one run, an ensemble or a file, stands beside all seeds.
ALL_SEEDS = -1
# In tables, where a model was trained of which there is only a file.
NOT_HERE = "not here"


@dataclass(frozen=True)
class Arm:
    """What a run learned from, all seeds alike: labels alone, or a teacher at a temperature beside them.

    `transfer_set` names a part of the training images, or altered soft targets; None stands for all, unaltered. `loss`
    names what is made of the soft targets; None is Hinton's.
    """

    model: str
    teacher: str | None = None
    temperature: float | None = None
    hard_weight: float | None = None
    transfer_set: str | None = None
    loss: str | None = None

    @property
    def wildcards(self) -> dict[str, str]:
        """What the rules that make the arm's runs call the parts of its name, but for the seed."""
        own = {"model": self.model, "on": paths.on(self.transfer_set)}
        if self.teacher is None:
            return own
        numbers = {name: paths.format_number(getattr(self, name)) for name in ("temperature", "hard_weight")}
        return own | {"teacher": self.teacher, "by": paths.by(self.loss)} | numbers

    @property
    def supervision(self) -> str:
        """The arm's name in paths, without its model."""
        return (paths.LABELS if self.teacher is None else paths.TEACHER).format(**self.wildcards)


@dataclass(frozen=True)
class Role:
    """The part an arm plays in one experiment: teacher, baseline, student or control. `label` is for readers."""

    experiment: str
    role: str
    label: str
    arm: Arm


def experiments_of(config: dict) -> dict[str, dict]:
    """The study's experiments, without those that it leaves out (null)."""
    return {name: settings for name, settings in config["experiments"].items() if settings is not None}


def published_of(config: dict) -> dict[str, dict]:
    """Each experiment's figures published for the study's data set, an empty mapping where it has none."""
    return {
        name: (settings.get("published") or {}).get(config["dataset"]) or {}
        for name, settings in experiments_of(config).items()
    }


def paper_of(config: dict) -> dict:
    """What the study compares with a paper; empty where it does not."""
    return config.get("paper") or {}


def roles_of(config: dict) -> list[Role]:
    """Every experiment's teacher, baseline, students by temperature, other losses, controls, in the config's order."""
    return [role for name in experiments_of(config) for role in roles_in(config, name)]


def roles_in(config: dict, name: str) -> Iterator[Role]:
    settings = config["experiments"][name]
    teacher, student, transfer_set = settings["teacher"], settings["student"], settings.get("transfer_set")
    yield Role(name, "teacher", "teacher", arm_named(config, teacher))
    yield Role(name, "baseline", "baseline", Arm(student, transfer_set=transfer_set))
    taught = partial(Arm, student, teacher, hard_weight=settings["hard_weight"], transfer_set=transfer_set)
    for temperature in settings["temperatures"]:
        arm = taught(temperature, loss=settings.get("loss"))
        yield Role(name, "student", f"student, T = {temperature:g}", arm)
    for loss in settings.get("losses", []):
        for temperature in settings["temperatures"]:
            label = f"{loss.replace('-', ' ')}, T = {temperature:g}"
            yield Role(name, "control", label, taught(temperature, loss=loss))
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
    loss = changes.get("loss", settings.get("loss"))
    return Arm(model, changes["teacher"], changes["temperature"], hard_weight, transfer_set, loss)


def arm_named(config: dict, name: str) -> Arm:
    """What a teacher's or a member's name stands for: a model trained on labels, or an entry of `teachers`."""
    return Arm(**config.get("teachers", {}).get(name, {"model": name}))


def is_ensemble(config: dict, model: str) -> bool:
    """Whether a model is the mean of another model's runs."""
    return config["models"][model]["architecture"] == "ensemble"


def file_of(config: dict, model: str) -> str | None:
    """The file that holds a model's weights or logits, where it was trained elsewhere."""
    settings = config["models"][model]
    return settings.get("file" if settings["architecture"] == "logits" else "weights")


def is_trained(config: dict, model: str) -> bool:
    """Whether a model is trained here, once a seed; if not, it is one run for all seeds."""
    return not is_ensemble(config, model) and file_of(config, model) is None


def filed_seed(config: dict, model: str, seed: int) -> int:
    """The seed under which a model's run beside others of `seed` is filed: of what is not trained here the first."""
    return seed if is_trained(config, model) else config["seeds"][0]


def is_own_file(architecture: str) -> bool:
    """Whether a network is a function in a file of the user's, my_nets.py:wide."""
    return ".py:" in architecture


def members_of(config: dict, ensemble: str) -> Arm:
    """The arm whose runs, all seeds, make an ensemble."""
    return arm_named(config, config["models"][ensemble]["members"])


def network_of(config: dict, model: str) -> dict:
    """The settings of a model's network.

    For an ensemble its members' too, and how many they are; for one in a file of the user's, a hash of its code.
    """
    settings = {
        key: value for key, value in config["models"][model].items() if key not in ("recipe", "weights", "file")
    }
    if is_own_file(settings["architecture"]):
        settings |= {"code": file_fingerprint(settings["architecture"].rpartition(":")[0])}
    if is_ensemble(config, model):
        settings |= {"members": network_of(config, members_of(config, model).model), "count": len(config["seeds"])}
    return settings


def recipe_of(config: dict, model: str) -> str | None:
    """Name of a model's recipe; an ensemble was trained as its members, and None is known of a training elsewhere."""
    if is_ensemble(config, model):
        return recipe_of(config, members_of(config, model).model)
    return config["models"][model].get("recipe")


def taught_from(config: dict, arm: Arm) -> dict:
    """What the stored logits that teach an arm are filed under: the wildcards teacher, views and on."""
    views = views_of(config["recipes"][recipe_of(config, arm.model)])
    part = arm.transfer_set and drawn_part(config["transfer_sets"][arm.transfer_set])
    return {
        "teacher": arm.teacher,
        "views": paths.views_name(views),
        "on": paths.on(arm.transfer_set if part else None),
    }


def scores_test_each_epoch(config: dict, model: str) -> bool:
    """Whether a model's runs are scored on the test set after each epoch."""
    chosen = config["score_test_each_epoch"]
    return chosen if isinstance(chosen, bool) else model in chosen


def arms_of(config: dict) -> dict[Arm, list[int]]:
    """The arms of all experiments, what teaches them and an ensemble's members, each once, with the seeds asked for.

    What is not trained here is one run, filed under the first seed.
    """
    arms = {}
    for role in roles_of(config):
        for arm, seeds in lineage(
            config, role.arm, config["experiments"][role.experiment].get("seeds", config["seeds"])
        ):
            arms[arm] = sorted({*arms.get(arm, []), *seeds})
    return arms


def lineage(config: dict, arm: Arm, seeds: list[int]) -> Iterator[tuple[Arm, list[int]]]:
    """An arm and those that it is made from (its teacher, the teacher's teacher, an ensemble's members), with seeds."""
    yield arm, sorted({filed_seed(config, arm.model, seed) for seed in seeds})
    if is_ensemble(config, arm.model):
        yield from lineage(config, members_of(config, arm.model), config["seeds"])
    if arm.teacher is not None:
        yield from lineage(config, arm_named(config, arm.teacher), seeds)


def design_of(config: dict) -> dict:
    """The part of the configuration that says what is trained, on what and how, and which roles the runs have.

    What a run's own record is held against; the rest (claims, published figures, places) changes no run.
    """
    models = {arm.model for arm in arms_of(config)}
    kept = ("seeds", "split", "transfer_sets", "losses", "score_test_each_epoch", "accelerator", "precision")
    recipes = {recipe_of(config, model) for model in models} - {None}
    experiments = {
        name: {key: value for key, value in settings.items() if key != "published"}
        for name, settings in experiments_of(config).items()
    }
    return {key: config[key] for key in kept} | {
        "teachers": config.get("teachers", {}),
        "models": {model: config["models"][model] for model in sorted(models)},
        "recipes": {recipe: config["recipes"][recipe] for recipe in sorted(recipes)},
        "experiments": experiments,
    }


def asked_of(config: dict) -> dict:
    """What the tables show beside the runs: names of classes, numbers published elsewhere, and accuracies to reach."""
    return {
        "classes": config["datasets"][config["dataset"]]["classes"],
        "published": published_of(config),
        "validation_accuracies": config["claims"]["validation_accuracies"],
        "paper": paper_of(config),
        "hidden": {
            name: config["models"][config["experiments"][name]["student"]]["hidden"]
            for name in paper_of(config).get("grid", [])
        },
    }
