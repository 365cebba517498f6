"""What the configuration's section `paper` gets wrong.

Imported while Snakemake parses the workflow, so nothing heavy is imported here.
"""

from collections.abc import Iterator

from dark_knowledge.study.arms import experiments_of, paper_of, roles_in, scores_test_each_epoch
from dark_knowledge.study.messages import unknown_classes, unknown_name


def paper_contradictions(config: dict) -> Iterator[str]:
    """Experiments, arms, classes and temperatures that the paper's section names and the study has not."""
    paper, experiments = paper_of(config), experiments_of(config)
    places = [
        (f"paper.{key}.{number}", entry)
        for key in ("numbers", "contrasts")
        for number, entry in enumerate(paper.get(key, []))
    ]
    named = [(f"{place}.experiment", entry["experiment"]) for place, entry in places]
    named += [
        (f"paper.{key}", name)
        for key in ("grid", "corrections", "early_stopping", "ensembles")
        for name in paper.get(key, ())
    ]
    unknown = [unknown_name(place, name, experiments) for place, name in named if name not in experiments]
    if unknown:
        yield from unknown
        return
    for place, entry in places:
        yield from _unknown_arm(place, entry, config)
        if entry.get("correction", "none") != "none":
            yield from _wrong_correction(place, entry, config)
        yield from unknown_classes(place, entry, config)
    for name, entry in paper.get("corrections", {}).items():
        yield from unknown_classes(f"paper.corrections.{name}", entry, config)
        learned_from = config["transfer_sets"].get(experiments[name].get("transfer_set"), {})
        if not learned_from.keys() & {"only_classes", "omit_classes"}:
            yield (
                f"config: paper.corrections.{name} corrects biases against classes left out of training; that takes "
                f"experiments.{name}.transfer_set with only_classes or omit_classes"
            )
        if len(set(entry["classes"])) == len(config["datasets"][config["dataset"]]["classes"]):
            yield f"config: paper.corrections.{name}.classes names every class; a shift of all of them changes nothing"
    for name in paper.get("grid", []):
        architecture = config["models"][experiments[name]["student"]]["architecture"]
        if architecture != "mlp":
            yield f"config: paper.grid holds {name!r}, whose student is {architecture!r}; allowed: mlp"
    for name in paper.get("early_stopping", []):
        if not scores_test_each_epoch(config, student := experiments[name]["student"]):
            yield (
                f"config: paper.early_stopping draws {name}'s test errors by epoch; that takes "
                f"score_test_each_epoch: [{student}]"
            )


def _wrong_correction(place: str, entry: dict, config: dict) -> Iterator[str]:
    experiment, correction = entry["experiment"], f"config: {place}.correction is {entry['correction']!r}"
    if experiment not in config["paper"].get("corrections", {}):
        yield f"{correction}; that takes paper.corrections.{experiment}"
    if entry.get("arm") in _never_corrected(experiment, config):
        yield f"{correction}; that takes the baseline or a student as arm"
    if entry.get("epoch") == "selected":
        yield f"config: {place}.epoch is 'selected'; biases are corrected after the last epoch alone"


def _never_corrected(experiment: str, config: dict) -> set[str]:
    """The arms whose biases are not corrected: teacher and controls."""
    return {role.label for role in roles_in(config, experiment) if role.role not in ("baseline", "student")}


def _unknown_arm(place: str, entry: dict, config: dict) -> Iterator[str]:
    name, settings = entry["experiment"], config["experiments"][entry["experiment"]]
    arms = [role.label for role in roles_in(config, name)]
    if "arm" in entry and entry["arm"] not in arms:
        yield f"config: {place}.arm is {entry['arm']!r}; allowed: {'; '.join(arms)}"
    for key in ("temperatures", "against", "alike"):
        if set(entry.get(key, [])) - set(settings["temperatures"]):
            yield f"config: {place}.{key} is {entry[key]}; allowed: temperatures of {name}, {settings['temperatures']}"
