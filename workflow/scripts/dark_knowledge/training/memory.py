"""What a job needs of a GPU's memory, from a step of its own network on a few images, so that jobs can share a GPU."""

import copy
import weakref
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dark_knowledge.data.prepared import Dataset
from dark_knowledge.training.augment import pad_images
from dark_knowledge.training.devices import GPU_SCORING_BATCH, scoring_batch
from dark_knowledge.training.gpus import CONTEXT
from dark_knowledge.training.recipes import Recipe

LIBRARIES = 200 * 2**20  # workspaces of cuBLAS and cuDNN
MARGIN = 1.2  # a GPU's kernels keep more than a processor's, and memory is handed out in blocks
COPIES = 12  # of the weights: themselves, the selected, two moments; and all again as a checkpoint is read or refused


def training_need(model: nn.Module, data: Dataset, recipe: Recipe, teacher_logits: int = 0) -> int:
    """Bytes for a training of `model`, with its scoring and `teacher_logits` bytes of them, in float32."""
    shifted = pad_images(data.train_images[:1], recipe.shift).nbytes * len(data.train_images)
    views = 3 * 8 * len(data.train_images)
    step = _bytes_of_batch(lambda images: _step(model, data, images), data, recipe.batch_size)
    score = _bytes_of_scoring(model, data)
    return _with_libraries(model, data, shifted + views + teacher_logits + max(step, score))


def scoring_need(model: nn.Module, data: Dataset, logits: int = 0) -> int:
    """Bytes for forward passes of `model` without gradients that keep `logits` bytes of what they compute."""
    score = _bytes_of_scoring(model, data)
    return _with_libraries(model, data, 2 * data.train_images.nbytes + logits + score)


def _with_libraries(model: nn.Module, data: Dataset, work: int) -> int:
    weights = sum(value.nbytes for value in model.state_dict().values())
    images = sum(value.nbytes for value in vars(data).values() if isinstance(value, Tensor))
    return CONTEXT + LIBRARIES + int(MARGIN * (COPIES * weights + images + work))


def _bytes_of_scoring(model: nn.Module, data: Dataset) -> int:
    batch = scoring_batch(GPU_SCORING_BATCH, data.image_shape)
    return _bytes_of_batch(lambda images: _score(model, data, images), data, batch)


def _bytes_of_batch(work: Callable[[Tensor], None], data: Dataset, batch: int) -> int:
    """Largest memory of `work` on `batch` images, from that on two and on four: it grows in a line."""
    two, four = (
        _peak_bytes(work, data.train_images[:1].repeat(n, *[1] * (data.train_images.dim() - 1))) for n in (2, 4)
    )
    each = max(0, four - two) / 2
    return int(max(0, two - 2 * each) + batch * each)


def _peak_bytes(work: Callable[[Tensor], None], images: Tensor) -> int:
    with torch.random.fork_rng(devices=[]), _LiveBytes() as live:
        work(images)
    return live.most


def _step(model: nn.Module, data: Dataset, images: Tensor) -> None:
    model = copy.deepcopy(model).train()  # a step moves the averages of batch norm
    logits = model(data.normalise(images))
    cross_entropy(logits, torch.zeros(len(images), dtype=torch.long)).backward()


def _score(model: nn.Module, data: Dataset, images: Tensor) -> None:
    training = model.training
    with torch.inference_mode():
        model.eval()(data.normalise(images))
    model.train(training)


class _LiveBytes(TorchDispatchMode):
    """Follows the bytes of all tensors that operations make, from their making to their end; `most` is the peak."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.most = 0
        self._followed = weakref.WeakSet()

    def __torch_dispatch__(self, operation, types, arguments=(), settings=None):
        result = operation(*arguments, **(settings or {}))
        given = {id(x.untyped_storage()) for x in tree_leaves((arguments, settings)) if isinstance(x, Tensor)}
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                if id(storage) not in given and storage not in self._followed:
                    self._followed.add(storage)
                    self.live += storage.nbytes()
                    weakref.finalize(storage, self._ended, storage.nbytes())
        self.most = max(self.most, self.live)
        return result

    def _ended(self, size: int) -> None:
        self.live -= size
