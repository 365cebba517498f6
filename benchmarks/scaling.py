"""How cost grows: a study's with seeds, temperatures and epochs, and Snakemake's own with jobs.

Small studies are run whole in folders of their own; the teacher's share must not grow with the temperatures.
"""

import resource
import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml
from measuring import ROOT, save_results

SMALL = {
    "seeds": [0],
    "split": {"validation": 500, "train_limit": 6000, "test_limit": 1000},
    "recipes": {"teacher": {"epochs": 2}, "student": {"epochs": 2}},
    "experiments": {"custom": None, "resnet": {"temperatures": [4], "controls": {"shuffled-in-class": None}}},
}
STUDIES = {
    "1 seed, 1 temperature, 2 epochs": {},
    "4 temperatures": {"experiments": {"resnet": {"temperatures": [1, 2, 4, 8]}}},
    "8 temperatures": {"experiments": {"resnet": {"temperatures": [1, 1.5, 2, 3, 4, 6, 8, 10]}}},
    "2 seeds": {"seeds": [0, 1]},
    "4 epochs": {"recipes": {"teacher": {"epochs": 4}, "student": {"epochs": 4}}},
}
RULES = {
    "teachers": "runs/resnet/labels/seed*.tsv",
    "caching": "teacher_logits/**/*.tsv",
    "baselines": "runs/student/labels/seed*.tsv",
    "students": "runs/student/resnet_*/seed*.tsv",
    "evaluation": "runs/**/evaluate_runs.tsv",
}
TOUCH = """
rule all:
    input: expand("{number}.txt", number=range(config["jobs"]))
rule one:
    output: "{number}.txt"
    shell: "touch {output}"
"""
WAIT = TOUCH.replace("touch", "sleep 1; touch")
# As in this workflow's Snakefile.
UNLIMITED = """
onstart:
    workflow.scheduler.job_rate_limiter = None
"""


def main() -> None:
    save_results("scaling_studies", pd.DataFrame(list(map(study_row, STUDIES))), "Cost of a study", [STUDY_NOTE])
    save_results("scaling_jobs", pd.DataFrame(job_rows()), "Snakemake's own cost", [JOB_NOTE])
    save_results("scaling_waiting", pd.DataFrame(waiting_rows()), "What Snakemake does while jobs run", [WAITING_NOTE])


STUDY_NOTE = (
    "Core-seconds of one-thread jobs, start-up included, on 5 500 training images, two jobs at a time, one run each. "
    "Caching is the teacher's share of distillation: with more temperatures it stays what it is."
)
JOB_NOTE = (
    "Execution: seconds a job of `touch`, from runs of 20 and 220 jobs on two cores. Plans: `snakemake --dry-run` of "
    "this workflow, and of a Snakefile with one rule and no function, seconds of the whole command. One run each."
)
WAITING_NOTE = (
    "Jobs of `sleep 1`, two at a time: seconds of the whole command, and processor seconds of Snakemake with its jobs, "
    "most of which are to start them. Its limit of jobs started in a second (100 by default) makes it look at the "
    "queue ever more often; this workflow goes without. One run each."
)


def merged(base: dict, override: dict) -> dict:
    both = {key for key in base if isinstance(base[key], dict) and isinstance(override.get(key), dict)}
    return base | override | {key: merged(base[key], override[key]) for key in both}


def snakemake(folder: Path, *arguments: str) -> float:
    """Run Snakemake in `folder`; returns its seconds."""
    started = time.perf_counter()
    subprocess.run(["snakemake", "--quiet", "all", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def study_row(name: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        override = Path(folder) / "study.yaml"
        override.write_text(yaml.safe_dump({"study": "small"} | merged(SMALL, STUDIES[name])))
        workflow = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(override), "--cores", "2"]
        snakemake(Path(folder), *workflow, "--until", "evaluate_runs")
        benchmarks = Path(folder) / "results" / "small" / "benchmarks"
        seconds = {
            rule: sum(pd.read_csv(path, sep="\t").s.sum() for path in benchmarks.glob(pattern))
            for rule, pattern in RULES.items()
        }
    return {"study": name} | seconds | {"total": sum(seconds.values())}


def job_rows() -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Snakefile").write_text(TOUCH)
        few, many = (
            snakemake(Path(folder), "--cores", "2", "--forceall", "--config", f"jobs={jobs}") for jobs in (20, 220)
        )
        rows = [{"what": "execution of a job", "jobs": 1, "seconds": (many - few) / 200}]
        for seeds, temperatures, experiments in ((3, 4, 2), (10, 8, 2), (30, 20, 4), (60, 80, 2)):
            override = Path(folder) / "study.yaml"
            override.write_text(yaml.safe_dump(grown_study(seeds, temperatures, experiments)))
            workflow = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(override), "--dry-run"]
            jobs = seeds * (experiments * temperatures + 6)
            rows.append({"what": "plan of a study", "jobs": jobs, "seconds": snakemake(Path(folder), *workflow)})
            bare = snakemake(Path(folder), "--dry-run", "--forceall", "--config", f"jobs={jobs}")
            rows.append({"what": "plan of as many jobs of touch", "jobs": jobs, "seconds": bare})
    return rows


def waiting_rows() -> list[dict]:
    rows = []
    for limit, snakefile in (("as by default", WAIT), ("none, as here", WAIT + UNLIMITED)):
        for jobs in (100, 300):
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "Snakefile").write_text(snakefile)
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                seconds = snakemake(Path(folder), "--cores", "2", "--config", f"jobs={jobs}")
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
            busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            rows.append({"limit": limit, "jobs": jobs, "seconds": seconds, "processor_seconds": busy})
    return rows


def grown_study(seeds: int, temperatures: int, experiments: int) -> dict:
    """The default study with more of all; its further experiments differ in their hard weight."""
    values = [round(1 + 0.25 * number, 2) for number in range(temperatures)]
    grown = {name: {"temperatures": values} for name in ("custom", "resnet")}
    further = {"teacher": "resnet", "student": "student", "temperatures": values}
    grown |= {f"further-{number}": further | {"hard_weight": number / 10} for number in range(2, experiments)}
    return {"seeds": list(range(seeds)), "experiments": grown}


if __name__ == "__main__":
    main()
