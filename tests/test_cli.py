"""The commands, as a person and as a script use them."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from spanledger import __version__
from spanledger.cli import _stop_signals, _wait, main
from spanledger.settings import child_environment
from tests.running import ADMIN_KEY, Running, run_spanledger, spanledger_up


@dataclass(frozen=True, slots=True)
class Up:
    """A `spanledger up`, and the directory that it was started in."""

    up: Running
    cwd: Path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One for the tests that only look on, or bring what is theirs."""
    cwd = tmp_path_factory.mktemp("up")
    with spanledger_up(cwd) as up:
        yield Up(up, cwd)


def is_healthy(url: str) -> bool:
    """Whether the server answers."""
    return httpx.get(f"{url}/health", trust_env=False).status_code == 200


def test_up_serves_both_ports_and_stops_on_sigterm(tmp_path: Path) -> None:
    """R2: it is ready when it says so, and a stop is clean.

    SPANLEDGER_ADMIN_KEY is the first admin key, opens the API, and rests nowhere.
    """
    with spanledger_up(tmp_path) as up:
        assert is_healthy(up.api_url)
        assert is_healthy(up.otlp_url)
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        costs = httpx.get(f"{up.api_url}/v1/costs", headers=headers, trust_env=False)
        assert costs.status_code == 200
        up.process.send_signal(signal.SIGTERM)
        assert up.process.wait(timeout=90) == 0

    for file in (tmp_path / "spanledger-data").rglob("*"):
        if file.is_file():
            assert ADMIN_KEY.encode() not in file.read_bytes()


def test_a_signal_to_stop_counts_whenever_it_comes_and_to_whichever_thread() -> None:
    """R2: before anybody waits for it, and where the kernel gave it to a thread of the database."""
    with _stop_signals() as stop:
        signal.raise_signal(signal.SIGTERM)
        _wait(stop)
    with _stop_signals() as stop:
        other = threading.Thread(
            target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        )
        other.start()
        _wait(stop)
        other.join()


def test_up_makes_the_first_admin_key_and_shows_it_once(tmp_path: Path) -> None:
    """Contract "Keys": without SPANLEDGER_ADMIN_KEY a key is made, shown, and not made again."""
    with spanledger_up(tmp_path, SPANLEDGER_ADMIN_KEY="") as up:
        assert up.process.stdout is not None
        secret = up.process.stdout.readline().split()[2]
        headers = {"Authorization": f"Bearer {secret}"}
        costs = httpx.get(f"{up.api_url}/v1/costs", headers=headers, trust_env=False)
    with spanledger_up(tmp_path, SPANLEDGER_ADMIN_KEY="") as again:
        again.process.terminate()
        assert again.process.stdout is not None
        rest = again.process.stdout.read()

    assert costs.status_code == 200
    assert secret.startswith("sl_admin_")
    assert "sl_admin_" not in rest
    assert secret not in (tmp_path / "spanledger-data" / "keys.json").read_text()


def test_a_second_up_on_the_same_data_says_who_has_it(shared: Up) -> None:
    """One sentence and a failure code, and the first one goes on."""
    second = run_spanledger("up", "--port", "0", "--otlp-http-port", "0", cwd=shared.cwd)

    assert is_healthy(shared.up.api_url)
    assert second.returncode == 1
    assert second.stderr.startswith("spanledger: ")
    assert "in use by another process" in second.stderr
    assert len(second.stderr.splitlines()) == 1


def test_up_on_a_taken_port_says_which(shared: Up, tmp_path: Path) -> None:
    """One sentence and a failure code."""
    port = shared.up.otlp_url.rpartition(":")[2]
    second = run_spanledger("up", "--otlp-http-port", port, "--port", "0", cwd=tmp_path)

    assert second.returncode == 1
    assert second.stderr.strip() == (
        f"spanledger: port {port} on 127.0.0.1 is taken: stop what uses it or choose another port"
    )


