"""What the pages tell of the note's claims besides the quantities: how the networks were trained, and the verdicts."""

import pandas as pd

from dark_knowledge.study.arms import arm_named, recipe_of


def recipes_of(config: dict, experiment: str) -> dict[str, dict | None]:
    """The training settings of the experiment's two networks, by what they are in it; None where trained elsewhere."""
    settings = config["experiments"][experiment]
    models = {"baseline and student": settings["student"], "teacher": arm_named(config, settings["teacher"]).model}
    return {name: config["recipes"].get(recipe_of(config, model)) for name, model in models.items()}


def verdict_story(shown: pd.DataFrame, config: dict, experiment: str) -> dict:
    """The quantities that decide one experiment's claims, as text by claim, and what could mislead in it."""
    rows = shown[(shown.experiment == experiment) & shown.decides]
    return {
        "student_arm": rows.student_arm.iloc[0],
        "verdicts": {row["claim"]: row for row in rows.to_dict("records")},
        "recipes": recipes_of(config, experiment),
    }
