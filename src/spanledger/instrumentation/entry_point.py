"""What `opentelemetry-instrument` loads: the recording without a line of code in the app."""

from typing import TYPE_CHECKING, cast

import spanledger

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["SpanledgerInstrumentor"]


class SpanledgerInstrumentor:
    """An instrumentor in all that launchers and distributions of OpenTelemetry ask of one.

    It does not derive from `BaseInstrumentor`, which belongs to a package that an app without the
    launcher has no need of.
    """

    def instrumentation_dependencies(self) -> tuple[str, ...]:
        """None: what an app does not have is hooked when it comes."""
        return ()

    def instrument(self, **options: object) -> None:
        """Start the recording; of the launcher's options the providers are used."""
        spanledger.instrument(
            tracer_provider=cast("TracerProvider | None", options.get("tracer_provider")),
            meter_provider=cast("MeterProvider | None", options.get("meter_provider")),
        )

    def uninstrument(self, **_: object) -> None:
        """Stop the recording."""
        spanledger.uninstrument()
