"""Who a call is for: `spanledger.attribute`, which reaches every span of ours made inside it."""

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextvars import Token
from functools import wraps
from types import MappingProxyType, TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar, cast

from opentelemetry.context import Context, attach, create_key, detach, get_value, set_value

from spanledger import attributes as names
from spanledger.instrumentation import travel
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.text import bounded

__all__ = ["TAGS_MAX", "Attribution", "Late", "Values", "attribute", "current_attribution"]

Values = Mapping[str, str | bool]
"""What is attributed, by attribute name."""

Late = Callable[[], Values]
"""Gives values that are only known when a call is made, such as the route of a request."""

TAGS_MAX: Final = 32
"""Tags beyond this many in one `attribute` are left out: a span holds 128 attributes in all."""

_KEY: Final = create_key("spanledger.attribution")

_NOTHING: Final[Values] = MappingProxyType({})

P = ParamSpec("P")
R = TypeVar("R")


def attribute(  # noqa: PLR0913 - the contract: each thing that a call can be attributed to
    *,
    user_id: object = None,
    team: object = None,
    department: object = None,
    agent_id: object = None,
    conversation_id: object = None,
    message_id: object = None,
    feature: object = None,
    skip_charge: bool | None = None,
    tags: Mapping[str, object] | None = None,
) -> "Attribution":
    """Say whom the model calls inside are for.

    The result is a context manager (`with` and `async with`) and a decorator for functions,
    coroutines and generators. One inside another adds to it, and wins where both say something.
    Values become texts of at most 1,024 characters; the first 32 tags are kept.
    """
    values = read_values(
        {
            names.USER_ID: user_id,
            names.TEAM: team,
            names.DEPARTMENT: department,
            names.AGENT_ID: agent_id,
            names.CONVERSATION_ID: conversation_id,
            names.MESSAGE_ID: message_id,
            names.FEATURE: feature,
        },
        tags,
    )
    if skip_charge is not None:
        values[names.SKIP_CHARGE] = bool(skip_charge)
    return Attribution(values)


def read_values(
    given: Mapping[str, object], tags: Mapping[str, object] | None = None
) -> dict[str, str | bool]:
    """The values as bounded texts; what is `None` or cannot be read is left out."""
    entries = list(given.items())
    with guarded("read the tags of an attribution"):
        kept = list(tags.items())[:TAGS_MAX] if tags else []
        entries += [(names.TAG_PREFIX + bounded(tag), value) for tag, value in kept]
    values: dict[str, str | bool] = {}
    for name, value in entries:
        with guarded("read an attribution"):
            if value is not None:
                values[name] = bounded(value)
    return values


def current_attribution(context: Context | None = None) -> Values:
    """What the enclosing attributions say, by attribute name.

    Where baggage travels, what the caller of this service said is beneath them.
    """
    entry = _current(context)
    if entry is None:
        return travel.arrived() if travel.is_on() else _NOTHING
    values = entry.values
    for late in entry.late:
        with guarded("ask for an attribution"):
            values = {**late(), **values}
    return {**travel.arrived(), **values} if travel.is_on() else values


class Attribution:
    """Values for the spans made inside. It holds no state, so tasks and threads may share one."""

    __slots__ = ("_late", "_values")

    def __init__(self, values: Values, late: Late | None = None) -> None:
        self._values = values
        self._late = late

    def __enter__(self) -> Self:
        with guarded("enter an attribution"):
            outer = _current()
            entry = _Entry(
                self,
                self._values if outer is None else {**outer.values, **self._values},
                (*(() if outer is None else outer.late), *((self._late,) if self._late else ())),
            )
            context = set_value(_KEY, entry)
            entry.token = attach(travel.packed(self._values, context))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with guarded("leave an attribution"):
            entry = _current()
            # Another one here means that this is not the context that was entered: leave it be.
            if entry is not None and entry.owner is self and entry.token is not None:
                detach(entry.token)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """`function` with every run of it inside this attribution; generators step by step."""
        if inspect.isasyncgenfunction(function):
            return cast("Callable[P, R]", self._around_async_generator(function))
        if inspect.iscoroutinefunction(function):
            return cast("Callable[P, R]", self._around_coroutine(function))
        if inspect.isgeneratorfunction(function):
            return cast("Callable[P, R]", self._around_generator(function))

        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return function(*args, **kwargs)

        return run

    def _around_coroutine(self, function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @wraps(function)
        async def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return await function(*args, **kwargs)

        return run

    def _around_generator(
        self, function: Callable[P, Generator[Any, Any, R]]
    ) -> Callable[P, Generator[Any, Any, R]]:
        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> Generator[Any, Any, R]:
            return (yield from _Steps(self, function(*args, **kwargs)))

        return run

    def _around_async_generator(
        self, function: Callable[P, AsyncGenerator[Any, Any]]
    ) -> Callable[P, AsyncGenerator[Any, Any]]:
        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Any, Any]:
            return _AsyncSteps(self, function(*args, **kwargs))

        return run


class _Entry:
    """An attribution that was entered, in the context that it was entered in."""

    __slots__ = ("late", "owner", "token", "values")

    def __init__(self, owner: Attribution, values: Values, late: Sequence[Late]) -> None:
        self.owner = owner
        self.values = values
        self.late = late
        self.token: Token[Context] | None = None


def _current(context: Context | None = None) -> _Entry | None:
    return cast("_Entry | None", get_value(_KEY, context))


class _Steps(Generator[Any, Any, R]):
    """A generator whose steps run inside an attribution, and whose consumer does not."""

    def __init__(self, attribution: Attribution, generator: Generator[Any, Any, R]) -> None:
        self._attribution = attribution
        self._generator = generator

    def send(self, value: Any, /) -> Any:  # noqa: ANN401 - whatever the two sides exchange
        with self._attribution:
            return self._generator.send(value)

    def throw(self, *error: Any) -> Any:  # noqa: ANN401 - whatever the two sides exchange
        with self._attribution:
            return self._generator.throw(*error)


class _AsyncSteps(AsyncGenerator[Any, Any]):
    """The same for an asynchronous generator."""

    def __init__(self, attribution: Attribution, generator: AsyncGenerator[Any, Any]) -> None:
        self._attribution = attribution
        self._generator = generator

    async def asend(self, value: Any, /) -> Any:  # noqa: ANN401 - whatever the sides exchange
        with self._attribution:
            return await self._generator.asend(value)

    async def athrow(self, *error: Any) -> Any:  # noqa: ANN401 - whatever the sides exchange
        with self._attribution:
            return await self._generator.athrow(*error)
