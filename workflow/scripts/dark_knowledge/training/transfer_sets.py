"""Transfer sets: which images a student learns from, and whose soft targets each of them gets."""

import numpy as np
import torch
from torch import Tensor

from dark_knowledge.command import InputError
from dark_knowledge.data.splitting import stratified_split
from dark_knowledge.streams import generator


def chosen_images(labels: Tensor, settings: dict, seed: int) -> Tensor:
    """Which images [n] of `labels` [n] a transfer set holds: those of some classes, or a stratified draw by `seed`."""
    classes = labels.unique()
    if "only_classes" in settings:
        classes = torch.tensor(settings["only_classes"], device=labels.device)
    if "omit_classes" in settings:
        classes = classes[~torch.isin(classes, torch.tensor(settings["omit_classes"], device=labels.device))]
    chosen = torch.isin(labels, classes)
    if "images" in settings or "share" in settings:
        count = settings.get("images") or round(settings["share"] * len(labels))
        if count >= len(labels):
            raise InputError(
                f"a transfer set asks for {count} images; allowed: 1 to {len(labels) - 1}, for "
                f"{len(labels)} are left for training"
            )
        try:
            _, drawn = stratified_split(labels.cpu().numpy(), count, generator("transfer set", seed))
        except InputError as error:
            raise InputError(f"a transfer set: of {len(labels)} images, {error}, one of each class at least") from error
        chosen[:] = False
        chosen[torch.from_numpy(drawn).to(labels.device)] = True
    return chosen


def shuffled_images(labels: Tensor, within_class: bool, seed: int) -> Tensor:
    """For each image, another [n] whose soft targets it gets in a control: any other, or one of its own class.

    A random cycle through all images, or through those of each class, so that no image keeps its own, unless it is the
    only one of its class.
    """
    random = generator("shuffle", seed)
    partner = np.empty(len(labels), dtype=np.int64)
    groups = labels.cpu().numpy() if within_class else np.zeros(len(labels))
    for group in np.unique(groups):
        members = random.permutation(np.flatnonzero(groups == group))
        partner[members] = np.roll(members, 1)
    return torch.from_numpy(partner).to(labels.device)


def rows_of_logits(settings: dict, labels: Tensor, stored: Tensor, seed: int) -> Tensor | None:
    """Each image's row [n] of a teacher's logits that hold the `stored` [n] images; None where it is its own number.

    An image that is not among them has a row past their end.
    """
    if shuffle := settings.get("shuffle"):
        return shuffled_images(labels, shuffle == "within-class", seed)
    if stored.all():
        return None
    return torch.where(stored, stored.cumsum(0) - 1, len(stored))
