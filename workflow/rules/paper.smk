"""The report's chapter on a paper whose numbers the config lists; only where it does."""

# Name of each result, the key of the config's `paper` that asks for it, and its label in the report.
PAPER_TABLES = {
    "paper": ("numbers", "paper against ours"),
    "width_temperature": ("grid", "errors by width and temperature"),
    "temperature_contrasts": ("contrasts", "contrasts between temperatures"),
    "bias_fixes": ("mends", "mended biases"),
}
PAPER_FIGURES = {
    "width_map": ("grid", "errors by width and temperature, map"),
    "width_lines": ("grid", "errors by width and temperature, curves"),
    "bias_fixes": ("mends", "mended biases, errors per class"),
    "early_stopping": ("early_stopping", "test errors by epoch, few images"),
    "ensembles": ("ensembles", "ensembles and their students"),
}
ASKED_TABLES = [name for name, (key, _) in PAPER_TABLES.items() if key in PAPER]
ASKED_FIGURES = [name for name, (key, _) in PAPER_FIGURES.items() if key in PAPER]


rule mend_biases:
    """Shift the biases of classes that a transfer set left out, in three ways, from stored logits."""
    input:
        data=rules.prepare_dataset.output,
        design=rules.save_design.output,
        # What is checked before it is used: all records, as by collect_results.
        collected=rules.collect_results.output.runs,
        logits=[
            logits_of(role.arm)
            for role in arms.roles_of(config)
            if role.experiment in PAPER.get("mends", {}) and role.role in ("baseline", "student")
        ],
    output:
        "<results>/collected/mended.parquet",
    log:
        "<logs>/collected/mend_biases.log",
    benchmark:
        "<benchmarks>/collected/mend_biases.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        mends=as_json(PAPER.get("mends", {})),
        results=subpath(output[0], ancestor=2),
        script=scripts("mend_biases.py"),
        code=code("mend_biases.py"),
    shell:
        "python {params.script:q}"
        " --data {input.data:q}"
        " --results {params.results:q}"
        " --design {input.design:q}"
        " --mends {params.mends:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"


rule compare_with_paper:
    """Set the study's results beside the paper's numbers: tables and figures."""
    input:
        arms=rules.collect_results.output.arms,
        runs=rules.collect_results.output.runs,
        epochs=rules.collect_results.output.epochs,
        predictions=rules.collect_results.output.predictions,
        mended=rules.mend_biases.output,
    output:
        **{
            f"{name}_table": report(
                f"<results>/tables/{name}.html",
                caption=f"../report/table_{name}.rst",
                category=section("Paper against ours"),
                labels={"result": f"table: {PAPER_TABLES[name][1]}"},
            )
            for name in ASKED_TABLES
        },
        **{
            name: report(
                f"<results>/figures/{name}.svg",
                caption=f"../report/{name}.rst",
                category=section("Paper against ours"),
                labels={"result": PAPER_FIGURES[name][1]},
            )
            for name in ASKED_FIGURES
        },
        csv=expand("<results>/tables/{table}.csv", table=ASKED_TABLES),
        tex=expand("<results>/tables/{table}.tex", table=ASKED_TABLES),
    log:
        "<logs>/tables/compare_with_paper.log",
    benchmark:
        "<benchmarks>/tables/compare_with_paper.tsv"
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=4000,
        runtime=15,
    params:
        paper=as_json(PAPER),
        hidden=as_json(
            {
                name: config["models"][config["experiments"][name]["student"]]["hidden"]
                for name in PAPER.get("grid", [])
            }
        ),
        classes=as_json(DATASET["classes"]),
        results=subpath(output.paper_table, ancestor=2),
        script=scripts("compare_with_paper.py"),
        code=code("compare_with_paper.py"),
        template=texts("table.html.j2", "page.html.j2"),
    shell:
        "python {params.script:q}"
        " --arms {input.arms:q}"
        " --runs {input.runs:q}"
        " --epochs {input.epochs:q}"
        " --predictions {input.predictions:q}"
        " --mended {input.mended:q}"
        " --paper {params.paper:q}"
        " --hidden {params.hidden:q}"
        " --classes {params.classes:q}"
        " --tables {params.results:q}/tables"
        " --figures {params.results:q}/figures"
        " > {log:q} 2>&1"
