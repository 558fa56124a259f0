"""HTTP spans below model calls, ours or the app's own, and no provider key in any of them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation import httpx as neighbour
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan

from spanledger.instrumentation.http_spans import scrubbed
from tests.instrumentation.calls import Recording
from tests.instrumentation.programs import CALL, run
from tests.instrumentation.provider import Provider

GEMINI = "/v1beta/models/gemini-x:generateContent?key=planted-secret&alt=sse"
INSTRUMENTORS = {"httpx": HTTPXClientInstrumentor, "httpx2": HTTPX2ClientInstrumentor}


@pytest.fixture
def http_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting is on."""
    monkeypatch.setenv("SPANLEDGER_HTTP_SPANS", "true")


@pytest.fixture
def apps(library: Any) -> Iterator[Any]:
    """The instrumentor that the app can have; off again afterwards."""
    instrumentor = INSTRUMENTORS[library.__name__]()
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


def call(library: Any, url: str, *, asynchronous: bool = False, method: str = "POST") -> None:
    """One request over a real connection."""

    async def request() -> None:
        async with library.AsyncClient(trust_env=False) as client:
            await client.request(method, url, json={})

    if asynchronous:
        asyncio.run(request())
        return
    with library.Client(trust_env=False) as client:
        client.request(method, url, json={})


def by_scope(recording: Recording) -> dict[str, list[ReadableSpan]]:
    """The spans by who made them: `httpx` is the neighbour, whichever library it looked at."""
    found: dict[str, list[ReadableSpan]] = {"spanledger": [], "httpx": []}
    for span in recording.spans:
        assert span.instrumentation_scope is not None
        found[span.instrumentation_scope.name.rpartition(".")[2]].append(span)
    return found


def url_of(span: ReadableSpan) -> object:
    """What the span says of its URL."""
    return (span.attributes or {})["http.url"]


def is_below(inner: ReadableSpan, outer: ReadableSpan) -> bool:
    """Whether `inner` is a child of `outer`."""
    assert inner.parent is not None
    assert outer.context is not None
    return inner.parent.span_id == outer.context.span_id


@pytest.mark.usefixtures("http_spans")
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_model_call_has_an_http_span_below_it(
    recording: Recording, provider: Provider, library: Any, *, asynchronous: bool
) -> None:
    """One below ours, without the key; none for other requests; the request leaves unchanged."""
    call(library, provider.url + GEMINI, asynchronous=asynchronous)
    methods = library.HTTPTransport.handle_request, library.AsyncHTTPTransport.handle_async_request
    with recording.on():
        call(library, provider.url + GEMINI, asynchronous=asynchronous)
        call(library, provider.url + "/other?key=planted-secret", asynchronous=asynchronous)

    spans = by_scope(recording)
    (model_call,), (http_span,) = spans["spanledger"], spans["httpx"]
    assert is_below(http_span, model_call)
    assert url_of(http_span) == provider.url + GEMINI.replace("planted-secret", "REDACTED")
    before, inside = (headers for _, headers, _ in provider.requests[:2])
    assert inside == before
    assert methods == (
        library.HTTPTransport.handle_request,
        library.AsyncHTTPTransport.handle_async_request,
    )


@pytest.mark.usefixtures("http_spans")
def test_a_request_that_fails_fails_its_span_without_a_word(
    recording: Recording, library: Any
) -> None:
    """The status is an error; neither description nor event quotes the exception."""
    with recording.on(), pytest.raises(library.ConnectError):
        call(library, "http://127.0.0.1:1" + GEMINI)

    (http_span,) = by_scope(recording)["httpx"]
    assert http_span.status.status_code is trace.StatusCode.ERROR
    assert http_span.status.description is None
    assert http_span.events == ()


@pytest.mark.parametrize("wanted", ["true", "false"])
def test_the_apps_own_http_spans_nest_below_ours_and_are_scrubbed(
    recording: Recording,
    provider: Provider,
    library: Any,
    apps: Any,
    wanted: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The app was first: one HTTP span per request, its own, whatever `http_spans` says."""
    monkeypatch.setenv("SPANLEDGER_HTTP_SPANS", wanted)
    apps.instrument(tracer_provider=recording.provider)
    with recording.on():
        call(library, provider.url + GEMINI)
        call(library, provider.url + "/other?key=the-apps-own-business")

    spans = by_scope(recording)
    (model_call,), (below, other) = spans["spanledger"], spans["httpx"]
    assert is_below(below, model_call)
    assert "planted-secret" not in str(url_of(below))
    assert url_of(other) == provider.url + "/other?key=the-apps-own-business"


@pytest.mark.usefixtures("http_spans")
def test_an_app_that_instruments_itself_later_gets_all_its_spans(
    recording: Recording, provider: Provider, library: Any, apps: Any
) -> None:
    """Ours stand aside from then on; after our stop the app's go on."""
    with recording.on():
        apps.instrument(tracer_provider=recording.provider)
        call(library, provider.url + GEMINI)
        call(library, provider.url + "/other")
    call(library, provider.url + "/later")

    spans = by_scope(recording)
    (model_call,), (below, other, later) = spans["spanledger"], spans["httpx"]
    assert is_below(below, model_call)
    assert [url_of(span) for span in (other, later)] == [
        provider.url + "/other",
        provider.url + "/later",
    ]


def test_without_the_package_one_line_says_so() -> None:
    """The call is recorded all the same."""
    printed = run(
        """
import logging, sys
sys.modules["opentelemetry.instrumentation.httpx"] = None
logging.basicConfig(stream=sys.stdout, format="%(message)s")
import spanledger.auto
"""
        + CALL
        + "call(); call()",
        SPANLEDGER_HTTP_SPANS="true",
        OTEL_TRACES_EXPORTER="none",
    )
    assert printed == (
        "http_spans is set, but opentelemetry-instrumentation-httpx is not installed: "
        "pip install spanledger[http]"
    )


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("https://generativelanguage.googleapis.com/v1beta/models?key=s&pageSize=2", "key=&page"),
        ("https://x.openai.azure.com/openai/v1?api-version=1&api-key=s", "1&api-key="),
        ("https://api.openai.com/v1/x?a=1&access_token=s", "a=1&access_token="),
    ],
)
def test_urls_of_providers_lose_their_keys(url: str, left: str) -> None:
    """By the names under which keys stand; the rest of the query stays."""
    assert left in scrubbed(url).replace("REDACTED", "")
    assert len(scrubbed(url)) == len(url) - 1 + len("REDACTED")


def test_a_fragment_is_cut_off() -> None:
    """Tokens have been found there, and it never reaches a server."""
    assert scrubbed("https://api.openai.com/v1/x#token=s") == "https://api.openai.com/v1/x"


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/search?key=red#top",
        "https://api.openai.com/v1/files?after=x&monkey=1",
        "https://api.openai.com/v1/models",
        "https://[broken?key=x",
        "?key=x",
    ],
)
def test_other_urls_are_left_alone(url: str) -> None:
    """What is no provider's is none of our business."""
    assert scrubbed(url) == url


def test_the_neighbours_function_comes_back(recording: Recording) -> None:
    """After the stop the neighbour redacts with what is its own, and nothing else."""
    before = vars(neighbour)["redact_url"]
    with recording.on():
        assert vars(neighbour)["redact_url"] is not before
    assert vars(neighbour)["redact_url"] is before
