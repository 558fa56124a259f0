"""Record what a program exports over OTLP while it calls models: `tests/collector/golden_spans`.

    python -m tests.emitters.record EMITTER -- COMMAND ...

The command finds the provider and the collector at `EMITTER_URL`: it is one server, which answers
the calls of models with the bodies in `tests/recorded`, takes what is exported to `/v1/traces`
(or to Langfuse's path), and is told by `GET /mark/FORM` which form comes next. `GET /version/N/V`
names a package that takes part. Needs nothing but this project's own environment; the command runs
in the environment of the emitter.
"""

import gzip
import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import unquote

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.instrumentation.provider import Provider, Reply, recorded, running_provider

GOLDEN: Final = Path(__file__).parents[1] / "collector" / "golden_spans"

LONG: Final = 1000
"""Longer texts are left out: vectors, schemas, stack traces."""

WHOLE: Final = ("output.value", "llm.invocation_parameters", "ai.response.providerMetadata")
"""Attributes that are read, so that they are kept if they are longer."""

LEFT_OUT: Final = (
    "code.", "process.", "host.", "thread.", "os.", "error.stack", "hidden_params",
    "metadata.user_api", "logfire.json_schema", "embedding.embeddings",
)  # fmt: skip
"""Attributes of the machine that recorded, and what is of no use here."""

KINDS: Final = ("", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")

IDS: Final = ("traceId", "spanId", "parentSpanId")

ANSWERS: Final = (
    (":batchEmbedContents", "gemini_embed_batch.json", ""),
    (":embedContent", "gemini_embed.json", ""),
    (":streamGenerateContent", "", "gemini_stream.sse"),
    (":generateContent", "gemini_generate.json", ""),
    ("/chat/completions", "openai_chat.json", "openai_chat_stream.sse"),
    ("/responses", "openai_responses.json", "openai_responses_stream.sse"),
    ("/embeddings", "openai_embeddings.json", ""),
    ("/messages", "anthropic_messages.json", "anthropic_messages_stream.sse"),
)
"""What a path is answered, plain and as a stream."""


def answer(path: str, body: bytes) -> Reply:
    """What a provider answers to a call of a model."""
    if b"error-model" in body or "error-model" in path:
        if "/messages" in path:
            return replace(recorded("anthropic_error_401.json"), status=401)
        return replace(recorded("openai_error_429.json"), status=429)
    streams = b'"stream":true' in body.replace(b" ", b"") or ":stream" in path
    for part, plain, stream in ANSWERS:
        if part in path:
            reply = recorded(stream if streams else plain)
            if plain == "openai_responses.json":
                complete = reply.body.replace(b'"incomplete"', b'"completed"')
                return replace(reply, body=complete)
            if plain == "openai_embeddings.json" and b"base64" not in body:
                return replace(
                    reply, body=reply.body.replace(b'"AAAAvgAAQD4="', b"[-0.125, 0.1875]")
                )
            return reply
    return Reply(b"{}", status=200)


def reply_to(provider: Provider) -> Reply:
    """The answer to the latest request, of an app or of an exporter."""
    path, _, body = provider.requests[-1]
    if path.endswith("/v1/traces"):
        return Reply(b"", content_type="application/x-protobuf")
    return answer(path, body)


def plain(value: AnyValue) -> Any:
    """As JSON has it."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
    return None if kind is None else getattr(value, kind)


def kept(pairs: Any) -> dict[str, Any]:
    """The attributes but those that tell of the machine, or are long."""
    found = {pair.key: plain(pair.value) for pair in pairs}
    return {
        name: value
        for name, value in found.items()
        if not name.startswith(LEFT_OUT)
        and not isinstance(value, bytes)
        and len(json.dumps(value)) <= (4096 if name in WHOLE or "usage" in name else LONG)
    }


def with_base64_ids(value: Any) -> Any:
    """OTLP in JSON with ids as protobuf wants them: OTLP has them in hexadecimal digits."""
    if isinstance(value, list):
        return [with_base64_ids(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    return {
        name: b64encode(bytes.fromhex(item)).decode() if name in IDS else with_base64_ids(item)
        for name, item in cast("dict[str, Any]", value).items()
    }


def spans(body: bytes) -> Iterator[dict[str, Any]]:
    """The spans of an export request."""
    if body.startswith(b"\x1f\x8b"):
        body = gzip.decompress(body)
    request = ExportTraceServiceRequest()
    if body.startswith(b"{"):
        ParseDict(with_base64_ids(json.loads(body)), request, ignore_unknown_fields=True)
    else:
        request.ParseFromString(body)
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield {
                    "scope": scope_spans.scope.name,
                    "name": span.name,
                    "kind": KINDS[span.kind],
                    "trace_id": span.trace_id.hex(),
                    "span_id": span.span_id.hex(),
                    "parent_span_id": span.parent_span_id.hex(),
                    "start": span.start_time_unix_nano,
                    "end": span.end_time_unix_nano,
                    "failed": span.status.code == 2,
                    "attributes": kept(span.attributes),
                }


def sorted_out(requests: list[tuple[str, dict[str, str], bytes]]) -> dict[str, Any]:
    """The spans of each form, and the versions."""
    forms: dict[str, list[dict[str, Any]]] = {}
    versions: dict[str, str] = {}
    form, seen = "start", set[str]()
    for path, _, body in requests:
        if path.startswith("/mark/"):
            form = unquote(path.removeprefix("/mark/"))
            forms.setdefault(form, [])
        elif path.startswith("/version/"):
            name, _, number = unquote(path.removeprefix("/version/")).rpartition("/")
            versions[name] = number
        elif path.endswith("/v1/traces"):
            for span in spans(body):
                if span["span_id"] not in seen:  # some are exported twice
                    seen.add(span["span_id"])
                    forms.setdefault(form, []).append(span)
    forms.pop("start", None)
    return {"versions": versions, "forms": {name: found for name, found in forms.items() if found}}


def text(told: Mapping[str, Any]) -> str:
    """As JSON, a line for each span."""
    forms: list[str] = []
    for name, found in told["forms"].items():
        lines = ",\n".join("  " + json.dumps(span) for span in found)
        forms.append(f" {json.dumps(name)}: [\n{lines}\n ]")
    versions = json.dumps(told["versions"], sort_keys=True)
    together = ",\n".join(forms)
    return f'{{"versions": {versions}, "forms": {{\n{together}\n}}}}\n'


def main(arguments: list[str]) -> None:
    """Run the command and write what it exported."""
    emitter, _, *command = arguments
    with running_provider() as provider:
        provider.next_reply = lambda: reply_to(provider)
        given = {
            "EMITTER_URL": provider.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": provider.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
        subprocess.run(command, env={**os.environ, **given}, check=True, timeout=300)
        told = sorted_out(provider.requests)
    GOLDEN.mkdir(exist_ok=True)
    (GOLDEN / f"{emitter}.json").write_text(text(told), "utf-8")
    print(emitter, {name: len(found) for name, found in told["forms"].items()})  # noqa: T201 - a script: this is its answer


if __name__ == "__main__":
    main(sys.argv[1:])
