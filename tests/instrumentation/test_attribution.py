"""`spanledger.attribute`: who a call is for, in every shape that app code has."""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
from opentelemetry import context

import spanledger
from spanledger.instrumentation.attribution import Attribution, current_attribution
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording, memory


def team() -> object:
    """The team that a call made here would be for."""
    return current_attribution().get("spanledger.team")


def test_every_value_stands_on_the_span(recording: Recording) -> None:
    """S3.1, S4.2: who, for which team, agent, conversation, message and feature, and tags."""
    transport = memory(httpx, json={})
    attribution = spanledger.attribute(
        user_id=UUID(int=7),
        team="red",
        department="sales",
        agent_id="agent",
        conversation_id="c-1",
        message_id=42,
        feature="chat",
        skip_charge=True,
        tags={"plan": "pro"},
    )
    with recording.on(), httpx.Client(transport=transport) as client, attribution:
        client.post("http://provider" + CHAT_PATH, json={**CHAT, "conversation": "on-the-wire"})

    expected = {
        "user.id": "00000000-0000-0000-0000-000000000007",
        "spanledger.team": "red",
        "spanledger.department": "sales",
        "gen_ai.agent.id": "agent",
        "gen_ai.conversation.id": "c-1",
        "spanledger.message.id": "42",
        "spanledger.feature": "chat",
        "spanledger.skip_charge": True,
        "spanledger.tag.plan": "pro",
    }
    assert expected.items() <= recording.facts.items()


def test_the_wire_names_the_conversation_where_the_app_does_not(recording: Recording) -> None:
    """A conversation id of the wire format counts, and none is ever invented."""
    transport = memory(httpx, json={})
    with recording.on(), httpx.Client(transport=transport) as client:
        client.post("http://provider/v1/responses", json={"conversation": "conv_1"})
        client.post("http://provider/v1/responses", json={})

    first, second = (dict(span.attributes or {}) for span in recording.spans)
    assert first["gen_ai.conversation.id"] == "conv_1"
    assert "gen_ai.conversation.id" not in second


def test_inner_adds_to_outer_and_wins() -> None:
    """Nested attributions merge; leaving one brings the other back, and the context with it."""
    before = context.get_current()
    with spanledger.attribute(team="red", user_id="u", tags={"a": "1"}):
        with spanledger.attribute(team="blue", feature="f", tags={"b": "2"}):
            assert current_attribution() == {
                "spanledger.team": "blue",
                "user.id": "u",
                "spanledger.feature": "f",
                "spanledger.tag.a": "1",
                "spanledger.tag.b": "2",
            }
        assert team() == "red"
    assert context.get_current() is before
    assert current_attribution() == {}


def test_one_attribution_serves_many_at_once() -> None:
    """It holds no state: recursion, tasks and threads may share one."""
    shared = spanledger.attribute(team="red")
    seen: list[object] = []

    async def task() -> None:
        async with shared:
            await asyncio.sleep(0)
            with shared:
                seen.append(team())
            await asyncio.sleep(0)
            seen.append(team())
        seen.append(team())

    async def tasks() -> None:
        await asyncio.gather(task(), task())

    asyncio.run(tasks())
    thread = threading.Thread(target=lambda: seen.append(team()))
    with shared:
        thread.start()
        thread.join()
    assert sorted(map(str, seen)) == ["None"] * 3 + ["red"] * 4


def test_leaving_in_another_context_disturbs_nobody() -> None:
    """An exit where it was never entered, as generators can have it, changes nothing."""
    attribution = spanledger.attribute(team="red")
    contextvars.copy_context().run(attribution.__enter__)

    with spanledger.attribute(team="blue"):
        attribution.__exit__(None, None, None)
        assert team() == "blue"


