"""Spans with given ids are spans of the app's provider in every other respect."""

import threading
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from spanledger.instrumentation.given_ids import GivenIds, ids_of


class Naming(SpanProcessor):
    """A processor of the app's that adds to each span."""

    def on_start(self, span: Span, parent_context: object = None) -> None:  # noqa: ARG002 - the SDK's
        """Called by the SDK."""
        span.set_attribute("added", "by the app")


def make(**options: Any) -> tuple[GivenIds, InMemorySpanExporter, TracerProvider]:
    """Over a provider of the app's."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(
        resource=Resource({"service.name": "shop"}), shutdown_on_exit=False, **options
    )
    given = GivenIds(provider, "1.2.3")
    # Processors that come later count as well.
    provider.add_span_processor(Naming())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return given, exporter, provider


def test_a_span_with_given_ids() -> None:
    """S0.2: resource and processors are the app's, the ids are those of the identity."""
    given, exporter, provider = make()
    with provider.get_tracer("app").start_as_current_span("around"):
        given.record(["openai", "a"], "chat m", 7_000, {"x": 1}, error=True)
    span = exporter.get_finished_spans()[0]
    assert span.context is not None
    assert (span.context.trace_id, span.context.span_id) == ids_of(["openai", "a"])
    assert (span.name, span.kind, span.parent) == ("chat m", trace.SpanKind.CLIENT, None)
    assert (span.start_time, span.end_time) == (7_000, 7_000)
    assert span.attributes == {"x": 1, "added": "by the app"}
    assert span.resource is provider.resource
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.instrumentation_scope is not None
    assert (span.instrumentation_scope.name, span.instrumentation_scope.version) == (
        "spanledger",
        "1.2.3",
    )


def test_the_sampler_is_the_apps() -> None:
    """What it drops is returned unrecorded, with its ids."""
    given, exporter, _ = make(sampler=ALWAYS_OFF)
    span = given.record(["a"], "chat", 1, {})
    assert not span.get_span_context().trace_flags.sampled
    assert span.get_span_context().trace_id == ids_of(["a"])[0]
    assert exporter.get_finished_spans() == ()


def test_threads_do_not_mix_their_ids() -> None:
    """Two downloads at once give each call its own ids."""
    given, exporter, _ = make()
    start = threading.Barrier(4)

    def record(name: str) -> None:
        start.wait()
        for number in range(200):
            given.record([name, str(number)], f"{name} {number}", 1, {})

    threads = [threading.Thread(target=record, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = exporter.get_finished_spans()
    assert len(spans) == 800
    for span in spans:
        assert span.context is not None
        assert (span.context.trace_id, span.context.span_id) == ids_of(span.name.split())


@pytest.mark.parametrize(
    ("one", "other"),
    [(["a", "b"], ["a", "c"]), (["ab", "c"], ["a", "bc"]), (["a", ""], ["a"]), (["ä"], ["a"])],
)
def test_identities_are_told_apart(one: list[str], other: list[str]) -> None:
    """Where one part ends is part of the identity."""
    assert ids_of(one) != ids_of(other)


def test_ids_never_change() -> None:
    """Another version makes the same ids, or a batch that is fetched again would count twice."""
    trace_id, span_id = ids_of(["openai", "id", "batch_req_1", "chatcmpl-B1", "request-1"])
    assert f"{trace_id:032x}-{span_id:016x}" == "f1498b3edeed9cca28f60e7169e75e15-797ff98c2ee2f6ae"
