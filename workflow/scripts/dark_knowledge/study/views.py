"""Which images a training sees, and in which views. Alone in its module, since every training's fingerprint has it."""

from collections.abc import Mapping

# The keys of a recipe that decide in which views an image is seen, with the values of a recipe that does not name them.
AUGMENTATION = {"flip": False, "shift": 0, "padding": "background", "erase": 0, "mixup": 0}


def augments(recipe: Mapping) -> bool:
    """Whether an image looks different from one epoch to the next."""
    return any(recipe.get(key, 0) for key in ("flip", "shift", "erase", "mixup"))


def views_of(recipe: Mapping) -> dict:
    """All that decides which views a recipe shows, but the seed: what a teacher's stored logits are of.

    Recipes that differ in other keys share these logits; without augmentation one epoch of them serves all.
    """
    shown = {key: recipe.get(key, default) for key, default in AUGMENTATION.items()}
    if not shown["shift"]:
        shown["padding"] = AUGMENTATION["padding"]
    return {"epochs": recipe["epochs"] if augments(recipe) else 1} | shown


def drawn_part(transfer_set: Mapping) -> dict:
    """The transfer set where it is a drawn part of the images, for which logits are stored apart; else empty.

    Other sets share what is stored for all images: a teacher has several of them as a rule, each of most images.
    """
    return dict(transfer_set) if {"images", "share"} & transfer_set.keys() else {}
