"""The one training loop. It knows nothing of teachers or students: supervision turns a batch's logits into losses."""

import copy
import math
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from dark_knowledge.command import InputError
from dark_knowledge.data.prepared import Dataset
from dark_knowledge.streams import torch_seed
from dark_knowledge.training.augment import Mix, blend, epoch_views, pad_images, render
from dark_knowledge.training.checkpoint import Progress, resume, save_checkpoint
from dark_knowledge.training.devices import Compute
from dark_knowledge.training.evaluate import accuracy, predict
from dark_knowledge.training.live import live_curves, log_line
from dark_knowledge.training.losses import Supervision
from dark_knowledge.training.networks import limit_incoming_norms
from dark_knowledge.training.recipes import Recipe, learning_rate
from dark_knowledge.training.stopwatch import Stopwatch

STEP_COLUMNS = ("loss", "hard_loss", "soft_loss", "train_accuracy")
# The columns of a training's tables, a row per epoch and a row per logged step.
STEPS = {"step": "int64", "epoch": "int64", "learning_rate": "float64"} | dict.fromkeys(STEP_COLUMNS, "float64")
HISTORY = {"epoch": "int64", "learning_rate": "float64"} | dict.fromkeys(
    (*STEP_COLUMNS, "images_per_second", "validation_loss", "validation_accuracy", "test_accuracy", "seconds"),
    "float64",
)

LOG_EVERY = 20


@dataclass(frozen=True)
class _Training:
    """What stays the same through a training. `transfer_set` [n] is true for the images to learn from."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    data: Dataset
    padded: Tensor
    transfer_set: Tensor
    recipe: Recipe
    supervision: Supervision
    seed: int
    compute: Compute


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
    transfer_set: Tensor | None = None,
) -> Progress:
    """Train `model` in place and return its history and the weights of its best validation epoch.

    `transfer_set` [n] is true for the training images to learn from; without it, all are. A checkpoint of the same
    `identity` is continued, bit for bit on a CPU; another is refused. SIGTERM and SIGINT end the process between two
    steps, with a checkpoint. The test set is scored after each epoch only for the protocol that picks the best epoch
    on it, and never read here.
    """
    optimiser = _make_optimiser(model, recipe, fused=compute.device.type in ("cpu", "cuda"))
    if transfer_set is None:
        transfer_set = torch.ones(len(data.train_images), dtype=torch.bool, device=compute.device)
    padded = pad_images(data.train_images, recipe.shift, recipe.padding)
    training = _Training(model, optimiser, data, padded, transfer_set, recipe, supervision, seed, compute)
    progress = resume(checkpoint, identity, model, optimiser) or Progress()
    curves = live_curves(checkpoint.parent, progress.epoch)
    with _stop_signals() as received, Stopwatch() as clock, curves as show:
        while progress.epoch < recipe.epochs:
            started = clock.seconds() - progress.unfinished_seconds
            measured, rates = _train_epoch(training, progress, received)
            trained = clock.seconds() - started
            if len(measured) < len(rates):
                progress.unfinished, progress.unfinished_seconds = measured.tolist(), trained
                progress.random_states = [each.get_rng_state() for each in _generators(compute)]
                save_checkpoint(checkpoint, identity, model, optimiser, progress)
                name = signal.Signals(received[0]).name
                print(f"stopped by {name} in epoch {progress.epoch + 1}; the same command continues", file=sys.stderr)
                sys.exit(128 + received[0])
            progress.unfinished, progress.unfinished_seconds, progress.random_states = [], 0.0, []
            _finish_epoch(training, progress, measured, rates, trained, score_test_each_epoch)
            progress.history[-1]["seconds"] = clock.seconds() - started
            print(log_line(progress.history, recipe.epochs), flush=True)
            show(progress.history[-1])
            save_checkpoint(checkpoint, identity, model, optimiser, progress)
    return progress


def _make_optimiser(model: nn.Module, recipe: Recipe, fused: bool) -> torch.optim.Optimizer:
    """The recipe's optimiser. Its learning rate is set anew at each step."""
    settings = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay, "fused": fused}
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(model.parameters(), betas=(recipe.momentum, 0.999), **settings)
    nesterov = recipe.momentum > 0
    return torch.optim.SGD(model.parameters(), momentum=recipe.momentum, nesterov=nesterov, **settings)


