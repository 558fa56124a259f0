"""Making a function of ours raise, wherever it is called from.

This is the one place where our own code is changed by a test, since that is what the test is about:
a function's code is exchanged for code that raises, and given back after. The function object stays
the same, so that whoever holds it (a table of dialects, a class, another module) is reached.
"""

import importlib
import inspect
import pkgutil
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Final, cast

_PLACE: Final = 987654321
"""The constant that becomes the maker of the error."""

_TEMPLATES: Final[dict[str, Any]] = {}
exec(  # noqa: S102 - four functions that differ by what makes them coroutines and generators
    f"""
def plain(*args, **kwargs):
    make = {_PLACE}
    raise make()
def generator(*args, **kwargs):
    make = {_PLACE}
    raise make()
    yield
async def coroutine(*args, **kwargs):
    make = {_PLACE}
    raise make()
async def async_generator(*args, **kwargs):
    make = {_PLACE}
    raise make()
    yield
""",
    _TEMPLATES,
)


@dataclass(frozen=True, slots=True)
class Ours:
    """A function of ours."""

    name: str
    function: FunctionType
    forget: Callable[[], object]
    """Empties the cache in front of it, if there is one."""

    @property
    def module(self) -> str:
        """The module it is defined in."""
        return self.function.__module__


def modules(package: ModuleType) -> list[ModuleType]:
    """All modules of a package."""
    return [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]


def functions(module: ModuleType) -> list[Ours]:
    """Every function and method that `module` defines, property getters and the like included."""
    found = {
        function: Ours(
            f"{module.__name__}.{function.__qualname__}",
            function,
            getattr(value, "cache_clear", lambda: None),
        )
        for value in vars(module).values()
        for function in _within(value)
        if function.__module__ == module.__name__ and not function.__code__.co_freevars
        # What a dataclass writes for itself is no code of ours.
        if function.__code__.co_filename == module.__file__
    }
    return list(found.values())


def _within(value: object) -> Iterator[FunctionType]:
    if inspect.isclass(value):
        for member in vars(value).values():
            if not inspect.isclass(member):
                yield from _within(member)
    elif isinstance(value, property):
        yield from _within(value.fget)
    elif isinstance(value, staticmethod | classmethod):
        yield from _within(cast("Any", value).__func__)
    elif hasattr(value, "__wrapped__"):
        yield from _within(cast("Any", value).__wrapped__)
    elif isinstance(value, FunctionType):
        yield value


@contextmanager
def raising(ours: Ours, error: type[Exception]) -> Generator[list[str]]:
    """Let the function raise `error` inside; the list tells of each time that it did."""
    hits: list[str] = []

    def make() -> Exception:
        hits.append(ours.name)
        return error("planted")

    function: Any = ours.function
    code = function.__code__
    function.__code__ = _raising_code(function, make)
    ours.forget()
    try:
        yield hits
    finally:
        function.__code__ = code


def _raising_code(function: FunctionType, make: Callable[[], Exception]) -> CodeType:
    if inspect.isasyncgenfunction(function):
        kind = "async_generator"
    elif inspect.iscoroutinefunction(function):
        kind = "coroutine"
    else:
        kind = "generator" if inspect.isgeneratorfunction(function) else "plain"
    code = cast("FunctionType", _TEMPLATES[kind]).__code__
    constants: tuple[Any, ...] = code.co_consts
    return code.replace(
        co_consts=tuple(make if constant == _PLACE else constant for constant in constants),
        co_name=function.__name__,
    )


@contextmanager
def calls_noted() -> Generator[set[CodeType]]:
    """The code of every function that runs inside, in whatever thread."""
    ran: set[CodeType] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            ran.add(frame.f_code)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield ran
    finally:
        sys.setprofile(None)
        threading.setprofile(cast("Any", None))
