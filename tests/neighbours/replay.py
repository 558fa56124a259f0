"""What a library was seen to do around a call, done again by the SDK alone."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx2
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind

from tests.instrumentation.provider import Reply, recorded

__all__ = ["RECORDED", "Sequence", "replay"]

Sequence = dict[str, Any]

RECORDED: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "recorded" / "neighbours.json").read_text("utf-8")
)

BACKDATED_NS: Final = 10**9
"""Long before the call."""


def replay(provider: TracerProvider, sequence: Sequence) -> None:
    """Take the steps one after the other, with a real call in their middle."""
    _Player(provider, recorded(sequence["answer"])).play(sequence["steps"])


class _Player:
    def __init__(self, provider: TracerProvider, reply: Reply) -> None:
        self._provider = provider
        self._reply = reply
        self._spans: dict[str, Span] = {}
        self._response: httpx2.Response | None = None
        self._client = httpx2.Client(transport=httpx2.MockTransport(self._answer))

    def play(self, steps: list[dict[str, Any]]) -> None:
        done: dict[str, Callable[[dict[str, Any]], None]] = {
            "start": self._start,
            "set": self._set,
            "call": self._call,
            "answered": self._read,
            "end": self._end,
        }
        for step in steps:
            done[next(iter(step))](step)

    def _answer(self, _request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": self._reply.content_type}
        return httpx2.Response(200, headers=headers, stream=_Body(self._reply.body))

    def _start(self, step: dict[str, Any]) -> None:
        start_time = time.time_ns() - BACKDATED_NS if step.get("backdated") else None
        self._spans[step["start"]] = self._provider.get_tracer(step["scope"]).start_span(
            step["name"],
            context=self._below(step["parent"]),
            kind=SpanKind[step["kind"]],
            attributes=step["attributes"],
            start_time=start_time,
        )

    def _below(self, name: str | None) -> context.Context:
        found = self._spans.get(name or "")
        return context.Context() if found is None else trace.set_span_in_context(found)

    def _set(self, step: dict[str, Any]) -> None:
        self._spans[step["set"]].set_attributes(step["attributes"])

    def _call(self, step: dict[str, Any]) -> None:
        around = self._below(step["current"])
        if step["suppressed"]:
            around = context.set_value("suppress_instrumentation", True, around)
        token = context.attach(around)
        request = self._client.build_request(
            "POST", "http://provider" + step["call"], json=step["body"]
        )
        self._response = self._client.send(request, stream=True)
        context.detach(token)

    def _read(self, _step: dict[str, Any]) -> None:
        assert self._response is not None
        self._response.read()

    def _end(self, step: dict[str, Any]) -> None:
        self._set({"set": step["end"], "attributes": step["attributes"]})
        self._spans[step["end"]].end()


class _Body(httpx2.SyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Any:
        yield self._body
