"""Check and measure this engine on a GPU, in under eight minutes, on a machine that need not have more than PyTorch.

    python benchmarks/gpu.py --data FOLDER

FOLDER holds the four IDX files of Fashion-MNIST. Each part is a process of its own with a time limit; what it finds is
written at once to gpu_<device>.csv and .md, so that a part that fails or takes too long costs its own rest alone.
"""

import argparse
import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date
from functools import partial
from pathlib import Path

import gpu_checks
import gpu_speed
import gpu_study
from gpu_kit import ROOT, Kit, asked, prepare_data

TOTAL = 470  # seconds of the whole kit
# Parts in order of value, each with its limit in seconds.
PARTS = {
    "machine": (gpu_checks.machine, 40),
    "exactness": (gpu_checks.exactness, 60),
    "repetition": (gpu_checks.repetition, 60),
    "student": (partial(gpu_speed.epochs, net="student"), 50),
    "sharing": (gpu_speed.sharing, 110),
    "study": (gpu_study.study, 170),
    "plain-teacher": (partial(gpu_speed.epochs, net="plain-teacher"), 50),
    "resnet": (partial(gpu_speed.epochs, net="resnet"), 50),
    "waiting": (gpu_checks.waiting, 60),
    "compiled": (partial(gpu_speed.compiled, net="student"), 80),
    "sharing under MPS": (gpu_speed.sharing_under_mps, 110),
    "study under MPS": (gpu_study.study_under_mps, 170),
}
VERDICTS = {True: "ok", False: "**not ok**", None: ""}
COLUMNS = ["part", "what", "value", "unit", "expected", "ok"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the four IDX files")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--tiny", action="store_true", help="few images and jobs, to test the kit itself")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help="of: %(choices)s")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        kit = Kit(arguments.device, arguments.tiny, arguments.work)
        return gpu_speed.worker(kit) if arguments.part == "worker" else PARTS[arguments.part][0](kit)
    if arguments.data is None:
        parser.error("--data is missing: a folder with the four IDX files of Fashion-MNIST")
    with tempfile.TemporaryDirectory() as work:
        kit = Kit(arguments.device, arguments.tiny, Path(work))
        prepare_data(arguments.data, kit)
        findings = Findings(arguments.out, kit)
        run_parts(kit, findings, {name: PARTS[name][1] for name in arguments.only}, TOTAL)
    sys.exit(1 if findings.failed() else 0)


def run_parts(kit: Kit, findings: "Findings", limits: dict[str, float], total: float) -> None:
    started = time.perf_counter()
    for name, limit in limits.items():
        left = total - (time.perf_counter() - started)
        if left < 15:
            findings.add(name, {"what": "not reached", "value": f"{left:.0f} s were left"})
            continue
        run_part(kit, findings, name, min(limit, left))
        gpu_speed.end_mps(kit)
    minutes = gpu_study.extrapolated(findings.numbers(), len(os.sched_getaffinity(0)))
    for way, value in minutes.items():
        what = f"full study, {way}, extrapolated from the parts above"
        findings.add("summary", {"what": what, "value": value, "unit": "min", "expected": "below 15"})


def run_part(kit: Kit, findings: "Findings", name: str, limit: float) -> None:
    """Run a part as a process group of its own, which ends at its limit; its findings are written as they come."""
    command = [sys.executable, __file__, "--part", name, "--device", kit.device, "--work", kit.folder]
    command += ["--tiny"] * kit.tiny
    started, log = time.perf_counter(), kit.folder / "part.log"
    with log.open("w") as errors:
        part = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        )
        alarm = threading.Timer(limit, os.killpg, (part.pid, signal.SIGKILL))
        alarm.start()
        for line in part.stdout:
            if line.startswith("{"):
                findings.add(name, json.loads(line))
        status = part.wait()
        alarm.cancel()
    seconds = time.perf_counter() - started
    if seconds >= limit:
        findings.add(name, {"what": "ended at its limit", "value": f"{limit:.0f} s", "ok": False})
    elif status:
        lines = log.read_text().strip().splitlines()
        findings.add(name, {"what": "failed", "value": lines[-1] if lines else f"exit status {status}", "ok": False})
    findings.add(name, {"what": "seconds of this part", "value": seconds, "unit": "s"})


class Findings:
    """What all parts found, written whole at each new finding."""

    def __init__(self, out: Path, kit: Kit):
        name = asked("nvidia-smi", "--query-gpu=name", "--format=csv,noheader") if kit.gpu else "cpu"
        self.device = (name or "unknown").splitlines()[0]
        stem = "gpu_" + re.sub("[^a-z0-9]+", "-", self.device.lower())
        out.mkdir(parents=True, exist_ok=True)
        self.csv, self.md = out / f"{stem}.csv", out / f"{stem}.md"
        self.rows = []

    def add(self, part: str, finding: dict) -> None:
        row = {"part": part, "unit": "", "expected": "", "ok": None} | finding
        self.rows.append(row)
        print(f"{part}: {row['what']}: {row['value']} {row['unit']} {VERDICTS[row['ok']]}".strip(), flush=True)
        with self.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
        self.md.write_text(self._page(), encoding="utf-8")

    def failed(self) -> bool:
        return any(row["ok"] is False for row in self.rows)

    def numbers(self) -> dict[str, float]:
        """The measurements by their names."""
        return {row["what"]: row["value"] for row in self.rows if isinstance(row["value"], float)}

    def _page(self) -> str:
        commit = asked("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
        lines = [f"# On a GPU: {self.device}", "", "| part | what | found | expected | |", "|" + " --- |" * 5]
        for row in self.rows:
            value = f"{row['value']:.4g}" if isinstance(row["value"], float) else str(row["value"])
            words = [row["part"], row["what"], f"{value} {row['unit']}".strip(), row["expected"]]
            cells = [str(word).replace("|", "/").replace("\n", " ") for word in [*words, VERDICTS[row["ok"]]]]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join([*lines, "", f"Code at {commit or 'an unknown commit'}; {date.today().isoformat()}."]) + "\n"


if __name__ == "__main__":
    main()
