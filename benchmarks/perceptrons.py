"""Whether ten perceptrons train faster as one batch of matrices than one by one: widths of the study hinton2015.

Every measurement is two fresh processes of one thread side by side; rounds are interleaved.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pandas as pd
import torch
import yaml
from measuring import (
    ROOT,
    measure_together,
    part_of_data,
    prepare_data,
    save_results,
    seconds_of_epochs,
    wait_for_the_others,
)
from torch import Tensor, nn

from dark_knowledge.data.prepared import Dataset
from dark_knowledge.training.augment import epoch_views, pad_images, render
from dark_knowledge.training.devices import Compute, choose_compute
from dark_knowledge.training.loop import train
from dark_knowledge.training.losses import Supervision, learn_from_teacher
from dark_knowledge.training.networks import build_model
from dark_knowledge.training.recipes import Recipe

STUDY = yaml.safe_load((ROOT / "workflow" / "studies" / "hinton2015.yaml").read_text(encoding="utf-8"))
RECIPE = Recipe(**STUDY["recipes"]["small"] | {"epochs": 1})
WIDTHS = (30, 100, 300, 800)
NETS = 10
BATCHES = 80


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", nargs=2, metavar=("WIDTH", "NETS"), type=int, help="measure in this process")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure)))
        return
    prepare_data()
    rows = []
    for number in range(arguments.rounds):
        for width in WIDTHS:
            for nets in (1, NETS):
                found = measure_together([__file__, "--measure", str(width), str(nets)], 2)
                rows.append({"round": number, "width": width, "nets": nets, "images_per_second": sum(found)})
                print(rows[-1], flush=True)
    save_results("perceptrons", summary(pd.DataFrame(rows)), "Ten perceptrons at once", notes(arguments.rounds))


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per width: images of one net a second, one by one and ten at once, and the ratio in the same round."""
    wide = rows.pivot(index=["width", "round"], columns="nets", values="images_per_second")
    ratio = (wide[NETS] / wide[1]).groupby("width")
    return pd.DataFrame(
        {
            "one_by_one": wide[1].groupby("width").median(),
            "ten_at_once": wide[NETS].groupby("width").median(),
            "times_faster": ratio.median(),
            "lowest": ratio.min(),
            "highest": ratio.max(),
        }
    ).reset_index()


def notes(rounds: int) -> list[str]:
    return [
        "Images a second, counted once for each net that learns from them, of two processes of one thread: median of "
        f"{rounds} interleaved rounds; times_faster is of the same round, with its lowest and highest.",
        f"Two hidden layers of `width` units, distilled at T = 20 in batches of {RECIPE.batch_size}. One by one: this "
        f"engine. Ten at once: {NETS} nets' weights as one batch of matrices, the images rendered once for all.",
    ]


def measure(width: int, nets: int) -> float:
    """Images a second, times nets, of about four seconds of epochs, after one epoch to warm up."""
    images = BATCHES * RECIPE.batch_size
    data, compute = part_of_data(images), choose_compute("cpu", "auto", 1)
    logits = torch.randn(1, images, data.classes).half()
    supervision = learn_from_teacher(data.train_labels, logits, temperature=20.0, hard_weight=0.5)
    epoch = (one_net if nets == 1 else many_nets)(width, data, compute, supervision)
    repetitions = max(1, round(4 / seconds_of_epochs(epoch, 1)))
    wait_for_the_others()
    return repetitions * images * nets / seconds_of_epochs(epoch, repetitions)


def one_net(width: int, data: Dataset, compute: Compute, supervision: Supervision) -> Callable[[], None]:
    settings = {"architecture": "mlp", "hidden": [width, width], "input_dropout": 0.0, "hidden_dropout": 0.0}
    model = build_model(settings, data.image_shape, data.classes)

    def epoch() -> None:
        with tempfile.TemporaryDirectory() as folder:
            train(
                model, data, RECIPE, supervision, seed=0, compute=compute, score_test_each_epoch=False,
                checkpoint=Path(folder, "resume.pt"), identity={},
            )  # fmt: skip

    return epoch


class Perceptrons(nn.Module):
    """Perceptrons of the same widths as batches of matrices: logits [nets, b, classes]."""

    def __init__(self, widths: list[int]):
        super().__init__()
        shapes = list(pairwise(widths))
        self.weights = nn.ParameterList(torch.randn(NETS, *shape) / shape[0] ** 0.5 for shape in shapes)
        self.biases = nn.ParameterList(torch.zeros(NETS, 1, outputs) for _, outputs in shapes)

    def forward(self, images: Tensor) -> Tensor:
        # The first layer sees the same images in every net: one product of a wide matrix.
        first = self.weights[0].permute(1, 0, 2).flatten(1)
        x = (images.flatten(1) @ first).view(len(images), NETS, -1).transpose(0, 1) + self.biases[0]
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            x = torch.baddbmm(bias, x.relu(), weight)
        return x


def many_nets(width: int, data: Dataset, compute: Compute, supervision: Supervision) -> Callable[[], None]:
    model = Perceptrons([data.train_images[0].numel(), width, width, data.classes])
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=RECIPE.momentum, nesterov=True, fused=True)
    padded = pad_images(data.train_images, 0)

    def epoch() -> None:
        views = epoch_views(0, 0, len(padded), flip=False, shift=0)
        for index in views.order.split(RECIPE.batch_size):
            with compute.autocast():
                logits = model(data.normalise(render(padded, index, views, 0)))
            optimiser.zero_grad()
            # A mean over all rows; the gradient is that of a sum over the nets but for its scale.
            supervision(logits.float().flatten(0, 1), 0, index.repeat(NETS)).total.backward()
            optimiser.step()

    return epoch


if __name__ == "__main__":
    main()
