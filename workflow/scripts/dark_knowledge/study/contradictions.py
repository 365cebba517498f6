"""What a configuration contradicts of itself: names that are not defined, keys that do not go together, empty parts.

Imported while Snakemake parses the workflow, so nothing heavy is imported here.
"""

import math
from collections.abc import Iterator

from dark_knowledge.study.arms import arm_named, arms_of, controls_of, experiments_of, published_of, recipe_of, roles_in
from dark_knowledge.study.messages import missing_key, quoted, unknown_classes, unknown_key, unknown_name
from dark_knowledge.study.model_section import trained_models, wrong_model
from dark_knowledge.study.paper_section import paper_contradictions
from dark_knowledge.study.reference import AS_PUBLISHED
from dark_knowledge.study.signatures import SOFT_LOSSES, functions_in, keywords_of, signature_of
from dark_knowledge.study.views import augments


def contradictions(config: dict) -> Iterator[str]:
    models = {name for name, settings in config["models"].items() if settings is not None}
    if config["dataset"] not in config["datasets"]:
        yield unknown_name("dataset", config["dataset"], config["datasets"])
    if not experiments_of(config):
        yield "config: experiments is empty; at least one experiment is needed"
    if isinstance(config["score_test_each_epoch"], list):
        for name in config["score_test_each_epoch"]:
            if name not in models:
                yield unknown_name("score_test_each_epoch", name, models)
    split = config["split"]
    if (images := split.get("train_limit", math.inf)) <= split["validation"]:
        yield f"config: split.validation is {split['validation']}; allowed: less than split.train_limit, {images}"
    yield from _lost_classes(config)
    for name, settings in config["recipes"].items():
        yield from _wrong_schedule(f"recipes.{name}", settings)
    for name, settings in experiments_of(config).items():
        yield from _wrong_experiment(f"experiments.{name}", settings, models, config)
    for name, settings in config["transfer_sets"].items():
        yield from unknown_classes(f"transfer_sets.{name}", settings, config)
    yield from _wrong_teachers(models, config)
    for name, settings in config["losses"].items():
        yield from _wrong_loss(f"losses.{name}", settings)
    yield from _unknown_improved_class(config)
    yield from _confused_arms(config)
    yield from paper_contradictions(config)
    for name in sorted(models):
        yield from wrong_model(f"models.{name}", config["models"][name], config)
    yield from _small_parts(config)
    yield from _augmented_students(config)
    yield from _mixed_images(config)
    yield from _two_classes(config)


def _wrong_experiment(place: str, settings: dict, models: set[str], config: dict) -> Iterator[str]:
    yield from _unknown_parts(place, settings, models, config)
    for published in settings.get("published") or {}:
        if published not in config["datasets"]:
            yield unknown_name(f"{place}.published", published, config["datasets"])
    if _shuffles(settings, config):
        yield f"config: {place}.transfer_set shuffles soft targets; that takes a control, with a teacher"
    for name, changes in controls_of(settings).items():
        control = f"{place}.controls.{name}"
        if name in ("teacher", "baseline", "student"):
            yield f"config: {control} has the name of another arm; allowed: any other name"
        yield from _unknown_parts(control, changes, models, config)
        yield from _incomplete_control(control, changes, config)


def _unknown_improved_class(config: dict) -> Iterator[str]:
    if config["dataset"] not in config["datasets"]:
        return
    labels = len(config["datasets"][config["dataset"]]["classes"])
    for name, figures in published_of(config).items():
        if figures.get("improved_class", 0) >= labels:
            yield (
                f"config: experiments.{name}.published.{config['dataset']}.improved_class is "
                f"{figures['improved_class']}; allowed: 0 to {labels - 1}, the labels of {config['dataset']}"
            )


# The other columns of tables with a column for each arm.
COLUMNS = {"experiment", "label", "class", "images", "quantity", "student minus baseline"}


