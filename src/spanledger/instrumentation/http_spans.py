"""HTTP spans below model calls, by opentelemetry-instrumentation-httpx, and no key in their URLs.

Where the app uses that instrumentation itself, its spans are below ours already; what is left to do
is to keep provider keys out of the URLs that it records.
"""

import logging
import re
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from operator import is_
from types import ModuleType
from typing import Any, Final, cast
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode, TracerProvider
from opentelemetry.util.types import AttributeValue

from spanledger.dialects.hosts import HOSTS
from spanledger.instrumentation.arrival import ArrivalFinder, call_when_imported
from spanledger.instrumentation.guard import guarded

__all__ = ["HttpSpans", "is_installed", "scrubbed"]

_log = logging.getLogger("spanledger")

_PARENT: Final = "opentelemetry.instrumentation"
_NEIGHBOUR: Final = "opentelemetry.instrumentation.httpx"
_INSTRUMENTORS: Final = {"httpx": "HTTPXClientInstrumentor", "httpx2": "HTTPX2ClientInstrumentor"}
_TRANSPORTS: Final = (
    ("HTTPTransport", "handle_request"),
    ("AsyncHTTPTransport", "handle_async_request"),
)
_REDACT: Final = "redact_url"
_HEADERS: Final = ("http.request.header.", "http.response.header.")

_SECRETS: Final = re.compile(
    r"(?i)([?&](?:key|[\w.-]*(?:api[-_]?key|subscription-key|token|secret|password|signature))=)"
    r"[^&#]*"
)

Redact = Callable[[str], str]


def scrubbed(url: str) -> str:
    """`url` without the keys in its query, if it leads to a model or is called for one.

    A fragment, which is not sent and tells nothing, is cut off.
    """
    if ("?" not in url and "#" not in url) or not (_below_ours() or _is_providers(url)):
        return url
    return _SECRETS.sub(r"\1REDACTED", url.partition("#")[0])


class HttpSpans:
    """What we do to the neighbour, and undo.

    Args:
        wanted: add HTTP spans below model calls; without it the neighbour's URLs are scrubbed only.
        tracer_provider: for those spans; the global one by default.
    """

    def __init__(self, *, wanted: bool, tracer_provider: TracerProvider | None = None) -> None:
        self._tracers = _Tracers(tracer_provider)
        self._instrumentors: list[_Instrumentor] = []
        self._finders: list[ArrivalFinder] = []
        self._redacting: list[tuple[ModuleType, Redact, Redact]] = []
        if wanted and not is_installed():
            _log.warning(
                "http_spans is set, but %s is not installed: pip install spanledger[http]",
                "opentelemetry-instrumentation-httpx",
            )
            wanted = False
        self._wanted = wanted
        self._finders.append(call_when_imported((_NEIGHBOUR,), self._arrived))
        if wanted:
            # It imports the libraries that it instruments: before the app does it has no business.
            libraries = tuple(_INSTRUMENTORS)
            self._finders.append(call_when_imported(libraries, lambda _: self._import()))

    def undo(self) -> None:
        """Leave the neighbour as it was."""
        self._tracers.on = False
        for finder in self._finders:
            finder.remove()
        for instrumentor in self._instrumentors:
            with guarded("take HTTP spans out"):
                instrumentor.undo()
        for module, original, ours in self._redacting:
            if getattr(module, _REDACT, None) is ours:
                setattr(module, _REDACT, original)

    def _scrub(self, module: ModuleType) -> None:
        with guarded("keep keys out of HTTP spans"):
            original = cast("Redact", getattr(module, _REDACT))

            def redact_url(url: str) -> str:
                with guarded("keep a key out of an HTTP span"):
                    url = scrubbed(url)
                return original(url)

            setattr(module, _REDACT, redact_url)
            self._redacting.append((module, original, redact_url))

    def _import(self) -> None:
        with guarded("load the instrumentation of HTTP spans"):
            import_module(_NEIGHBOUR)

    def _arrived(self, neighbour: ModuleType) -> None:
        self._scrub(neighbour)
        for library, instrumentor in _INSTRUMENTORS.items() if self._wanted else ():
            if (module := sys.modules.get(library)) is not None:
                self._instrument(module, getattr(neighbour, instrumentor))

    def _instrument(self, module: ModuleType, kind: Any) -> None:  # noqa: ANN401 - untyped
        with guarded(f"add HTTP spans to {module.__name__}"):
            if not kind().is_instrumented_by_opentelemetry:
                self._instrumentors.append(_Instrumentor(kind, module, self._tracers))


