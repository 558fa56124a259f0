"""Usage that nobody stated is estimated beside the app, in time or not at all, and never twice."""

import asyncio
import gc
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import httpx2
import openai
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.trace import StatusCode

from spanledger.dialects import openai as dialects
from spanledger.dialects.dialect import Json
from spanledger.instrumentation.answer import AnswerReader
from spanledger.instrumentation.estimation import (
    WAITING_BYTES_MAX,
    WAITING_MAX,
    Estimator,
    drain,
    not_estimated,
)
from spanledger.instrumentation.unstated import Facts, Unstated
from tests.counting import chat_tokens, tokens
from tests.instrumentation.calls import CHAT_PATH, CHAT_STREAM, Recording, answering
from tests.instrumentation.programs import run
from tests.instrumentation.provider import EVENTS, JSON, Provider, Reply, cut

PROMPT = "Was kostet 今天的 Anfrage? 👩🏽‍🚀"
WORDS = ("Sie ", "kostet ", "费用", " 0,03", " 💶", ".")
MESSAGES: Any = [
    {"role": "system", "content": "You are terse."},
    {"role": "user", "content": PROMPT},
]
EXPECTED = {
    "spanledger.usage.source": "estimated",
    "gen_ai.usage.input_tokens": chat_tokens("You are terse.", PROMPT),
    "gen_ai.usage.output_tokens": tokens("".join(WORDS)),
}


def silent_stream(*words: str, end: bytes = b"data: [DONE]\n\n") -> Reply:
    """A stream of OpenAI's chat as it comes to those who ask for no usage."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-2024-08-06"}
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in words)]
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode()
    return Reply(body + end, content_type=EVENTS)


def usage_of(facts: Facts) -> dict[str, object]:
    """What is on a span of usage."""
    return {name: value for name, value in facts.items() if ".usage." in name}


def read_stream(url: str, limit: int | None = None) -> int:
    """Read a stream with OpenAI's SDK, to its end or for so many chunks; tells how many came."""
    with (
        openai.OpenAI(api_key="key", base_url=url + "/v1", max_retries=0) as client,
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True) as stream,
    ):
        return sum(1 for _ in islice(stream, limit))


async def read_streams(url: str, calls: int) -> None:
    """So many streams at once, with OpenAI's asynchronous SDK."""
    async with openai.AsyncOpenAI(
        api_key="key", base_url=url + "/v1", max_retries=0, timeout=60
    ) as client:

        async def read() -> None:
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=MESSAGES, stream=True
            )
            async for _ in stream:
                pass

        await asyncio.gather(*(read() for _ in range(calls)))


def test_a_stream_without_usage_is_estimated(provider: Provider, recording: Recording) -> None:
    """S4.3, S1.8: emoji, Chinese and German, in and out, to the token; one span as ever."""
    provider.answer_with(silent_stream(*WORDS))
    with recording.on():
        read_stream(provider.url)
        read_at = time.time_ns()

    assert usage_of(recording.facts) == EXPECTED
    assert recording.span.status.status_code is StatusCode.UNSET
    assert recording.span.end_time is not None
    assert recording.span.end_time <= read_at


def test_two_hundred_at_once_are_estimated(provider: Provider, recording: Recording) -> None:
    """Each of many has its span, with the same figures, and none has two."""
    provider.answer_with(silent_stream(*WORDS))
    with recording.on():
        asyncio.run(read_streams(provider.url, 200))

    assert [usage_of(span.attributes or {}) for span in recording.spans] == [EXPECTED] * 200
    assert len({span.context.span_id for span in recording.spans if span.context}) == 200


def test_a_cut_stream_is_estimated_and_partial(provider: Provider, recording: Recording) -> None:
    """What was seen before the connection broke is counted, and said to be not all."""
    whole = silent_stream(*WORDS)
    provider.answer_with(cut(whole, 0.8))
    with recording.on(), pytest.raises(openai.APIConnectionError):
        read_stream(provider.url)

    usage = usage_of(recording.facts)
    assert 0 < usage.pop("gen_ai.usage.output_tokens") < EXPECTED["gen_ai.usage.output_tokens"]  # pyright: ignore[reportOperatorIssue]
    assert usage.pop("spanledger.usage.partial") is True
    assert usage.items() < EXPECTED.items()
    assert recording.span.status.status_code is StatusCode.ERROR


