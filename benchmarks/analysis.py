"""What follows the trainings of a large study: seconds and memory of each step of the analysis, and the report's size.

The runs are fabricated: logits that are right about as often as a study's, histories of ten epochs. Rules do the rest.
"""

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from measuring import CONFIG, ROOT, save_results
from safetensors.numpy import load_file, save_file
from scaling import grown_study, merged

from dark_knowledge.analysis.records import Records
from dark_knowledge.command import sha256
from dark_knowledge.integrity import tensors_sum
from dark_knowledge.study.arms import Arm, arms_of, design_of, taught_from
from dark_knowledge.study.paths import RUN_FILES, run_folder, teacher_logits_stem

STUDY = "large"
RESULTS = Path("results") / STUDY
DATA = str(RESULTS / "data" / "dataset.safetensors")
REPORT = str(RESULTS / "report.html")
PARTS = ("train", "validation", "test")
EPOCHS = 10
RULES = {
    "collected/collect_results": "collect all runs",
    "tables/make_tables": "tables",
    "figures/*/plot_experiment": "figures of an experiment (the slowest)",
    "pages/write_error_explorer": "page of errors",
    "pages/write_curves": "page of curves",
    "report/judge_claims": "claims",
    "report/report": "report",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--temperatures", type=int, default=20)
    parser.add_argument("--experiments", type=int, default=4)
    sizes = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as folder:
        runs = analyse_fabricated(Path(folder), **sizes)
        table = pd.DataFrame(cost_rows(Path(folder)))
        report = (Path(folder) / REPORT).stat().st_size / 1e6
    shape = ", ".join(f"{number} {name}" for name, number in sizes.items())
    notes = [
        f"{runs:,} fabricated runs: {shape}. Two jobs at a time, one run.",
        f"The report has {report:.1f} MB; the aim is at most 20.",
    ]
    save_results("analysis", table, "Analysis of a large study", notes)


def analyse_fabricated(folder: Path, **sizes: int) -> int:
    """Make the report of a study of fabricated runs; returns how many runs it has."""
    study = {"study": STUDY} | grown_study(**sizes)
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    make(folder, DATA)
    runs = fabricate_runs(merged(CONFIG, study), folder)
    make(folder, REPORT)
    return runs


def make(folder: Path, target: str) -> None:
    """Make a file, and whatever it needs, by all rules but those that train and evaluate."""
    rules = (ROOT / "workflow" / "rules").glob("*.smk")
    names = {name for path in rules for name in re.findall(r"^(?:rule|use rule \w+ as) (\w+)", path.read_text(), re.M)}
    trained = {"train_model", "assemble_run", "cache_teacher_logits", "distill_model", "evaluate_runs"}
    workflow = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", "study.yaml", "--cores", "2", "--quiet", "all"]
    allowed = ["--allowed-rules", *sorted(names - trained)]
    subprocess.run(["snakemake", target, *workflow, *allowed], cwd=folder, check=True)


def fabricate_runs(config: dict, folder: Path) -> int:
    """Write what the analysis reads of every run; returns how many runs there are."""
    data = load_file(folder / DATA)
    labels = {part: data[f"{part}_labels"] for part in PARTS}
    random = np.random.default_rng(0)
    # What is hard about an image is so for every run.
    images = {part: random.normal(size=(len(labels[part]), 10)).astype(np.float32) for part in PARTS}
    records = Records(design_of(config), folder / RESULTS, folder / DATA)
    arms = arms_of(config)
    for arm in sorted(arms, key=lambda arm: arm.teacher is not None):
        for seed in arms[arm]:
            fabricate_run(records, arm, seed, len(labels["train"]), random)
        logits = {part: fabricate_logits(labels[part], images[part], len(arms[arm]), random) for part in PARTS}
        tensors = {f"{epoch}/{part}": logits[part] for epoch in ("last", "selected") for part in PARTS}
        tensors |= {"transfer_set": np.ones(len(labels["train"]), bool)}
        record = records.asked_of_logits(arm, arms[arm]) | {"sum": tensors_sum(tensors)}
        path = records.results / "runs" / arm.model / arm.supervision / "logits.safetensors"
        save_file(tensors, path, {"record": json.dumps(record)})
    return sum(map(len, arms.values()))


def fabricate_logits(labels: np.ndarray, images: np.ndarray, runs: int, random: np.random.Generator) -> np.ndarray:
    """Logits [runs, images, classes] of which about nine in a hundred are wrong, many of the same ones in all runs."""
    logits = 1.7 * images + random.normal(size=(runs, *images.shape)).astype(np.float32)
    logits[:, np.arange(len(labels)), labels] += 6
    return logits


def fabricate_run(records: Records, arm: Arm, seed: int, images: int, random: np.random.Generator) -> None:
    """Write one run, and what is written beside its teacher's logits, as their records are to be."""
    if arm.teacher is not None:
        cost = records.results / f"{teacher_logits_stem(**taught_from(records.design, arm), seed=seed)}.json"
        cost.parent.mkdir(parents=True, exist_ok=True)
        found = {"logits": "none", "seconds": 60.0, "images": 600_000}
        cost.write_text(json.dumps(records.asked_of_teacher_logits(arm, seed) | found))
    asked = records.asked_of_run(arm, seed)
    folder = records.results / run_folder(arm.model, arm.supervision, seed)
    folder.mkdir(parents=True)
    epochs = np.arange(EPOCHS)
    per_epoch = images // asked["recipe"]["batch_size"]
    steps = np.arange(0, EPOCHS * per_epoch, 20)
    pd.DataFrame({"epoch": epochs} | curves(epochs, arm, random)).to_parquet(folder / RUN_FILES["history"])
    at_steps = {"step": steps, "epoch": steps // per_epoch} | curves(steps / per_epoch, arm, random)
    pd.DataFrame(at_steps).to_parquet(folder / RUN_FILES["steps"])
    sums = {name: sha256(folder / RUN_FILES[name]) for name in ("history", "steps")}
    found = {
        "parameters": 175_000, "multiply_adds": 10_000_000, "epochs": EPOCHS, "steps": EPOCHS * per_epoch,
        "selected_epoch": EPOCHS - 1, "seconds": 110.0, "start_up_seconds": 1.0, "images_per_second": 5_000.0,
        "peak_memory_mb": 950.0, "machine": "none", "device": "cpu", "precision": "bfloat16", "threads": 1,
        "torch": "none", "commit": None, "files": sums | {"weights": "none", "selected": "none"},
    }  # fmt: skip
    (folder / RUN_FILES["metrics"]).write_text(json.dumps(asked | found))


def curves(epoch: np.ndarray, arm: Arm, random: np.random.Generator) -> dict[str, np.ndarray]:
    """What a run logs, by (part of an) epoch: losses that fall and accuracies that rise, with noise."""

    def falling(scale: float) -> np.ndarray:
        return scale * (0.3 + 1 / (1 + epoch)) * random.uniform(0.9, 1.1, len(epoch))

    soft = falling(1.0) if arm.teacher is not None else np.full(len(epoch), np.nan)
    accuracies = {f"{part}_accuracy": 0.95 - falling(0.1) for part in PARTS}
    return accuracies | {
        "learning_rate": np.full(len(epoch), 0.1), "loss": falling(1.0), "hard_loss": falling(0.7), "soft_loss": soft,
        "images_per_second": np.full(len(epoch), 5_000.0), "validation_loss": falling(0.7),
        "seconds": np.full(len(epoch), 11.0),
    }  # fmt: skip


def cost_rows(folder: Path) -> Iterator[dict]:
    benchmarks = folder / RESULTS / "benchmarks"
    for pattern, what in RULES.items():
        jobs = pd.concat(pd.read_csv(path, sep="\t") for path in benchmarks.glob(f"{pattern}.tsv"))
        yield {"what": what, "seconds": jobs.s.max(), "memory, MB": jobs.max_rss.max()}


if __name__ == "__main__":
    main()
