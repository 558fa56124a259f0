"""A span that starts when somebody looks at it, with the time at which it should have.

Most model calls have no span below them. Theirs is started at their end, with all that is known by
then: the app gets its first byte sooner, and a sampler decides knowing the whole call.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry.trace import Span, SpanContext
from opentelemetry.trace.status import Status, StatusCode
from opentelemetry.util.types import AttributeValue

__all__ = ["LateSpan"]


class LateSpan(Span):
    """Stands for the span of an exchange in the context of all that happens below it.

    Whatever is asked of it is asked of the span itself, which `start` starts the first time.
    """

    __slots__ = ("_start",)

    def __init__(self, start: Callable[[], Span]) -> None:
        self._start: Final = start

    def get_span_context(self) -> SpanContext:
        """The ids, which are given to it now at the latest."""
        return self._start().get_span_context()

    def is_recording(self) -> bool:
        """Whether what is put on it is kept."""
        return self._start().is_recording()

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """As of any span."""
        self._start().set_attributes(attributes)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """As of any span."""
        self._start().set_attribute(key, value)

    def add_event(self, name: str, *args: Any, **options: Any) -> None:  # noqa: ANN401 - handed on
        """As of any span."""
        self._start().add_event(name, *args, **options)

    def add_link(self, context: SpanContext, *args: Any, **options: Any) -> None:  # noqa: ANN401 - handed on
        """As of any span."""
        self._start().add_link(context, *args, **options)

    def update_name(self, name: str) -> None:
        """As of any span."""
        self._start().update_name(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """As of any span."""
        self._start().set_status(status, description)

    def record_exception(self, exception: BaseException, *args: Any, **options: Any) -> None:  # noqa: ANN401 - handed on
        """As of any span."""
        self._start().record_exception(exception, *args, **options)

    def end(self, end_time: int | None = None) -> None:
        """Nothing: the exchange ends its span."""

    def __getattr__(self, name: str) -> object:
        return getattr(self._start(), name)
