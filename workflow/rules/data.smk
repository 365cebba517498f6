"""From a source to a prepared data set."""

# No parameter: images re-run nothing that come from another mirror or folder. What they are is one, IDENTITY.
SOURCE = as_json(DATASET)
RECORD = as_json({"identity": IDENTITY, "source": DATASET})


def times_size(factor, least):
    """Memory, in MB, that grows with the input's size."""
    return lambda wildcards, input: round(least + factor * input.size_mb)


rule download_dataset:
    """Read the data set at its source, verify it, and store it as IDX files."""
    output:
        train_images=verified("train_images"),
        train_labels=verified("train_labels"),
        test_images=verified("test_images"),
        test_labels=verified("test_labels"),
        source=update("<results>/data/source.json"),
    log:
        "<logs>/data/download_dataset.log",
    benchmark:
        "<benchmarks>/data/download_dataset.tsv"
    retries: 3
    localrule: True
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=60,
    params:
        dataset=config["dataset"],
        identity=IDENTITY,
        out=subpath(output.train_images, parent=True),
    shell:
        "python {WORKFLOW:q}/scripts/download_dataset.py"
        " --dataset {params.dataset}"
        " --source {SOURCE:q}"
        " --out {params.out:q}"
        " > {log:q} 2>&1"
        " && printf '%s\\n' {RECORD:q} > {output.source:q}"


rule check_dataset:
    """Refuse a data set that cannot be learned before anything made from it is touched, and count what a reader should know."""
    input:
        **rules.download_dataset.output,
    output:
        update("<results>/data/findings.json"),
    log:
        "<logs>/data/check_dataset.log",
    benchmark:
        "<benchmarks>/data/check_dataset.tsv"
    localrule: True
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=times_size(2, least=500),
        runtime=30,
    params:
        classes=as_json(DATASET["classes"]),
        split=as_json(config["split"]),
        code=code("check_dataset.py"),
    shell:
        "python {WORKFLOW:q}/scripts/check_dataset.py"
        " --train-images {input.train_images:q} --train-labels {input.train_labels:q}"
        " --test-images {input.test_images:q} --test-labels {input.test_labels:q}"
        " --classes {params.classes:q}"
        " --split {params.split:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"


# What is prepared follows from the parameters alone: inputs that were made again, because another configuration was
# refused in between, are the same, and train nothing anew.
rule prepare_dataset:
    """Split the training images, cut the study's part, and measure the pixels' mean and spread."""
    input:
        **{part: ancient(file) for part, file in rules.download_dataset.output.items()},
        findings=ancient(rules.check_dataset.output),
    output:
        "<results>/data/dataset.safetensors",
    log:
        "<logs>/data/prepare_dataset.log",
    benchmark:
        "<benchmarks>/data/prepare_dataset.tsv"
    localrule: True
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=times_size(4, least=500),
        runtime=30,
    params:
        identity=IDENTITY,
        classes=as_json(DATASET["classes"]),
        split=as_json(config["split"]),
        code=code("prepare_dataset.py"),
    shell:
        "python {WORKFLOW:q}/scripts/prepare_dataset.py"
        " --train-images {input.train_images:q} --train-labels {input.train_labels:q}"
        " --test-images {input.test_images:q} --test-labels {input.test_labels:q}"
        " --classes {params.classes:q}"
        " --split {params.split:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"
