"""`opentelemetry-instrument python app.py`: recorded without a line in the app."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger.instrumentation.entry_point import SpanledgerInstrumentor
from spanledger.settings import child_environment
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording, answering
from tests.instrumentation.programs import CALL
from tests.instrumentation.provider import Provider

LAUNCHER = Path(sys.executable).parent / "opentelemetry-instrument"


def launched(program: Path, **variables: str) -> None:
    """Run the program under the launcher; nothing of it may fail or warn."""
    quiet = {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    ran = subprocess.run(
        [str(LAUNCHER), sys.executable, str(program)],
        capture_output=True,
        text=True,
        check=False,
        env=child_environment(**quiet, **variables),
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "done\n", "")


def model_calls(collector: Provider) -> list[str]:
    """The names of our spans that the collector received."""
    return [
        span.name
        for _, _, body in collector.requests
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        if scope.scope.name == "spanledger"
        for span in scope.spans
    ]


def test_the_launcher_records_an_app_that_knows_nothing_of_us(
    provider: Provider, tmp_path: Path
) -> None:
    """One span by the entry point, and not a word on the app's output."""
    app = tmp_path / "app.py"
    app.write_text(CALL + "call()\nprint('done')\n")
    launched(app, OTEL_EXPORTER_OTLP_ENDPOINT=provider.url)

    assert model_calls(provider) == ["chat gpt-4o"]


def test_the_launcher_can_leave_us_out(provider: Provider, tmp_path: Path) -> None:
    """By the launcher's own variable and our name."""
    app = tmp_path / "app.py"
    app.write_text(CALL + "call()\nprint('done')\n")
    launched(
        app,
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="spanledger",
    )

    assert model_calls(provider) == []


def test_it_stands_under_its_name() -> None:
    """The group and name that the launcher looks for lead to the class."""
    (entry,) = entry_points(group="opentelemetry_instrumentor", name="spanledger")

    assert entry.load() is SpanledgerInstrumentor


def test_it_is_an_instrumentor_for_those_who_call_one_themselves(recording: Recording) -> None:
    """With the providers and the options that instrumentors are given, and back."""
    instrumentor = SpanledgerInstrumentor()
    assert instrumentor.instrumentation_dependencies() == ()
    instrumentor.instrument(skip_dep_check=True, tracer_provider=recording.provider)
    with answering(httpx) as client:
        client.post("http://provider" + CHAT_PATH, json=CHAT)
        instrumentor.uninstrument()
        client.post("http://provider" + CHAT_PATH, json=CHAT)

    assert len(recording.spans) == 1
