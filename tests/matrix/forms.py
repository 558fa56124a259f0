"""A form: one way in which an SDK is called, and what its call must leave on record."""

import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

KEY: Final = "canary-key"
PROMPT: Final = "canary-prompt"
MESSAGES: Final[Any] = [{"role": "user", "content": PROMPT}]

Run = Callable[[str], Generator[object]] | Callable[[str], AsyncGenerator[object]]
"""Base URL of the provider -> what the app sees, piece by piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One row of the matrix."""

    name: str
    run: Run
    provider: str
    """Expected `gen_ai.provider.name`; it is called at the port of this provider."""
    operation: str = "chat"
    model: str
    """The model that was asked."""
    answered: str = ""
    """The model that says that it answered; empty where the wire format names none."""
    stream: bool = False
    usage: Mapping[str, int] = field(default_factory=dict[str, int])
    """Expected counts, by what stands after `gen_ai.usage.`; all others are zero or absent."""
    states_usage: bool = True
    """Whether the provider says what was used; elsewhere it may be estimated."""

    @property
    def is_async(self) -> bool:
        """The app awaits the call."""
        return inspect.isasyncgenfunction(self.run)


def whole(
    make: Callable[[str], Any], ask: Callable[[Any], Any], show: Callable[[Any], object]
) -> Run:
    """A call that is answered at once."""

    def run(url: str) -> Generator[object]:
        with make(url) as client:
            yield show(ask(client))

    return run


def streamed(
    make: Callable[[str], Any], ask: Callable[[Any], Any], show: Callable[[Any], object]
) -> Run:
    """A call that is answered piece by piece; whoever stops early closes nothing."""

    def run(url: str) -> Generator[object]:
        with make(url) as client:
            for chunk in ask(client):
                yield show(chunk)

    return run


def whole_async(
    make: Callable[[str], Any], ask: Callable[[Any], Any], show: Callable[[Any], object]
) -> Run:
    """The first of these for asyncio."""

    async def run(url: str) -> AsyncGenerator[object]:
        async with make(url) as client:
            yield show(await ask(client))

    return run


def streamed_async(
    make: Callable[[str], Any], ask: Callable[[Any], Any], show: Callable[[Any], object]
) -> Run:
    """The second of these for asyncio."""

    async def run(url: str) -> AsyncGenerator[object]:
        async with make(url) as client:
            chunks = ask(client)
            async for chunk in await chunks if inspect.isawaitable(chunks) else chunks:
                yield show(chunk)

    return run


@dataclass(frozen=True, slots=True)
class Sdk:
    """How an SDK's clients are made, and how its answers can be compared."""

    make: Callable[[str], Any]
    make_async: Callable[[str], Any]
    show: Callable[[Any], object]

    def both(
        self,
        name: str,
        ask: Callable[[Any], Any],
        ask_async: Callable[[Any], Any] | None = None,
        *,
        stream: bool = False,
        **expected: Any,
    ) -> list[Form]:
        """The form and its asynchronous twin."""
        run, run_async = (streamed, streamed_async) if stream else (whole, whole_async)
        return [
            Form(name=name, run=run(self.make, ask, self.show), stream=stream, **expected),
            Form(
                name=f"{name}, async",
                run=run_async(self.make_async, ask_async or ask, self.show),
                stream=stream,
                **expected,
            ),
        ]


def pydantic(value: Any) -> object:
    """What a pydantic model holds, headers of the response apart: they carry the time."""
    return value.model_dump(mode="json", exclude={"sdk_http_response", "headers"})