def test_a_stream_closed_early_is_estimated_and_partial(
    provider: Provider, recording: Recording
) -> None:
    """An app that has read enough pays for what was written until then."""
    provider.answer_with(replace(silent_stream(*WORDS, end=b""), hold=True))
    with recording.on():
        assert read_stream(provider.url, limit=len(WORDS) + 1) == len(WORDS) + 1

    assert usage_of(recording.facts) == {**EXPECTED, "spanledger.usage.partial": True}


def test_a_dropped_stream_is_estimated(recording: Recording) -> None:
    """Nobody closes it: the estimate comes when it is collected."""
    reply = silent_stream(*WORDS)

    class Body(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield reply.body
            yield b"never read"

    with (
        recording.on(),
        answering(httpx2, stream=Body(), headers={"content-type": EVENTS}) as client,
    ):
        request = client.build_request(
            "POST", "http://provider" + CHAT_PATH, json={**CHAT_STREAM, "messages": MESSAGES}
        )
        chunks = client.send(request, stream=True).iter_raw()
        next(chunks)
        del chunks
        gc.collect()

    assert usage_of(recording.facts) == EXPECTED


def test_a_cut_stream_keeps_what_the_provider_stated(
    provider: Provider, recording: Recording
) -> None:
    """S4.3: the provider's usage wins, be it only the usage so far."""
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'
    reply = silent_stream(*WORDS)
    provider.answer_with(replace(reply, body=usage + reply.body[:-40], hold=True))
    with recording.on():
        read_stream(provider.url, limit=4)

    assert recording.facts["spanledger.usage.source"] == "provider"
    assert recording.facts["gen_ai.usage.output_tokens"] == 1


def test_an_answer_that_is_no_stream_is_estimated(provider: Provider, recording: Recording) -> None:
    """Own servers often state no usage at all."""
    body = json.dumps({"choices": [{"message": {"content": "".join(WORDS)}}]}).encode()
    provider.answer_with(Reply(body, content_type=JSON))
    with recording.on(), httpx2.Client(trust_env=False) as client:
        client.post(provider.url + CHAT_PATH, json={"model": "gpt-4o", "messages": MESSAGES})

    assert usage_of(recording.facts) == EXPECTED


def test_a_request_that_is_streamed_is_partial(provider: Provider, recording: Recording) -> None:
    """Its body is the app's and was not read: the output alone is known."""
    provider.answer_with(silent_stream(*WORDS))
    with recording.on(), httpx2.Client(trust_env=False) as client:
        client.post(provider.url + CHAT_PATH, content=iter([json.dumps(CHAT_STREAM).encode()]))

    assert usage_of(recording.facts) == {
        "spanledger.usage.source": "estimated",
        "spanledger.usage.partial": True,
        "gen_ai.usage.output_tokens": EXPECTED["gen_ai.usage.output_tokens"],
    }


def test_it_can_be_turned_off(
    provider: Provider, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without estimates the usage stays unknown, and the span is there at once."""
    monkeypatch.setenv("SPANLEDGER_ESTIMATE_USAGE", "false")
    provider.answer_with(silent_stream(*WORDS))
    with recording.on():
        read_stream(provider.url)
        assert len(recording.exporter.get_finished_spans()) == 1

    assert usage_of(recording.facts) == {"spanledger.usage.source": "none"}


LOADED = """
import sys, threading
print([name for name in ("tiktoken", "regex") if name in sys.modules])
print([thread.name for thread in threading.enumerate() if thread.name == "spanledger-tokens"])
"""


def test_who_is_told_the_usage_pays_nothing() -> None:
    """Neither vocabulary nor thread where every provider states its usage."""
    call = """
import httpx2
transport = httpx2.MockTransport(
    lambda request: httpx2.Response(200, json={"usage": {"prompt_tokens": 7}})
)
with httpx2.Client(transport=transport) as client:
    client.post("http://provider/v1/chat/completions", json={"model": "gpt-4o"})
"""
    printed = run("import spanledger.auto" + call + LOADED, OTEL_TRACES_EXPORTER="none")

    assert printed == "[]\n[]"


STREAMING = """
import json, httpx2
words = ["Twice ", "two ", "is ", "four."]
chunks = [{"id": "x", "choices": [{"delta": {"content": word}}]} for word in words]
events = "".join(f"data: {json.dumps(chunk)}\\n\\n" for chunk in chunks) + "data: [DONE]\\n\\n"
headers = {"content-type": "text/event-stream"}
transport = httpx2.MockTransport(
    lambda request: httpx2.Response(200, content=events.encode(), headers=headers)
)
asked = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "2 x 2?"}]}
def call(number):
    with spanledger.attribute(message_id=number), httpx2.Client(transport=transport) as client:
        client.post("http://provider/v1/chat/completions", json=asked)
