"""The one training loop. It knows nothing of teachers or students: supervision turns a batch's logits into losses."""

import copy
import io
import json
import math
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from dark_knowledge.augment import Views, epoch_views, pad_images, render
from dark_knowledge.command import InputError, written_whole
from dark_knowledge.data import Dataset
from dark_knowledge.devices import Compute
from dark_knowledge.evaluate import accuracy, predict
from dark_knowledge.losses import Supervision
from dark_knowledge.recipes import Recipe, one_cycle

STEP_COLUMNS = ("loss", "hard_loss", "soft_loss", "train_accuracy")
LOG_EVERY = 20


@dataclass
class Progress:
    """What a training has done so far, all of it plain values, so that a checkpoint loads with `weights_only`."""

    history: list[dict] = field(default_factory=list)
    steps: list[dict] = field(default_factory=list)
    selected_epoch: int = -1
    selected_weights: dict[str, Tensor] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        return len(self.history)


def train(
    model: nn.Module,
    data: Dataset,
    recipe: Recipe,
    supervision: Supervision,
    *,
    seed: int,
    compute: Compute,
    score_test_each_epoch: bool,
    checkpoint: Path,
    identity: dict,
) -> Progress:
    """Train `model` in place and return its history and the weights of its best validation epoch.

    A checkpoint of the same `identity` is continued, bit for bit on a CPU; another is refused. The test set is scored
    after each epoch only for the protocol that picks the best epoch on it, and never read here.
    """
    optimiser = torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
        fused=compute.device.type in ("cpu", "cuda"),
    )
    progress = _resume(checkpoint, identity, model, optimiser) or Progress()
    padded = pad_images(data.train_images, recipe.shift)
    while progress.epoch < recipe.epochs:
        started = time.perf_counter()
        epoch = progress.epoch
        views = epoch_views(seed, epoch, len(padded), flip=recipe.flip, shift=recipe.shift, device=compute.device)
        steps = _train_epoch(model, optimiser, data, padded, views, recipe, supervision, epoch, compute)
        trained = time.perf_counter() - started
        row = _epoch_row(epoch, steps, recipe, trained)
        row |= _scores(model, data, compute, score_test_each_epoch)
        _refuse_divergence(
            np.array([row["validation_loss"]]), rates=[row["learning_rate"]], epoch=epoch, first=len(steps)
        )
        row["seconds"] = time.perf_counter() - started
        progress.history.append(row)
        progress.steps += [step for step in steps if step["step"] % LOG_EVERY == 0]
        if _is_best(progress.history):
            progress.selected_epoch = epoch
            progress.selected_weights = copy.deepcopy(model.state_dict())
        print(_log_line(progress, recipe), flush=True)
        _save_checkpoint(checkpoint, identity, model, optimiser, progress)
    return progress


def steps_per_epoch(images: int, recipe: Recipe) -> int:
    """Whole batches only: the images left over (others in each epoch) are skipped."""
    return images // recipe.batch_size


def _train_epoch(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    data: Dataset,
    padded: Tensor,
    views: Views,
    recipe: Recipe,
    supervision: Supervision,
    epoch: int,
    compute: Compute,
) -> list[dict]:
    """One pass over the stream; a row per step. Losses stay on the device until the end, so that it never waits."""
    count = steps_per_epoch(len(padded), recipe)
    measured = torch.full((count, len(STEP_COLUMNS)), math.nan, device=compute.device)
    rates = []
    model.train()
    batches = views.order.split(recipe.batch_size)[:count]
    for number, index in enumerate(tqdm(batches, f"epoch {epoch + 1}/{recipe.epochs}", leave=False, disable=None)):
        rates.append(one_cycle(epoch * count + number, recipe.epochs * count, recipe.learning_rate, recipe.warmup))
        for group in optimiser.param_groups:
            group["lr"] = rates[-1]
        images = data.normalise(render(padded, index, views, recipe.shift))
        with compute.autocast():
            logits = model(images)
        losses = supervision(logits, epoch, index)
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
        with torch.no_grad():
            measured[number, 0] = losses.total
            measured[number, 1] = losses.hard
            if losses.soft is not None:
                measured[number, 2] = losses.soft
            measured[number, 3] = (logits.argmax(1) == data.train_labels[index]).float().mean()
    values = measured.cpu().numpy().astype(float)
    _refuse_divergence(values[:, 0], rates, epoch)
    return [
        {"step": epoch * count + number, "epoch": epoch, "learning_rate": rates[number]}
        | dict(zip(STEP_COLUMNS, row.tolist(), strict=True))
        for number, row in enumerate(values)
    ]


