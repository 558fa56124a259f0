"""Spanledger: what your LLM calls cost, exactly and provably.

Importing this package does nothing; `import spanledger.auto` starts the recording.
"""

from typing import TYPE_CHECKING

from spanledger.instrumentation.attribution import attribute
from spanledger.instrumentation.middleware import ASGIMiddleware, WSGIMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__version__ = "0.1.0.dev0"

__all__ = [
    "ASGIMiddleware",
    "WSGIMiddleware",
    "__version__",
    "attribute",
    "instrument",
    "uninstrument",
]


def instrument(
    *,
    tracer_provider: "TracerProvider | None" = None,
    meter_provider: "MeterProvider | None" = None,
    redact: "Callable[[Sequence[str]], Sequence[str]] | None" = None,
) -> None:
    """Record every model call that this process makes, through whichever HTTP library, as a span.

    Calling it again does nothing. It never raises: what fails is logged.

    Args:
        tracer_provider: used as it is. Without one the global provider is used. Where none is set
            until the first model call, one is set that exports by OTLP/HTTP, as the standard
            `OTEL_*` variables say.
        meter_provider: for the GenAI client metrics; the global one by default.
        redact: given the texts of a prompt or of an answer, says what may be kept of them. It is
            asked only where content is captured (setting `capture_content`).
    """
    from spanledger.instrumentation.lifecycle import start  # noqa: PLC0415 - keeps our import light

    start(
        __version__,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        redact=redact,
    )


def uninstrument() -> None:
    """Undo `instrument`, and hand over the spans that are still held."""
    from spanledger.instrumentation.lifecycle import stop  # noqa: PLC0415 - keeps our import light

    stop()
