"""The code's fingerprint changes with what the code does, and with nothing else."""

import ast
import subprocess
import sys

import pytest

from dark_knowledge import fingerprint

SCRIPT = '''"""What the script does."""

from dark_knowledge import command, streams
from dark_knowledge.training.losses import loss

RATE = 1


def main():
    """Run."""
    return loss(RATE)
'''
LIBRARY = {
    "command": "TIMEOUT = 3\n",
    "streams": "STREAMS = 3\n",
    "training/__init__": '"""Training."""\n',
    "training/losses": (
        '"""Losses."""\nfrom dark_knowledge.training.units import scale\n\n\n'
        "def loss(x):\n    if x < 0:\n        raise ValueError(f'{x} is below 0')\n    return scale.SCALE * x\n"
    ),
    "training/units/__init__": "",
    "training/units/scale": "SCALE = 2\n",
    "figures/__init__": "",
    "figures/style": "COLOUR = 'blue'\n",
}


@pytest.fixture
def of(tmp_path, monkeypatch):
    """Fingerprint of a checkout with the given files in place of SCRIPT and LIBRARY, each in a folder of its own."""
    count = iter(range(100))

    def of(script: str = SCRIPT, changed: dict[str, str] | None = None) -> str:
        package = tmp_path / f"checkout{next(count)}" / "dark_knowledge"
        package.mkdir(parents=True)
        for name, text in (LIBRARY | (changed or {})).items():
            (package / name).parent.mkdir(parents=True, exist_ok=True)
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


def test_every_version_of_python_gives_the_same(of):
    """Python 3.11, 3.12 and 3.13, whose syntax trees have other empty fields, gave this one."""
    assert of() == "8a951db1b4d1"


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
        {"streams": "STREAMS = 4\n"},
        {"training/losses": LIBRARY["training/losses"].replace("SCALE * x", "SCALE + x")},
        {"training/units/scale": "SCALE = 3\n"},
        {"training/__init__": "LIMIT = 1\n"},
    ],
    ids=["imported", "function imported", "two folders down", "of the folder"],
)
def test_a_change_of_an_imported_module_changes_it(of, changed):
    assert of(changed=changed) != of()


def test_a_module_that_is_not_imported_does_not_change_it(of):
    assert of(changed={"figures/style": "COLOUR = 'red'\n"}) == of()


def test_a_module_that_decides_no_number_does_not_change_it(of):
    assert of(changed={"command": "TIMEOUT = 4\n"}) == of()


def test_the_modules_that_decide_no_number_are_there():
    assert [name for name in fingerprint.NO_NUMBERS if not (fingerprint.PACKAGE / name).exists()] == []


def test_an_import_inside_a_function_counts(of):
    script = SCRIPT.replace("    return", "    from dark_knowledge.figures.style import COLOUR\n    return")
    assert of(script, {"figures/style": "COLOUR = 'red'\n"}) != of(script)


def test_a_module_that_imports_itself_in_a_circle_ends(of):
    assert of(changed={"training/units/scale": "from dark_knowledge.training import losses\nSCALE = 2\n"}) != of()


@pytest.mark.parametrize(
    "line",
    [
        "from dark_knowledge import nowhere",
        "from dark_knowledge.training import nowhere",
        "from dark_knowledge.nowhere import LIMIT",
        "import dark_knowledge.training.nowhere",
    ],
)
def test_an_import_that_leads_nowhere_is_refused(of, line):
    with pytest.raises(ImportError, match=r"script.py imports dark_knowledge[.\w]*nowhere"):
        of(f"{line}\n{SCRIPT}")


def test_the_words_of_an_error_do_not_change_it_but_its_kind_does(of):
    losses = LIBRARY["training/losses"]
    assert of(changed={"training/losses": losses.replace("is below 0", "is negative; give 0 or more")}) == of()
    assert of(changed={"training/losses": losses.replace("ValueError", "TypeError")}) != of()
    assert of(changed={"training/losses": losses.replace("x < 0", "x <= 0")}) != of()


