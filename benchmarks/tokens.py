"""What counting tokens costs: `python benchmarks/tokens.py` writes it into docs/performance.md.

Each vocabulary in a process of its own, as its first use is what is measured first. Meanwhile
another thread asks for the interpreter a thousand times a second, as an event loop would.
"""

import json
import platform
import re
import resource
import statistics
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from spanledger.tokenizer import count_tokens

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "performance.md"
MARK: Final = re.compile(r"(<!-- measured: tokens -->\n).*?(<!-- end measured -->)", re.DOTALL)

MODELS: Final = {"o200k_base": "gpt-4o", "cl100k_base": "gpt-4"}
RUNS: Final = 5

ENGLISH: Final = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8") * 20
CHINESE: Final = "今天天气很好，我们去公园散步吧。你觉得怎么样？" * 2000  # noqa: RUF001 - as it is written


def main() -> int:
    """Measure in processes of their own, print, and write."""
    if sys.argv[1:]:
        print(json.dumps(_measure(sys.argv[1])))
        return 0
    rows = [_row(vocabulary) for vocabulary in MODELS]
    when = datetime.now(UTC).strftime("%d %B %Y %H:%M UTC")
    table = [
        f"By `python benchmarks/tokens.py`, {when}, CPython {platform.python_version()}.",
        "",
        "| vocabulary | loads in | holds other threads up for | memory | English | Chinese |",
        "|---|---:|---:|---:|---:|---:|",
        *rows,
    ]
    text = "\n".join(table) + "\n"
    print(text)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(MARK.sub(lambda found: found[1] + text + found[2], page), encoding="utf-8")
    return 0


def _row(vocabulary: str) -> str:
    runs = [_run(vocabulary) for _ in range(RUNS)]
    median = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return (
        f"| {vocabulary} | {median['load_ms']:.0f} ms | {median['held_ms']:.0f} ms, once"
        f" | {median['memory_mb']:.0f} MB | {median['english']:.0f} us/KB"
        f" | {median['chinese']:.0f} us/KB |"
    )


def _run(vocabulary: str) -> dict[str, float]:
    ran = subprocess.run(
        [sys.executable, __file__, vocabulary], capture_output=True, text=True, check=True
    )
    return cast("dict[str, float]", json.loads(ran.stdout))


def _measure(vocabulary: str) -> dict[str, float]:
    model, before = MODELS[vocabulary], _memory_mb()
    figures: dict[str, Any] = {}

    def load() -> None:
        started = time.perf_counter()
        count_tokens(model, ["hello"])
        figures["load_ms"] = (time.perf_counter() - started) * 1e3

    figures["held_ms"] = _longest_wait_ms(load)
    figures["memory_mb"] = _memory_mb() - before
    for name, text in (("english", ENGLISH), ("chinese", CHINESE)):
        started = time.perf_counter()
        count_tokens(model, [text])
        figures[name] = (time.perf_counter() - started) * 1e6 / (len(text.encode()) / 1024)
    return figures


def _longest_wait_ms(work: Any) -> float:
    thread = threading.Thread(target=work)
    longest, last = 0.0, time.perf_counter()
    thread.start()
    while thread.is_alive():
        time.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest * 1e3


def _memory_mb() -> float:
    """The most that the process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
