"""Run the real workflow on a GPU, from nothing to the report, and say how long it takes.

    python benchmarks/gpu_workflow.py --data FOLDER --directory FOR_RESULTS [--wheels FOLDER]

FOLDER holds a folder fashion-mnist with the four IDX files. Where Snakemake is not installed, it is taken with what
else is missing from a folder of wheels, into a folder of its own that goes away at the end; `pip wheel -w FOLDER
snakemake==9.27.1` makes one, by the Python version of the machine. Under CUDA's Multi-Process Service it is faster.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--wheels", type=Path, help="wheels of Snakemake and of what it needs")
    parser.add_argument("--configfile", type=Path, help="another study than the default one")
    parser.add_argument("--directory", type=Path, required=True, help="where the results go; must not hold any")
    arguments = parser.parse_args()
    if (arguments.directory / "results").exists():
        sys.exit(
            f"error: {arguments.directory} holds results, but the study is timed from nothing; name another folder"
        )
    with tempfile.TemporaryDirectory() as site:
        environment = os.environ | {"DARK_KNOWLEDGE_DATA": str(arguments.data.resolve())}
        if arguments.wheels:
            wheels = [str(wheel) for wheel in sorted(arguments.wheels.glob("*.whl"))]
            install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", site]
            subprocess.run([*install, *wheels], check=True)
            environment["PYTHONPATH"] = site
            environment["PATH"] = f"{site}/bin{os.pathsep}{environment['PATH']}"
        elif importlib.util.find_spec("snakemake") is None:
            sys.exit("error: Snakemake is not installed; name a folder of wheels by --wheels")
        command = [sys.executable, "-m", "snakemake", "--cores", "all", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--directory", str(arguments.directory)]
        if arguments.configfile:
            command += ["--configfile", str(arguments.configfile.resolve())]
        started = time.perf_counter()
        status = subprocess.run(command, env=environment).returncode
    minutes = (time.perf_counter() - started) / 60
    print(f"{'the study with its report' if status == 0 else 'failed after'}: {minutes:.2f} minutes")
    sys.exit(status)


if __name__ == "__main__":
    main()
