"""What functions in a file take, read from its text: nothing is run, and nothing heavy imported.

Imported while Snakemake parses the workflow.
"""

import ast
from functools import cache
from pathlib import Path

SOFT_LOSSES = Path(__file__).parents[1] / "training" / "soft_losses.py"


@cache
def functions_in(path: Path) -> dict[str, ast.FunctionDef]:
    """The public functions of a Python file, by name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


def keywords_of(function: ast.FunctionDef) -> dict[str, bool]:
    """The names of a function's keyword-only arguments, and whether each must be given."""
    return {
        argument.arg: default is None
        for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    }
