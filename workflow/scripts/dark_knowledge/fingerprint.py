"""A hash of the code behind a command line, so that an edit re-runs what it changes and nothing else."""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


def code_fingerprint(script: str | Path) -> str:
    """Hash `script` and every module of this package that it imports, directly or not.

    The hash is taken of the syntax trees without docstrings: comments, formatting, time stamps and the
    folder that holds the checkout do not change it. Returns 12 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in sorted(_closure(Path(script)), key=lambda path: path.name):
        digest.update(_normalised(path).encode())
    return digest.hexdigest()[:12]


def _closure(script: Path) -> set[Path]:
    found, waiting = set(), [script]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported_modules(path)
    return found


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _imported_modules(path: Path) -> list[Path]:
    names = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE.name:
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE.name}."):
            names.add(node.module.split(".")[1])
    return [module for name in names if (module := PACKAGE / f"{name}.py").exists()]


@cache
def _normalised(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [statement for statement in body if not _is_text(statement)]
    return ast.dump(tree)


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
