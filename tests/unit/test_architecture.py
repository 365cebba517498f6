"""The house as docs/architecture.md draws it: which room may import which, no circle, no module too long to read."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from dark_knowledge import fingerprint

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
PACKAGE = SCRIPTS / "dark_knowledge"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
LONGEST = 300  # lines

# What each room, or module outside of one, may import beside its own modules: from the ground up, nothing above it.
MAY_IMPORT = {
    "command": set(),
    "integrity": {"command"},
    "fingerprint": set(),
    "streams": set(),
    "data": {"command", "integrity", "fingerprint", "streams"},
    "study": {"command", "fingerprint", "data"},
    "training": {"command", "streams", "study", "data"},
    "progress": {"study"},
    "analysis": {"command", "integrity", "fingerprint", "study"},
    "figures": {"command", "study", "analysis"},
    "pages": {"command", "study", "analysis", "figures"},
}


def room_of(path: Path) -> str:
    """The folder of a module in the package, or the module where it stands in none."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_by(path: Path) -> set[Path]:
    """The modules of the package that a file imports."""
    return {other for other in fingerprint._imported_modules(path) if other.name != "__init__.py"}


def named(path: Path) -> str:
    return str(path.relative_to(SCRIPTS))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_room_imports_only_what_lies_below_it(path):
    rooms = {room_of(other) for other in imported_by(path)}
    assert rooms <= MAY_IMPORT[room_of(path)] | {room_of(path)}


def test_the_rooms_stand_in_their_order():
    order = list(MAY_IMPORT)
    for room, below in MAY_IMPORT.items():
        assert all(order.index(other) < order.index(room) for other in below)
    assert {room_of(path) for path in MODULES} == set(order)


def test_no_modules_import_each_other_in_a_circle():
    TopologicalSorter({path: imported_by(path) for path in MODULES}).prepare()


def test_nothing_imports_a_script():
    scripts = {path.stem for path in SCRIPTS.glob("*.py")}
    for path in SCRIPTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not scripts & {name.partition(".")[0] for name in names}, named(path)


@pytest.mark.parametrize("path", [*MODULES, *sorted(SCRIPTS.glob("*.py"))], ids=named)
def test_a_module_can_be_read_at_a_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