def _confused_arms(config: dict) -> Iterator[str]:
    """Arms that tables and figures would show under one name, or under that of what was published elsewhere."""
    for name in experiments_of(config):
        seen = {AS_PUBLISHED, *COLUMNS}
        for role in roles_in(config, name):
            if role.label in seen:
                yield (
                    f"config: experiments.{name} has an arm that is called {role.label!r}, as something else is in its "
                    "tables; rename the loss or control that it is of, or take temperatures that differ more"
                )
            seen.add(role.label)


def _lost_classes(config: dict) -> Iterator[str]:
    """Parts too small for an image of each class."""
    if config["dataset"] not in config["datasets"]:
        return
    classes = len(config["datasets"][config["dataset"]]["classes"])
    parts = {f"split.{key}": config["split"].get(key, math.inf) for key in ("validation", "test_limit")}
    parts |= {
        f"transfer_sets.{name}.images": settings.get("images", math.inf)
        for name, settings in config["transfer_sets"].items()
    }
    for key, images in parts.items():
        if images < classes:
            yield f"config: {key} is {images}; allowed: at least {classes}, an image a class of {config['dataset']}"


def _wrong_schedule(place: str, settings: dict) -> Iterator[str]:
    """Keys of a schedule in steps where there is another, and milestones that no training passes."""
    if settings.get("schedule") != "steps":
        for key in settings.keys() & {"milestones", "decay"}:
            yield f"config: {place}.{key} is set, which takes schedule: steps; change `schedule`, or leave it out"
    elif "milestones" not in settings:
        yield missing_key(place, "milestones")
    elif settings["milestones"] != sorted(settings["milestones"]) or settings["milestones"][-1] >= settings["epochs"]:
        yield (
            f"config: {place}.milestones is {quoted(settings['milestones'])}; allowed: ascending numbers below epochs, "
            f"{settings['epochs']}"
        )


def _wrong_loss(place: str, settings: dict) -> Iterator[str]:
    """A loss that training/soft_losses.py does not have, and keys that it does not take."""
    functions = functions_in(SOFT_LOSSES)
    if (name := settings["function"]) not in functions:
        yield f"config: {place}.function is {quoted(name)}; allowed: {', '.join(sorted(functions))}"
        return
    keywords = keywords_of(functions[name])
    for key in settings.keys() - {"function", *keywords}:
        yield unknown_key(place, key, ["function", *keywords])
    for key, needed in keywords.items():
        if needed and key not in settings:
            yield missing_key(place, key)


def _wrong_teachers(models: set[str], config: dict) -> Iterator[str]:
    """Entries of `teachers` that name what is not defined, or that would have to be trained before themselves."""
    for name, settings in config.get("teachers", {}).items():
        place = f"teachers.{name}"
        if name in models:
            yield f"config: {place} has the name of a model; allowed: any other name"
        yield from _unknown_parts(place, settings, models, config)
        yield from _incomplete_control(place, settings, config)
    yield from _circles(config)


def _circles(config: dict) -> Iterator[str]:
    for start in config.get("teachers", {}):
        passed, waiting = set(), [start]
        while waiting:
            name = waiting.pop()
            if name == start and passed:
                yield f"config: teachers.{start} learns in the end from itself; name another teacher"
                return
            if name not in passed:
                passed.add(name)
                waiting += _sources(config, name)


def _sources(config: dict, name: str) -> list[str]:
    """What a teacher of this name is made from: its own teacher, or an ensemble's members."""
    arm = arm_named(config, name)
    settings = config["models"].get(arm.model) or {}
    members = settings.get("members") if settings.get("architecture") == "ensemble" else None
    return [source for source in (arm.teacher, members) if source is not None]


def _unknown_parts(place: str, settings: dict, models: set[str], config: dict) -> Iterator[str]:
    trained, teachers = trained_models(config), models | set(config.get("teachers", {}))
    names = {"teacher": teachers, "student": trained, "model": trained, "transfer_set": config["transfer_sets"]}
    for key, known in names.items():
        if key in settings and settings[key] not in known:
            yield unknown_name(f"{place}.{key}", settings[key], known)
    for loss in [settings.get("loss"), *settings.get("losses", [])]:
        if loss is not None and loss not in config["losses"]:
            yield unknown_name(
                f"{place}.{'loss' if loss == settings.get('loss') else 'losses'}", loss, config["losses"]
            )
    if settings.get("loss") in settings.get("losses", []):
        yield f"config: {place}.losses has {settings['loss']!r}, the experiment's own `loss`; leave one of them out"


