"""Tables and figures of the collected results."""

TABLES = titles("table")
FIGURES = titles("figure")  # of an experiment


use rule save_design as save_asked with:
    """Write down what the tables show beside the runs: names of classes, and numbers published elsewhere."""
    output:
        "<results>/asked.json",
    log:
        "<logs>/tables/save_asked.log",
    benchmark:
        "<benchmarks>/tables/save_asked.tsv"
    params:
        content=as_json(arms.asked_of(config) | {"reference": reference.asked_of(config)}),


rule make_tables:
    """Compute the study's tables: CSV, and as they are read LaTeX and HTML."""
    input:
        collected=rules.collect_results.output,
        asked=rules.save_asked.output,
        reference=REFERENCE,
    output:
        csv=expand("<results>/tables/{table}.csv", table=TABLES),
        tex=expand("<results>/tables/{table}.tex", table=TABLES),
        bare=expand("<results>/tables/bare/{table}.html", table=TABLES),
    log:
        "<logs>/tables/make_tables.log",
    benchmark:
        "<benchmarks>/tables/make_tables.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        slot=1,
        mem_mb=2000,
        runtime=15,
    params:
        collected=subpath(input[0], parent=True),
        out=subpath(output[0], parent=True),
        script=scripts("make_tables.py"),
        code=code("make_tables.py"),
    shell:
        "python {params.script:q}"
        " --collected {params.collected:q}"
        " --asked {input.asked:q}"
        " --out {params.out:q}"
        " > {log:q} 2>&1"


rule plot_experiment:
    """Draw all figures of one experiment."""
    input:
        collected=rules.collect_results.output,
        data=rules.prepare_dataset.output,
    output:
        **{
            name: report(
                f"<results>/figures/{{experiment}}/{name}.svg",
                caption=f"../report/figure_{name}.rst",
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
        slot=1,
        mem_mb=2000,
        runtime=15,
    params:
        collected=subpath(input[0], parent=True),
        classes=as_json(DATASET["classes"]),
        published=lambda wildcards: as_json(arms.published_of(config)[wildcards.experiment]),
        level=config["claims"]["level"],
        out=subpath(output.loss_by_step, parent=True),
        script=scripts("plot_experiment.py"),
        code=code("plot_experiment.py"),
    # One job draws them all: to start Matplotlib takes longer than to draw a figure.
    shell:
        "python {params.script:q}"
        " --collected {params.collected:q}"
        " --data {input.data:q}"
        " --experiment {wildcards.experiment}"
        " --classes {params.classes:q}"
        " --published {params.published:q}"
        " --level {params.level}"
        " --out {params.out:q}"
        " > {log:q} 2>&1"


rule plot_payoff:
    """Draw what students gain over the best arms without their teachers."""
    input:
        table="<results>/tables/payoff.csv",
    output:
        report(
            "<results>/figures/payoff.svg",
            caption="../report/payoff.rst",
            category=section("Overview"),
            labels={"result": "does the teacher pay?"},
        ),
    log:
        "<logs>/figures/plot_payoff.log",
    benchmark:
        "<benchmarks>/figures/plot_payoff.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        script=scripts("plot_payoff.py"),
        code=code("plot_payoff.py"),
    shell:
        "python {params.script:q} --tables {input.table:q} --out {output:q} > {log:q} 2>&1"


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
        classes=as_json(DATASET["classes"]),
        script=scripts("plot_samples.py"),
        code=code("plot_samples.py"),
    shell:
        "python {params.script:q}"
        " --data {input.data:q}"
        " --classes {params.classes:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"
