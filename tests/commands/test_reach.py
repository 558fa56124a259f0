"""Where commands find the calls."""

import argparse
import socket
import threading
from pathlib import Path

import pytest

from spanledger.commands.reach import (
    add_reach,
    ask_server,
    store_here,
    tell_progress,
    user_name,
)
from spanledger.errors import SettingsError, SpanledgerError, StoreError


def parsed(*words: str) -> argparse.Namespace:
    """The options of a command."""
    parser = argparse.ArgumentParser()
    add_reach(parser)
    return parser.parse_args(words)


def test_no_directory(tmp_path: Path) -> None:
    """A directory that is not there is not made: a misspelt one would look like an empty store."""
    missing = tmp_path / "missing"
    with (
        pytest.raises(SettingsError, match="there is no data directory"),
        store_here(parsed("--data-dir", str(missing))),
    ):
        pytest.fail("it was opened")
    assert not missing.exists()


def test_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, an address that is none, and nobody who answers: one sentence each."""
    monkeypatch.delenv("SPANLEDGER_ADMIN_KEY", raising=False)
    with pytest.raises(SettingsError, match="needs an admin key: say --key"):
        ask_server(parsed("--url", "http://127.0.0.1:1"), "GET", "/v1/reprice")
    with pytest.raises(SettingsError, match="'file:///etc' is no address"):
        ask_server(parsed("--url", "file:///etc", "--key", "k"), "GET", "/v1/reprice")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(StoreError, match="does not answer as a server of ours"):
        ask_server(parsed("--url", f"http://127.0.0.1:{port}", "--key", "k"), "GET", "/")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "answers with 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", "does not answer as a server of ours"),
        (b"nonsense", "does not answer as a server of ours"),
    ],
)
def test_somebody_else_answers(answer: bytes, sentence: str) -> None:
    """Another program behind the address is named as such."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        args = parsed("--url", f"http://127.0.0.1:{listener.getsockname()[1]}/", "--key", "k")

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(SpanledgerError, match=sentence):
            ask_server(args, "GET", "/v1/reprice")
        thread.join()


def test_progress_is_told_of_long_work(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, and only where it takes a while."""
    tell_progress(10, 10)
    assert capsys.readouterr().err == ""
    tell_progress(2_000, 20_000)
    tell_progress(20_000, 20_000)
    assert capsys.readouterr().err == "2,000 of 20,000 calls\r20,000 of 20,000 calls\n"


def test_somebody_sits_here() -> None:
    """The name of the user is a text, whatever the system says."""
    assert isinstance(user_name(), str)