@pytest.mark.parametrize(
    ("said", "otherwise"),
    [
        ("print(f'{RATE} is the rate', flush=True)", "print('the rate is', RATE)"),
        ("parser.add_argument('--rate', help='a rate')", "parser.add_argument('--rate', help='the rate')"),
    ],
)
def test_what_is_said_to_the_user_does_not_change_it(of, said, otherwise):
    first, second = (of(SCRIPT.replace("    return", f"    {line}\n    return")) for line in (said, otherwise))
    assert first == second


def test_another_option_changes_it(of):
    options = ("--rate', help='a rate'", "--rates', help='a rate'", "--rate', type=int, help='a rate'")
    lines = (f"    parser.add_argument('{option})\n    return" for option in options)
    assert len({of(SCRIPT.replace("    return", line)) for line in lines}) == len(options)


def test_what_an_error_holds_that_is_not_raised_changes_it(of):
    losses = f"{LIBRARY['training/losses']}\n\nclass SquaredError:\n    ...\n\n\nERROR = SquaredError(4)\n"
    first = of(changed={"training/losses": losses})
    assert of(changed={"training/losses": losses.replace("SquaredError(4)", "SquaredError(8)")}) != first


PACKAGES = {
    "blocks/__init__": "WIDTH = 4\n",
    "blocks/conv": "from .layers import DEPTH\nfrom . import norm\nimport parts\n",
    "blocks/layers": "DEPTH = 4\n",
    "blocks/norm": "from ..above import x\nMEAN = 4\n",
    "blocks/deep/under": "from ..layers import DEPTH\n",
    "parts": "SIZE = 4\n",
    "alone": "NOTHING = 4\n",
}


@pytest.mark.parametrize(
    ("line", "noticed"),
    [
        ("from blocks.conv import body", {"blocks/__init__", "blocks/conv", "blocks/layers", "blocks/norm", "parts"}),
        ("from blocks import conv", {"blocks/__init__", "blocks/conv", "blocks/layers", "blocks/norm", "parts"}),
        ("import blocks.conv as conv", {"blocks/__init__", "blocks/conv", "blocks/layers", "blocks/norm", "parts"}),
        ("import blocks", {"blocks/__init__"}),
        ("from blocks import WIDTH", {"blocks/__init__"}),
        ("from blocks.deep import under", {"blocks/__init__", "blocks/deep/under", "blocks/layers"}),
        ("from blocks import *", {"blocks/__init__", "blocks/conv", "blocks/layers", "blocks/norm", "parts"}),
        ("from parts import SIZE", {"parts"}),
        ("import torch.nn", set()),
    ],
)
def test_an_edit_of_any_module_beside_a_users_file_that_it_imports_is_noticed(tmp_path, line, noticed):
    def of(edited: str | None = None) -> str:
        folder = tmp_path / str(edited).replace("/", "-")
        for name, text in (PACKAGES | {"nets": f"{line}\n"}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.py").write_text(text + "EDITED = True\n" * (name == edited), encoding="utf-8")
        return fingerprint.file_fingerprint(folder / "nets.py")

    assert {name for name in PACKAGES if of(name) != of()} == noticed


def test_the_closure_holds_what_python_loads(root):
    scripts = root / "workflow" / "scripts"
    loaded = subprocess.run(
        [sys.executable, "-c", "import prepare_dataset, sys; print(*[m for m in sys.modules if 'dark_know' in m])"],
        cwd=scripts,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    top = {f"dark_knowledge.{name}" for name in ("command", "integrity", "streams")}
    data = {
        f"dark_knowledge.data.{name}" for name in ("formats", "parts", "prepared", "preparing", "sources", "splitting")
    }
    assert set(loaded) == {"dark_knowledge", "dark_knowledge.data", *top, *data}
    closure = fingerprint._closure(scripts / "prepare_dataset.py")
    assert {str(path.relative_to(scripts)) for path in closure} == {
        "prepare_dataset.py",
        "dark_knowledge/data/__init__.py",
    } | {f"{name.replace('.', '/')}.py" for name in data | top}


def test_the_package_is_imported_only_in_the_ways_that_are_followed(root):
    for path in (root / "workflow" / "scripts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("dark_knowledge") for alias in node.names), path
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
