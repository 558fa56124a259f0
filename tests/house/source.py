"""The files of the repository, as the house tests look at them."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "spanledger"
TESTS = ROOT / "tests"

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Module:
    """A parsed Python file."""

    path: Path
    tree: ast.Module

    def nodes(self) -> Iterator[ast.AST]:
        """Every node of the file."""
        return ast.walk(self.tree)

    def at(self, node: ast.AST) -> str:
        """Where `node` stands, for a person to click on."""
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


@cache
def python_files(folder: Path) -> tuple[Module, ...]:
    """The Python files below `folder`, parsed."""
    return tuple(
        Module(path, ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted(folder.rglob("*.py"))
    )


def repository_files() -> Iterator[Path]:
    """Every file that belongs to the repository: what .gitignore names does not."""
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
    return _walk(ROOT, (*ignored, ".git"))


def _walk(folder: Path, ignored: Iterable[str]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if any(fnmatchcase(path.name, pattern) for pattern in ignored):
            continue
        if path.is_dir():
            yield from _walk(path, ignored)
        else:
            yield path


def public_definitions(module: Module) -> Iterator[tuple[str, Definition]]:
    """Public classes, functions and methods with their full names; functions within none."""
    yield from _public_in(module.tree, "")


def _public_in(parent: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, Definition]]:
    for node in parent.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from _public_in(node, f"{prefix}{node.name}.")


def dotted(node: ast.AST) -> str:
    """`a.b.c` for such an expression; '' for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""
