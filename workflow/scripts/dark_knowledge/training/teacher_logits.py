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
from dark_knowledge.training.recipes import ViewStream


def teacher_logits_of_epoch(
    teacher: nn.Module,
    data: Dataset,
    stream: ViewStream,
    seed: int,
    epoch: int,
    compute: Compute,
    images: Tensor | None = None,
) -> Tensor:
    """Logits [k, c] in float16 of the views of `images` [k], or of all, that (`stream`, `seed`) shows in `epoch`."""
    n = len(data.train_images)
    views = epoch_views(seed, epoch, n, **stream.views(data.image_shape[1:]), device=compute.device)
    padded = pad_images(data.train_images, stream.shift, stream.padding)
    images = torch.arange(n, device=compute.device) if images is None else images
    batches = images.split(compute.scoring_batch(data.image_shape))
    return _in_half(
        torch.cat([predict(teacher, data, render(padded, index, views, stream.shift), compute) for index in batches])
    )


def teacher_logits_from_elsewhere(logits: Tensor, stream: ViewStream) -> Tensor:
    """Given logits [n, c] of the unaugmented images, as they are; refused where the students' recipe augments.

    In float32, of which one epoch serves all: float16 would round away the differences of logits with a large offset.
    """
    if stream.augments:
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


def save_teacher_logits(path: str, logits: Tensor, stream: ViewStream, seed: int) -> None:
    """Write logits [epochs, k, c], float16 or as given, of k images on the stream of (`stream`, `seed`)."""
    with written_whole(path) as temporary:
        temporary.write_bytes(save({"logits": logits.cpu()}, {"stream": _stream_name(stream, seed)}))


def load_teacher_logits(path: str, data: Dataset, stream: ViewStream, seed: int, images: int) -> Tensor:
    """Read logits [epochs, images, c] onto the data's device; refuse those of another stream or another data set."""
    with safe_open(path, framework="pt", device=str(data.train_images.device)) as file:
        found = (file.metadata() or {}).get("stream")
        logits = file.get_tensor("logits")
    expected = _stream_name(stream, seed)
    if found != expected:
        raise InputError(
            f"{path} belongs to the stream {found}, this training's is {expected}; delete it and run again"
        )
    shape = (stored_epochs(stream), images, data.classes)
    if tuple(logits.shape) != shape:
        raise InputError(
            f"{path} has shape {tuple(logits.shape)}, this training needs {shape[0]} epochs of {shape[1]} images and "
            f"{shape[2]} classes; delete it and run again"
        )
    return logits.expand(stream.epochs, -1, -1)


def stored_epochs(stream: ViewStream) -> int:
    """Epochs of logits that a file holds: without augmentation every epoch shows the same views, and one serves all."""
    return stream.epochs if stream.augments else 1


def _stream_name(stream: ViewStream, seed: int) -> str:
    name = f"seed {seed}, {'flips' if stream.flip else 'no flips'}, shifts up to {stream.shift}"
    if stream.shift and stream.padding != "background":
        name += f" into {stream.padding}ed pixels"
    if stream.erase:
        name += f", erasing {stream.erase:g}"
    return f"{name}, mixing {stream.mixup:g}" if stream.mixup else name
