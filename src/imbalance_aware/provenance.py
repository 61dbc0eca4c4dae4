"""What code a result depends on, by content: touching a file changes nothing, editing it changes this digest."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = "imbalance_aware"
ROOT = Path(__file__).resolve().parent


def code_digest(modules: Iterable[str]) -> str:
    """Digest of the source of ``modules`` and of every module of this package that they import, directly or not.

    Imports are read from the source (``import imbalance_aware…`` statements, also inside functions), nothing is
    executed. A package's ``__init__`` holds only names, so it is left out: what a name resolves to is the caller's to
    pass, which lets a new loss enter the table of losses without changing the digest of the old ones. Comments and
    blank lines do not count: the syntax tree is hashed, without docstrings.

    Args:
        modules: names below the package, such as ``"training.train"`` or ``"losses.soft_mcc"``.

    Returns:
        16 hexadecimal digits.
    """
    content = "".join(f"{module}:{_source_digest(module)}\n" for module in closure(modules))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def closure(modules: Iterable[str]) -> list[str]:
    """``modules`` and every module of this package that they import, directly or not, by name."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _imports(module)
    return sorted(found)


def module_path(module: str) -> Path:
    """Source file of a module below the package."""
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(module_path(module).read_text(encoding="utf-8"))


@cache
def _source_digest(module: str) -> str:
    tree = ast.parse(module_path(module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


@cache
def _imports(module: str) -> tuple[str, ...]:
    """Modules of this package that ``module`` imports by a statement."""
    names: list[str] = []
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    below = (name.removeprefix(f"{PACKAGE}.") for name in names if name.startswith(f"{PACKAGE}."))
    return tuple(sorted({name for name in below if module_path(name).is_file()}))
