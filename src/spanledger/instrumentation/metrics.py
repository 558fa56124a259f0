"""The client metrics of the GenAI conventions, for apps that collect metrics.

The names are those of November 2026: tokens are counters, and a histogram for each direction.
`gen_ai.client.token.usage`, one histogram for both, is no longer among them.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from opentelemetry.metrics import Counter, Histogram, Meter, MeterProvider
from opentelemetry.util.types import AttributeValue

from spanledger import attributes as names

__all__ = ["Metrics"]

_SECONDS: Final = tuple(0.01 * 2**power for power in range(14))
_TOKENS: Final = tuple(4**power for power in range(14))

_DIMENSIONS: Final = (
    names.OPERATION_NAME,
    names.PROVIDER_NAME,
    names.REQUEST_MODEL,
    names.RESPONSE_MODEL,
    names.SERVER_ADDRESS,
    names.SERVER_PORT,
)
"""No users and no tags: each of their values would be a time series of its own."""

_MODALITY: Final = "gen_ai.token.modality"
_UNKNOWN: Final = "unknown"

_COUNTED: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
_MODALITIES: Final = {
    "input_tokens": (("audio", "input_audio_tokens"), ("image", "input_image_tokens")),
    "output_tokens": (("audio", "output_audio_tokens"), ("image", "output_image_tokens")),
}


class Metrics:
    """The instruments; without a meter provider of the app's they do nothing."""

    __slots__ = ("_counters", "_duration", "_first_chunk", "_sizes")

    def __init__(self, provider: MeterProvider, version: str) -> None:
        meter = provider.get_meter("spanledger", version)
        self._duration = _seconds(meter, "duration", "From the request to the last byte")
        self._first_chunk = _seconds(
            meter, "time_to_first_chunk", "From the request to the first chunk of a stream"
        )
        self._counters = {unit: _counter(meter, names.USAGE[unit]) for unit in _COUNTED}
        self._sizes = {unit: _size(meter, unit) for unit in ("input_tokens", "output_tokens")}

    @property
    def wanted(self) -> bool:
        """Whether there is anybody to count for: an app without a meter provider pays nothing."""
        # Until the app sets a provider, the API's instruments stand for none.
        return getattr(self._duration, "_real_instrument", self._duration) is not None

    def record(self, facts: Mapping[str, AttributeValue], seconds: float) -> None:
        """Count one exchange by the attributes of its span.

        Where no usage came nothing is counted: unknown is not zero.
        """
        dimensions = {name: facts[name] for name in _DIMENSIONS if name in facts}
        error = {names.ERROR_TYPE: facts[names.ERROR_TYPE]} if names.ERROR_TYPE in facts else {}
        self._duration.record(seconds, {**dimensions, **error})
        if isinstance(first := facts.get(names.RESPONSE_TIME_TO_FIRST_CHUNK), float):
            self._first_chunk.record(first, {**dimensions, **error})
        for unit, counter in self._counters.items():
            for modality, count in _counts(facts, unit):
                counter.add(count, {**dimensions, _MODALITY: modality})
        for unit, histogram in self._sizes.items():
            if isinstance(count := facts.get(names.USAGE[unit]), int):
                histogram.record(count, dimensions)


def _seconds(meter: Meter, name: str, description: str) -> Histogram:
    return meter.create_histogram(
        f"gen_ai.client.operation.{name}",
        unit="s",
        description=description,
        explicit_bucket_boundaries_advisory=_SECONDS,
    )


def _counter(meter: Meter, attribute: str) -> Counter:
    unit = attribute.removeprefix("gen_ai.usage.")
    return meter.create_counter(
        f"gen_ai.client.inference.usage.{unit}",
        unit="{token}",
        description="As the provider counted them; parts are contained in their wholes",
    )


def _size(meter: Meter, unit: str) -> Histogram:
    return meter.create_histogram(
        f"gen_ai.client.inference.operation.{unit}",
        unit="{token}",
        description="Of one call, as the provider counted them",
        explicit_bucket_boundaries_advisory=_TOKENS,
    )


def _counts(facts: Mapping[str, AttributeValue], unit: str) -> Iterator[tuple[str, int]]:
    """(modality, tokens) of a unit; what is left beside the modalities stated is text."""
    whole = facts.get(names.USAGE[unit])
    if not isinstance(whole, int):
        return
    rest = whole
    for modality, part in _MODALITIES.get(unit, ()):
        if isinstance(count := facts.get(names.USAGE[part]), int):
            yield modality, count
            rest -= count
    yield (_UNKNOWN if rest == whole else "text"), rest
