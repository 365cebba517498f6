"""A teacher's logits on the stream of views that its students learn from, computed once and stored.

Logits, never probabilities: one file serves every temperature. Rows are found by (epoch, image), not by position in a
batch, so no order of batches can part a row from its view.
"""

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from dark_knowledge.command import InputError, written_whole
from dark_knowledge.data.prepared import Dataset
from dark_knowledge.training.augment import epoch_views, pad_images, render
from dark_knowledge.training.devices import Compute
from dark_knowledge.training.evaluate import predict
from dark_knowledge.training.recipes import Recipe


def teacher_logits_of_epoch(
    teacher: nn.Module, data: Dataset, recipe: Recipe, seed: int, epoch: int, compute: Compute
) -> Tensor:
    """Logits [n, c] in float16 of the views that the stream of (`recipe`, `seed`) shows in `epoch`, by image."""
    n = len(data.train_images)
    views = epoch_views(seed, epoch, n, **recipe.views(data.image_shape[1:]), device=compute.device)
    padded = pad_images(data.train_images, recipe.shift, recipe.padding)
    batches = torch.arange(n, device=compute.device).split(compute.scoring_batch)
    return _in_half(
        torch.cat([predict(teacher, data, render(padded, index, views, recipe.shift), compute) for index in batches])
    )


def teacher_logits_from_elsewhere(logits: Tensor, recipe: Recipe) -> Tensor:
    """Given logits [n, c] of the unaugmented images, as they are; refused where the students' recipe augments.

    In float32, of which one epoch serves all: float16 would round away the differences of logits with a large offset.
    """
    if recipe.augments:
        raise InputError(
            "the teacher's logits are of unaugmented images, but this recipe augments; give students one that does not"
        )
    return logits


def _in_half(logits: Tensor) -> Tensor:
    logits = logits.half()
    if not logits.isfinite().all():
        raise InputError(
            "the teacher's logits exceed float16; train the teacher with a lower learning rate or, where its weights "
            "are from elsewhere, give its logits in their place"
        )
    return logits


def save_teacher_logits(path: str, logits: Tensor, recipe: Recipe, seed: int) -> None:
    """Write logits [epochs, n, c], float16 or as given, of the stream of (`recipe`, `seed`)."""
    with written_whole(path) as temporary:
        temporary.write_bytes(save({"logits": logits.cpu()}, {"stream": _stream_name(recipe, seed)}))


def load_teacher_logits(path: str, data: Dataset, recipe: Recipe, seed: int) -> Tensor:
    """Read logits [epochs, n, c] onto the data's device; refuse those of another stream or another data set."""
    with safe_open(path, framework="pt", device=str(data.train_images.device)) as file:
        stream = (file.metadata() or {}).get("stream")
        logits = file.get_tensor("logits")
    expected = _stream_name(recipe, seed)
    if stream != expected:
        raise InputError(
            f"{path} belongs to the stream {stream}, this training's is {expected}; delete it and run again"
        )
    shape = (stored_epochs(recipe), len(data.train_images), data.classes)
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
    name = f"seed {seed}, {'flips' if recipe.flip else 'no flips'}, shifts up to {recipe.shift}"
    if recipe.padding != "background":
        name += f" into {recipe.padding}ed pixels"
    if recipe.erase:
        name += f", erasing {recipe.erase:g}"
    return f"{name}, mixing {recipe.mixup:g}" if recipe.mixup else name
