"""Plant mistakes in a copy of the checkout, one at a time, and count those that the fast tests notice.

    python tests/mutants/run.py [--only FILE] [--near] [--slow] [--out mutants.csv]

The mistakes are in mistakes.py. One in the library or a script meets the tests that import it, the one named after it
first; one in a rule meets those of the rules' text and of the printed commands. What these do not notice then meets all
fast tests of tests/unit, or of tests/workflow where it is in a rule. --slow adds the study whose every number is
computed again. The table says which test noticed what.
"""

import argparse
import contextlib
import csv
import io
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
sys.path.insert(0, str(CHECKOUT))

from tests.mutants.mistakes import MISTAKES  # noqa: E402

COMMANDS = "tests/workflow/test_commands.py"
RULES = "tests/unit/test_rules.py"
SLOW = "tests/workflow/test_recomputed.py"
TEMPLATES_READER = "workflow/scripts/dark_knowledge/pages/rendering.py"
SECONDS = 600  # a mistake may make a test run for ever


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a part of the names of the files to plant in")
    parser.add_argument("--near", action="store_true", help="do not go on to all fast tests")
    parser.add_argument("--slow", action="store_true", help="go on to the recomputed study (minutes a mistake)")
    parser.add_argument("--out", type=Path, default=Path("mutants.csv"))
    arguments = parser.parse_args()
    listed = [(file, *mistake) for file, own in MISTAKES.items() if arguments.only in file for mistake in own]
    chosen = [mistake for mistake in listed if fits(*mistake[:2])]
    # What takes long to import is imported once, here; each mistake then has a fork of this process.
    import matplotlib  # noqa: F401
    import torch
    import torch.utils.flop_counter

    torch.set_num_threads(1)
    noticed = Counter()
    with tempfile.TemporaryDirectory() as folder, arguments.out.open("w", newline="") as table:
        copy = Path(folder)
        copy_checkout(copy)
        writer = csv.writer(table)
        writer.writerow(["file", "mistake", "noticed by"])
        for number, (file, old, new, effect) in enumerate(chosen, 1):
            by = noticed_by(copy, file, old, new, steps(copy, file, arguments))
            noticed[bool(by), SLOW in by] += 1
            writer.writerow([file, effect, by])
            table.flush()
            print(f"{number}/{len(chosen)}  {file}: {effect}  {by or 'nobody notices'}", flush=True)
    fast, slow = noticed[True, False], noticed[True, True]
    nobody = noticed[False, False]
    print(f"{len(listed) - len(chosen)} mistakes of the list do not fit the code any more and were not planted")
    print(f"{len(chosen)} mistakes; noticed by fast tests {fast}, by the slow one {slow}, by none {nobody}")


def fits(file: str, old: str) -> bool:
    """Whether the text that a mistake replaces stands in its file, and once."""
    path = CHECKOUT / file
    return path.exists() and path.read_text().count(old) == 1


def copy_checkout(folder: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, folder / name, follow_symlinks=False)
    # Some tests ask git for the checkout's files.
    subprocess.run("git init -q && git add -A", shell=True, cwd=folder, check=True)


def steps(copy: Path, file: str, arguments: argparse.Namespace) -> list[list[str]]:
    """Test files to run in turn, until one notices."""
    near = near_tests(copy, file)
    found = [near] if near else []
    if not arguments.near:
        found.append(["tests/workflow"] if _is_rule(file) else ["tests/unit", COMMANDS])
    return [*found, ["-m", "slow", SLOW]] if arguments.slow else found


def near_tests(copy: Path, file: str) -> list[str]:
    """The tests that concern a file: of a module or script those that import it, the one named after it first."""
    if _is_rule(file):
        return [RULES, COMMANDS]
    if file.endswith(".j2"):
        file = TEMPLATES_READER
    parts = Path(file).with_suffix("").parts[2:]
    module, name = ".".join(parts), parts[-1]
    package = ".".join(parts[:-1])
    imported = re.compile(
        rf"^ *(import|from) {re.escape(module)}\b|^ *from {re.escape(package)} import .*\b{name}\b" if package else
        rf"^ *(import|from) {name}\b",
        re.MULTILINE,
    )  # fmt: skip
    own = [path for path in sorted((copy / "tests/unit").glob("test_*.py")) if imported.search(path.read_text())]
    if not own and package:  # a part of another module, as the claims' quantities are
        users = [path for path in sorted((copy / file).parent.glob("*.py")) if imported.search(path.read_text())]
        return list(dict.fromkeys(test for user in users for test in near_tests(copy, str(user.relative_to(copy)))))
    if name in ("train_model", "arms", "paths"):
        own.append(copy / COMMANDS)
    own.sort(key=lambda path: (path.stem != f"test_{name}", path.stat().st_size))
    return [str(path.relative_to(copy)) for path in own]


def _is_rule(file: str) -> bool:
    return file.endswith((".smk", "Snakefile"))


def noticed_by(copy: Path, file: str, old: str, new: str, tests: list[list[str]]) -> str:
    """The first test that fails with the mistake in; empty where none does."""
    path = copy / file
    text = path.read_text()
    path.write_text(text.replace(old, new))
    try:
        return next(filter(None, (failing(copy, names) for names in tests)), "")
    finally:
        path.write_text(text)


def failing(copy: Path, names: list[str]) -> str:
    """The first failing test of some files, in a process of its own."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(copy, names, there))
    process.start()
    found = here.recv() if here.poll(SECONDS) else f"{names[-1]} (runs for ever)"
    process.kill()
    process.join()
    return found


def _run(copy: Path, names: list[str], answer) -> None:
    os.chdir(copy)
    sys.path[:] = [place for place in sys.path if place != str(CHECKOUT)]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    first = _First()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *names], plugins=[first])
    answer.send(first.name or ("" if code == 0 else f"{names[-1]} (exit {int(code)})"))


class _First:
    """A plugin that keeps the name of the first failing test."""

    name = ""

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid


if __name__ == "__main__":
    main()
