"""What functions in a file take, read from its text: nothing is run, and nothing heavy imported.

Imported while Snakemake parses the workflow.
"""

import ast
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

SOFT_LOSSES = Path(__file__).parents[1] / "training" / "soft_losses.py"


@dataclass(frozen=True)
class Signature:
    """The arguments that can be given by keyword, and whether each must; `any_keyword`: there may be others."""

    keywords: dict[str, bool]
    any_keyword: bool


UNKNOWN = Signature({}, any_keyword=True)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions_in(path: Path) -> dict[str, ast.FunctionDef]:
    """The public functions of a Python file, by name."""
    body = _tree(path).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}


def keywords_of(function: ast.FunctionDef) -> dict[str, bool]:
    """The names of a function's keyword-only arguments, and whether each must be given."""
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return {argument.arg: default is None for argument, default in pairs}


def module_file(name: str) -> Path | None:
    """The file of an installed module; None where there is none."""
    path, words = None, name.split(".")
    for count in range(1, len(words) + 1):
        spec = PathFinder.find_spec(".".join(words[:count]), path)
        if spec is None or (spec.submodule_search_locations is None and count < len(words)):
            return None
        path = spec.submodule_search_locations
    return Path(spec.origin) if spec.origin else None


def signature_of(path: Path, name: str, passed: frozenset[Path] = frozenset()) -> Signature | None:
    """What the function or class `name` of a Python file takes; None where the file binds no such name.

    Names that a file takes over from another of its folder are followed; of any other binding, and of one within a try
    or an if, it is not known what it takes.
    """
    found = None
    for node in _tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            found = _signature(node)
        elif isinstance(node, ast.ImportFrom):
            found = _imported(path, node, name, passed | {path}) or found
        elif not isinstance(node, ast.FunctionDef | ast.ClassDef) and {name, "*"} & _bound(node):
            found = UNKNOWN
    return found


def _signature(node: ast.FunctionDef | ast.ClassDef) -> Signature:
    if isinstance(node, ast.ClassDef):
        makers = [inner for inner in node.body if isinstance(inner, ast.FunctionDef) and inner.name == "__init__"]
        if not makers:
            return UNKNOWN
        own = _signature(makers[0])
        return Signature({key: needed for key, needed in own.keywords.items() if key != "self"}, own.any_keyword)
    positional = node.args.args
    needed = len(positional) - len(node.args.defaults)
    keywords = {argument.arg: place < needed for place, argument in enumerate(positional)} | keywords_of(node)
    return Signature(keywords, any_keyword=node.args.kwarg is not None)


def _imported(path: Path, node: ast.ImportFrom, name: str, passed: frozenset[Path]) -> Signature | None:
    """What `name` takes where this import may bind it."""
    names = {alias.asname or alias.name: alias.name for alias in node.names}
    if name not in names and "*" not in names:
        return None
    folder = path.parents[max(node.level, 1) - 1]
    beside = folder.joinpath(*(node.module or "").split(".")).with_suffix(".py")
    if beside in passed:  # two files that import from one another
        return None
    if beside.is_file():
        return signature_of(beside, names.get(name, name), passed)
    return UNKNOWN  # of another package


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement may bind; "*" where it takes over all names of a module."""
    names = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
    return names
