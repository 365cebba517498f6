"""Typed training settings: how a model learns, whatever it learns from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """One way to train. The fields are the keys of `recipes` in config.yaml, where each is explained."""

    epochs: int
    batch_size: int
    optimiser: str
    learning_rate: float
    warmup: float
    momentum: float
    weight_decay: float
    max_norm: float | None
    label_smoothing: float
    flip: bool
    shift: int
    padding: str = "background"
    erase: float = 0

    @property
    def augments(self) -> bool:
        """Whether an image looks different from one epoch to the next."""
        return self.flip or self.shift > 0 or self.erase > 0

    def views(self, size: tuple[int, int]) -> dict:
        """What `augment.epoch_views` needs to know of it, for images of `size` (height, width)."""
        return {"flip": self.flip, "shift": self.shift, "erase": self.erase, "size": size}


def one_cycle(step: int, steps: int, peak: float, warmup: float) -> float:
    """Learning rate of `step` (0-based) of `steps`: linear up to `peak` over the share `warmup`, linear down to 0."""
    rise = max(1, round(warmup * steps))
    return peak * min((step + 1) / rise, (steps - step) / (steps - rise + 1))
