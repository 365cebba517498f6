"""Teachers and baselines from labels, teachers' logits, and students from both."""

# Outputs are listed one by one: Snakemake removes them when a job fails, while the checkpoint resume.pt, which no rule
# declares, stays beside them for the next attempt.


rule train_model:
    """Train a model on labels: teachers, baselines and controls alike."""
    input:
        data=rules.prepare_dataset.output,
    output:
        **paths.run_files(paths.LABELS),
    log:
        "<logs>/runs/{model}/labels{on}/seed{seed}.log",
    benchmark:
        "<benchmarks>/runs/{model}/labels{on}/seed{seed}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        gpu=GPUS,
        mem_mb=lambda wildcards, attempt: MEMORY * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        architecture=lambda wildcards: architecture(wildcards.model),
        recipe=lambda wildcards: recipe(recipe_of(wildcards.model)),
        supervision="",
        loss="",
        transfer_set=lambda wildcards: transfer_set(wildcards.on),
        split_seed=config["split"]["seed"],
        score_test=lambda wildcards: (
            "--score-test-each-epoch" if arms.scores_test_each_epoch(config, wildcards.model) else ""
        ),
        accelerator=config["accelerator"],
        precision=config["precision"],
        out=subpath(output.weights, parent=True),
        script=scripts("train_model.py"),
        code=code("train_model.py"),
    shell:
        "python {params.script:q}"
        " --data {input.data:q}"
        " --architecture {params.architecture:q}"
        " --recipe {params.recipe:q}"
        " --seed {wildcards.seed}"
        " {params.supervision}{params.loss}"
        " --transfer-set {params.transfer_set:q} --split-seed {params.split_seed}"
        " {params.score_test}"
        " --accelerator {params.accelerator} --precision {params.precision} --threads {threads}"
        " --out {params.out:q}"
        " > {log:q} 2>&1"


rule assemble_run:
    """File like a run what is not trained here: an ensemble of runs, all seeds, or weights or logits from elsewhere."""
    input:
        unpack(sources),
        data=rules.prepare_dataset.output,
    output:
        **paths.run_files(paths.ALL_LABELS, "{untrained}"),
    log:
        "<logs>/runs/{untrained}/labels/seed{seed}.log",
    benchmark:
        "<benchmarks>/runs/{untrained}/labels/seed{seed}.tsv"
    priority: 1  # before all trainings, so that a file that does not fit is refused first
    localrule: True
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        architecture=lambda wildcards: architecture(wildcards.untrained),
        source=source_options,
        content=content_of_file,
        out=subpath(output.weights, parent=True),
        script=scripts("assemble_run.py"),
        code=code("assemble_run.py"),
    shell:
        "python {params.script:q}"
        " --data {input.data:q}"
        " --architecture {params.architecture:q}"
        " --seed {wildcards.seed}"
        " {params.source:q}"
        " --out {params.out:q}"
        " > {log:q} 2>&1"


ruleorder: assemble_run > train_model


rule cache_teacher_logits:
    """Store a teacher's logits on a stream of views, those that students of one seed see, of all images or a drawn part."""
    input:
        data=rules.prepare_dataset.output,
        weights=lambda wildcards: teacher_file("weights", wildcards),
        run=lambda wildcards: teacher_file("metrics", wildcards),
    output:
        logits=unless_kept(f"<results>/{paths.teacher_logits_stem()}.safetensors"),
        record=f"<results>/{paths.teacher_logits_stem()}.json",
    log:
        f"<logs>/{paths.teacher_logits_stem()}.log",
    benchmark:
        f"<benchmarks>/{paths.teacher_logits_stem()}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        gpu=lambda wildcards: gpus(arms.arm_named(config, wildcards.teacher).model),
        mem_mb=lambda wildcards, attempt: MEMORY * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        architecture=lambda wildcards: architecture(arms.arm_named(config, wildcards.teacher).model),
        views=lambda wildcards: as_json(VIEWS[wildcards.views]),
        transfer_set=lambda wildcards: transfer_set(wildcards.on),
        split_seed=config["split"]["seed"],
        accelerator=config["accelerator"],
        precision=config["precision"],
        script=scripts("cache_teacher_logits.py"),
        code=code("cache_teacher_logits.py"),
    shell:
        "python {params.script:q}"
        " --data {input.data:q}"
        " --architecture {params.architecture:q}"
        " --weights {input.weights:q}"
        " --views {params.views:q}"
        " --seed {wildcards.seed}"
        " --transfer-set {params.transfer_set:q} --split-seed {params.split_seed}"
        " --accelerator {params.accelerator} --precision {params.precision} --threads {threads}"
        " --out {output.logits:q}"
        " --record {output.record:q}"
        " > {log:q} 2>&1"


use rule train_model as distill_model with:
    """Train a student on a teacher's stored logits and the labels."""
    input:
        data=rules.prepare_dataset.output,
        teacher_logits=lambda wildcards: expand(
            rules.cache_teacher_logits.output.logits, seed=wildcards.seed, **taught_from(wildcards)
        ),
        record=lambda wildcards: expand(
            rules.cache_teacher_logits.output.record, seed=wildcards.seed, **taught_from(wildcards)
        ),
    output:
        **paths.run_files(paths.TEACHER),
    log:
        f"<logs>/runs/{{model}}/{paths.TEACHER}/seed{{seed}}.log",
    benchmark:
        f"<benchmarks>/runs/{{model}}/{paths.TEACHER}/seed{{seed}}.tsv"
    # `slot`: students that share a cluster job train in turn, and large local jobs run one at a time (profiles/slurm).
    resources:
        gpu=GPUS,
        slot=1,
        mem_mb=lambda wildcards, attempt: MEMORY * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        supervision=lambda wildcards, input: (
            f"--teacher-logits {shlex.quote(str(input.teacher_logits))} "
            f"--temperature {wildcards.temperature} --hard-weight {wildcards.hard_weight}"
        ),
        loss=lambda wildcards: loss(wildcards.by),  # apart, since Snakemake does not look for changes in what has an input
