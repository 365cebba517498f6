"""From weights to predictions, and from all runs to tidy tables."""


rule evaluate_runs:
    """Compute the logits of one arm, all seeds, on every part of the data set."""
    input:
        data=rules.prepare_dataset.output,
        last=of_arm("weights"),
        selected=of_arm("selected"),
        runs=of_arm("metrics"),
    output:
        f"<results>/{paths.logits_file()}",
    log:
        "<logs>/runs/{model}/{supervision}/evaluate_runs.log",
    benchmark:
        "<benchmarks>/runs/{model}/{supervision}/evaluate_runs.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        gpu=lambda wildcards: gpus(wildcards.model),
        slot=1,
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        architecture=lambda wildcards: architecture(wildcards.model),
        # The runs' folder rather than every file: a command line has a limit, a study has not.
        runs=subpath(output[0], parent=True),
        seeds=lambda wildcards: SEEDS[wildcards.model, wildcards.supervision],
        transfer_set=lambda wildcards: transfer_set(learned_from(wildcards)),
        split_seed=config["split"]["seed"],
        accelerator=config["accelerator"],
        precision=config["precision"],
        script=scripts("evaluate_runs.py"),
        code=code("evaluate_runs.py"),
    shell:
        "python {params.script:q}"
        " --data {input.data:q}"
        " --architecture {params.architecture:q}"
        " --runs {params.runs:q} --seeds {params.seeds}"
        " --transfer-set {params.transfer_set:q} --split-seed {params.split_seed}"
        " --accelerator {params.accelerator} --precision {params.precision} --threads {threads}"
        " --out {output:q}"
        " > {log:q} 2>&1"


rule save_design:
    # No command line, which has a limit that a study has not; and no script, which would run again when it is touched.
    """Write down what the study's runs are to be: what the record of each is held against."""
    output:
        "<results>/design.json",
    log:
        "<logs>/collected/save_design.log",
    benchmark:
        "<benchmarks>/collected/save_design.tsv"
    priority: 1  # before all trainings, so that whoever watches them knows how many there will be
    localrule: True
    resources:
        mem_mb=500,
        runtime=5,
    params:
        content=as_json(arms.design_of(config)),
    run:
        with written_whole(Path(output[0])) as temporary:
            temporary.write_text(f"{params.content}\n", encoding="utf-8")


rule collect_results:
    """Gather all runs into tidy tables: arms, runs, epochs, steps, test predictions, errors per class, fidelity."""
    input:
        data=rules.prepare_dataset.output,
        design=rules.save_design.output,
        logits=[logits_of(arm) for arm in ARMS],
        # One file of a run stands for all that its job wrote: Snakemake's time grows with the square of a job's inputs.
        runs=[
            file
            for arm, seeds in ARMS.items()
            for file in expand(paths.run_files(arm.supervision, arm.model)["metrics"], seed=seeds)
        ],
        caching=sorted(
            {
                f"<results>/{paths.teacher_logits_stem(**arms.taught_from(config, arm), seed=seed)}.json"
                for arm, seeds in ARMS.items()
                if arm.teacher is not None
                for seed in seeds
            }
        ),
    output:
        arms="<results>/collected/arms.parquet",
        runs="<results>/collected/runs.parquet",
        epochs="<results>/collected/epochs.parquet",
        steps="<results>/collected/steps.parquet",
        predictions="<results>/collected/predictions.parquet",
        class_errors="<results>/collected/class_errors.parquet",
        fidelity="<results>/collected/fidelity.parquet",
    log:
        "<logs>/collected/collect_results.log",
    benchmark:
        "<benchmarks>/collected/collect_results.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        slot=1,
        mem_mb=4000,
        runtime=30,
    params:
        results=subpath(output.arms, ancestor=2),
        out=subpath(output.arms, parent=True),
        script=scripts("collect_results.py"),
        code=code("collect_results.py"),
    # As of evaluate_runs, the folder.
    shell:
        "python {params.script:q}"
        " --data {input.data:q}"
        " --results {params.results:q}"
        " --design {input.design:q}"
        " --out {params.out:q}"
        " > {log:q} 2>&1"
