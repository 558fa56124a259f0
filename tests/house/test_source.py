"""What the code promises about itself, read from its syntax."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.house.source import (
    SRC,
    TESTS,
    Module,
    dotted,
    public_definitions,
    python_files,
)

BROAD = {"Exception", "BaseException"}

MONEY = ("pricing", "storage", "api", "call.py", "usage.py", "report.py")
"""Where amounts, rates and quantities pass. Seconds are floats elsewhere."""

BANNED_MODULES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}

LINES_MAX = 400

UNTESTED = {
    "__init__.py": "the functions of the package root are tested with what they start",
}
"""Modules with code that need no test file of their own, each with its reason."""


def test_there_is_one_broad_except() -> None:
    """STYLE: whatever fails in the app's path ends at the one guard, and nothing else hides."""
    found = [
        module.path.relative_to(SRC).as_posix()
        for module in python_files(SRC)
        for node in module.nodes()
        if catches_all(node)
    ]

    assert found == ["instrumentation/guard.py"]


def catches_all(node: ast.AST) -> bool:
    """A bare or broad `except`, or a `suppress` of everything."""
    if isinstance(node, ast.ExceptHandler):
        caught = [node.type]
    elif isinstance(node, ast.Call) and dotted(node.func).endswith("suppress"):
        caught = list(node.args)
    else:
        return False
    names = {dotted(part) for kind in caught if kind for part in ast.walk(kind)}
    return None in caught or bool(BROAD & {name.rpartition(".")[2] for name in names})


def test_no_float_touches_money() -> None:
    """S3.6: no float is called, written or annotated where money passes."""
    modules = [
        module for module in python_files(SRC) if module.path.relative_to(SRC).parts[0] in MONEY
    ]

    assert len(modules) > len(MONEY)
    assert [at for module in modules for at in floats(module)] == []


def floats(module: Module) -> Iterator[str]:
    """The places of float literals and of the name `float`."""
    for node in module.nodes():
        is_literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        if is_literal or (isinstance(node, ast.Name) and node.id == "float"):
            yield module.at(node)


def test_the_environment_is_read_in_one_place() -> None:
    """Settings are read once, at the top, and passed on by name."""
    found = {
        module.path.name
        for module in python_files(SRC)
        for node in module.nodes()
        if reads_environment(node)
    }

    assert found == {"settings.py"}


