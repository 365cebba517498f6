"""The summary, the provenance, and Snakemake's report."""


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


rule judge_claims:
    """Answer the note's claims: all quantities in a table, and a page that explains the verdicts."""
    input:
        arms=rules.collect_results.output.arms,
        runs=rules.collect_results.output.runs,
        epochs=rules.collect_results.output.epochs,
        steps=rules.collect_results.output.steps,
        predictions=rules.collect_results.output.predictions,
        class_errors=rules.collect_results.output.class_errors,
        config=rules.save_config.output,
    output:
        page=report(
            "<results>/pages/claims.html",
            caption="../report/claims.rst",
            category=section("Overview"),
            labels={"result": "claims, judged"},
        ),
        table=report(
            "<results>/tables/claims.html",
            caption="../report/table_claims.rst",
            category=section("Claims"),
            labels={"result": "table: all quantities"},
        ),
        csv="<results>/tables/claims.csv",
    log:
        "<logs>/report/judge_claims.log",
    benchmark:
        "<benchmarks>/report/judge_claims.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        script=script("judge_claims.py"),
        code=code("judge_claims.py"),
        template=texts("claims.html.j2", "table.html.j2", "page.html.j2"),
    shell:
        "python {params.script:q}"
        " --arms {input.arms:q}"
        " --runs {input.runs:q}"
        " --epochs {input.epochs:q}"
        " --steps {input.steps:q}"
        " --predictions {input.predictions:q}"
        " --class-errors {input.class_errors:q}"
        " --config {input.config:q}"
        " --csv {output.csv:q}"
        " --table {output.table:q}"
        " --page {output.page:q}"
        " > {log:q} 2>&1"


rule write_summary:
    """Tell the study's story on one self-contained page."""
    input:
        arms=rules.collect_results.output.arms,
        runs=rules.collect_results.output.runs,
        predictions=rules.collect_results.output.predictions,
        class_errors=rules.collect_results.output.class_errors,
        config=rules.save_config.output,
        figures=expand(rules.plot_experiment.output, experiment=EXPERIMENTS),
    output:
        report(
            "<results>/summary.html",
            caption="../report/summary.rst",
            category=section("Overview"),
            labels={"result": "summary"},
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
        " --class-errors {input.class_errors:q}"
        " --figures {params.results:q}/figures"
        " --config {input.config:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"


rule write_provenance:
    """Tell where the numbers come from, and what was not run."""
    input:
        **rules.download_dataset.output,
        findings=rules.describe_dataset.output,
        runs=rules.collect_results.output.runs,
        data=rules.prepare_dataset.output,
        config=rules.save_config.output,
    output:
        report(
            "<results>/pages/provenance.html",
            caption="../report/provenance.rst",
            category=section("Provenance"),
            labels={"result": "where the numbers come from"},
        ),
    log:
        "<logs>/pages/write_provenance.log",
    benchmark:
        "<benchmarks>/pages/write_provenance.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        full=as_json(full_study()),
        # Not an input: times differ from run to run, and nothing else depends on them.
        benchmarks=subpath(rules.collect_results.benchmark, ancestor=2),
        script=script("write_provenance.py"),
        code=code("write_provenance.py"),
        template=texts("provenance.html.j2", "page.html.j2"),
    shell:
        "python {params.script:q}"
        " --runs {input.runs:q}"
        " --train-images {input.train_images:q} --train-labels {input.train_labels:q}"
        " --test-images {input.test_images:q} --test-labels {input.test_labels:q}"
        " --findings {input.findings:q}"
        " --data {input.data:q}"
        " --config {input.config:q}"
        " --full {params.full:q}"
        " --benchmarks {params.benchmarks:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"


rule report:
    """Build Snakemake's report of the tables, figures and pages."""
    input:
        config=rules.save_config.output,
        results=[
            rules.judge_claims.output,
            rules.write_summary.output,
            rules.make_tables.output,
            rules.plot_samples.output,
            rules.write_error_explorer.output,
            rules.write_curves.output,
            rules.write_provenance.output,
            rules.compare_with_paper.output if PAPER else [],
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
        stylesheet=relative(SCRIPTS.parent / "report" / "report.css"),
        texts=texts("*.rst", "report.css"),
    # Snakemake reports on finished jobs only, so a second one looks at them while the first still holds the lock.
    shell:
        "snakemake {input.results:q}"
        " --snakefile {params.snakefile:q}"
        " --configfile {input.config:q}"
        " --nolock --cores 1"
        " --report {output:q} --report-stylesheet {params.stylesheet:q}"
        " > {log:q} 2>&1"
