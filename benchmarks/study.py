"""Run the default study from nothing and account for every core-second: what trained, scored or only organised."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pandas as pd
from measuring import CONFIG, ROOT, save_results

RESULTS = ROOT / "results" / CONFIG["study"]
JOBS = {
    "training of teachers": "runs/*/labels*/seed*.tsv",
    "teacher logits": "teacher_logits/**/*.tsv",
    "training of students": "runs/*/*_T*/seed*.tsv",
    "evaluation of arms": "runs/**/evaluate_runs.tsv",
}


def main() -> None:
    if (RESULTS / "runs").exists():
        sys.exit(f"error: {RESULTS / 'runs'} exists, but the study is timed from nothing; move it away and run again")
    started = time.perf_counter()
    subprocess.run(["snakemake", "--cores", "all"], cwd=ROOT, check=True)
    wall = time.perf_counter() - started
    table = account(wall, len(os.sched_getaffinity(0)))
    save_results("study", table, "The default study, whole", [NOTE.format(minutes=wall / 60)])


NOTE = (
    "`snakemake --cores all` from nothing but the installed environment and the image files: {minutes:.1f} minutes. "
    "Start-up is what a training takes before its first step and after its last (imports, loading, writing), counted "
    "once for each job that computes; waiting is cores x wall time without a job. Organising is start-up, analysis and "
    "report, and waiting. One run."
)


def start_up_seconds(benchmarks: Path, runs: Path) -> float:
    """Median over all trainings of what their job took beside the epochs."""
    beside = []
    for path in benchmarks.glob("runs/*/*/seed*.tsv"):
        record = runs / path.relative_to(benchmarks / "runs").with_suffix("") / "metrics.json"
        beside.append(seconds_of(path) - json.loads(record.read_text())["seconds"])
    return median(beside)


def account(wall: float, cores: int) -> pd.DataFrame:
    """Core-seconds by kind of work, and their share of cores x wall time."""
    benchmarks, runs = RESULTS / "benchmarks", RESULTS / "runs"
    jobs = {kind: [seconds_of(path) for path in benchmarks.glob(pattern)] for kind, pattern in JOBS.items()}
    each = start_up_seconds(benchmarks, runs)
    everything = sum(map(seconds_of, benchmarks.glob("**/*.tsv")))
    seconds = {kind: sum(found) - each * len(found) for kind, found in jobs.items()}
    organising = {
        "start-up of these jobs": each * sum(map(len, jobs.values())),
        "data, tables, figures, report": everything - sum(map(sum, jobs.values())),
        "waiting": cores * wall - everything,
    }
    rows = [
        *(seconds | organising).items(),
        ("all organising", sum(organising.values())),
        ("whole study", cores * wall),
    ]
    table = pd.DataFrame(rows, columns=["work", "core_seconds"])
    return table.assign(percent=100 * table.core_seconds / (cores * wall))


def seconds_of(benchmark) -> float:
    return pd.read_csv(benchmark, sep="\t").s.sum()


if __name__ == "__main__":
    main()