def test_up_on_a_data_directory_that_is_none_says_so(tmp_path: Path) -> None:
    """One sentence and a failure code, also for root, whom no permission stops."""
    (tmp_path / "file").write_text("")

    failed = run_spanledger("up", "--port", "0", "--data-dir", "file", cwd=tmp_path)

    assert failed.returncode == 1
    assert "file" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


def test_up_beyond_loopback_needs_a_key(tmp_path: Path) -> None:
    """Contract "Keys": it refuses to start without keys where others can reach it."""
    options = ("--host", "0.0.0.0", "--port", "0", "--otlp-http-port", "0")  # noqa: S104 - the point

    refused = run_spanledger("up", *options, cwd=tmp_path, SPANLEDGER_ADMIN_KEY="")

    assert refused.returncode == 1
    assert "there is no admin key" in refused.stderr


def test_keys_are_made_listed_and_revoked_beside_a_running_server(shared: Up) -> None:
    """A key works as soon as it is made and no longer than it is live."""

    def keys(*args: str) -> str:
        done = run_spanledger("keys", *args, "--json", cwd=shared.cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with httpx.Client(base_url=shared.up.api_url, trust_env=False) as api:
        made = json.loads(keys("create", "grafana", "--role", "viewer"))
        headers = {"Authorization": f"Bearer {made['secret']}"}
        assert api.get("/v1/calls", headers=headers).status_code == 200

        keys("revoke", made["id"])
        assert api.get("/v1/calls", headers=headers).status_code == 401

    (listed,) = json.loads(keys("list"))
    assert listed["name"] == "grafana"
    assert listed["revoked_at"] is not None
    assert "secret" not in listed


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Both end with 0; a command is needed."""
    for option, says in (("--version", __version__), ("--help", "what your LLM calls cost")):
        with pytest.raises(SystemExit) as ended:
            main([option])
        assert ended.value.code == 0
        assert says.lower() in capsys.readouterr().out.lower()
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2


def run_demo(cwd: Path, *args: str) -> "subprocess.Popen[str]":
    """`spanledger demo` as a process; what it shows is to be read from it."""
    return subprocess.Popen(
        [sys.executable, "-m", "spanledger", "demo", *args],
        cwd=cwd,
        env=child_environment(SPANLEDGER_ADMIN_KEY=""),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check_costs(shown: str, progress: str) -> None:
    """Costs of the demo's calls, and where to look at them."""
    assert "gpt-4o-mini-2024-07-18         3         0  3,668     159   0.0004728" in shown
    assert "acme-internal-1                2         2     22      86     unknown" in shown
    assert "Dashboard: http://127.0.0.1:" in shown
    assert "log in with the key sl_admin_" in shown
    assert "[42/42]" in progress


def test_the_demo_shows_costs_of_real_calls_until_it_is_stopped(tmp_path: Path) -> None:
    """The first of the two commands: costs by model and by user, on a page until one stops it.

    On a port of its own where 8400 is taken.
    """
    with run_demo(tmp_path, "--data-dir", "kept") as process:
        assert process.stdout is not None
        shown = [line for line in iter(process.stdout.readline, "Press Ctrl-C to stop.\n") if line]
        (address,) = (line.split()[1] for line in shown if line.startswith("Dashboard: "))
        assert is_healthy(address)
        process.terminate()
        _, progress = process.communicate(timeout=90)

    assert process.returncode == 0
    check_costs("".join(shown), progress)
    assert (tmp_path / "kept").is_dir()


@pytest.mark.soak
def test_the_demo_once_leaves_nothing(tmp_path: Path) -> None:
    """With --once it shows the same, ends by itself, and keeps no data."""
    with run_demo(tmp_path, "--once", "--port", "0") as process:
        shown, progress = process.communicate(timeout=100)

    assert process.returncode == 0, progress
    check_costs(shown, progress)
    assert list(tmp_path.iterdir()) == []
