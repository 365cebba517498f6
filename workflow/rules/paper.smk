"""The report's chapter on a paper whose numbers the config lists; only where it does."""

# The key of the config's `paper` that asks for each result.
ASKED_BY = {
    "paper": "numbers",
    "width_temperature": "grid",
    "width_map": "grid",
    "width_lines": "grid",
    "temperature_contrasts": "contrasts",
    "bias_corrections": "corrections",
    "early_stopping": "early_stopping",
    "ensembles": "ensembles",
}
PAPER_TABLES = {name: title for name, title in titles("table", PAPER_SECTION).items() if ASKED_BY[name] in PAPER}
PAPER_FIGURES = {name: title for name, title in titles("figure", PAPER_SECTION).items() if ASKED_BY[name] in PAPER}


rule correct_biases:
    """Shift the biases of classes that a transfer set left out, in three ways, from stored logits."""
    input:
        data=rules.prepare_dataset.output,
        design=rules.save_design.output,
        asked=rules.save_asked.output,
        # What is checked before it is used: all records, as by collect_results.
        collected=rules.collect_results.output.runs,
        logits=[
            logits_of(role.arm)
            for role in arms.roles_of(config)
            if role.experiment in PAPER.get("corrections", {}) and role.role in ("baseline", "student")
        ],
    output:
        "<results>/collected/corrected.parquet",
    log:
        "<logs>/collected/correct_biases.log",
    benchmark:
        "<benchmarks>/collected/correct_biases.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        slot=1,
        mem_mb=2000,
        runtime=15,
    params:
        results=subpath(output[0], ancestor=2),
        script=scripts("correct_biases.py"),
        code=code("correct_biases.py"),
    shell:
        "python {params.script:q}"
        " --data {input.data:q}"
        " --results {params.results:q}"
        " --design {input.design:q}"
        " --asked {input.asked:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"


rule compare_with_paper:
    """Set the study's results beside the paper's numbers: tables and figures."""
    input:
        collected=rules.collect_results.output,
        corrected=rules.correct_biases.output,
        asked=rules.save_asked.output,
    output:
        **{
            name: report(
                f"<results>/figures/{name}.svg",
                caption=f"../report/figure_{name}.rst",
                category=section(title),
                labels={"result": label},
            )
            for name, (title, label) in PAPER_FIGURES.items()
        },
        csv=expand("<results>/tables/{table}.csv", table=PAPER_TABLES),
        tex=expand("<results>/tables/{table}.tex", table=PAPER_TABLES),
        bare=expand("<results>/tables/bare/{table}.html", table=PAPER_TABLES),
    log:
        "<logs>/tables/compare_with_paper.log",
    benchmark:
        "<benchmarks>/tables/compare_with_paper.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        slot=1,
        mem_mb=4000,
        runtime=15,
    params:
        collected=subpath(input[0], parent=True),
        results=subpath(output[0], ancestor=2),
        script=scripts("compare_with_paper.py"),
        code=code("compare_with_paper.py"),
    shell:
        "python {params.script:q}"
        " --collected {params.collected:q}"
        " --corrected {input.corrected:q}"
        " --asked {input.asked:q}"
        " --tables {params.results:q}/tables"
        " --figures {params.results:q}/figures"
        " > {log:q} 2>&1"
