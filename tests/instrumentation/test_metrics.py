"""Apps that collect metrics get the GenAI client metrics."""

from typing import Any, cast

import httpx
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData

import spanledger
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording, answering

USAGE = "gen_ai.client.inference.usage."
DIMENSIONS = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "server.address": "provider",
    "server.port": 80,
}


def points_of(recording: Recording, **answer: Any) -> dict[str, list[Any]]:
    """The data points of one call that was answered so, by the name of the metric."""
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    spanledger.instrument(tracer_provider=recording.provider, meter_provider=meters)
    with answering(httpx, **answer) as client, spanledger.attribute(user_id="u"):
        client.post("http://provider" + CHAT_PATH, json=CHAT)
    spanledger.uninstrument()
    data = cast("MetricsData", reader.get_metrics_data())
    meters.shutdown()
    (scope,) = data.resource_metrics[0].scope_metrics
    return {metric.name: list(metric.data.data_points) for metric in scope.metrics}


def test_duration_and_tokens_are_measured(recording: Recording) -> None:
    """One duration per call, a counter per kind of tokens, and no user among the dimensions."""
    usage = {
        "prompt_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 20},
        "completion_tokens": 4,
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    points = points_of(recording, json={"usage": usage})

    (duration,) = points.pop("gen_ai.client.operation.duration")
    assert (duration.count, dict(duration.attributes)) == (1, DIMENSIONS)
    assert duration.explicit_bounds[0] == 0.01
    assert duration.explicit_bounds[-1] == 81.92
    sizes = {
        direction: points.pop(f"gen_ai.client.inference.operation.{direction}_tokens")
        for direction in ("input", "output")
    }
    assert {name: (point.count, point.sum) for name, (point,) in sizes.items()} == {
        "input": (1, 30),
        "output": (1, 4),
    }
    assert {name: point.value for name, (point,) in points.items()} == {
        f"{USAGE}input_tokens": 30,
        f"{USAGE}output_tokens": 4,
        f"{USAGE}cache_read.input_tokens": 20,
        f"{USAGE}reasoning.output_tokens": 3,
    }
    for (point,) in points.values():
        assert dict(point.attributes) == {**DIMENSIONS, "gen_ai.token.modality": "unknown"}


def test_modalities_are_told_apart_where_the_provider_does(recording: Recording) -> None:
    """Audio is audio, and what is left of such a usage is text; together they are the whole."""
    usage = {"prompt_tokens": 30, "prompt_tokens_details": {"audio_tokens": 10}}
    points = points_of(recording, json={"usage": usage})

    assert {
        point.attributes["gen_ai.token.modality"]: point.value
        for point in points[f"{USAGE}input_tokens"]
    } == {"audio": 10, "text": 20}


def test_no_usage_is_no_count(recording: Recording) -> None:
    """Unknown is not zero: such a call has its duration only."""
    points = points_of(recording, json={"id": "x"})

    assert set(points) == {"gen_ai.client.operation.duration"}


def test_a_stream_has_its_first_chunk_measured(recording: Recording) -> None:
    """Once per stream, and never for a whole answer."""
    headers = {"content-type": "text/event-stream"}
    points = points_of(recording, headers=headers, content=b"data: [DONE]\n\n")

    (point,) = points["gen_ai.client.operation.time_to_first_chunk"]
    assert point.count == 1
    assert "gen_ai.client.operation.time_to_first_chunk" not in points_of(recording, json={})
