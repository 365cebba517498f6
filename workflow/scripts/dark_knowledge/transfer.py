"""The transfer set: which images a student learns from, and the teacher's logits on them, computed once and stored.

Logits, never probabilities: one file serves every temperature. Rows are found by (epoch, image), not by position in a
batch, so no order of batches can part a row from its view.
"""

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from dark_knowledge.augment import epoch_views, pad_images, render
from dark_knowledge.command import InputError, written_whole
from dark_knowledge.data import Dataset, stratified_split
from dark_knowledge.devices import Compute
from dark_knowledge.evaluate import predict
from dark_knowledge.recipes import Recipe


def chosen_images(labels: Tensor, settings: dict, seed: int) -> Tensor:
    """Which images [n] of `labels` [n] a transfer set holds: those of some classes, or a stratified draw by `seed`."""
    classes = labels.unique()
    if "only_classes" in settings:
        classes = torch.tensor(settings["only_classes"], device=labels.device)
    if "omit_classes" in settings:
        classes = classes[~torch.isin(classes, torch.tensor(settings["omit_classes"], device=labels.device))]
    chosen = torch.isin(labels, classes)
    if "images" in settings:
        if settings["images"] >= len(labels):
            raise InputError(
                f"a transfer set asks for {settings['images']} images; allowed: 1 to {len(labels) - 1}, for "
                f"{len(labels)} are left for training"
            )
        _, drawn = stratified_split(labels.cpu().numpy(), settings["images"], seed)
        chosen[:] = False
        chosen[torch.from_numpy(drawn).to(labels.device)] = True
    return chosen


def shuffled_images(labels: Tensor, within_class: bool, seed: int) -> Tensor:
    """For each image, another [n] whose soft targets it gets in a control: any other, or one of its own class.

    A random cycle through all images, or through those of each class, so that no image keeps its own, unless it is the
    only one of its class.
    """
    random = np.random.default_rng([seed, 2**32 - 1])  # beyond every epoch, whose generators are [seed, epoch]
    partner = np.empty(len(labels), dtype=np.int64)
    groups = labels.cpu().numpy() if within_class else np.zeros(len(labels))
    for group in np.unique(groups):
        members = random.permutation(np.flatnonzero(groups == group))
        partner[members] = np.roll(members, 1)
    return torch.from_numpy(partner).to(labels.device)


def teacher_logits_of_epoch(
    teacher: nn.Module, data: Dataset, recipe: Recipe, seed: int, epoch: int, compute: Compute
) -> Tensor:
    """Logits [n, c] in float16 of the views that the stream of (`recipe`, `seed`) shows in `epoch`, by image."""
    n = len(data.train_images)
    views = epoch_views(seed, epoch, n, flip=recipe.flip, shift=recipe.shift, device=compute.device)
    padded = pad_images(data.train_images, recipe.shift)
    batches = torch.arange(n, device=compute.device).split(compute.scoring_batch)
    logits = torch.cat(
        [predict(teacher, data, render(padded, index, views, recipe.shift), compute) for index in batches]
    ).half()
    if not logits.isfinite().all():
        raise InputError(
            f"the teacher's logits exceed float16 in epoch {epoch}; train the teacher with a lower learning rate"
        )
    return logits


def save_teacher_logits(path: str, logits: Tensor, recipe: Recipe, seed: int) -> None:
    """Write float16 logits [epochs, n, c] of the stream of (`recipe`, `seed`)."""
    with written_whole(path) as temporary:
        temporary.write_bytes(save({"logits": logits.cpu()}, {"stream": _stream_name(recipe, seed)}))


def load_teacher_logits(path: str, data: Dataset, recipe: Recipe, seed: int) -> Tensor:
    """Read float16 logits [epochs, n, c] onto the data's device; refuse those of another stream or another data set."""
    with safe_open(path, framework="pt", device=str(data.train_images.device)) as file:
        stream = (file.metadata() or {}).get("stream")
        logits = file.get_tensor("logits")
    expected = _stream_name(recipe, seed)
    if stream != expected:
        raise InputError(
            f"{path} belongs to the stream {stream}, this training's is {expected}; delete it and run again"
        )
    shape = (stored_epochs(recipe), len(data.train_images), len(data.classes))
    if tuple(logits.shape) != shape:
        raise InputError(
            f"{path} has shape {tuple(logits.shape)}, this training needs {shape[0]} epochs of {shape[1]} images and "
            f"{shape[2]} classes; delete it and run again"
        )
    return logits.expand(recipe.epochs, -1, -1)


def stored_epochs(recipe: Recipe) -> int:
    """Epochs of logits that a file holds: without augmentation every epoch shows the same views, and one serves all."""
    return recipe.epochs if recipe.augments else 1


def _stream_name(recipe: Recipe, seed: int) -> str:
    return f"seed {seed}, {'flips' if recipe.flip else 'no flips'}, shifts up to {recipe.shift}"