def _incomplete_control(place: str, changes: dict, config: dict) -> Iterator[str]:
    if "teacher" in changes and "temperature" not in changes:
        yield f"config: key '{place}.temperature' is missing; a control with a teacher needs one"
    for key in ("temperature", "hard_weight", "loss"):
        if key in changes and "teacher" not in changes:
            yield f"config: {place}.{key} is set without a teacher; name `teacher`, or leave it out"
    if _shuffles(changes, config) and "teacher" not in changes:
        yield f"config: {place} shuffles soft targets but has no teacher; name `teacher`"


def _small_parts(config: dict) -> Iterator[str]:
    """Recipes whose batch is larger than the part that a run learns from, as far as its size is known here."""
    left = config["split"].get("train_limit", math.inf) - config["split"]["validation"]
    for arm in arms_of(config):
        recipe, part = recipe_of(config, arm.model), config["transfer_sets"].get(arm.transfer_set, {})
        images = part.get("images", left)
        if "share" in part and left < math.inf:
            images = round(part["share"] * left)
        if recipe and (batch := config["recipes"][recipe]["batch_size"]) > images:
            which = f"of transfer set {arm.transfer_set}" if arm.transfer_set else "that split leaves for training"
            yield (
                f"config: recipes.{recipe}.batch_size is {batch}, but {arm.model} learns from the {images} images "
                f"{which}; allowed: at most as many"
            )


def _augmented_students(config: dict) -> Iterator[str]:
    """Students of a teacher of which there are only logits, of unaugmented images, by a recipe that augments."""
    for arm in arms_of(config):
        if arm.teacher and config["models"][arm_named(config, arm.teacher).model]["architecture"] == "logits":
            recipe = recipe_of(config, arm.model)
            if augments(config["recipes"][recipe]):
                yield (
                    f"config: {arm.teacher} has only logits of unaugmented images, but recipes.{recipe} of its student "
                    f"{arm.model} augments; give {arm.model} a recipe with flip: false, shift: 0 and no erase "
                    "or mixup"
                )


def _mixed_images(config: dict) -> Iterator[str]:
    """Runs by a recipe that mixes images, where what they learn from is of one image or of one label."""
    for arm in arms_of(config):
        recipe = recipe_of(config, arm.model)
        if recipe is None or not config["recipes"][recipe].get("mixup"):
            continue
        place = f"config: recipes.{recipe}.mixup is set, which mixes the images of {arm.model}, but"
        if arm.transfer_set:
            yield f"{place} transfer set {arm.transfer_set} is of whole ones; leave one of them out, or set mixup: 0"
        if arm.loss and signature_of(SOFT_LOSSES, config["losses"][arm.loss]["function"]).keywords["labels"]:
            yield f"{place} its loss {arm.loss} needs one label an image; leave one of them out, or set mixup: 0"


def _two_classes(config: dict) -> Iterator[str]:
    """Losses that compare the shape of an image's outputs, of which two classes have one, whatever their distance."""
    if len(config["datasets"][config["dataset"]]["classes"]) != 2:
        return
    for name in sorted({arm.loss for arm in arms_of(config) if arm.loss}):
        settings = config["losses"][name]
        if settings["function"] == "standardised":
            yield f"config: loss {name} is standardised, which learns nothing from two classes; allowed: any other loss"
        if settings["function"] == "dist" and settings.get("beta") != 0:
            yield f"config: losses.{name}.beta weighs what learns nothing from two classes; allowed with them: beta: 0"


def _shuffles(settings: dict, config: dict) -> bool:
    return "shuffle" in config["transfer_sets"].get(settings.get("transfer_set"), {})
