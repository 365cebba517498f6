"""Typed training settings: how a model learns, whatever it learns from."""

import math
from dataclasses import dataclass

from dark_knowledge.study.views import augments


@dataclass(frozen=True, kw_only=True)
class ViewStream:
    """The views that a training shows of its images: the part of a recipe on which a teacher's stored logits depend."""

    epochs: int
    flip: bool
    shift: int
    padding: str = "background"
    erase: float = 0
    mixup: float = 0

    @property
    def augments(self) -> bool:
        """Whether an image looks different from one epoch to the next."""
        return augments(vars(self))

    def views(self, size: tuple[int, int]) -> dict:
        """What `augment.epoch_views` needs to know of it, for images of `size` (height, width)."""
        return {key: getattr(self, key) for key in ("flip", "shift", "erase", "mixup")} | {"size": size}


@dataclass(frozen=True, kw_only=True)
class Recipe(ViewStream):
    """One way to train. The fields are the keys of `recipes` in config.yaml, where each is explained."""

    batch_size: int
    optimiser: str
    learning_rate: float
    warmup: float
    momentum: float
    weight_decay: float
    max_norm: float | None
    label_smoothing: float
    schedule: str = "one-cycle"
    milestones: tuple[int, ...] = ()
    decay: float = 0.1


def one_cycle(step: int, steps: int, peak: float, warmup: float) -> float:
    """Learning rate of `step` (0-based) of `steps`: linear up to `peak` over the share `warmup`, linear down to 0."""
    rise = max(1, round(warmup * steps))
    return peak * min((step + 1) / rise, (steps - step) / (steps - rise + 1))


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Learning rate of `step` (0-based) of the `steps` of all epochs: the recipe's schedule.

    Every schedule climbs in a line to the peak over the share `warmup`. one-cycle then falls in a line to zero, cosine
    along half a cosine (Loshchilov & Hutter 2017, arXiv 1608.03983), constant stays, and steps multiplies by `decay`
    after each of `milestones` epochs.
    """
    if recipe.schedule == "one-cycle":
        return one_cycle(step, steps, recipe.learning_rate, recipe.warmup)
    rise = max(1, round(recipe.warmup * steps))
    if step < rise:
        return recipe.learning_rate * (step + 1) / rise
    if recipe.schedule == "cosine":
        return recipe.learning_rate * (1 + math.cos(math.pi * (step - rise + 1) / (steps - rise + 1))) / 2
    if recipe.schedule == "steps":
        passed = sum(step >= milestone * (steps // recipe.epochs) for milestone in recipe.milestones)
        return recipe.learning_rate * recipe.decay**passed
    return recipe.learning_rate