def test_long_and_broken_texts_are_cut_and_mended() -> None:
    """1,024 characters are kept of a value, 32 of the tags, and half a surrogate pair is none."""
    tags = {f"t{number}": number for number in range(40)}
    with spanledger.attribute(user_id="x" * 5000, team="\ud800", tags=tags):
        values = dict(current_attribution())

    assert values["user.id"] == "x" * 1024
    assert values["spanledger.team"] == "?"
    assert sum(name.startswith("spanledger.tag.") for name in values) == 32


def test_as_a_decorator_of_functions_and_coroutines() -> None:
    """Each call runs inside; name, signature and kind of the function stay."""

    @spanledger.attribute(team="red")
    def function(number: int) -> tuple[int, object]:
        """Text."""
        return number, team()

    @spanledger.attribute(team="red")
    async def coroutine(number: int) -> tuple[int, object]:
        await asyncio.sleep(0)
        return number, team()

    assert function(1) == (1, "red")
    assert asyncio.run(coroutine(2)) == (2, "red")
    assert (function.__name__, function.__doc__) == ("function", "Text.")
    assert list(inspect.signature(function).parameters) == ["number"]
    assert inspect.iscoroutinefunction(coroutine)
    assert team() is None


def test_a_generator_is_attributed_and_its_consumer_is_not() -> None:
    """Each step runs inside, nothing between the steps does; send, throw and return pass."""

    @spanledger.attribute(team="red")
    def generator() -> Generator[object, str, object]:
        sent = yield team()
        try:
            yield (sent, team())
        except ValueError as error:
            yield (str(error), team())
        return team()

    steps = generator()
    assert inspect.isgeneratorfunction(generator)
    assert (next(steps), team()) == ("red", None)
    assert (steps.send("hello"), team()) == (("hello", "red"), None)
    assert (steps.throw(ValueError("thrown")), team()) == (("thrown", "red"), None)

    def outer() -> Iterator[Any]:
        result = yield from generator()
        yield ("returned", result)

    assert list(outer())[-1] == ("returned", "red")


def test_closing_a_generator_runs_its_end_inside() -> None:
    """What a generator does when it is closed is attributed as well."""
    seen: list[object] = []

    @spanledger.attribute(team="red")
    def generator() -> Iterator[int]:
        try:
            yield 1
        finally:
            seen.append(team())

    steps = generator()
    next(steps)
    steps.close()  # pyright: ignore[reportAttributeAccessIssue] - a generator, though typed wider
    assert seen == ["red"]


def test_an_async_generator_is_attributed_and_its_consumer_is_not() -> None:
    """The same for asynchronous generators, closing included."""
    seen: list[object] = []

    @spanledger.attribute(team="red")
    async def generator() -> AsyncIterator[object]:
        try:
            yield team()
            await asyncio.sleep(0)
            yield team()
        finally:
            seen.append(team())

    async def consume() -> None:
        async for step in generator():
            seen.extend((step, team()))
        steps: Any = generator()
        await anext(steps)
        await steps.aclose()

    asyncio.run(consume())
    assert seen == ["red", None, "red", None, "red", "red"]


def test_late_values_are_asked_for_when_a_call_is_made() -> None:
    """What is known at the time counts, what is said at once wins, and a failure costs nothing."""
    known: dict[str, str] = {}

    def late() -> dict[str, str]:
        return {"spanledger.route": known["route"], "spanledger.team": "late"}

    with Attribution({}, late), spanledger.attribute(team="red"):
        assert current_attribution() == {"spanledger.team": "red"}
        known["route"] = "/chat/{id}"
        assert current_attribution() == {
            "spanledger.team": "red",
            "spanledger.route": "/chat/{id}",
        }
    assert current_attribution() == {}


def test_a_pool_of_threads_takes_the_context_that_it_is_given() -> None:
    """Context does not reach a thread by itself; `copy_context` brings it there."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(team).result()
        with spanledger.attribute(team="red"):
            alone = pool.submit(team).result()
            carried = pool.submit(contextvars.copy_context().run, team).result()
            to_thread = asyncio.run(asyncio.to_thread(team))

    assert (alone, carried, to_thread) == (None, "red", "red")
