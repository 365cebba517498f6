"""Tables and figures of the collected results."""

# Name of each table, its section of the report and its label there.
TABLES = {
    "accuracy": ("Accuracy", "accuracy comparison"),
    "gap_recovered": ("Accuracy", "gap recovered"),
    "mcnemar": ("Accuracy", "McNemar's tests"),
    "convergence": ("Convergence and stability", "time to an accuracy"),
    "errors_per_class": ("Errors", "errors per class"),
    "class_differences": ("Errors", "errors per class, less the baseline's"),
    "hardest_class": ("Errors", "hardest class"),
    "error_similarity": ("Errors", "similarity of errors"),
    "image_outcomes": ("Errors", "images repaired and broken"),
    "calibration": ("Calibration and fidelity", "calibration and fidelity"),
    "controls": ("Controls", "controls"),
    "cost": ("Cost", "cost and gain"),
    "runs": ("Cost", "all runs"),
}

# Name of each figure of an experiment, its section of the report and its label there.
FIGURES = {
    "loss_by_step": ("Convergence and stability", "loss by step"),
    "accuracy_by_step": ("Convergence and stability", "accuracy by step"),
    "loss_by_epoch": ("Convergence and stability", "loss by epoch"),
    "accuracy_by_epoch": ("Convergence and stability", "accuracy by epoch"),
    "student_losses": ("Convergence and stability", "student's hard and soft losses"),
    "validation_accuracy": ("Convergence and stability", "validation accuracy"),
    "temperature": ("Temperature", "accuracy by temperature"),
    "errors_per_class": ("Errors", "test errors per class"),
    "confusion": ("Errors", "confusion matrices"),
    "class_differences": ("Errors", "test errors per class, less the baseline's"),
    "hardest_class": ("Errors", "hardest class"),
    "error_similarity": ("Errors", "similarity of errors, all runs"),
    "image_gallery": ("Errors", "images repaired and broken"),
    "reliability": ("Calibration and fidelity", "reliability diagram"),
    "fidelity": ("Calibration and fidelity", "fidelity and accuracy"),
    "cost": ("Cost", "accuracy and cost"),
}


rule make_tables:
    """Write the study's tables as CSV, HTML and LaTeX."""
    input:
        arms=rules.collect_results.output.arms,
        runs=rules.collect_results.output.runs,
        epochs=rules.collect_results.output.epochs,
        predictions=rules.collect_results.output.predictions,
        class_errors=rules.collect_results.output.class_errors,
        fidelity=rules.collect_results.output.fidelity,
    output:
        **{
            name: report(
                f"<results>/tables/{name}.html",
                caption=f"../report/table_{name}.rst",
                category=section(title),
                subcategory="all experiments",
                labels={"result": f"table: {label}"},
            )
            for name, (title, label) in TABLES.items()
        },
        csv=expand("<results>/tables/{table}.csv", table=TABLES),
        tex=expand("<results>/tables/{table}.tex", table=TABLES),
    log:
        "<logs>/tables/make_tables.log",
    benchmark:
        "<benchmarks>/tables/make_tables.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        classes=as_json(DATASET["classes"]),
        published=as_json(arms.published_of(config)),
        accuracies=as_json(config["claims"]["validation_accuracies"]),
        out=subpath(output.accuracy, parent=True),
        script=scripts("make_tables.py"),
        code=code("make_tables.py"),
        template=texts("table.html.j2", "page.html.j2"),
    shell:
        "python {params.script:q}"
        " --arms {input.arms:q}"
        " --runs {input.runs:q}"
        " --epochs {input.epochs:q}"
        " --predictions {input.predictions:q}"
        " --class-errors {input.class_errors:q}"
        " --fidelity {input.fidelity:q}"
        " --classes {params.classes:q}"
        " --published {params.published:q}"
        " --accuracies {params.accuracies:q}"
        " --out {params.out:q}"
        " > {log:q} 2>&1"


rule plot_experiment:
    """Draw all figures of one experiment."""
    input:
        **rules.collect_results.output,
        data=rules.prepare_dataset.output,
    output:
        **{
            name: report(
                f"<results>/figures/{{experiment}}/{name}.svg",
                caption=f"../report/{name}.rst",
                category=section(title),
                subcategory="{experiment}",
                labels={"result": label},
            )
            for name, (title, label) in FIGURES.items()
        },
    log:
        "<logs>/figures/{experiment}/plot_experiment.log",
    benchmark:
        "<benchmarks>/figures/{experiment}/plot_experiment.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        classes=as_json(DATASET["classes"]),
        published=lambda wildcards: as_json(arms.published_of(config)[wildcards.experiment]),
        level=config["claims"]["level"],
        out=subpath(output.loss_by_step, parent=True),
        script=scripts("plot_experiment.py"),
        code=code("plot_experiment.py"),
    # One job draws them all: to start Matplotlib takes longer than to draw a figure.
    shell:
        "python {params.script:q}"
        " --arms {input.arms:q}"
        " --runs {input.runs:q}"
        " --epochs {input.epochs:q}"
        " --steps {input.steps:q}"
        " --predictions {input.predictions:q}"
        " --class-errors {input.class_errors:q}"
        " --fidelity {input.fidelity:q}"
        " --data {input.data:q}"
        " --experiment {wildcards.experiment}"
        " --classes {params.classes:q}"
        " --published {params.published:q}"
        " --level {params.level}"
        " --out {params.out:q}"
        " > {log:q} 2>&1"


rule plot_samples:
    """Draw some training images of each class."""
    input:
        data=rules.prepare_dataset.output,
    output:
        report(
            "<results>/figures/samples.svg",
            caption="../report/samples.rst",
            category=section("Overview"),
            labels={"result": "samples of each class"},
        ),
    log:
        "<logs>/figures/plot_samples.log",
    benchmark:
        "<benchmarks>/figures/plot_samples.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        script=scripts("plot_samples.py"),
        code=code("plot_samples.py"),
    shell:
        "python {params.script:q} --data {input.data:q} --out {output:q} > {log:q} 2>&1"
