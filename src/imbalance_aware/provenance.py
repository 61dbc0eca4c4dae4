"""Digests of the code that a result depends on: touching a file does not change them, editing its code does."""

import ast
import hashlib
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

PACKAGE = "imbalance_aware"
ROOT = Path(__file__).resolve().parent

#: Names under which modules log, and `warnings`: what is passed to them is for people.
LOGGERS = ("log", "logger", "logging", "warnings")
#: Arguments that describe a setting or a command-line argument for people.
DESCRIPTIONS = ("description", "help")
#: What a module or class says of the data for people, in an assignment to one of these names.
NOTES = ("licence",)

#: Where the workflow keeps what it read from each module, below the working directory.
KEPT = Path(".snakemake/imbalance_aware_code")
#: Where this process does; None: nowhere.
_folder: Path | None = None


def keep_in(folder: Path | None) -> None:
    """Keep what is read from each module in ``folder``, for later processes, which then need not parse it.

    An entry counts only for the very bytes of the module, this file and this Python, so that it is never out of date.
    Where ``folder`` cannot be read or written, every process parses all.

    Args:
        folder: made when something is kept; None: nothing is kept.
    """
    global _folder
    _folder = folder


def code_digest(modules: Iterable[str], named: Mapping[str, str] | None = None) -> str:
    """Digest of the code of ``modules`` and of every module of this package that they import, directly or not.

    Imports are read from the source (absolute and relative statements, also inside functions), nothing is executed. A
    package's ``__init__`` holds only names, so it is left out: the caller passes what names resolve to as ``named``, so
    that adding a loss to the table of losses does not change the digests of the others.

    Prose does not count: comments, docstrings, the strings of ``raise`` statements, calls that log or warn, the
    ``description=`` and ``help=`` of settings and arguments, and what a source says of its licence.

    Args:
        modules: names below the package, such as ``"training.sampling"`` or ``"losses.soft_mcc"``.
        named: name -> ``"module:Class"`` that it refers to in this run; part of the digest.

    Returns:
        16 hexadecimal digits.
    """
    lines = [f"{module}:{_source_digest(module)}\n" for module in closure(modules)]
    lines += [f"{name}={reference}\n" for name, reference in sorted((named or {}).items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def closure(modules: Iterable[str]) -> list[str]:
    """``modules`` and every module of this package that they import, directly or not, by name."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += imports(module)
    return sorted(found)


def module_path(module: str) -> Path:
    """Source file of a module below the package."""
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


@cache
def imports(module: str) -> tuple[str, ...]:
    """Modules of this package that ``module`` imports by a statement that runs: not those for type checkers alone."""
    return tuple(name for name in _read(module)[1] if module_path(name).is_file())


def _source_digest(module: str) -> str:
    return _read(module)[0]


@cache
def _read(module: str) -> tuple[str, tuple[str, ...]]:
    """Digest of the code of ``module``, and all names below this package that it imports, modules or not, sorted."""
    source = module_path(module).read_bytes()
    if _folder is None:
        return _parsed(module, source)
    entry = _folder / module
    try:
        seal, code, *names = entry.read_text(encoding="utf-8").splitlines()
        if seal == _seal(module, source, [code, *names]):
            return code, tuple(names)
    except (OSError, ValueError):  # there is none yet, or it is no text of that form
        pass
    code, found = _parsed(module, source)
    try:
        _folder.mkdir(parents=True, exist_ok=True)
        # A part of it, as a killed process leaves it, does not fit its seal.
        entry.write_text("\n".join([_seal(module, source, [code, *found]), code, *found]), encoding="utf-8")
    except OSError:
        pass
    return code, found


def _seal(module: str, source: bytes, content: Iterable[str]) -> str:
    """Digest of what an entry says and of all that this depends on."""
    lines = [_reader(), module, hashlib.sha256(source).hexdigest(), *content]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@cache
def _reader() -> str:
    """What parses: the Python, whose syntax trees change from version to version, and this file."""
    return f"{sys.version.splitlines()[0]} {hashlib.sha256(Path(__file__).read_bytes()).hexdigest()}"


def _parsed(module: str, source: bytes) -> tuple[str, tuple[str, ...]]:
    """What `_read` returns, from the source."""
    tree = ast.parse(source.decode("utf-8"))
    names: list[str] = []
    for node in _running(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = _start(module, node)
            names += [start, *(f"{start}.{alias.name}" for alias in node.names)]
    below = {name.removeprefix(f"{PACKAGE}.") for name in names if name.startswith(f"{PACKAGE}.")}
    bare = _WithoutProse().visit(tree)  # changes the tree
    return hashlib.sha256(ast.dump(bare).encode()).hexdigest(), tuple(sorted(below))


def _start(module: str, node: ast.ImportFrom) -> str:
    """The absolute name of what an ``import from`` statement starts at."""
    if not node.level:
        return node.module or ""
    package = [PACKAGE, *module.split(".")][: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def _running(node: ast.AST) -> Iterable[ast.AST]:
    """All nodes below ``node``, but for the bodies of ``if TYPE_CHECKING:``; what is below its ``else`` runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).rpartition(".")[2] == "TYPE_CHECKING":
            child = ast.Module(child.orelse, type_ignores=[])
        yield child
        if not isinstance(child, ast.expr):  # no statement is in an expression
            yield from _running(child)


class _WithoutProse(ast.NodeTransformer):
    """Takes out of a syntax tree what only people read."""

    def _documented(self, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        return self.generic_visit(node)

    visit_Module = visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = _documented

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        called = node.value.func if isinstance(node.value, ast.Call) else None
        logs = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id in LOGGERS
        # A string on its own is a comment, such as the one below an attribute.
        comment = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if logs or comment else self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if all(_is_note(target) for target in node.targets) else self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        return None if _is_note(node.target) else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return _WithoutStrings().visit(self.generic_visit(node))

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        return None if node.arg in DESCRIPTIONS else self.generic_visit(node)


def _is_note(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id in NOTES


class _WithoutStrings(ast.NodeTransformer):
    """Empties every string of a syntax tree, formatted ones with all they hold."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant("")

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) else node
