"""Pages to look through the results by hand."""


rule write_error_explorer:
    """Show the test images that some run gets wrong, with every run's answer and probabilities."""
    input:
        collected=rules.collect_results.output,
        data=rules.prepare_dataset.output,
        logits=[logits_of(arm) for arm in ARMS],
    output:
        report(
            "<results>/pages/error_explorer.html",
            caption="../report/error_explorer.rst",
            category=section("Errors"),
            subcategory="all experiments",
            labels={"result": "error explorer (interactive)"},
        ),
    log:
        "<logs>/pages/write_error_explorer.log",
    benchmark:
        "<benchmarks>/pages/write_error_explorer.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        slot=1,
        mem_mb=4000,
        runtime=15,
    params:
        collected=subpath(input[0], parent=True),
        classes=as_json(DATASET["classes"]),
        study=config["study"],
        dataset=config["dataset"],
        results=subpath(output[0], ancestor=2),
        script=scripts("write_error_explorer.py"),
        code=code("write_error_explorer.py"),
        template=texts("error_explorer.*", "interactive.html.j2"),
    shell:
        "python {params.script:q}"
        " --collected {params.collected:q}"
        " --data {input.data:q}"
        " --results {params.results:q}"
        " --classes {params.classes:q}"
        " --study {params.study:q}"
        " --dataset {params.dataset:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"


rule write_curves:
    """Show losses and accuracies by epoch and step, with switches for arms and seeds."""
    input:
        collected=rules.collect_results.output,
    output:
        report(
            "<results>/pages/curves.html",
            caption="../report/curves.rst",
            category=section("Convergence and stability"),
            subcategory="all experiments",
            labels={"result": "learning curves (interactive)"},
        ),
    log:
        "<logs>/pages/write_curves.log",
    benchmark:
        "<benchmarks>/pages/write_curves.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        slot=1,
        mem_mb=2000,
        runtime=15,
    params:
        collected=subpath(input[0], parent=True),
        study=config["study"],
        dataset=config["dataset"],
        script=scripts("write_curves.py"),
        code=code("write_curves.py"),
        template=texts("curves.*", "interactive.html.j2"),
    shell:
        "python {params.script:q}"
        " --collected {params.collected:q}"
        " --study {params.study:q}"
        " --dataset {params.dataset:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"
