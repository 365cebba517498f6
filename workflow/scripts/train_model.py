"""Train one model from one seed: from labels, or from a teacher's stored logits and labels (distillation)."""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from dark_knowledge import command
from dark_knowledge.command import InputError, sha256, written_whole
from dark_knowledge.data.prepared import Dataset, load_dataset
from dark_knowledge.fingerprint import code_fingerprint
from dark_knowledge.integrity import checked_sum
from dark_knowledge.streams import torch_seed
from dark_knowledge.study.paths import RUN_FILES, run_sums
from dark_knowledge.study.views import drawn_part
from dark_knowledge.training.checkpoint import Progress
from dark_knowledge.training.devices import choose_compute, peak_memory_mb
from dark_knowledge.training.loop import steps_per_epoch, train
from dark_knowledge.training.losses import Supervision, learn_from_labels, learn_from_teacher, soft_loss_of
from dark_knowledge.training.memory import training_need
from dark_knowledge.training.networks import build_model, count_multiply_adds, count_parameters, save_weights
from dark_knowledge.training.recipes import Recipe
from dark_knowledge.training.teacher_logits import load_teacher_logits
from dark_knowledge.training.transfer_sets import chosen_images, rows_of_logits


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="prepared data set")
    parser.add_argument("--architecture", type=json.loads, required=True, help="network, as JSON")
    parser.add_argument("--recipe", type=json.loads, required=True, help="training settings, as JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--split-seed", type=int, required=True, help="draws the images of a transfer set")
    parser.add_argument("--teacher-logits", type=Path, help="with their record beside; without, labels alone supervise")
    parser.add_argument("--transfer-set", type=json.loads, default={}, help="images or soft targets to use, as JSON")
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--hard-weight", type=float)
    parser.add_argument("--loss", type=json.loads, default={}, help="of the soft targets, as JSON; else Hinton's")
    parser.add_argument("--score-test-each-epoch", action="store_true", help="for the best-epoch-on-test protocol")
    parser.add_argument("--accelerator", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    parser.add_argument("--precision", default="auto", choices=["auto", "bfloat16", "float32"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    started = time.perf_counter()
    data = load_dataset(arguments.data)
    recipe = Recipe(**arguments.recipe)
    transfer_set = images_to_learn_from(arguments, data, recipe)
    identity = identity_of_inputs(arguments)
    torch.manual_seed(torch_seed("weights", arguments.seed))
    model = build_model(arguments.architecture, data.image_shape, data.classes)
    stored = os.path.getsize(arguments.teacher_logits) if arguments.teacher_logits else 0
    compute = choose_compute(
        arguments.accelerator,
        arguments.precision,
        arguments.threads,
        need=lambda: training_need(model, data, recipe, stored),
    )
    data = data.to(compute.device)
    model.to(compute.device, memory_format=torch.channels_last)
    identity |= {"device": compute.device.type, "machine": compute.machine, "precision": compute.precision}
    checkpoint = arguments.out / "resume.pt"
    start_up = time.perf_counter() - started - compute.waited
    progress = train(
        model,
        data,
        recipe,
        choose_supervision(arguments, data, recipe),
        seed=arguments.seed,
        compute=compute,
        score_test_each_epoch=arguments.score_test_each_epoch,
        checkpoint=checkpoint,
        identity=identity,
        transfer_set=transfer_set.to(compute.device),
    )
    save_run(arguments.out, model, progress)
    described = {
        "parameters": count_parameters(model),
        "training_images": int(transfer_set.sum()),
        "multiply_adds": count_multiply_adds(model, data.image_shape),
        "steps": progress.epoch * steps_per_epoch(int(transfer_set.sum()), recipe),
        "start_up_seconds": start_up,
        "peak_memory_mb": peak_memory_mb(compute.device),
    }
    write_record(arguments.out, identity | described, progress)
    checkpoint.unlink(missing_ok=True)


def images_to_learn_from(arguments: argparse.Namespace, data: Dataset, recipe: Recipe) -> Tensor:
    """True for the training images [n] of the transfer set, which must fill a batch."""
    transfer_set = chosen_images(data.train_labels, arguments.transfer_set, arguments.split_seed)
    images = int(transfer_set.sum())
    if not steps_per_epoch(images, recipe):
        raise InputError(
            f"batch_size is {recipe.batch_size}, but only {images} images are left for training; lower `batch_size` of "
            "this model's recipe, or leave it more images"
        )
    return transfer_set


def identity_of_inputs(arguments: argparse.Namespace) -> dict:
    """What a run is made of but for the machine: the head of its record, and what its checkpoint must be of."""
    logits = arguments.teacher_logits
    return {
        "architecture": arguments.architecture,
        "recipe": arguments.recipe,
        "seed": arguments.seed,
        "temperature": arguments.temperature,
        "hard_weight": arguments.hard_weight,
        "loss": arguments.loss,
        "transfer_set": arguments.transfer_set,
        "split_seed": arguments.split_seed,
        "score_test_each_epoch": arguments.score_test_each_epoch,
        "data": sha256(arguments.data),
        "teacher_logits": logits and checked_sum(logits, logits.with_suffix(".json"), "logits"),
        "code": code_fingerprint(__file__),
        "torch": torch.__version__,
        "threads": arguments.threads,
    }


def choose_supervision(arguments: argparse.Namespace, data: Dataset, recipe: Recipe) -> Supervision:
    if arguments.teacher_logits is None:
        return learn_from_labels(data.train_labels, recipe.label_smoothing)
    stored = chosen_images(data.train_labels, drawn_part(arguments.transfer_set), arguments.split_seed)
    teacher_logits = load_teacher_logits(arguments.teacher_logits, data, recipe, arguments.seed, int(stored.sum()))
    return learn_from_teacher(
        data.train_labels,
        teacher_logits,
        temperature=arguments.temperature,
        hard_weight=arguments.hard_weight,
        label_smoothing=recipe.label_smoothing,
        soft_loss=soft_loss_of(arguments.loss),
        rows=rows_of_logits(arguments.transfer_set, data.train_labels, stored, arguments.seed),
    )


def save_run(folder: Path, model: nn.Module, progress: Progress) -> None:
    """Write the last weights and those of the best validation epoch, which `model` has then, and the two tables."""
    save_weights(folder / RUN_FILES["weights"], model)
    model.load_state_dict(progress.selected_weights)
    save_weights(folder / RUN_FILES["selected"], model)
    for name, rows in {"history": progress.history, "steps": progress.steps}.items():
        with written_whole(folder / RUN_FILES[name]) as temporary:
            pd.DataFrame(rows).to_parquet(temporary, index=False)


def write_record(folder: Path, described: dict, progress: Progress) -> None:
    """Write metrics.json: what the run is made of, how it went, and the sums of its files."""
    history = pd.DataFrame(progress.history)
    command.write_json(
        folder / RUN_FILES["metrics"],
        described
        | {
            "files": run_sums(folder),
            "epochs": len(history),
            "selected_epoch": progress.selected_epoch,
            "validation_accuracy": {
                "last": history.validation_accuracy.iloc[-1],
                "selected": history.validation_accuracy[progress.selected_epoch],
            },
            "seconds": history.seconds.sum(),
            "images_per_second": history.images_per_second.median(),
            "commit": git_commit(),
        },
    )


def git_commit() -> str | None:
    """The checkout's commit, marked when files differ from it; None outside a checkout or where git does not run."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
        )
    except OSError:
        return None
    return described.stdout.strip() or None


if __name__ == "__main__":
    command.run(main)
