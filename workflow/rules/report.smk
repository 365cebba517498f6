"""The summary page and Snakemake's report."""


rule save_config:
    """Keep the study's whole configuration beside its results."""
    output:
        "<results>/config.json",
    log:
        "<logs>/report/save_config.log",
    benchmark:
        "<benchmarks>/report/save_config.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        config=as_json(config),
    shell:
        "printf '%s\\n' {params.config:q} > {output:q} 2> {log:q}"


rule write_summary:
    """Tell the study's story on one self-contained page."""
    input:
        arms=rules.collect_results.output.arms,
        runs=rules.collect_results.output.runs,
        predictions=rules.collect_results.output.predictions,
        config=rules.save_config.output,
        figures=expand(rules.plot_experiment.output, experiment=EXPERIMENTS),
    output:
        report(
            "<results>/summary.html",
            caption="../report/summary.rst",
            category="Overview",
            labels={"page": "summary"},
        ),
    log:
        "<logs>/report/write_summary.log",
    benchmark:
        "<benchmarks>/report/write_summary.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        results=subpath(output[0], parent=True),
        script=script("write_summary.py"),
        code=code("write_summary.py"),
        template=texts("summary.html.j2", "page.html.j2"),
    shell:
        "python {params.script:q}"
        " --arms {input.arms:q}"
        " --runs {input.runs:q}"
        " --predictions {input.predictions:q}"
        " --figures {params.results:q}/figures"
        " --config {input.config:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"


rule report:
    """Build Snakemake's report of the tables, figures and summary."""
    input:
        config=rules.save_config.output,
        results=[
            rules.write_summary.output,
            rules.make_tables.output,
            rules.plot_samples.output,
            expand(rules.plot_experiment.output, experiment=EXPERIMENTS),
        ],
    output:
        "<results>/report.html",
    log:
        "<logs>/report/report.log",
    benchmark:
        "<benchmarks>/report/report.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        snakefile=relative(workflow.main_snakefile),
        captions=texts("*.rst"),
    # Snakemake reports on finished jobs only, so a second one looks at them while the first still holds the lock.
    shell:
        "snakemake {input.results:q}"
        " --snakefile {params.snakefile:q}"
        " --configfile {input.config:q}"
        " --nolock --cores 1"
        " --report {output:q}"
        " > {log:q} 2>&1"
