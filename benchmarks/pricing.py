"""What it takes to price a call, against genai-prices' calculator in the same run.

Both price the same usages of the same models at the same time, in rounds that take turns, and must
come to the same amounts. Times are CPU times of this process; of the rounds the median counts.
"""

import argparse
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from genai_prices import Usage as ListUsage
from genai_prices import calc_price
from measured import Figure, table, write_page

from spanledger.call import Call
from spanledger.pricing.book import PriceBook
from spanledger.pricing.cost import SCALE, Cost
from spanledger.pricing.engine import price
from spanledger.usage import Usage

ROUNDS: Final = 15
TIMES: Final = 200
AT: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)

MODELS: Final = (
    ("openai", "openai", "gpt-4o"),
    ("openai", "openai", "gpt-5"),
    ("openai", "openai", "gpt-5.4"),
    ("anthropic", "anthropic", "claude-sonnet-4-5"),
    ("anthropic", "anthropic", "claude-opus-4-1"),
    ("gcp.gemini", "google", "gemini-2.5-pro"),
    ("gcp.gemini", "google", "gemini-2.5-flash"),
    ("deepseek", "deepseek", "deepseek-chat"),
    ("x_ai", "x-ai", "grok-4"),
    ("mistral_ai", "mistral", "mistral-medium-latest"),
)
USAGES: Final = (
    {"input_tokens": 1200, "output_tokens": 350},
    {"input_tokens": 12_000, "cache_read_tokens": 9000, "output_tokens": 500},
    {"input_tokens": 150_000, "cache_read_tokens": 100_000, "output_tokens": 20},
)

LOAD: Final = "import time; t = time.process_time(); import spanledger.pricing.book as b; "
LOADS: Final = {
    "book load": f"{LOAD}b.PriceBook(); print(time.process_time() - t)",
    "first call for a model": (
        f"{LOAD}book = b.PriceBook(); import datetime as d; "
        "at = d.datetime(2026, 11, 1, tzinfo=d.timezone.utc); "
        "book.rates('openai', 'gpt-4o', at); t = time.process_time(); "
        "book.rates('anthropic', 'claude-sonnet-4-5', at); print(time.process_time() - t)"
    ),
}


def main() -> int:
    """Measure, print, judge, and write if asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--strict", action="store_true", help="exit with 1 beyond a budget")
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.md alone")
    options = parser.parse_args()
    strict: bool = options.strict
    no_page: bool = options.no_page
    ours, theirs, compared = _compare()
    loads = {what: _in_a_process(program) for what, program in LOADS.items()}
    figures = [
        Figure("genai-prices' `calc_price`, a call", theirs, "us"),
        Figure("`price`, a call, warm cache", ours, "us", 3),
        Figure("times as fast, with the same amounts", theirs / ours, "", 100, at_least=True),
        Figure("amounts that were compared", compared, ""),
        Figure("first call for a model", loads["first call for a model"] * 1000, "ms", 2),
        Figure("book load, all imports included", loads["book load"], "s", 1.5),
    ]
    text = table("python benchmarks/pricing.py", figures)
    print(text)
    if not no_page:
        write_page("pricing", text)
    return int(strict and not all(figure.passes for figure in figures))


def _compare() -> tuple[float, float, int]:
    """Microseconds of a call of ours and of theirs, and how many amounts were the same."""
    book = PriceBook(layers={})
    pairs = [
        _pair(book, provider, listed, model, quantities)
        for provider, listed, model in MODELS
        for quantities in USAGES
    ]
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        ours.append(statistics.mean(_cpu_us(mine) for mine, _ in pairs))
        theirs.append(statistics.mean(_cpu_us(other, TIMES // 10) for _, other in pairs))
    return statistics.median(ours), statistics.median(theirs), len(pairs)


def _pair(
    book: PriceBook, provider: str, listed: str, model: str, quantities: dict[str, int]
) -> tuple[Callable[[], object], Callable[[], object]]:
    call = Call(
        trace_id="1" * 32,
        span_id="2" * 16,
        start_time=AT,
        duration_us=1,
        provider=provider,
        operation="chat",
        request_model=model,
        usage=Usage(**quantities),
        usage_source="provider",
    )
    usage = ListUsage(**quantities)

    def mine() -> object:
        return price(call, book)

    def other() -> object:
        return calc_price(usage, model, provider_id=listed, genai_request_timestamp=AT)

    cost = price(call, book)
    stated = calc_price(usage, model, provider_id=listed, genai_request_timestamp=AT).total_price
    if not isinstance(cost, Cost) or cost.amount != stated.quantize(SCALE):
        msg = f"{model} {quantities}: {cost} is not {stated}"
        raise AssertionError(msg)
    return mine, other


def _cpu_us(call: Callable[[], object], times: int = TIMES) -> float:
    gc.collect()
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times * 1e6


def _in_a_process(program: str) -> float:
    """The median of what `program` prints."""
    root = Path(__file__).parent.parent
    printed = [
        float(
            subprocess.run(
                [sys.executable, "-c", program],
                capture_output=True,
                text=True,
                check=True,
                cwd=root,
            ).stdout
        )
        for _ in range(5)
    ]
    return statistics.median(printed)


if __name__ == "__main__":
    sys.exit(main())
