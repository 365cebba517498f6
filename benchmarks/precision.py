"""Compare bfloat16 with float32: the same seeds, nets and stream, a short recipe, the difference with its interval."""

import argparse
import json
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import pandas as pd
import torch
from measuring import CONFIG, DATA, ROOT, measure_together, prepare_data, save_results, study_net, wait_for_the_others

from dark_knowledge.analysis.statistics import mean_interval, sign_flip_p
from dark_knowledge.data.prepared import load_dataset
from dark_knowledge.training.devices import choose_compute
from dark_knowledge.training.loop import train
from dark_knowledge.training.losses import learn_from_labels
from dark_knowledge.training.recipes import Recipe

NET, EPOCHS = "student", 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--train", nargs=2, metavar=("PRECISION", "SEED"), help="train in this process")
    arguments = parser.parse_args()
    if arguments.train:
        precision, seed = arguments.train
        print(json.dumps(train_once(precision, int(seed))))
        return
    prepare_data()
    rows = []
    for seed in range(arguments.seeds):
        for precision in ("bfloat16", "float32"):
            (found,) = measure_together([__file__, "--train", precision, str(seed)], 1)
            rows.append({"seed": seed, "precision": precision} | found)
            print(rows[-1], flush=True)
    save_results("precision", summary(pd.DataFrame(rows)), "bfloat16 against float32", notes(arguments.seeds))


def train_once(precision: str, seed: int) -> dict:
    compute = choose_compute("cpu", precision, 1)
    data = load_dataset(ROOT / DATA)
    recipe = Recipe(**CONFIG["recipes"]["student"] | {"epochs": EPOCHS})
    torch.manual_seed(seed)
    model = study_net(NET, data).to(memory_format=torch.channels_last)
    wait_for_the_others()
    with redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as folder:
        progress = train(
            model, data, recipe, learn_from_labels(data.train_labels, 0), seed=seed, compute=compute,
            score_test_each_epoch=False, checkpoint=Path(folder, "resume.pt"), identity={},
        )  # fmt: skip
    last = progress.history[-1]
    return {"validation_accuracy": 100 * last["validation_accuracy"], "validation_loss": last["validation_loss"]}


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per measure: the mean of each precision and their difference by seed with its interval and p."""
    wide = rows.pivot(index="seed", columns="precision")
    table = []
    for measure in ("validation_accuracy", "validation_loss"):
        difference = wide[measure].bfloat16 - wide[measure].float32
        interval = mean_interval(difference)
        means = {precision: wide[measure][precision].mean() for precision in ("bfloat16", "float32")}
        ends = {"difference": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n}
        table.append({"measure": measure} | means | ends | {"p": sign_flip_p(difference)})
    return pd.DataFrame(table)


def notes(seeds: int) -> list[str]:
    return [
        f"The default study's {NET} trained on labels for {EPOCHS} epochs from {seeds} seeds, scored on the validation "
        "images in the precision it was trained in: accuracy in percent, loss in nats. bfloat16 minus float32, paired "
        "by seed, with Student's 95 % t interval and the sign-flip p.",
    ]


if __name__ == "__main__":
    main()
