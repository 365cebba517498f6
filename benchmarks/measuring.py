"""What the benchmarks share: the study's nets and data, measuring processes side by side, and tables that say where."""

import dataclasses
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path

import pandas as pd
import torch
import yaml

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from dark_knowledge.data.prepared import Dataset, load_dataset  # noqa: E402
from dark_knowledge.training.devices import choose_compute  # noqa: E402
from dark_knowledge.training.networks import build_model  # noqa: E402

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


DATA = f"results/{CONFIG['study']}/data/dataset.safetensors"


def prepare_data() -> None:
    """Have the default study's rules prepare its data set."""
    subprocess.run(["snakemake", "--cores", "1", "--quiet", "all", "--", DATA], cwd=ROOT, check=True)


def part_of_data(images: int) -> Dataset:
    """The first `images` training images, and so few others that scoring them costs nothing."""
    data = load_dataset(ROOT / DATA)
    return dataclasses.replace(
        data,
        train_images=data.train_images[:images],
        train_labels=data.train_labels[:images],
        validation_images=data.validation_images[:10],
        validation_labels=data.validation_labels[:10],
    )


def study_net(name: str, data: Dataset) -> torch.nn.Module:
    """An untrained net of the default study: what a step costs does not depend on its weights."""
    settings = {key: value for key, value in CONFIG["models"][name].items() if key != "recipe"}
    return build_model(settings, data.image_shape, data.classes)


def seconds_of_epochs(epoch: Callable[[], None], epochs: int) -> float:
    """Seconds of some epochs, whose log does not get into the way of the measurement on standard output."""
    started = time.perf_counter()
    with redirect_stdout(sys.stderr):
        for _ in range(epochs):
            epoch()
    return time.perf_counter() - started


def measure_together(command: list[str], processes: int) -> list[dict]:
    """Run `processes` copies of a measuring command; once all have warmed up, let them measure at the same time.

    A copy prints a line when it is ready, waits for one on its standard input, and prints its measurement as JSON.
    """
    with tempfile.TemporaryFile("w+") as log:
        running = [
            subprocess.Popen(
                [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
            for _ in range(processes)
        ]
        for process in running:
            if process.stdout.readline() != "ready\n":
                log.seek(0)
                sys.exit(f"error: {' '.join(command)} ended before it measured:\n{log.read()}")
        for process in running:
            process.stdin.write("go\n")
            process.stdin.flush()
        return [json.loads(process.communicate()[0]) for process in running]


def wait_for_the_others() -> None:
    """A measuring process has warmed up: say so, and wait until all have."""
    print("ready", flush=True)
    sys.stdin.readline()


def save_results(
    name: str, table: pd.DataFrame, title: str, notes: list[str], readable: pd.DataFrame | None = None
) -> None:
    """Write `table` to results/<name>.csv and, for readers and with where it was measured, to results/<name>.md."""
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / f"{name}.csv", index=False, float_format="%.6g")
    shown = _markdown(table if readable is None else readable)
    lines = [f"# {title}", "", shown, "", *(f"* {note}" for note in [*notes, *where()])]
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def _markdown(table: pd.DataFrame) -> str:
    shown = table.map(lambda value: f"{value:,.3g}" if isinstance(value, float) and value < 100 else value)
    shown = shown.map(lambda value: f"{value:,.0f}" if isinstance(value, float) else value)
    rows = [list(shown.columns), ["---"] * len(shown.columns), *shown.astype(str).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def where() -> list[str]:
    """The machine, the versions and the day of a measurement."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = "-dirty" if _git("status", "--porcelain", "--untracked-files=no", "--", ":!benchmarks/results") else ""
    return [
        f"Machine: {choose_compute('auto', 'auto', 1).machine}, {len(os.sched_getaffinity(0))} cores; "
        f"{'a GPU was present' if torch.cuda.is_available() else 'not measured on a GPU'}.",
        f"Versions: Python {platform.python_version()}, PyTorch {torch.__version__}; code at {commit}{changed}; "
        f"{date.today().isoformat()}.",
    ]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
