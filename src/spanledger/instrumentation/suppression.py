"""Whether somebody has asked all instrumentations to look away, as exporters do for their own."""

from typing import Final

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - it has no public name
    get_value,
)

__all__ = ["suppressed"]

_BY_OLD_NAME: Final = "suppress_instrumentation"


def suppressed() -> bool:
    """Whether nothing is to be recorded in the current context."""
    return bool(get_value(_SUPPRESS_INSTRUMENTATION_KEY) or get_value(_BY_OLD_NAME))
