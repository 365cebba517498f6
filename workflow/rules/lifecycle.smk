"""What leans on Snakemake itself: the list of all outputs, its pace, and what the terminal shows from start to end."""

import os
import sys
import time

from snakemake.io import is_flagged

from dark_knowledge.progress import logger as terminal
from dark_knowledge.progress.trainings import runs_of
from dark_knowledge.training import multi_process

STARTED = time.time()


def asked_wildcards():
    """Every set of wildcards with which the study asks for a rule's outputs, by the wildcards' names."""
    runs = [(arm, str(seed)) for arm, seeds in ARMS.items() for seed in seeds]
    kinds = [
        [{}],
        [{"experiment": name} for name in EXPERIMENTS],
        [{"model": arm.model, "supervision": arm.supervision} for arm in ARMS],
        [{"untrained": arm.model, "seed": seed} for arm, seed in runs if arm.model in UNTRAINED],
        [arm.wildcards | {"seed": seed} for arm, seed in runs if arm.teacher is None and arm.model not in UNTRAINED],
        [arm.wildcards | {"seed": seed} for arm, seed in runs if arm.teacher],
        [arms.taught_from(config, arm) | {"seed": seed} for arm, seed in runs if arm.teacher],
    ]
    return {frozenset(kind[0]): kind for kind in kinds if kind}


def kept_outputs(without):
    """Every file that the workflow's rules write for this study and keep, so that a target can ask for each.

    Snakemake forgets a failed job's former parameters and removes its outputs. Whatever of them no target asks for would
    then be missing for good, and what had been made of it would pass for up to date.
    """
    asked = asked_wildcards()
    files = set()
    for each in workflow.modifier.rules:  # of this module, where several are of the same checkout
        if not Path(each.snakefile).is_relative_to(WORKFLOW) or each.name in [other.rule.name for other in without]:
            continue
        for file in each.output:
            if not is_flagged(file, "temp"):
                for wildcards in asked.get(frozenset(file.get_wildcard_names()), []):
                    files.add(str(file.apply_wildcards(wildcards)))
    return [as_it_is(file) for file in sorted(files)]


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
