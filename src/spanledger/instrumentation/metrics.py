"""The client metrics of the GenAI conventions, for apps that collect metrics."""

from collections.abc import Mapping
from typing import Final

from opentelemetry.metrics import Histogram, MeterProvider
from opentelemetry.util.types import AttributeValue

from spanledger import attributes as names

__all__ = ["Metrics"]

_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96)
_TOKENS: Final = tuple(4**power for power in range(14))

_DIMENSIONS: Final = (
    names.OPERATION_NAME,
    names.PROVIDER_NAME,
    names.REQUEST_MODEL,
    names.RESPONSE_MODEL,
    names.SERVER_ADDRESS,
    names.SERVER_PORT,
    names.ERROR_TYPE,
)
"""No users and no tags: each of their values would be a time series of its own."""

_TOKEN_TYPES: Final = (
    ("input", names.USAGE["input_tokens"]),
    ("output", names.USAGE["output_tokens"]),
)


class Metrics:
    """The instruments; without a meter provider of the app's they do nothing."""

    __slots__ = ("_duration", "_tokens")

    def __init__(self, provider: MeterProvider, version: str) -> None:
        meter = provider.get_meter("spanledger", version)
        self._duration: Histogram = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="Duration of a model call, from the request to the last byte",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens: Histogram = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Tokens of a model call, as the provider counted them",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )

    def record(self, facts: Mapping[str, AttributeValue], seconds: float) -> None:
        """Count one exchange by the attributes of its span."""
        dimensions = {name: facts[name] for name in _DIMENSIONS if name in facts}
        self._duration.record(seconds, dimensions)
        for token_type, name in _TOKEN_TYPES:
            count = facts.get(name)
            if isinstance(count, int):
                self._tokens.record(count, {**dimensions, "gen_ai.token.type": token_type})
