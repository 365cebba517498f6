"""The summary, the provenance, and Snakemake's report."""


use rule save_design as save_settings with:
    """Write down the whole configuration as the study starts: its file may be edited for the next one meanwhile."""
    output:
        "<results>/settings.json",
    log:
        "<logs>/report/save_settings.log",
    benchmark:
        "<benchmarks>/report/save_settings.tsv"
    params:
        content=as_json(config),


rule save_config:
    """Keep the whole configuration beside the results, once they are of this configuration."""
    input:
        settings=rules.save_settings.output,
        collected=rules.collect_results.output.arms,
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
    # A job with `run` reads the study's file anew; one with `shell` does not.
    shell:
        "cp {input.settings:q} {output:q} > {log:q} 2>&1"


rule judge_claims:
    """Judge the note's claims by all quantities that speak for or against them."""
    input:
        collected=rules.collect_results.output,
        config=rules.save_config.output,
    output:
        judged="<results>/collected/claims.parquet",
        csv="<results>/tables/claims.csv",
        tex="<results>/tables/claims.tex",
        bare="<results>/tables/bare/claims.html",
    log:
        "<logs>/report/judge_claims.log",
    benchmark:
        "<benchmarks>/report/judge_claims.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        slot=1,
        mem_mb=2000,
        runtime=15,
    params:
        collected=subpath(input[0], parent=True),
        tables=subpath(output.csv, parent=True),
        script=scripts("judge_claims.py"),
        code=code("judge_claims.py"),
    shell:
        "python {params.script:q}"
        " --collected {params.collected:q}"
        " --config {input.config:q}"
        " --judged {output.judged:q}"
        " --tables {params.tables:q}"
        " > {log:q} 2>&1"


rule write_claims:
    """Explain the verdicts on a page; a rule of its own, so that a reworded claim is not judged again."""
    input:
        judged=rules.judge_claims.output.judged,
        config=rules.save_config.output,
    output:
        report(
            "<results>/pages/claims.html",
            caption="../report/claims.rst",
            category=section("Overview"),
            labels={"result": "claims, judged"},
        ),
    log:
        "<logs>/report/write_claims.log",
    benchmark:
        "<benchmarks>/report/write_claims.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        script=scripts("write_claims.py"),
        code=code("write_claims.py"),
        template=texts("claims.html.j2", "statements.html.j2", "misleading.html.j2", "page.html.j2"),
    shell:
        "python {params.script:q}"
        " --judged {input.judged:q}"
        " --config {input.config:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"


rule write_tables:
    """Set each table on a page with its text; a rule of its own, so that a reworded text computes nothing."""
    input:
        tables=[
            rules.make_tables.output.bare,
            rules.judge_claims.output.bare,
            rules.compare_with_paper.output.bare if PAPER else [],
        ],
        config=rules.save_config.output,
    output:
        [
            report(
                f"<results>/tables/{name}.html",
                caption=f"../report/table_{name}.rst",
                category=section(title),
                subcategory=None if title in (PAPER_SECTION, CLAIMS_SECTION) else "all experiments",
                labels={"result": f"table: {label}"},
            )
            for name, (title, label) in (
                TABLES | titles("table", CLAIMS_SECTION) | (PAPER_TABLES if PAPER else {})
            ).items()
        ],
    log:
        "<logs>/report/write_tables.log",
    benchmark:
        "<benchmarks>/report/write_tables.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        out=subpath(output[0], parent=True),
        script=scripts("write_tables.py"),
        code=code("write_tables.py"),
        template=texts("table_*.rst", "table.html.j2", "page.html.j2"),
    shell:
        "python {params.script:q}"
        " --tables {input.tables:q}"
        " --config {input.config:q}"
        " --out {params.out:q}"
        " > {log:q} 2>&1"


rule write_summary:
    """Tell the study's story on one self-contained page."""
    input:
        collected=rules.collect_results.output,
        config=rules.save_config.output,
        judged=rules.judge_claims.output.judged,
        findings=rules.describe_dataset.output,
        figures=[expand(rules.plot_experiment.output, experiment=EXPERIMENTS), rules.plot_payoff.output],
        reference=REFERENCE,
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
        slot=1,
        mem_mb=2000,
        runtime=15,
    params:
        collected=subpath(input[0], parent=True),
        results=subpath(output[0], parent=True),
        script=scripts("write_summary.py"),
        code=code("write_summary.py"),
        template=texts(
            "summary.html.j2",
            "statements.html.j2",
            "misleading.html.j2",
            "page.html.j2",
            "payoff.rst",
            *(f"table_{name}.rst" for name in ("accuracy", "gap_recovered", "reproduction", "cost")),
        ),
    shell:
        "python {params.script:q}"
        " --collected {params.collected:q}"
        " --judged {input.judged:q}"
        " --figures {params.results:q}/figures"
        " --findings {input.findings:q}"
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
        script=scripts("write_provenance.py"),
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
            rules.write_claims.output,
            rules.write_summary.output,
            rules.write_tables.output,
            rules.plot_payoff.output,
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
        slot=1,
        mem_mb=2000,
        runtime=15,
    params:
        snakefile=WORKFLOW / "Snakefile",
        stylesheet=WORKFLOW / "report" / "report.css",
        pathvars=lambda wildcards, output: f"pathvars={as_json({'results': os.path.dirname(output[0])})}",
        texts=texts("*.rst", "report.css"),
    # Snakemake reports on finished jobs only, so a second one looks at them while the first still holds the lock. Its
    # Snakefile is not the main one, which may be another workflow's that has this one as a module.
    shell:
        "snakemake results"
        " --snakefile {params.snakefile:q}"
        " --configfile {input.config:q} --replace-workflow-config --config {params.pathvars:q}"
        " --workflow-profile none"
        " --nolock --cores 1"
        " --report {output:q} --report-stylesheet {params.stylesheet:q}"
        " > {log:q} 2>&1"


use rule report as zip_report with:
    """Build the same report as an archive of files, which a browser opens at once however large the study is."""
    output:
        "<results>/report.zip",
    log:
        "<logs>/report/zip_report.log",
    benchmark:
        "<benchmarks>/report/zip_report.tsv"


REPORTS = [rules.report, *([rules.zip_report] if config["report_zip"] else [])]