"""
"""Source of a function that reads a stream without usage."""


def delivered(collector: Provider) -> list[Span]:
    """The spans that have come."""
    return [
        span
        for _, _, body in collector.requests
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in of_resource.scope_spans
        for span in scope.spans
    ]


def figures(span: Span) -> tuple[str, str, int, int]:
    """(message, source, input, output) of a span that was delivered."""
    facts = {pair.key: pair.value for pair in span.attributes}
    return (
        facts["spanledger.message.id"].string_value,
        facts["spanledger.usage.source"].string_value,
        facts["gen_ai.usage.input_tokens"].int_value,
        facts["gen_ai.usage.output_tokens"].int_value,
    )


COUNTED = (chat_tokens("2 x 2?"), tokens("Twice two is four."))


def test_a_process_that_ends_at_once_delivers_its_estimate(provider: Provider) -> None:
    """S4.4: a script of one stream and no more; the estimate is there before the sender closes."""
    run(
        "import spanledger.auto\n" + STREAMING + "call('last')",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )

    assert [figures(span) for span in delivered(provider)] == [("last", "estimated", *COUNTED)]


def test_a_flush_of_the_provider_includes_the_estimates(provider: Provider) -> None:
    """What has ended has been delivered when the app has asked for it."""
    printed = run(
        "import spanledger.auto\n"
        + STREAMING
        + """
from opentelemetry import trace
call("flushed")
print(trace.get_tracer_provider().force_flush(), flush=True)
import os
os._exit(0)
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )

    assert printed == "True"
    assert [figures(span) for span in delivered(provider)] == [("flushed", "estimated", *COUNTED)]


