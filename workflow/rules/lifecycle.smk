"""When Snakemake starts and ends: the pace of its jobs, advice on GPUs, and what the terminal shows."""

import os
import sys
import time

from dark_knowledge.progress import logger as terminal
from dark_knowledge.progress.trainings import runs_of
from dark_knowledge.training import multi_process

STARTED = time.time()


def lift_job_rate():
    """Drop Snakemake's own limit of jobs that start in a second; one that the user set stays.

    To keep to it Snakemake 9 looks at the queue again a second after each look, and every job that ends adds a look of its
    own to those that go on for ever. The more inputs wait, the more a look costs: beside 100 waiting trainings it took 16
    minutes of processor time in an hour (a bare case is in benchmarks/results/scaling_waiting.md).
    """
    limit = workflow.scheduling_settings.max_jobs_per_timespan
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


def recommend_mps():
    """Say how jobs on this machine's GPU are faster, where CUDA's Multi-Process Service could run and does not."""
    side_by_side = (workflow.resource_settings.cores or 1) > 1  # None where a cluster's nodes run the jobs
    could_share = config["accelerator"] in ("auto", "cuda") and multi_process.could_run()
    if side_by_side and could_share and not multi_process.is_running():
        start = multi_process.START
        print(f"Jobs that share a GPU take turns; after `{start}` they run side by side.", file=sys.stderr)


def show_progress():
    """Show the running trainings on a terminal, in place of Snakemake's list of jobs; not where less or more is asked for."""
    settings = workflow.output_settings
    if not (settings.quiet or settings.verbose or settings.debug_dag):
        logs = [str(log) for job in workflow.dag.needrun_jobs() for log in job.log]
        results = Path(str(rules.report.output[0])).parent
        terminal.show_on_terminal(workflow.logger_manager.logger, results, runs_of(config), logs)


def end_progress():
    terminal.end_on_terminal(workflow.logger_manager.logger)


onstart:
    lift_job_rate()
    recommend_mps()
    show_progress()


onsuccess:
    end_progress()


# A failed job leaves the report of the run before: never half new, but not of this configuration.
onerror:
    end_progress()
    made = [file for made in REPORTS for file in made.output if os.path.exists(file)]
    for file in [file for file in made if os.path.getmtime(file) < STARTED]:
        print(f"{file} is of an earlier run, and has nothing of this one.", file=sys.stderr)
