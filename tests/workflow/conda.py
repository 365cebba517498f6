"""Stands for `conda` where no channel can be reached: makes a virtual environment of a conda file's names and versions.

It answers what Snakemake asks of conda. What the rules import must then be in their environment, and nothing else is.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

PYPI_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
LOCK = Path(__file__).parents[2] / "requirements.lock"


def create(file: Path, prefix: Path) -> None:
    names = dict(entry.split("=") for entry in yaml.safe_load(file.read_text())["dependencies"])
    del names["python"]  # the tests' own
    packages = [f"{PYPI_NAMES.get(name, name)}=={version}" for name, version in names.items()]
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, prefix], check=True)
    python = prefix / "bin" / "python"
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, "--constraint", LOCK, *packages], check=True)


def main() -> None:
    words = sys.argv[1:]
    if words == ["--version"]:
        print("conda 25.1.0")
    elif words == ["info", "--json"]:
        print(json.dumps({"conda_prefix": os.environ["CONDA_STAND_IN"], "platform": "linux-64"}))
    elif words[:2] == ["config", "--get"]:
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif words[:2] == ["env", "create"]:
        parser = argparse.ArgumentParser()
        parser.add_argument("--file", type=Path)
        parser.add_argument("--prefix", type=Path)
        arguments, _ = parser.parse_known_args(words)
        create(arguments.file, arguments.prefix)
    elif words[0] != "clean":
        sys.exit(f"not known: conda {' '.join(words)}")


if __name__ == "__main__":
    main()
