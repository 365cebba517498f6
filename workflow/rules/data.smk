"""From a source to a prepared data set."""


rule download_dataset:
    """Read the data set at its source, refuse what cannot be learned, and store it as IDX files."""
    output:
        train_images=verified("train_images"),
        train_labels=verified("train_labels"),
        test_images=verified("test_images"),
        test_labels=verified("test_labels"),
        source=f"<results>/data/{IDENTITY}/source.json",
    log:
        "<logs>/data/download_dataset.log",
    benchmark:
        "<benchmarks>/data/download_dataset.tsv"
    localrule: True
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=60,
    params:
        script=scripts("download_dataset.py"),
        dataset=config["dataset"],
        # Functions of the output, whose values Snakemake does not compare: images re-run nothing that come from another mirror
        # or folder, and the split is checked here, not used. What the images are names the folder that they are stored in,
        # IDENTITY; so another source that fails costs nothing that is there.
        source=lambda wildcards, output: as_json(DATASET),
        split=lambda wildcards, output: as_json(config["split"]),
        out=subpath(output.train_images, parent=True),
    shell:
        "python {params.script:q}"
        " --dataset {params.dataset}"
        " --source {params.source:q}"
        " --split {params.split:q}"
        " --out {params.out:q}"
        " > {log:q} 2>&1"


rule describe_dataset:
    """Count what a reader should know of the images: blank ones, repeated ones, test images among those to learn from."""
    input:
        **rules.download_dataset.output,
    output:
        "<results>/data/findings.json",
    log:
        "<logs>/data/describe_dataset.log",
    benchmark:
        "<benchmarks>/data/describe_dataset.tsv"
    localrule: True
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=times_size(2, least=500),
        runtime=30,
    params:
        classes=as_json(DATASET["classes"]),
        split=as_json(config["split"]),
        script=scripts("describe_dataset.py"),
        code=code("describe_dataset.py"),
    shell:
        "python {params.script:q}"
        " --train-images {input.train_images:q} --train-labels {input.train_labels:q}"
        " --test-images {input.test_images:q} --test-labels {input.test_labels:q}"
        " --classes {params.classes:q}"
        " --split {params.split:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"


rule prepare_dataset:
    """Split the training images, cut the study's part, and measure the pixels' mean and spread."""
    input:
        **rules.download_dataset.output,
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
        classes=len(DATASET["classes"]),
        split=as_json(config["split"]),
        script=scripts("prepare_dataset.py"),
        code=code("prepare_dataset.py"),
    shell:
        "python {params.script:q}"
        " --train-images {input.train_images:q} --train-labels {input.train_labels:q}"
        " --test-images {input.test_images:q} --test-labels {input.test_labels:q}"
        " --classes {params.classes}"
        " --split {params.split:q}"
        " --out {output:q}"
        " > {log:q} 2>&1"
