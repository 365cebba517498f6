"""Write the page that tells where a study's numbers come from, and what was not run."""

import argparse
import json
import platform
from pathlib import Path

import pandas as pd
from safetensors import safe_open

from dark_knowledge import command
from dark_knowledge.command import sha256
from dark_knowledge.data.sources import FILES
from dark_knowledge.pages import provenance, rendering
from dark_knowledge.study.arms import ALL_SEEDS, arms_of

PACKAGES = ["snakemake", "numpy", "pandas", "pyarrow", "scipy", "matplotlib", "seaborn", "safetensors"]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=pd.read_parquet, required=True, help="collected table")
    for part in FILES:
        parser.add_argument(f"--{part.replace('_', '-')}", type=Path, required=True, help="IDX file")
    parser.add_argument("--findings", type=Path, required=True, help="what was found in the data set, a JSON file")
    parser.add_argument("--data", required=True, help="prepared data set")
    parser.add_argument("--config", type=Path, required=True, help="the study's whole configuration, a JSON file")
    parser.add_argument("--full", type=json.loads, required=True, help="configuration of the full study, as JSON")
    parser.add_argument("--benchmarks", type=Path, required=True, help="folder of benchmark files, those there are")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    config = json.loads(arguments.config.read_text())
    dataset = config["datasets"][config["dataset"]]
    trained = arguments.runs[arguments.runs.seed != ALL_SEEDS]
    page = rendering.provenance_page(
        study=config["study"],
        dataset=config["dataset"],
        undone=provenance.left_undone(config, arguments.full, set(arguments.runs.device)),
        comparable=provenance.is_form_of(config, arguments.full),
        machines=rendering.html_table(provenance.machine_table(trained)),
        python=platform.python_version(),
        versions=rendering.html_table(provenance.versions(PACKAGES)),
        files=rendering.html_table(
            provenance.file_table({part: getattr(arguments, part) for part in FILES}, dataset.get("sha256", {}))
        ),
        noteworthy=provenance.noteworthy(json.loads(arguments.findings.read_text())),
        prepared=sha256(arguments.data),
        images=image_counts(arguments.data),
        elsewhere=provenance.from_elsewhere(config),
        runs=rendering.html_table(provenance.run_counts(trained)),
        benchmarks=rendering.html_table(provenance.benchmark_table(arguments.benchmarks, arms_of(config))),
    )
    rendering.save(arguments.out, page)


def image_counts(data: str) -> dict[str, int]:
    with safe_open(data, framework="np") as file:
        return {part: file.get_slice(f"{part}_labels").get_shape()[0] for part in ("train", "validation", "test")}


if __name__ == "__main__":
    command.run(main)
