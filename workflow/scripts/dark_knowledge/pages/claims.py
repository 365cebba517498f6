"""What the pages tell of the note's claims besides the quantities: how the networks were trained, and the verdicts."""

import pandas as pd

from dark_knowledge.study.arms import Arm, arm_named, is_trained, recipe_of


def recipes_of(config: dict, experiment: str) -> dict[str, dict | None]:
    """The training settings of the experiment's two networks, by what they are in it; None where trained elsewhere.

    `taught_by` among them is a teacher's own teacher.
    """
    settings = config["experiments"][experiment]
    arms = {"baseline and student": Arm(settings["student"]), "teacher": arm_named(config, settings["teacher"])}
    recipes = {name: config["recipes"].get(recipe_of(config, arm.model)) for name, arm in arms.items()}
    return {name: recipe and recipe | {"taught_by": arms[name].teacher} for name, recipe in recipes.items()}


def is_taught_by_one_run(config: dict, experiment: str) -> bool:
    """Whether the experiment's teacher is the same for all seeds."""
    return not is_trained(config, arm_named(config, config["experiments"][experiment]["teacher"]).model)


def verdict_story(shown: pd.DataFrame, config: dict, experiment: str) -> dict:
    """The quantities that decide one experiment's claims, as text by claim, and what could mislead in it."""
    rows = shown[(shown.experiment == experiment) & shown.decides]
    return {
        "student_arm": rows.student_arm.iloc[0],
        "verdicts": {row["claim"]: row for row in rows.to_dict("records")},
        "recipes": recipes_of(config, experiment),
        "taught_by_one_run": is_taught_by_one_run(config, experiment),
    }