class _Instrumentor:
    """An instrumentor of our own beside the only one that the app can have.

    Taking that one would leave the app, should it want HTTP spans of all its requests later, with
    a warning and none.
    """

    def __init__(self, kind: Any, module: ModuleType, tracers: "_Tracers") -> None:  # noqa: ANN401
        self._module = module
        self._instrumentor = object.__new__(kind)
        self._instrumentor.instrument(
            skip_dep_check=True,
            tracer_provider=_Provider(tracers, kind()),
            meter_provider=NoOpMeterProvider(),
        )
        self._installed = self._methods()

    def undo(self) -> None:
        """Take it out, unless somebody has wrapped it since: then it stays, and does nothing."""
        if all(map(is_, self._methods(), self._installed)):
            self._instrumentor.uninstrument()

    def _methods(self) -> list[object]:
        return [
            cast("object", vars(getattr(self._module, owner))[name]) for owner, name in _TRANSPORTS
        ]


class _Tracers:
    """Where our HTTP spans go, and whether there are any."""

    def __init__(self, provider: TracerProvider | None) -> None:
        self.on = True
        self._provider = provider

    def tracer(self, name: str, version: str | None) -> trace.Tracer:
        return (self._provider or trace.get_tracer_provider()).get_tracer(name, version)


class _Provider:
    """The tracer provider that our instrumentor is given."""

    def __init__(self, tracers: _Tracers, apps: Any) -> None:  # noqa: ANN401 - of an untyped class
        self._tracers = tracers
        self._apps = apps

    def get_tracer(self, name: str, version: str | None = None, *_: object) -> "_Tracer":
        """As providers have it."""
        return _Tracer(lambda: self._tracers.tracer(name, version), self._stands_aside)

    def _stands_aside(self) -> bool:
        return not self._tracers.on or bool(self._apps.is_instrumented_by_opentelemetry)


class _Tracer:
    """Makes spans below ours only."""

    def __init__(
        self, tracer: Callable[[], trace.Tracer], stands_aside: Callable[[], bool]
    ) -> None:
        self._tracer = tracer
        self._stands_aside = stands_aside

    @contextmanager
    def start_as_current_span(
        self,
        name: str,
        kind: SpanKind = SpanKind.CLIENT,
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> Generator[Span]:
        """A span that is not the current one.

        The context is empty, so that no header is added to the request: it leaves as without us.
        """
        if self._stands_aside():
            yield INVALID_SPAN
            return
        span = INVALID_SPAN
        with guarded("start an HTTP span"):
            if _below_ours():
                span = self._tracer().start_span(
                    name, kind=kind, attributes=dict(_without_headers(attributes or {}))
                )
        token = attach(Context())
        failed = True
        try:
            yield span
            failed = False
        finally:
            detach(token)
            with guarded("end an HTTP span"):
                if failed:
                    span.set_status(StatusCode.ERROR)
                span.end()


def _without_headers(
    attributes: Mapping[str, AttributeValue],
) -> Iterator[tuple[str, AttributeValue]]:
    return ((name, value) for name, value in attributes.items() if not name.startswith(_HEADERS))


def _below_ours() -> bool:
    scope = cast("object", getattr(trace.get_current_span(), "instrumentation_scope", None))
    return getattr(scope, "name", "") == "spanledger"


def is_installed() -> bool:
    """Whether the package is here that HTTP spans are made by."""
    # Asked one after the other: a look for a module imports the package that it is in.
    return all(find_spec(name) is not None for name in (_PARENT, _NEIGHBOUR))


def _is_providers(url: str) -> bool:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return host is not None and _is_known(host)


@lru_cache(maxsize=256)
def _is_known(host: str) -> bool:
    return any(fnmatchcase(host, pattern) for pattern, _ in HOSTS)
