"""Whether a recipe augments. A module of its own: each training depends on it, and should on no more of this room."""

from collections.abc import Mapping


def augments(recipe: Mapping) -> bool:
    """Whether an image looks different from one epoch to the next."""
    return recipe["flip"] or recipe["shift"] > 0 or recipe.get("erase", 0) > 0 or recipe.get("mixup", 0) > 0
