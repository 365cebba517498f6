"""dark-knowledge: knowledge distillation with many seeds, from IDX files to a report. `snakemake --cores all`."""

from snakemake.utils import min_version

min_version("9.12")


configfile: f"{workflow.current_basedir}/config.yaml"


include: "workflow/rules/common.smk"


pathvars:
    results=f"results/{config['study']}",
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


wildcard_constraints:
    model=NAME,
    ensemble="|".join(ENSEMBLES) or "(?!)",
    teacher=NAME,
    recipe=NAME,
    experiment=NAME,
    supervision=f"(labels|{NAME}_T{NUMBER}_w{NUMBER})(_on-{NAME})?",
    part=f"(_on-{NAME})?",
    temperature=NUMBER,
    hard_weight=NUMBER,
    seed=r"\d+",


# Snakemake 9 limits how many jobs start in a second. To keep to that it looks at the queue again a second after each look,
# and every job that ends adds a look of its own to those that go on for ever. The more inputs wait, the more a look costs:
# beside 100 waiting trainings it took 16 minutes of processor time in an hour (a bare case is in
# benchmarks/results/scaling_waiting.md). Jobs that train have no need of the limit.
onstart:
    workflow.scheduler.job_rate_limiter = None


report: "workflow/report/workflow.rst"


include: "workflow/rules/data.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/interactive.smk"


if PAPER:

    include: "workflow/rules/paper.smk"


include: "workflow/rules/report.smk"


rule all:
    """The study with its report."""
    default_target: True
    input:
        rules.report.output,
