"""A study on the cluster is the study at home."""

import json

import pandas as pd
import pytest

from .conftest import PROFILE

pytestmark = pytest.mark.slow

TINY = "tests/data/tiny.yaml"


def comparable(folder) -> dict:
    """What all runs of a study found: weights and logits as bytes, tables without the columns that a clock fills."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix in (".safetensors", ".csv", ".tex") and path.name not in ("runs.csv", "runs.tex"):
            found[name] = path.read_bytes()
        elif path.name in ("history.parquet", "steps.parquet"):
            table = pd.read_parquet(path).drop(columns=["seconds", "images_per_second"], errors="ignore")
            found[name] = table.to_csv(float_format="%a")
        elif path.name == "metrics.json":
            metrics = json.loads(path.read_text())
            found[name] = {
                key: metrics[key] for key in ("validation_accuracy", "selected_epoch", "parameters", "device")
            }
    return found


def test_the_cluster_finds_what_one_machine_finds(workflow):
    done = workflow.snakemake(*PROFILE, "--configfile", TINY)
    assert done.returncode == 0, done.stdout + done.stderr
    results = workflow.folder / "results" / "tiny"
    on_cluster = comparable(results)
    assert (results / "report.html").stat().st_size > 1_000_000
    results.rename(results.with_name("on-cluster"))
    done = workflow.snakemake("--cores", "2", "--configfile", TINY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len([name for name in on_cluster if name.endswith("weights.safetensors")]) == 4
    assert comparable(results) == on_cluster
