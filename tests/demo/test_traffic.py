import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spanledger.demo.provider import Statement, create_provider
from spanledger.demo.server import serve_provider

# The application itself is never imported here: its first line would instrument the tests.

# By hand: two customers ask three questions; two researchers take three steps; one writer has
# three issues; two ask the in-house model; one retry succeeds and one fallback steps in.
EXPECTED = {
    "text-embedding-3-small": 2 * 3,
    "gpt-4o-2024-08-06": 3 + 1,
    "gpt-4o-mini-2024-07-18": 3,
    "gpt-5-2025-08-07": 2 * 3,
    "claude-sonnet-4-6": 2 * 3,
    "claude-haiku-4-5-20251001": 3,
    "gemini-2.5-pro": 2 * 3,
    "gemini-2.5-flash": 3 + 1,
    "acme-internal-1": 2,
}


def run_traffic(provider_url: str, otlp_url: str) -> subprocess.CompletedProcess[str]:
    """The application as `spanledger demo` starts it."""
    return subprocess.run(
        [sys.executable, "-m", "spanledger.demo.traffic", "--provider-url", provider_url],
        env={
            **os.environ,
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp_url,
            "OTEL_SERVICE_NAME": "demo",
            "PYTHONWARNINGS": "error::ResourceWarning",
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@contextmanager
def otlp_sink(spans: list[Span]) -> Generator[str]:
    """A receiver that keeps what is exported to it."""

    async def receive(request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                if scope.scope.name.startswith("spanledger"):
                    spans.extend(scope.spans)
        return Response()

    app = Starlette(routes=[Route("/v1/traces", receive, methods=["POST"])])
    with serve_provider(app) as url:
        yield url


def texts(span: Span) -> dict[str, str]:
    """The text attributes of `span`."""
    return {item.key: item.value.string_value for item in span.attributes}


@pytest.fixture(scope="module")
def day() -> tuple[list[Statement], list[dict[str, str]], str]:
    """One run: what the provider stated, the spans that were handed over, and what was shown."""
    app, spans = create_provider(gap_seconds=0), list[Span]()
    with serve_provider(app) as provider_url, otlp_sink(spans) as otlp_url:
        done = run_traffic(provider_url, otlp_url)
    assert done.returncode == 0, done.stderr
    return list(app.state.statements), [texts(span) for span in spans], done.stderr


Day = tuple[list[Statement], list[dict[str, str]], str]


def test_every_model_is_called_as_planned(day: Day) -> None:
    """The provider states exactly the answers that the application asks for."""
    statements, _, _ = day
    assert Counter(statement.model for statement in statements) == EXPECTED
    assert sum(EXPECTED.values()) == 40


def test_usage_shows_what_providers_bill_apart(day: Day) -> None:
    """Cache reads, cache writes of both lifetimes, and reasoning all occur."""
    stated = json.dumps([statement.usage for statement in day[0]])
    for unit, quantity in [
        ("cached_tokens", 1152),
        ("ephemeral_1h_input_tokens", 1600),
        ("ephemeral_5m_input_tokens", 1280),
        ("cache_read_input_tokens", 1600),
        ("reasoning_tokens", 256),
    ]:
        assert f'"{unit}": {quantity}' in stated
    assert "thoughtsTokenCount" in stated


def test_each_statement_has_one_span_that_says_the_same(day: Day) -> None:
    """What an app records is what its provider stated, to the token (S4.1, S4.3)."""
    statements, spans, _ = day
    recorded = Counter(
        (span.get("gen_ai.response.id", ""), span["spanledger.usage.raw"])
        for span in spans
        if "error.type" not in span
    )
    canonical = Counter(
        (response_id, json.dumps(json.loads(raw), sort_keys=True))
        for response_id, raw in recorded.elements()
    )
    assert canonical == Counter(
        (statement.response_id, json.dumps(statement.usage, sort_keys=True))
        for statement in statements
    )


def test_each_failed_attempt_has_a_span(day: Day) -> None:
    """Two refusals by 429, of which the SDK retried one, and one server error."""
    errors = Counter(span["error.type"] for span in day[1] if "error.type" in span)
    assert errors == {"429": 2, "500": 1}


def test_every_span_says_whom_it_was_for(day: Day) -> None:
    """Five people in three teams, three agents, and one conversation for each topic of theirs."""
    spans = day[1]
    people = {(span["user.id"], span["spanledger.team"]) for span in spans}
    assert people == {
        ("ana", "support"),
        ("ben", "support"),
        ("cora", "research"),
        ("dan", "research"),
        ("emil", "marketing"),
    }
    assert {span["gen_ai.agent.id"] for span in spans} == {"help-desk", "researcher", "writer"}
    assert {span["gen_ai.conversation.id"] for span in spans} == {
        "ana-returns",
        "ben-returns",
        "cora-pricing-study",
        "dan-pricing-study",
        "emil-newsletter",
        "ana-glossary",
        "emil-glossary",
    }
    assert all(span["spanledger.message.id"] for span in spans)


def test_progress_is_shown_on_stderr(day: Day) -> None:
    """Where nobody watches, each call is a plain line, and a summary comes last."""
    lines = day[2].splitlines()
    assert len(lines) == 42 + 1, day[2]
    assert lines[0].startswith("[ 1/42] ")
    assert lines[-1] == "42 calls: 40 answered, 2 refused on purpose."


def test_a_provider_that_does_not_answer_is_named() -> None:
    """One sentence and a non-zero exit, no traceback."""
    with otlp_sink([]) as otlp_url:
        done = run_traffic("http://127.0.0.1:9", otlp_url)
    assert done.returncode == 1
    assert done.stderr.endswith("No provider answers at http://127.0.0.1:9.\n")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
