"""What an app pays for importing us, in time. Exits with 1 beyond a budget.

`import spanledger`: the modules of ours alone. `import spanledger.auto`: all that it takes, once
the OpenTelemetry SDK and its OTLP/HTTP exporter are loaded, which it exists to use.
"""

import re
import statistics
import subprocess
import sys
from typing import Final

RUNS: Final = 9
BUDGET_MS: Final = {"spanledger, ours alone": 50.0, "spanledger.auto, on top of the SDK": 200.0}

_LINE: Final = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(\S+)")

_SDK: Final = """
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
OTLPSpanExporter().shutdown()  # loads its HTTP library
"""


def main() -> int:
    """Measure, print, and judge."""
    measured = {
        "spanledger, ours alone": [_own("import spanledger") for _ in range(RUNS)],
        "spanledger.auto, on top of the SDK": [
            _whole(_SDK + "import spanledger.auto", "spanledger.auto") for _ in range(RUNS)
        ],
    }
    medians = {name: statistics.median(values) for name, values in measured.items()}
    for name, median in medians.items():
        print(f"{name}: {median:.1f} ms (median of {RUNS}), budget {BUDGET_MS[name]:.0f} ms")
    return int(any(medians[name] > budget for name, budget in BUDGET_MS.items()))


def _own(program: str) -> float:
    """Milliseconds in our own modules, without those that they import."""
    modules = _import_times(program)
    return sum(own for name, (own, _) in modules.items() if name.partition(".")[0] == "spanledger")


def _whole(program: str, module: str) -> float:
    """Milliseconds to import `module` with all that was not there yet."""
    return _import_times(program)[module][1]


def _import_times(program: str) -> dict[str, tuple[float, float]]:
    """Module -> milliseconds in itself, and with what it imported first."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        name: (int(own) / 1000, int(whole) / 1000) for own, whole, name in _LINE.findall(ran.stderr)
    }


if __name__ == "__main__":
    sys.exit(main())
