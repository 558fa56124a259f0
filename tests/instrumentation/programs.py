"""Programs of an app, run in a process of their own with the variables that a test gives them."""

import subprocess
import sys
import tempfile

from spanledger.settings import child_environment

CALL = """
import httpx2
def call():
    transport = httpx2.MockTransport(
        lambda request: httpx2.Response(200, json={"usage": {"prompt_tokens": 7}})
    )
    with httpx2.Client(transport=transport) as client:
        client.post("http://provider/v1/chat/completions", json={"model": "gpt-4o"})
"""
"""Source of a function that makes one model call."""


def run(source: str, **variables: str) -> str:
    """What the program prints; nothing of it may fail or warn."""
    with tempfile.TemporaryDirectory() as state:
        quiet = {"OTEL_METRICS_EXPORTER": "none", "XDG_STATE_HOME": state, **variables}
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", source],
            capture_output=True,
            text=True,
            check=False,
            env=child_environment(**quiet),
        )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.strip()
