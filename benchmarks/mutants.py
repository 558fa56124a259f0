"""Change one thing in the pricing code at a time, and see whether a test notices.

    make mutants                       # all modules, into artifacts/mutants.json
    make mutants ARGS="rates usage"    # some
    make mutants ARGS="overlay 3"      # of these every third

Each mutant runs in a process that is forked after what is slow to import has been imported. A
module's own tests run first, then those that are further away; the first failure ends it.
"""

import ast
import copy
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, cast

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "spanledger"
OUT = ROOT / "artifacts" / "mutants.json"
LIMIT_S = 120
PLAIN = ["-x", "-q", "-n0", "-p", "no:randomly", "-p", "no:cacheprovider"]
# Of what was imported before the fork pytest would warn.
OPTIONS = [*PLAIN, "-W", "ignore::pytest.PytestAssertRewriteWarning"]
NEAR = ["statement", "rates", "schedule", "cost", "units", "names"]
FAR = ["engine", "overlay", "listing", "book", "golden"]
MODULES = [
    "usage", "pricing.units", "pricing.statement", "pricing.rates", "pricing.schedule",
    "pricing.cost", "pricing.engine", "pricing.names", "pricing.overlay", "pricing.listing",
    "pricing.book",
]  # fmt: skip

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Mod: ast.Add,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:  # noqa: C901 - one case for each kind of node, and no state between them
    """The ways to change one node, each with what it says."""
    new: Any = copy.deepcopy(node)
    match node:
        case ast.Compare(ops=[op, *_]) if type(op) in COMPARED:
            new.ops[0] = COMPARED[type(op)]()
            yield "compare", new
        case ast.BinOp(op=op) if type(op) in COMPUTED:
            new.op = COMPUTED[type(op)]()
            yield "compute", new
        case ast.AugAssign(op=op) if type(op) in COMPUTED:
            new.op = COMPUTED[type(op)]()
            yield "compute", new
        case ast.BoolOp(op=op):
            new.op = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "and/or", new
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "not", copy.deepcopy(operand)
        case ast.Constant(value=bool(value)):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield "constant", ast.Constant(value + 1)
        case ast.Constant(value=str(value)):
            yield "text", ast.Constant(f"{value}x" if value else "x")
        case ast.If() | ast.IfExp():
            new.test = ast.UnaryOp(ast.Not(), new.test)
            yield "condition", new
        case ast.comprehension(ifs=[_, *_]):
            new.ifs = []
            yield "filter", new
        case ast.Return(value=ast.expr()) if not is_none(node.value):
            yield "return", ast.Return(ast.Constant(None))
        case _:
            pass


def is_none(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def is_said(node: ast.AST) -> bool:
    """What people read: the text of an error, a docstring, a type."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.JoinedStr() | ast.Raise():
            return True
        case ast.Assign(targets=[ast.Name(id="msg" | "__all__")]):
            return True
        case ast.Call(func=ast.Attribute(attr="_refuse")) | ast.Call(func=ast.Name(id="cast")):
            return True
        case _:
            return False


def sites(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Every place that can be changed: its parent, the field, and the place in a list."""
    for field, value in ast.iter_fields(tree):
        if field in {"annotation", "returns", "decorator_list"}:
            continue
        children = cast("list[object]", value if isinstance(value, list) else [value])
        for place, child in enumerate(children):
            if isinstance(child, ast.AST) and not is_said(child):
                yield tree, field, place if isinstance(value, list) else None
                yield from sites(child)


def mutants(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, what was changed, and the changed source."""
    tree = ast.parse(text)
    for parent, field, place in list(sites(tree)):
        held = getattr(parent, field)
        node = held if place is None else held[place]
        for what, new in changes(node):
            before = ast.unparse(node).split("\n")[0]
            put(parent, field, place, ast.copy_location(new, node))
            ast.fix_missing_locations(tree)
            line = getattr(node, "lineno", 0) or getattr(parent, "lineno", 0)
            yield (
                line,
                f"{what}: {before} -> {ast.unparse(new).split(chr(10))[0]}",
                ast.unparse(tree),
            )
            put(parent, field, place, node)


def put(parent: ast.AST, field: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[place] = node


class Changed(MetaPathFinder, Loader):
    """Imports the changed source instead of the module's own."""

    def __init__(self, module: str, text: str) -> None:
        self.module, self.text = module, text

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """The changed module; all others are found as ever."""
        return spec_from_loader(fullname, self) if fullname == self.module else None

    def exec_module(self, module: ModuleType) -> None:
        """Run what was changed."""
        exec(compile(self.text, f"{self.module} (changed)", "exec"), module.__dict__)  # noqa: S102 - our own code, changed


def survives(module: str, text: str) -> bool:
    """Whether all tests pass with the changed module."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        sys.meta_path.insert(0, Changed(f"spanledger.{module}", text))
        import pytest

        try:
            first, *rest = tests_of(module)  # most are noticed near by
            code = int(pytest.main([*OPTIONS, first])) or int(pytest.main([*OPTIONS, *rest]))
        except BaseException:  # noqa: BLE001 - in a forked child: a test that ends in any way, by exit too, noticed
            code = 9
        os._exit(code)
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


def tests_of(module: str) -> list[str]:
    own = module.rpartition(".")[2]
    first = ["tests/test_usage.py"] if own == "usage" else [f"tests/pricing/test_{own}.py"]
    rest = [f"tests/pricing/test_{name}.py" for name in (*NEAR, *FAR)]
    return list(dict.fromkeys([*first, *rest]))


def main(wanted: list[str]) -> None:
    """Run the mutants of the modules named, or of all; `3` among the names: every third only."""
    step = next((int(word) for word in wanted if word.isdecimal()), 1)
    wanted = [word for word in wanted if not word.isdecimal()]
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
    for name in ("genai_prices.data", "hypothesis", "pytest", "yaml"):
        importlib.import_module(name)
    found: dict[str, Any] = json.loads(OUT.read_text()) if OUT.exists() else {}
    for module in MODULES:
        if wanted and module.rpartition(".")[2] not in wanted:
            continue
        text = (SOURCE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        if not survives(module, ast.unparse(ast.parse(text))):
            sys.exit(f"{module}: its tests fail without any change")
        count = 0
        alive: list[str] = []
        for line, what, changed in islice(mutants(text), 0, None, step):
            count += 1
            if survives(module, changed):
                alive.append(f"{line}: {what}")
                print(f"{module}:{line}: {what}", flush=True)
        found[module] = {"every": step, "mutants": count, "survivors": alive}
        print(f"{module}: {count - len(alive)} of {count} noticed", flush=True)
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
