"""The collector that one would write first: parse, `calc_price`, insert, answer.

    python benchmarks/collector_naive.py PORT DIRECTORY

It does so request by request, and keeps what a cost table needs and no more, in the same embedded
engine with the same settings for durability.
"""

import gzip
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import clickhouse_connect
import uvicorn
from genai_prices import Usage, calc_price
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

COLUMNS: Final = ("trace_id", "span_id", "start", "model", "user", "input", "output", "amount")


def main() -> None:
    """Serve until the process is stopped."""
    port, directory = int(sys.argv[1]), Path(sys.argv[2])
    client = clickhouse_connect.get_client(interface="chdb", path=str(directory))
    client.command(
        "CREATE TABLE calls (trace_id String, span_id String, start DateTime64(6), model String,"
        " user String, input UInt64, output UInt64, amount Decimal(38, 12))"
        " ENGINE = ReplacingMergeTree ORDER BY (trace_id, span_id)"
        " SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
    )

    def store(body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(gzip.decompress(body))
        rows = [
            _row(span.trace_id, span.span_id, span.start_time_unix_nano, span.attributes)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        client.insert("calls", rows, column_names=COLUMNS)

    async def traces(request: Request) -> Response:
        await run_in_threadpool(store, await request.body())
        return Response()

    app = Starlette(routes=[Route("/v1/traces", traces, methods=["POST"])])
    uvicorn.run(app, port=port, http="h11", log_level="warning", access_log=False)


def _row(trace_id: bytes, span_id: bytes, start_ns: int, pairs: Iterable[KeyValue]) -> list[Any]:
    values = {pair.key: _value(pair.value) for pair in pairs}
    start = datetime.fromtimestamp(start_ns / 1e9, UTC)
    counts = {
        "input_tokens": values["gen_ai.usage.input_tokens"],
        "output_tokens": values["gen_ai.usage.output_tokens"],
    }
    model = values["gen_ai.request.model"]
    priced = calc_price(
        Usage(**counts), model, provider_id="openai", genai_request_timestamp=start
    ).total_price
    amount = priced.quantize(Decimal("1e-12"))
    return [
        trace_id.hex(),
        span_id.hex(),
        start,
        model,
        values["user.id"],
        *counts.values(),
        amount,
    ]


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None


if __name__ == "__main__":
    main()
