"""A hash of the code behind a command line, so that an edit re-runs what it changes and nothing else."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent

# These say when and where a job runs, what it shows and how it writes, and decide no number.
NO_NUMBERS = [
    "command.py",
    *(f"training/{name}.py" for name in ("gpus", "live", "memory", "multi_process", "stopwatch")),
]


def code_fingerprint(script: str | Path) -> str:
    """Hash `script` and every module of this package that it imports, directly or not.

    The hash is taken of the syntax trees without docstrings, the words of error messages, what is printed and the help
    of options: these, comments, formatting, time stamps and the folder that holds the checkout do not change it, nor do
    the modules of NO_NUMBERS. Returns 12 hexadecimal digits; raises ImportError for an import of this package that
    leads to no file.
    """
    digest = hashlib.sha256()
    left_out = {PACKAGE / name for name in NO_NUMBERS}
    for path in sorted(_closure(Path(script)) - left_out, key=lambda path: path.parts[-3:]):
        digest.update(_normalised(path).encode())
    return digest.hexdigest()[:12]


def file_fingerprint(path: str | Path) -> str:
    """Hash a Python file of the user's and the modules in its folder, or below, that it imports, directly or not."""
    found, waiting = set(), [Path(path)]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported_beside(file, Path(path).parent)
    digest = hashlib.sha256()
    for file in sorted(found):
        digest.update(_normalised(file).encode())
    return digest.hexdigest()[:12]


def _imported_beside(importer: Path, folder: Path) -> Iterator[Path]:
    """The files in `folder`, or below, that the imports of a file run: modules, and each `__init__` on the way."""
    for node in ast.walk(_tree(importer)):
        if isinstance(node, ast.Import):
            start, names = folder, [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = importer.parents[node.level - 1] if node.level else folder
            names = [f"{node.module}.{alias.name}" if node.module else alias.name for alias in node.names]
        else:
            continue
        for name in names:
            place = start
            for word in name.split("."):
                yield from place.glob(f"{word}.py")  # after `from package import *` each module, which __all__ may name
                place /= word
                yield from place.glob("__init__.py")


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


@cache
def _imported_modules(path: Path) -> frozenset[Path]:
    """The files of this package that a file imports, each with the `__init__` of the folders that lead to it.

    What is imported from a folder is a module of it: the `__init__` files hold a docstring alone.
    """
    files = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                files.update(_files(alias.name, path))
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ImportError(f"{path}, line {node.lineno}: a relative import; name the module in full")
            from_folder = PACKAGE.parent.joinpath(*node.module.split(".")).is_dir()
            for alias in node.names:
                files.update(_files(f"{node.module}.{alias.name}" if from_folder else node.module, path))
    return frozenset(files)


def _files(module: str, importer: Path) -> list[Path]:
    """The files that an import of `module` runs; none for a module of another package."""
    words = module.split(".")
    if words[0] != PACKAGE.name:
        return []
    places = [_place(".".join(words[:count])) for count in range(2, len(words) + 1)]
    if None in places:
        raise ImportError(f"{importer} imports {module}, which is no module of {PACKAGE.name}")
    return places


def _place(module: str) -> Path | None:
    """The file of a module of this package, None where there is none."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


@cache
def _normalised(path: Path) -> str:
    return _as_text(_tree(path))


def _as_text(node: object) -> str:
    """A syntax tree as text, without docstrings, what is said to the user, and fields that are empty.

    Of empty fields each version of Python has and shows others.
    """
    if isinstance(node, list):
        return f"[{', '.join(map(_as_text, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    match node:
        case ast.Raise(exc=ast.Call(func=ast.Name(id=name) as error)) if name.endswith("Error"):
            node = ast.Raise(ast.Call(error, [], []), node.cause)
        case ast.Call(func=ast.Name(id="print") as print_):
            node = ast.Call(print_, [], [])
        case ast.keyword(arg="help"):
            node = ast.keyword("help", ast.Constant(None))
    fields = []
    for name, value in ast.iter_fields(node):
        if isinstance(value, list):
            value = [each for each in value if not _is_docstring(each)]
        if value is not None and value != []:
            fields.append(f"{name}={_as_text(value)}")
    return f"{type(node).__name__}({', '.join(fields)})"


def _is_docstring(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