def test_after_a_fork_each_half_estimates_its_own(provider: Provider) -> None:
    """S4.4: a child of a process that was counting begins anew, and counts what is its own."""
    run(
        "import os, spanledger.auto\n"
        + STREAMING
        + """
call("before")
child = os.fork()
for number in range(20):
    call(("child-" if child == 0 else "parent-") + str(number))
spanledger.uninstrument()
if child:
    _, status = os.waitpid(child, 0)
    assert status == 0
else:
    os._exit(0)
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
        PYTHONWARNINGS="ignore::DeprecationWarning",
    )
    names = {f"{half}-{number}" for half in ("child", "parent") for number in range(20)}

    assert sorted(figures(span) for span in delivered(provider)) == sorted(
        (name, "estimated", *COUNTED) for name in {*names, "before"}
    )


class Ended:
    """What became of the calls that were handed over."""

    def __init__(self) -> None:
        self.facts: list[Facts] = []
        self.threads: set[str] = set()

    def __call__(self, facts: Facts) -> None:
        """Note it."""
        self.facts.append(facts)
        self.threads.add(threading.current_thread().name)


def unstated(text: str = "four", *, prompt: bytes = b'{"messages": []}') -> Unstated:
    """A call of which no usage was stated."""
    reader = AnswerReader(dialects.CHAT, {"content-type": JSON})
    reader.hold(json.dumps({"choices": [{"message": {"content": text}}]}).encode())
    reader.answer(ended=True)
    return Unstated(dialect=dialects.CHAT, facts={}, prompt=prompt, reader=reader)


@pytest.fixture
def estimator() -> Iterator[Estimator]:
    """One that ends with the test."""
    estimator = Estimator()
    yield estimator
    estimator.close()


def test_the_counting_is_done_in_another_thread(estimator: Estimator) -> None:
    """Whoever hands over goes on at once; whoever drains finds it done."""
    ended = Ended()

    assert estimator.take(unstated(), ended)
    drain(60)

    assert [facts["gen_ai.usage.output_tokens"] for facts in ended.facts] == [1]
    assert ended.threads == {"spanledger-tokens"}


def test_what_would_be_too_much_is_not_taken(estimator: Estimator) -> None:
    """In bytes and in number: the caller ends it at once, and it is counted."""
    ended, gate = Ended(), threading.Event()
    before = not_estimated().get("too many wait", 0)

    def hold_up(_facts: Facts) -> None:
        gate.wait(60)

    assert not estimator.take(unstated(prompt=b" " * WAITING_BYTES_MAX), ended)
    assert estimator.take(unstated(), hold_up)
    taken = [estimator.take(unstated(), ended) for _ in range(WAITING_MAX + 10)]
    gate.set()
    assert estimator.drain(60)

    assert len(ended.facts) == sum(taken) < len(taken)
    assert not_estimated()["too many wait"] - before == 1 + len(taken) - sum(taken)


def test_the_end_does_not_wait_for_what_takes_long(
    estimator: Estimator, caplog: pytest.LogCaptureFixture
) -> None:
    """What is not counted in time ends without an estimate, each once, and no more is taken."""
    ended = Ended()
    kind = "there was no time left"
    before = not_estimated().get(kind, 0)
    assert estimator.take(unstated(), Ended())  # so that the vocabulary is there
    assert estimator.drain(60)
    long = "All work and no play makes a long text. " * 50_000
    for _ in range(12):
        assert estimator.take(unstated(long), ended)
    estimator.close(0)
    without = ended.facts.count({})

    assert len(ended.facts) == 12
    assert without > 0
    assert not_estimated()[kind] - before == without
    assert not estimator.take(unstated(), ended)
    assert len([line for line in caplog.messages if kind in line]) == (before == 0)


def failing(error: Callable[[], BaseException]) -> Unstated:
    """A call in which nothing can be read."""

    def read_output(_body: Json) -> tuple[str, ...]:
        raise error()

    reader = AnswerReader(replace(dialects.CHAT, read_output=read_output), {"content-type": JSON})
    reader.hold(b'{"choices": [], "long": "enough"}')
    reader.answer(ended=True)
    return Unstated(dialect=dialects.CHAT, facts={}, prompt=b"{}", reader=reader)


def test_a_call_that_cannot_be_counted_ends_without(estimator: Estimator) -> None:
    """Whatever fails in the counting costs the estimate and nothing else."""
    ended = Ended()

    assert estimator.take(failing(ValueError), ended)
    assert estimator.take(unstated(), ended)
    assert estimator.drain(60)

    assert [bool(facts) for facts in ended.facts] == [False, True]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ended_is_replaced(estimator: Estimator) -> None:
    """Should anything end it, what it was at ends without, and the next call is counted."""
    ended = Ended()

    assert estimator.take(failing(SystemExit), ended)
    for thread in threading.enumerate():
        if thread.name == "spanledger-tokens":
            thread.join(60)
    assert estimator.take(unstated(), ended)
    assert estimator.drain(60)

    assert [bool(facts) for facts in ended.facts] == [False, True]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_waits_for_a_thread_that_ends_is_done_by_the_next(estimator: Estimator) -> None:
    """Neither a call nor who drains waits for a thread that is no more."""
    ended, moment, threads = Ended(), threading.Event(), list[threading.Thread]()

    def end_thread() -> BaseException:
        threads.append(threading.current_thread())
        while estimator._queue.qsize() < 2:  # the other call, and the order of who drains
            moment.wait(0.001)
        return SystemExit()

    assert estimator.take(failing(end_thread), ended)
    assert estimator.take(unstated(), ended)

    assert estimator.drain(20)
    threads[0].join(60)
    assert [bool(facts) for facts in ended.facts] == [False, True]


def test_nothing_to_wait_for() -> None:
    """An estimator that never had work starts no thread, and closes at once."""
    estimator = Estimator()

    assert estimator.drain(0)
    estimator.close()
    estimator.close()
    assert not estimator.take(unstated(), Ended())
