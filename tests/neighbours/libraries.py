"""Other instrumentations, each turned on as its documentation says.

They are imported by name, as the tests' own environment has none of them.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, cast

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

__all__ = ["LIBRARIES", "TurnOn", "set_up"]

TurnOn = Callable[[], object]


def set_up(library: str, witness: SpanProcessor, exporter: SpanProcessor) -> None:
    """Set the tracing of an app up, as Logfire wants it where it is Logfire's.

    Logfire hides suppressed spans from exporters, but not from a witness that it does not know of.
    """
    if library == "logfire":
        import_module("logfire").configure(
            send_to_logfire=False, console=False, additional_span_processors=[exporter]
        )
        cast("TracerProvider", trace.get_tracer_provider()).add_span_processor(witness)
        return
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(witness)
    provider.add_span_processor(exporter)
    trace.set_tracer_provider(provider)


def _instrumentors(*names: str) -> TurnOn:
    def turn_on() -> None:
        for name in names:
            module, _, instrumentor = name.partition(":")
            getattr(import_module(module), instrumentor)().instrument()

    return turn_on


def _logfire() -> None:
    logfire: Any = import_module("logfire")
    logfire.instrument_openai()
    logfire.instrument_anthropic()


def _langfuse() -> None:
    # Its variables say for whom and where to.
    import_module("langfuse").Langfuse()


def _openlit() -> None:
    import_module("openlit").init(disable_metrics=True, disable_batch=True)


def _traceloop() -> None:
    sdk: Any = import_module("traceloop.sdk")
    sdk.Traceloop.init(
        app_name="canary", disable_batch=True, telemetry_enabled=False, exporter=_Nowhere()
    )


class _Nowhere:
    def export(self, _spans: object) -> object:
        return import_module("opentelemetry.sdk.trace.export").SpanExportResult.SUCCESS

    def shutdown(self) -> None: ...

    def force_flush(self, _timeout_millis: int = 0) -> bool:
        return True


def _pydantic_ai() -> None:
    agents: Any = import_module("pydantic_ai")
    agents.Agent.instrument_all()


def _nothing() -> None: ...


_OTEL: Final = "opentelemetry.instrumentation."
_OPENINFERENCE: Final = "openinference.instrumentation."

LIBRARIES: Final[dict[str, TurnOn]] = {
    "anthropic": _nothing,  # its own spans, wherever a provider is set
    "official": _instrumentors(
        _OTEL + "genai.openai:OpenAIInstrumentor",
        _OTEL + "genai.anthropic:AnthropicInstrumentor",
        _OTEL + "google_genai:GoogleGenAiSdkInstrumentor",
    ),
    "openai-v2": _instrumentors(_OTEL + "openai_v2:OpenAIInstrumentor"),
    "openllmetry": _instrumentors(
        _OTEL + "openai:OpenAIInstrumentor",
        _OTEL + "anthropic:AnthropicInstrumentor",
        _OTEL + "google_generativeai:GoogleGenerativeAiInstrumentor",
    ),
    "traceloop": _traceloop,
    "openinference": _instrumentors(
        _OPENINFERENCE + "openai:OpenAIInstrumentor",
        _OPENINFERENCE + "anthropic:AnthropicInstrumentor",
        _OPENINFERENCE + "google_genai:GoogleGenAIInstrumentor",
    ),
    "logfire": _logfire,
    "langfuse": _langfuse,
    "openlit": _openlit,
    "pydantic-ai": _pydantic_ai,
}
"""How each is turned on, by the name that it goes by in `tests/recorded/neighbours`."""