def reads_environment(node: ast.AST) -> bool:
    """`os.environ`, `os.getenv` and their kin, by either form of import."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and bool(names & {alias.name for alias in node.names})
    return dotted(node) in {f"os.{name}" for name in names}


def test_nothing_prints() -> None:
    """Commands write to the stream they mean; libraries log."""
    assert [
        module.at(node)
        for module in python_files(SRC)
        for node in module.nodes()
        if isinstance(node, ast.Call) and dotted(node.func) in {"print", "pprint", "breakpoint"}
    ] == []


@pytest.mark.parametrize("folder", [SRC, TESTS], ids=lambda folder: folder.name)
def test_nothing_is_left_for_later(folder: Path) -> None:
    """What is not done stands in the README, not in a comment."""
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X")

    assert [
        module.path.name
        for module in python_files(folder)
        if any(mark in module.path.read_text(encoding="utf-8") for mark in marks)
    ] == []


def test_modules_are_named_for_what_they_hold() -> None:
    """No module is a drawer for what has no place."""
    names = {part for module in python_files(SRC) for part in module.path.with_suffix("").parts}

    assert names & BANNED_MODULES == set()


def test_modules_are_short() -> None:
    """A module that outgrows 400 lines holds more than one thing."""
    lengths = {
        module.path.relative_to(SRC).as_posix(): len(module.path.read_text().splitlines())
        for module in python_files(SRC)
    }

    assert {path: length for path, length in lengths.items() if length > LINES_MAX} == {}


def test_everything_public_says_what_it_is() -> None:
    """Modules, public classes, functions and methods have a docstring."""
    silent = [
        f"{module.at(node)} {name}"
        for module in python_files(SRC)
        for name, node in public_definitions(module)
        if ast.get_docstring(node) is None
    ]
    modules = [module.path for module in python_files(SRC) if not ast.get_docstring(module.tree)]

    assert not silent, "\n".join(silent)
    assert modules == []


def test_every_test_says_its_behaviour() -> None:
    """A test without a sentence is a riddle when it fails."""
    assert [
        f"{module.at(node)} {name}"
        for module in python_files(TESTS)
        for name, node in public_definitions(module)
        if name.rpartition(".")[2].startswith("test_") and ast.get_docstring(node) is None
    ] == []


def test_every_module_has_its_tests() -> None:
    """`src/spanledger/a/b.py` is tested by `tests/a/test_b.py`."""
    missing = [
        expected.as_posix()
        for module in python_files(SRC)
        if has_code(module) and module.path.relative_to(SRC).as_posix() not in UNTESTED
        if not (TESTS / (expected := mirror(module.path))).exists()
    ]

    assert not missing, "\n".join(missing)


def mirror(path: Path) -> Path:
    """Where the tests of a module are, below tests/."""
    return path.relative_to(SRC).with_name(f"test_{path.name}")


def has_code(module: Module) -> bool:
    """Some function or method does more than say what it would do."""
    functions = (
        node for node in module.nodes() if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return any(not isinstance(one, ast.Expr) for node in functions for one in node.body)


def test_exceptions_are_still_needed() -> None:
    """An exception that no module needs any more is taken back."""
    assert {path for path in UNTESTED if not has_code_at(path)} == set()


def has_code_at(path: str) -> bool:
    """Whether the module at `path` exists and has code."""
    return any(has_code(module) for module in python_files(SRC) if module.path == SRC / path)


def test_tests_use_no_mocks() -> None:
    """What a mock answers is what its author believed; real counterparts answer in tests."""
    banned = {"unittest.mock", "mock", "pytest_mock"}

    assert [
        module.at(node)
        for module in python_files(TESTS)
        for node in module.nodes()
        if (isinstance(node, ast.Import) and banned & {alias.name for alias in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module in banned)
        or (isinstance(node, ast.ImportFrom) and node.module == "unittest")
    ] == []


def test_tests_do_not_patch_our_own_code() -> None:
    """A test that replaces a part of ours does not test what is shipped."""
    assert [at for module in python_files(TESTS) for at in patches_of_ours(module)] == []


def patches_of_ours(module: Module) -> Iterator[str]:
    """The places where `monkeypatch.setattr` or `delattr` changes something of spanledger's."""
    ours = {
        alias.asname or alias.name.partition(".")[0]
        for node in module.nodes()
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spanledger"))
        or (isinstance(node, ast.Import) and node.names[0].name.startswith("spanledger"))
        for alias in node.names
    }
    for node in module.nodes():
        if isinstance(node, ast.Call) and dotted(node.func) in {
            "monkeypatch.setattr",
            "monkeypatch.delattr",
        }:
            target = node.args[0]
            named = str(target.value) if isinstance(target, ast.Constant) else dotted(target)
            if named.partition(".")[0] in ours | {"spanledger"}:
                yield module.at(node)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (catches_all, "try: a()\nexcept: pass"),
        (catches_all, "try: a()\nexcept Exception: pass"),
        (catches_all, "try: a()\nexcept builtins.Exception: pass"),
        (catches_all, "try: a()\nexcept (ValueError, BaseException) as error: pass"),
        (catches_all, "with contextlib.suppress(Exception): a()"),
        (reads_environment, "import os\nos.environ.get('A')"),
        (reads_environment, "from os import getenv"),
    ],
)
def test_rules_see_what_they_forbid(rule: Callable[[ast.AST], bool], code: str) -> None:
    """A rule that finds nothing anywhere would be kept by any code."""
    assert any(rule(node) for node in ast.walk(ast.parse(code)))


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (catches_all, "try: a()\nexcept (ValueError, OSError): pass"),
        (reads_environment, "environ = {}\nenviron.get('A')"),
    ],
)
def test_rules_let_the_rest_pass(rule: Callable[[ast.AST], bool], code: str) -> None:
    """A rule that finds everything would be switched off."""
    assert not any(rule(node) for node in ast.walk(ast.parse(code)))


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (floats, "rate = 0.15"),
        (floats, "def price(rate: float) -> None: ..."),
        (floats, "amount = float(text)"),
        (patches_of_ours, "from spanledger import cli\nmonkeypatch.setattr(cli, 'main', None)"),
        (patches_of_ours, "import spanledger.cli\nmonkeypatch.setattr(spanledger.cli, 'x', 1)"),
        (patches_of_ours, "monkeypatch.setattr('spanledger.cli.main', None)"),
    ],
)
def test_rules_say_where(rule: Callable[[Module], Iterator[str]], code: str) -> None:
    """The same for rules that name places."""
    assert list(rule(Module(SRC / "planted.py", ast.parse(code))))