def steps_per_epoch(images: int, recipe: Recipe) -> int:
    """Whole batches only: the images left over (others in each epoch) are skipped."""
    return images // recipe.batch_size


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT instead of dying of them, so that a training can stop between two steps."""
    received = []
    handlers = {
        number: signal.signal(number, lambda number, frame: received.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _train_epoch(training: _Training, progress: Progress, received: list[int]) -> tuple[Tensor, list[float]]:
    """One pass over the stream, or its rest: a row of STEP_COLUMNS per step done, and the rates of all steps.

    Losses stay on the device until the end, so that it never waits.
    """
    recipe, data, compute, epoch = training.recipe, training.data, training.compute, progress.epoch
    n = len(data.train_images)
    views = epoch_views(training.seed, epoch, n, **recipe.views(data.image_shape[1:]), device=compute.device)
    order = views.order[training.transfer_set[views.order]]
    count = steps_per_epoch(len(order), recipe)
    rates = [learning_rate(recipe, epoch * count + number, recipe.epochs * count) for number in range(count)]
    done = len(progress.unfinished)
    measured = torch.full((count, len(STEP_COLUMNS)), math.nan, device=compute.device)
    measured[:done] = torch.tensor(progress.unfinished).reshape(done, len(STEP_COLUMNS))
    _set_random_state(training, progress)
    training.model.train()
    batches = order.split(recipe.batch_size)[done:count]
    for index in tqdm(batches, f"epoch {epoch + 1}/{recipe.epochs}", leave=False, disable=None):
        if received:
            break
        images = data.normalise(render(training.padded, index, views, recipe.shift))
        measured[done] = _step(training, images, epoch, index, rates[done], views.mix)
        done += 1
    return measured[:done].cpu(), rates


def _step(
    training: _Training, images: Tensor, epoch: int, index: Tensor, rate: float, mix: Mix | None = None
) -> Tensor:
    """Learn from one batch: the values of STEP_COLUMNS before its step."""
    optimiser = training.optimiser
    for group in optimiser.param_groups:
        group["lr"] = rate
    with training.compute.autocast():
        logits = training.model(images).float()  # a network of the user's may give them in bfloat16
    losses = training.supervision(logits, epoch, index, mix)
    optimiser.zero_grad()
    losses.total.backward()
    optimiser.step()
    if training.recipe.max_norm is not None:
        limit_incoming_norms(training.model, training.recipe.max_norm)
    with torch.no_grad():
        soft = torch.full_like(losses.total, math.nan) if losses.soft is None else losses.soft
        answers, labels = logits.argmax(1), training.data.train_labels
        correct = blend(lambda images: (answers == labels[images]).float(), index, mix)
        return torch.stack([losses.total, losses.hard, soft, correct.mean()])


def _set_random_state(training: _Training, progress: Progress) -> None:
    """Dropout draws from a stream of its own for each seed and epoch, so that a continued training draws the same."""
    torch.manual_seed(torch_seed("dropout", training.seed, progress.epoch))
    if progress.random_states:
        for generator, state in zip(_generators(training.compute), progress.random_states, strict=True):
            generator.set_rng_state(state.cpu())


def _generators(compute: Compute) -> list[ModuleType]:
    """Where the states of the default generators are read and set: the processor's, and another device's own."""
    of_device = {"cuda": torch.cuda, "mps": torch.mps}.get(compute.device.type)
    return [torch] if of_device is None else [torch, of_device]


def _finish_epoch(
    training: _Training, progress: Progress, measured: Tensor, rates: list[float], seconds: float, score_test: bool
) -> None:
    """Score a finished epoch and write it into `progress`, its weights as well if validation never saw better."""
    epoch, values = progress.epoch, measured.numpy().astype(float)
    _refuse_divergence(values[:, 0], rates, epoch)
    steps = [
        {"step": epoch * len(rates) + number, "epoch": epoch, "learning_rate": rates[number]}
        | dict(zip(STEP_COLUMNS, row.tolist(), strict=True))
        for number, row in enumerate(values)
    ]
    row = {"epoch": epoch, "learning_rate": rates[-1]}
    row |= {column: float(np.mean([step[column] for step in steps])) for column in STEP_COLUMNS}
    row["images_per_second"] = len(steps) * training.recipe.batch_size / seconds
    row |= _scores(training.model, training.data, training.compute, score_test)
    _refuse_divergence(np.array([row["validation_loss"]]), rates[-1:], epoch, first=len(steps))
    progress.history.append(row)
    progress.steps += [step for step in steps if step["step"] % LOG_EVERY == 0]
    if _is_best(progress.history):
        progress.selected_epoch = epoch
        progress.selected_weights = copy.deepcopy(training.model.state_dict())


def _refuse_divergence(losses: np.ndarray, rates: list[float], epoch: int, first: int = 1) -> None:
    """Refuse losses [steps] that are not all finite; `first` is the number of the first step, counted from 1."""
    bad = np.flatnonzero(~np.isfinite(losses))
    if bad.size:
        raise InputError(
            f"the loss is {losses[bad[0]]} in epoch {epoch + 1}, step {first + bad[0]}, at learning rate "
            f"{rates[bad[0]]:.3g}: training diverged; lower `learning_rate` of this model's recipe"
        )


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
