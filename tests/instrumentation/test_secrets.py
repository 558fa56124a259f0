"""Secrets planted wherever one can stand: in no span, no file of ours, and no log."""

import gzip
import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger.settings import child_environment
from tests.instrumentation.provider import Provider, Reply, running_provider
from tests.instrumentation.secrets_app import ANSWERED, KEPT, SECRETS

APP = Path(__file__).with_name("secrets_app.py")
HEADERS = {"set-cookie": ANSWERED["response header"]}
PER_ROUND = 9
"""Calls that reach the provider: two of OpenAI, one each of Azure, Anthropic, Gemini, four raw."""

BESIDE = 4
"""Requests that are none: results of a batch and something unknown, by either library."""

BASIC = b64encode(f"user:{SECRETS['userinfo']}".encode()).decode()
"""What the HTTP clients make of the secret before the host."""

INGEST_KEY = "planted-17-ingest-key"
"""Ours, for the collector; it goes there in a header and nowhere else."""

ALL = (*SECRETS.values(), *ANSWERED.values(), *KEPT.values(), BASIC)


def whole(body: object, status: int = 200) -> Reply:
    """A JSON answer."""
    return Reply(json.dumps(body).encode(), status=status, headers=HEADERS)


def replies() -> Iterator[Reply]:
    """The answers of a round that goes well, then refusals that quote the key."""
    said = ANSWERED["answer"]
    chat = whole({"id": "x", "choices": [{"message": {"role": "assistant", "content": said}}]})
    chunk = json.dumps({"id": "x", "choices": [{"delta": {"content": said}}]})
    stream = Reply(
        f"data: {chunk}\n\ndata: [DONE]\n\n".encode(),
        content_type="text/event-stream",
        headers=HEADERS,
    )
    anthropic = whole({"type": "message", "content": [{"type": "text", "text": said}]})
    gemini = whole({"candidates": [{"content": {"parts": [{"text": said}]}}]})
    result = {"custom_id": "r", "response": {"body": {"object": "chat.completion", "x": said}}}
    beside = (whole(result), whole({"completion": said}))
    yield from (chat, stream, stream, anthropic, gemini)
    yield from (gemini, chat, *beside, gemini, chat, *beside)
    refusal = {"error": {"message": f"Incorrect key: {ANSWERED['error']}", "type": "auth"}}
    yield from [whole(refusal, 401)] * (PER_ROUND + BESIDE)


def run_app(provider: Provider, collector_url: str, spool: Path) -> None:
    """Let the app make all of its calls; what it and we write to its output holds no secret."""
    provider.answer_with(*replies())
    paths = [str(APP.parents[2]), *filter(None, [child_environment().get("PYTHONPATH")])]
    environment = child_environment(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector_url,
        OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer {INGEST_KEY}",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
        OTEL_METRICS_EXPORTER="none",
        SPANLEDGER_HTTP_SPANS="true",
        SPANLEDGER_BAGGAGE="true",
        SPANLEDGER_SPOOL_DIR=str(spool),
        PYTHONPATH=os.pathsep.join(paths),
        NO_PROXY="127.0.0.1",
    )
    ran = subprocess.run(
        [sys.executable, str(APP), provider.url],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=90,
    )
    assert ran.returncode == 0, ran.stderr
    received = repr(provider.requests).replace(BASIC, SECRETS["userinfo"])
    # They were really there: a test that plants nothing finds nothing.
    assert [secret for secret in SECRETS.values() if secret not in received] == []
    assert len(provider.requests) == 2 * (PER_ROUND + BESIDE)
    written = ran.stdout + ran.stderr
    assert [secret for secret in (*ALL, INGEST_KEY) if secret in written] == []


def exported(collector: Provider) -> bytes:
    """What the collector received, unpacked."""
    return b"".join(bodies(collector))


def bodies(collector: Provider) -> Iterator[bytes]:
    """Each body that the collector received, unpacked."""
    for _, _, body in collector.requests:
        yield gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


def spans_in(collector: Provider) -> list[str]:
    """Who made each of the spans that the collector received."""
    return [
        scope.scope.name
        for body in bodies(collector)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for _ in scope.spans
    ]


def test_no_secret_is_in_a_span_or_a_log(provider: Provider, tmp_path: Path) -> None:
    """Seventeen secrets, five SDKs and libraries, whole, streamed and refused: nothing leaves."""
    with running_provider() as collector:
        run_app(provider, collector.url, tmp_path)
        sent = exported(collector)
        scopes = spans_in(collector)

    # Two rounds of nine calls, and of two that never reached the provider; one result, twice.
    assert scopes.count("spanledger") == 2 * (PER_ROUND + 2) + 2
    # Our sender delivers model calls alone; HTTP spans are for exporters of the app's own.
    assert set(scopes) == {"spanledger"}
    assert [secret for secret in ALL if secret.encode() in sent] == []


def test_no_secret_is_in_a_file_of_ours(provider: Provider, tmp_path: Path) -> None:
    """With the collector away, what waits for it on disk holds none either."""
    run_app(provider, "http://127.0.0.1:1", tmp_path)
    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    files = b"".join(path.read_bytes() for path in paths)

    # What waits, what is known of a batch without a time, and what nobody could read.
    assert {path.suffix for path in paths} == {".spool", ".batch", ".state"}
    assert [secret for secret in (*ALL, INGEST_KEY) if secret.encode() in files] == []
