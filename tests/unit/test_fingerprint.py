"""The code's fingerprint changes with what the code does, and with nothing else."""

import ast
import subprocess
import sys

import pytest

from dark_knowledge import fingerprint

SCRIPT = '''"""What the script does."""

from dark_knowledge import command
from dark_knowledge.losses import loss

RATE = 1


def main():
    """Run."""
    return loss(RATE)
'''
LIBRARY = {
    "command": "TIMEOUT = 3\n",
    "losses": '"""Losses."""\nfrom dark_knowledge.scale import SCALE\n\n\ndef loss(x):\n    return SCALE * x\n',
    "scale": "SCALE = 2\n",
    "plots": "COLOUR = 'blue'\n",
}


@pytest.fixture
def of(tmp_path, monkeypatch):
    """Fingerprint of a checkout with the given files in place of SCRIPT and LIBRARY, each in a folder of its own."""
    count = iter(range(100))

    def of(script: str = SCRIPT, **changed: str) -> str:
        package = tmp_path / f"checkout{next(count)}" / "dark_knowledge"
        package.mkdir(parents=True)
        for name, text in (LIBRARY | changed).items():
            (package / f"{name}.py").write_text(text, encoding="utf-8")
        path = package.parent / "script.py"
        path.write_text(script, encoding="utf-8")
        monkeypatch.setattr(fingerprint, "PACKAGE", package)
        return fingerprint.code_fingerprint(path)

    return of


def test_form_and_folder(of):
    first = of()
    assert first == of()
    assert len(first) == 12
    int(first, 16)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RATE = 1", "RATE = 1  # a comment"),
        ("RATE = 1", "\n\nRATE = (\n    1\n)"),
        ("What the script does.", "Something else."),
        ('    """Run."""\n', ""),
        ('    """Run."""\n', '    """Run\n\n    at length."""\n'),
        ("RATE = 1\n", 'RATE = 1\n"""What the rate is."""\n'),
    ],
    ids=["comment", "formatting", "docstring", "no docstring", "long docstring", "constant's docstring"],
)
def test_words_and_formatting_do_not_change_it(of, old, new):
    assert old in SCRIPT
    assert of(SCRIPT.replace(old, new)) == of()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RATE = 1", "RATE = 2"),
        ("RATE = 1", "RATE = 1.0"),
        ("loss(RATE)", "-loss(RATE)"),
        ("def main():", "def main(extra=1):"),
        ("loss(RATE)", "loss(rate)"),
    ],
)
def test_a_change_of_the_script_changes_it(of, old, new):
    assert old in SCRIPT
    assert of(SCRIPT.replace(old, new)) != of()


@pytest.mark.parametrize(
    "changed",
    [
        {"command": "TIMEOUT = 4\n"},
        {"losses": LIBRARY["losses"].replace("SCALE * x", "SCALE + x")},
        {"scale": "SCALE = 3\n"},
    ],
    ids=["imported", "function imported", "imported by an imported module"],
)
def test_a_change_of_an_imported_module_changes_it(of, changed):
    assert of(**changed) != of()


def test_a_module_that_is_not_imported_does_not_change_it(of):
    assert of(plots="COLOUR = 'red'\n") == of()


def test_an_import_inside_a_function_counts(of):
    script = SCRIPT.replace("    return", "    from dark_knowledge.plots import COLOUR\n    return")
    assert of(script, plots="COLOUR = 'red'\n") != of(script)


def test_a_module_that_imports_itself_in_a_circle_ends(of):
    assert of(scale="from dark_knowledge import losses\nSCALE = 2\n") != of()


def test_the_closure_holds_what_python_loads(root):
    scripts = root / "workflow" / "scripts"
    loaded = subprocess.run(
        [sys.executable, "-c", "import download_dataset, sys; print(*[m for m in sys.modules if 'dark_know' in m])"],
        cwd=scripts,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    modules = {name.split(".")[1] for name in loaded if "." in name}
    assert modules == {"command", "download"}
    assert {path.stem for path in fingerprint._closure(scripts / "download_dataset.py")} == {
        "download_dataset"
    } | modules


def test_the_package_is_imported_only_in_the_ways_that_are_followed(root):
    for path in (root / "workflow" / "scripts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("dark_knowledge") for alias in node.names), path
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
