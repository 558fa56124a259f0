"""One import is enough, wherever it stands, and it is a light one."""

from tests.instrumentation.programs import CALL, run

HEAVY = [
    *("chdb", "clickhouse_connect", "fastapi", "genai_prices", "httpx"),
    *("httpx2", "pydantic", "starlette", "uvicorn", "yaml"),
]

LOADED = f"""
import sys
print([name for name in {HEAVY} if name in sys.modules])
"""


def test_one_import_records() -> None:
    """`import spanledger.auto` before the app's own imports records the app's calls."""
    printed = run(
        "import spanledger.auto"
        + CALL
        + """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
call()
(span,) = exporter.get_finished_spans()
print(span.attributes["gen_ai.usage.input_tokens"], span.instrumentation_scope.name)
"""
    )
    assert printed == "7 spanledger"


def test_it_imports_nothing_heavy() -> None:
    """No web framework, no database, no price data and no HTTP library comes with it."""
    assert run("import spanledger.auto" + LOADED) == "[]"


def test_it_exports_nothing() -> None:
    """The import effect is all there is."""
    assert run("import spanledger.auto as a; print(vars(a)['__doc__'])").startswith("Importing")
