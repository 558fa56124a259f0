"""Apps that collect metrics get the GenAI client metrics."""

from typing import Any, cast

import httpx
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData

import spanledger
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording, answering


def test_duration_and_tokens_are_measured(recording: Recording) -> None:
    """One duration per call, tokens by direction, and no user among the dimensions."""
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    spanledger.instrument(tracer_provider=recording.provider, meter_provider=meters)
    usage = {"prompt_tokens": 30, "completion_tokens": 4}
    with answering(httpx, json={"usage": usage}) as client, spanledger.attribute(user_id="u"):
        client.post("http://provider" + CHAT_PATH, json=CHAT)
    spanledger.uninstrument()

    data = cast("MetricsData", reader.get_metrics_data())
    (scope,) = data.resource_metrics[0].scope_metrics
    points: dict[str, list[Any]] = {
        metric.name: list(metric.data.data_points) for metric in scope.metrics
    }
    meters.shutdown()
    dimensions = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "server.address": "provider",
        "server.port": 80,
    }
    (duration,) = points["gen_ai.client.operation.duration"]
    assert (duration.count, dict(duration.attributes)) == (1, dimensions)
    tokens = {
        point.attributes["gen_ai.token.type"]: point.sum
        for point in points["gen_ai.client.token.usage"]
    }
    assert tokens == {"input": 30, "output": 4}
