"""The app of benchmarks/capture.py: makes calls when told to, recorded by what it was started with.

python capture_app.py VARIANT PROVIDER_URL COLLECTOR_URL SPOOL_DIR
"""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, Final

VARIANT, PROVIDER_URL, COLLECTOR_URL, SPOOL_DIR = sys.argv[1:]
MESSAGES: Final[Any] = [
    {"role": "system", "content": "Be brief, be kind, and quote the terms you rely on. " * 40},
    {"role": "user", "content": "Where is my parcel?"},
]


def instrument() -> None:
    """Record by what the variant says; it loads only what its variant needs."""
    if VARIANT in {"none", "control"}:
        return
    # A setting stands in a variable before the program of an app starts; here it is the first line.
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = COLLECTOR_URL
    os.environ["SPANLEDGER_SPOOL_DIR"] = SPOOL_DIR
    from opentelemetry.sdk.trace import TracerProvider

    if VARIANT == "stock":
        from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor

        HTTPX2ClientInstrumentor().instrument(tracer_provider=_discarding(TracerProvider()))
        return
    import spanledger

    if VARIANT == "recorded":
        spanledger.instrument(tracer_provider=_discarding(TracerProvider()))
    else:
        spanledger.instrument()


def _discarding(provider: Any) -> Any:
    from opentelemetry.sdk.trace import SpanProcessor

    provider.add_span_processor(SpanProcessor())
    return provider


def main() -> None:
    """Do what each line of the standard input says, and answer with a line."""
    instrument()
    import openai

    client = openai.OpenAI(api_key="no key", base_url=f"{PROVIDER_URL}/v1", max_retries=0)
    for line in sys.stdin:
        what, _, calls = line.strip().partition(" ")
        answer: dict[str, Any] = {}
        begin = _cpu_s()
        if what == "chat":
            answer["walls"] = [chat(client) for _ in range(int(calls))]
        elif what == "stream":
            streams = [stream(client) for _ in range(int(calls))]
            answer["firsts"], answer["firsts_cpu"], answer["walls"] = zip(*streams, strict=True)
        if what in {"chat", "stream"} and VARIANT == "complete":
            # What the calls have left to be sent belongs to their turn.
            _flush()
        answer |= {"cpu": _cpu_s() - begin, "rss_mb": _rss_mb()}
        print(json.dumps(answer), flush=True)


def _cpu_s() -> float:
    """What the whole process has used, its threads in the background included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _flush() -> None:
    from opentelemetry import trace

    provider: Any = trace.get_tracer_provider()
    provider.force_flush()


def chat(client: Any) -> float:
    """One call; returns milliseconds."""
    begin = time.perf_counter()
    client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    return (time.perf_counter() - begin) * 1000


def stream(client: Any) -> tuple[float, float, float]:
    """One stream; returns milliseconds to its first chunk, those of CPU among them, to its end."""
    begin, begin_cpu, first, first_cpu = time.perf_counter(), time.thread_time(), 0.0, 0.0
    for _ in client.chat.completions.create(
        model="gpt-4o",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
    ):
        if not first:
            first, first_cpu = time.perf_counter(), time.thread_time()
    end = time.perf_counter()
    return (first - begin) * 1000, (first_cpu - begin_cpu) * 1000, (end - begin) * 1000


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