def _refuse_divergence(losses: np.ndarray, rates: list[float], epoch: int, first: int = 1) -> None:
    """Refuse losses [steps] that are not all finite; `first` is the number of the first step, counted from 1."""
    bad = np.flatnonzero(~np.isfinite(losses))
    if bad.size:
        raise InputError(
            f"the loss is {losses[bad[0]]} in epoch {epoch + 1}, step {first + bad[0]}, at learning rate "
            f"{rates[bad[0]]:.3g}: training diverged; lower `learning_rate` of this model's recipe"
        )


def _epoch_row(epoch: int, steps: list[dict], recipe: Recipe, seconds: float) -> dict:
    row = {"epoch": epoch, "learning_rate": steps[-1]["learning_rate"]}
    row |= {column: float(np.mean([step[column] for step in steps])) for column in STEP_COLUMNS}
    return row | {"images_per_second": len(steps) * recipe.batch_size / seconds}


def _scores(model: nn.Module, data: Dataset, compute: Compute, score_test: bool) -> dict:
    logits = predict(model, data, data.validation_images, compute)
    scores = {
        "validation_loss": cross_entropy(logits, data.validation_labels).item(),
        "validation_accuracy": accuracy(logits, data.validation_labels),
        "test_accuracy": math.nan,
    }
    if score_test:
        scores["test_accuracy"] = accuracy(predict(model, data, data.test_images, compute), data.test_labels)
    return scores


def _is_best(history: list[dict]) -> bool:
    """Whether the last epoch has the highest validation accuracy yet; a tie keeps the earlier epoch."""
    return all(history[-1]["validation_accuracy"] > row["validation_accuracy"] for row in history[:-1])


def _log_line(progress: Progress, recipe: Recipe) -> str:
    row = progress.history[-1]
    left = (recipe.epochs - progress.epoch) * float(np.mean([row["seconds"] for row in progress.history]))
    soft = "" if math.isnan(row["soft_loss"]) else f" (hard {row['hard_loss']:.4f}, soft {row['soft_loss']:.4f})"
    return (
        f"epoch {progress.epoch:3d}/{recipe.epochs}  loss {row['loss']:.4f}{soft}  "
        f"train {row['train_accuracy']:.2%}  validation {row['validation_accuracy']:.2%}  "
        f"{row['images_per_second']:.0f} images/s  {left:.0f} s left"
    )


def _save_checkpoint(
    path: Path, identity: dict, model: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress
) -> None:
    content = io.BytesIO()
    torch.save(
        {
            "identity": json.dumps(identity, sort_keys=True),
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "progress": vars(progress),
        },
        content,
    )
    with written_whole(path) as temporary:
        temporary.write_bytes(content.getvalue())


def _resume(path: Path, identity: dict, model: nn.Module, optimiser: torch.optim.Optimizer) -> Progress | None:
    """Load a checkpoint into model and optimiser. One that is damaged or of another training is refused, aloud."""
    if not path.exists():
        return None
    untouched = copy.deepcopy((model.state_dict(), optimiser.state_dict()))
    try:
        state = torch.load(path, weights_only=True, map_location=next(model.parameters()).device)
        if not isinstance(state, dict):
            raise TypeError("a checkpoint is a dictionary")
        same_training = state["identity"] == json.dumps(identity, sort_keys=True)
        if same_training:
            progress = Progress(**state["progress"])
            model.load_state_dict(state["model"])
            optimiser.load_state_dict(state["optimiser"])
    except (
        Exception
    ) as error:  # a damaged or foreign file can make the unpickler, or what reads its content, raise anything
        model.load_state_dict(untouched[0])
        optimiser.load_state_dict(untouched[1])
        print(
            f"{path} is not continued: it is damaged or no checkpoint ({type(error).__name__}); training starts afresh",
            file=sys.stderr,
        )
        return None
    if not same_training:
        print(
            f"{path} is not continued: it belongs to other settings or other code; training starts afresh",
            file=sys.stderr,
        )
        return None
    print(f"continuing after epoch {progress.epoch} from {path}", flush=True)
    return progress


def peak_memory_mb() -> float:
    """Largest resident size of this process so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
