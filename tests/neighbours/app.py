"""An app in which another instrumentation and ours see the same calls: a process of its own.

    python -m tests.neighbours.app LIBRARY before|after FILE

Writes a JSON object to FILE: of each form the requests that the provider got, what the app's own
exporter and our sender delivered, and what the library did, step by step (`Witness`).
"""

import base64
import gc
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast

import httpx
import httpx2
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanledger
from tests.instrumentation.provider import Reply, running_provider
from tests.neighbours import forms
from tests.neighbours.libraries import LIBRARIES, set_up

Step = dict[str, Any]

LONG: Final = 120
"""Longer texts are left out of what is recorded."""

DISTRIBUTIONS: Final = {
    "anthropic": ["anthropic"],
    "official": [
        "opentelemetry-instrumentation-genai-openai",
        "opentelemetry-instrumentation-genai-anthropic",
        "opentelemetry-instrumentation-google-genai",
    ],
    "openai-v2": ["opentelemetry-instrumentation-openai-v2", "opentelemetry-util-genai"],
    "openllmetry": [
        "opentelemetry-instrumentation-openai",
        "opentelemetry-instrumentation-anthropic",
        "opentelemetry-instrumentation-google-generativeai",
    ],
    "traceloop": ["traceloop-sdk"],
    "openinference": [
        "openinference-instrumentation-openai",
        "openinference-instrumentation-anthropic",
        "openinference-instrumentation-google-genai",
    ],
    "logfire": ["logfire"],
    "langfuse": ["langfuse"],
    "openlit": ["openlit"],
    "pydantic-ai": ["pydantic-ai-slim"],
}
SDKS: Final = ["openai", "anthropic", "google-genai", "opentelemetry-sdk"]


class Witness(SpanProcessor):
    """Writes down what happens to the spans of others, and when a call of ours begins and ends."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._open: dict[int, tuple[str, Span, dict[str, object]]] = {}
        self._names: dict[int, str] = {}

    def reset(self) -> None:
        """Begin another form."""
        self.steps, self._open, self._names = [], {}, {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002
        """Called by the SDK."""
        if scope_of(span) == "spanledger":
            return
        ids = span.get_span_context()
        app = scope_of(span) == "canary-app"
        name = "app" if app else f"s{len(self._names)}"
        self._names[ids.span_id] = name
        seen = plain(span.attributes)
        self._open[ids.span_id] = (name, span, seen)
        step: Step = {
            "start": name,
            "parent": self._names.get(span.parent.span_id) if span.parent else None,
            "scope": scope_of(span),
            "name": span.name,
            "kind": span.kind.name,
            "attributes": dict(seen),
        }
        if (span.start_time or 0) < time.time_ns() - 500_000 and not app:
            step["backdated"] = True
        self.steps.append(step)

    def on_end(self, span: ReadableSpan) -> None:
        """Called by the SDK."""
        ids = span.get_span_context()
        if ids is None:
            return
        if scope_of(span) == "spanledger":
            self.steps.append({"answered": True})
        elif (begun := self._open.pop(ids.span_id, None)) is not None:
            changed = changes(begun[2], plain(span.attributes))
            self.steps.append({"end": begun[0], "attributes": changed})

    def call_begins(self, request: Any) -> None:
        """A request leaves, in the app's own context."""
        for name, span, seen in self._open.values():
            if changed := changes(seen, plain(span.attributes)):
                seen.update(changed)
                self.steps.append({"set": name, "attributes": changed})
        current = trace.get_current_span().get_span_context()
        body = json.loads(request.content)
        self.steps.append(
            {
                "call": request.url.raw_path.decode(),
                "body": {key: body[key] for key in ("model", "stream") if key in body},
                "current": self._names.get(current.span_id),
                "suppressed": bool(context.get_value("suppress_instrumentation")),
            }
        )


def scope_of(span: ReadableSpan) -> str:
    """Who made it."""
    return span.instrumentation_scope.name if span.instrumentation_scope else ""


def plain(attributes: Mapping[str, object] | None) -> dict[str, object]:
    """As JSON has it, without long texts, paths of this machine and our own mark."""
    return {
        name: value
        for name, value in (attributes or {}).items()
        if name != "spanledger.covered"
        and not name.startswith("code.")
        and len(json.dumps(value, default=str)) <= LONG
    }


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, object]:
    """What is new or another."""
    return {name: value for name, value in after.items() if before.get(name) != value}


def watch(module: ModuleType, witness: Witness) -> None:
    """Stand outside of our own shell around the method that sends a request."""
    for kind in (module.Client, module.AsyncClient):
        ours: Callable[..., object] = kind._send_single_request

        def send(client: object, request: object, ours: Callable[..., object] = ours) -> object:
            witness.call_begins(request)
            return ours(client, request)

        kind._send_single_request = send


def turn_on(library: str, order: str, collector: str) -> None:
    """Theirs before ours, or after."""

    def ours() -> None:
        # For us alone: some others would send there as well.
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector
        spanledger.instrument()
        del os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]

    steps = [LIBRARIES[library], ours]
    for step in steps if order == "before" else reversed(steps):
        step()


@contextmanager
def request_served() -> Generator[None]:
    """What an app has around its calls."""
    tracer = trace.get_tracer("canary-app")
    with tracer.start_as_current_span("GET /", kind=trace.SpanKind.SERVER):
        yield


def versions(library: str) -> dict[str, str]:
    """Of what took part."""
    found: dict[str, str] = {}
    for name in [*DISTRIBUTIONS[library], *SDKS]:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main(library: str, order: str, file: str) -> None:
    """Make each call, and tell what came of it."""
    logging.disable()
    witness, exporter = Witness(), InMemorySpanExporter()
    told: dict[str, Any] = {}
    with running_provider() as provider, running_provider() as collector:
        collector.answer_with(Reply(b"", content_type="application/x-protobuf"))
        os.environ.update(
            LANGFUSE_BASE_URL=collector.url,  # it exports to a path of its own
            LANGFUSE_PUBLIC_KEY="pk-lf-canary",
            LANGFUSE_SECRET_KEY=forms.KEY,
            SPANLEDGER_ESTIMATE_USAGE="false",  # so that each call is over when it has ended
        )
        set_up(library, witness, SimpleSpanProcessor(exporter))
        turn_on(library, order, collector.url)
        for module in (httpx2, httpx):
            watch(module, witness)
        for form, (call, answer) in forms.forms_for(library).items():
            witness.reset()
            exporter.clear()
            provider.requests.clear()
            collector.requests.clear()
            provider.answer_with(*forms.replies(answer))
            with request_served():
                call(provider.url)
            gc.collect()
            cast("TracerProvider", trace.get_tracer_provider()).force_flush(5000)
            own = encode_spans(exporter.get_finished_spans()).SerializeToString()
            told[form] = {
                "answer": answer,
                "requests": len(provider.requests),
                "own": [base64.b64encode(own).decode()],
                "sent": [
                    base64.b64encode(body).decode()
                    for path, _, body in collector.requests
                    if path == "/v1/traces"
                ],
                "steps": witness.steps,
            }
        spanledger.uninstrument()
    Path(file).write_text(json.dumps({"versions": versions(library), "forms": told}), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
