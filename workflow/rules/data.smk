"""From a source to a prepared data set."""


rule download_dataset:
    """Find the data set's IDX files, verify their payloads and store them uncompressed."""
    output:
        train_images=verified("train_images"),
        train_labels=verified("train_labels"),
        test_images=verified("test_images"),
        test_labels=verified("test_labels"),
    log:
        "<logs>/data/download_dataset.log",
    benchmark:
        "<benchmarks>/data/download_dataset.tsv"
    retries: 3
    localrule: True
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        dataset=config["dataset"],
        source=as_json(DATASET),
        out=subpath(output.train_images, parent=True),
    shell:
        "python {WORKFLOW:q}/scripts/download_dataset.py"
        " --dataset {params.dataset}"
        " --source {params.source:q}"
        " --out {params.out:q}"
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
        mem_mb=2000,
        runtime=10,
    params:
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
