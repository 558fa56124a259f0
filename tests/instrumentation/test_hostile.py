"""Answers that are not what they say: the app is left alone, and one span says what was wrong.

The providers are real sockets, the clients httpx, httpx2 and the OpenAI SDK.
"""

import asyncio
import gzip
import json
import random
import zlib
from dataclasses import replace
from typing import Any, cast

import openai
import pytest

from tests.instrumentation.calls import (
    CHAT,
    CHAT_PATH,
    CHAT_STREAM,
    MODES,
    Recording,
    describe,
    memory,
    post,
)
from tests.instrumentation.provider import EVENTS, JSON, Provider, Reply, gzipped, recorded

CHAT_BODY = recorded("openai_chat.json")
STREAM = recorded("openai_chat_stream.sse")
GZIP = {"content-encoding": "gzip"}
WHOLE = "the body is no JSON document"
BAD_ENCODING = "the body is not in the encoding that it says"


def with_usage(usage: object) -> Reply:
    """A sound answer but for its usage."""
    return Reply(json.dumps({"id": "x", "model": "gpt-4o", "usage": usage}).encode())


HOSTILE: dict[str, tuple[Reply, str]] = {
    "broken JSON": (Reply(CHAT_BODY.body[:-40]), WHOLE),
    "no JSON": (Reply(b"<html>gateway</html>"), WHOLE),
    "bytes": (Reply(bytes(range(256)) * 9), WHOLE),
    "nothing": (Reply(b""), WHOLE),
    "deep": (Reply(b"[" * 100_000), WHOLE),
    "events that say JSON": (
        replace(STREAM, content_type=JSON),
        "the body is a stream of events, and does not say so",
    ),
    "JSON that says events": (
        replace(CHAT_BODY, content_type=EVENTS),
        "the body is no stream of events, as it says, but JSON",
    ),
    "no gzip": (replace(CHAT_BODY, headers=GZIP), BAD_ENCODING),
    "truncated gzip": (
        Reply(gzip.compress(CHAT_BODY.body)[:-200], headers=GZIP),
        WHOLE,
    ),
    "damaged gzip": (
        Reply(gzip.compress(CHAT_BODY.body)[:30] + b"\xff" * 300, headers=GZIP),
        BAD_ENCODING,
    ),
    "zlib that says gzip": (Reply(zlib.compress(CHAT_BODY.body), headers=GZIP), BAD_ENCODING),
    "an unknown encoding": (
        Reply(CHAT_BODY.body, headers={"content-encoding": "rot13"}),
        "content-encoding rot13 is not known here",
    ),
    "counts as texts": (
        with_usage({"prompt_tokens": "7"}),
        "usage: prompt_tokens is a str, not a whole number",
    ),
    "negative counts": (
        with_usage({"prompt_tokens": -7}),
        "usage: prompt_tokens is not between 0 and 100000000",
    ),
    "NaN": (
        Reply(b'{"usage": {"prompt_tokens": NaN}}'),
        "usage: prompt_tokens is a float, not a whole number",
    ),
    "Infinity": (
        Reply(b'{"usage": {"prompt_tokens": -Infinity}}'),
        "usage: prompt_tokens is a float, not a whole number",
    ),
    "truth as a count": (
        with_usage({"completion_tokens": True}),
        "usage: completion_tokens is a bool, not a whole number",
    ),
    "a nested count": (
        with_usage({"prompt_tokens": {"prompt_tokens": {"prompt_tokens": [1, None]}}}),
        "usage: prompt_tokens is a dict, not a whole number",
    ),
    "rubbish in details": (
        with_usage({"prompt_tokens": 1, "prompt_tokens_details": [1]}),
        "usage: prompt_tokens_details is a list, not an object",
    ),
    "more cached than sent": (
        with_usage({"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}}),
        "usage: cache_read_tokens 2 exceeds input_tokens 1",
    ),
    "too many": (
        with_usage({"prompt_tokens": 10**40}),
        "usage: prompt_tokens is not between 0 and 100000000",
    ),
}
"""What the provider sends, and what the span says of it."""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_leaves_the_app_alone_and_is_named(
    provider: Provider, recording: Recording, library: Any, name: str, mode: str
) -> None:
    """The same bytes or the same exception as without us, and one span with the reason."""
    reply, problem = HOSTILE[name]
    provider.answer_with(reply)
    body = CHAT_STREAM if mode.endswith("stream") else CHAT
    without = post(library, mode, provider.url + CHAT_PATH, body)
    with recording.on():
        seen = post(library, mode, provider.url + CHAT_PATH, body)

    assert b"".join(seen.chunks) == b"".join(without.chunks)
    assert seen.error == without.error
    assert recording.facts["spanledger.answer.problem"] == problem
    if problem.startswith("usage"):
        assert not any(fact.startswith("gen_ai.usage.") for fact in recording.facts)


def test_events_that_say_json_are_read_all_the_same(
    provider: Provider, recording: Recording, library: Any
) -> None:
    """A lying content type costs nobody the usage, in either direction."""
    for reply, tokens in (
        (replace(STREAM, content_type=JSON), 46),
        (replace(CHAT_BODY, content_type=EVENTS), None),
        (gzipped(replace(STREAM, content_type=JSON)), 46),
    ):
        provider.answer_with(reply)
        with recording.on():
            post(library, "sync", provider.url + CHAT_PATH, CHAT)
        facts = dict(recording.spans[-1].attributes or {})
        stated = json.loads(CHAT_BODY.body)["usage"]["completion_tokens"]
        assert facts["gen_ai.usage.output_tokens"] == (tokens or stated)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_the_sdk_says_what_it_says_without_us(
    provider: Provider, recording: Recording, name: str, *, asynchronous: bool
) -> None:
    """The OpenAI SDK's answer or exception is the same in every respect that an app can test."""
    provider.answer_with(HOSTILE[name][0])

    def outcome() -> object:
        options: dict[str, Any] = {
            "api_key": "k",
            "base_url": f"{provider.url}/v1",
            "max_retries": 0,
        }
        call: Any = {"model": "gpt-4o", "messages": CHAT["messages"]}
        try:
            if asynchronous:
                return repr(asyncio.run(_ask(options, call)))
            with openai.OpenAI(**options) as client:
                return repr(cast("object", client.chat.completions.create(**call)))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
            return describe(error)

    without = outcome()
    with recording.on():
        assert outcome() == without
    assert len(recording.spans) == 1


async def _ask(options: dict[str, Any], call: Any) -> object:
    async with openai.AsyncOpenAI(**options) as client:
        return cast("object", await client.chat.completions.create(**call))


def test_an_endless_stream_takes_no_memory(recording: Recording, library: Any) -> None:
    """A hundred megabytes of events, and then of one event: what is held stays bounded."""

    class Endless(library.SyncByteStream):
        def __init__(self, piece: bytes) -> None:
            self.piece = piece

        def __iter__(self) -> Any:
            while True:
                yield self.piece

    # Text that does not repeat itself, as a model's: what is kept of it is compressed.
    said = random.Random(1).randbytes(65536).hex().encode()  # noqa: S311 - ever the same
    chunk = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n'
    chunks = b"".join(chunk % said[at : at + 900] for at in range(0, 65536, 900))
    for piece in (chunks, said[:65536]):
        body = {"stream": Endless(piece), "headers": {"content-type": "text/event-stream"}}
        transport = memory(library, **body)
        with (
            recording.on(),
            library.Client(transport=transport) as client,
            client.stream("POST", "http://provider" + CHAT_PATH, json=CHAT_STREAM) as response,
        ):
            before = _rss_mb()
            for number, _ in enumerate(response.iter_raw()):
                if number * len(piece) > 100_000_000:
                    break
            assert _rss_mb() - before < 64
        facts = dict(recording.spans[-1].attributes or {})
        assert facts["spanledger.usage.partial"] is True


def _rss_mb() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not a path of ours
        return int(file.read().split()[1]) * 4096 / 2**20
