"""Repricing on the command line, here and at a server."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spanledger.cli import main
from spanledger.server import serve
from spanledger.settings import Settings
from spanledger.storage.clickhouse import open_embedded
from spanledger.storage.history import MICROSECOND
from spanledger.storage.query import CostQuery, Selection
from spanledger.storage.row import CostRow
from tests.storage.priced import BOOK, NOON, a_call, fresh, stale, unknown

OCTOBER = ("--from", "2026-10-01", "--to", "2026-11-01")
KEY = "sl_admin_of_the_tests"


@pytest.fixture
def where(tmp_path: Path) -> tuple[str, str]:
    """A data directory with calls of another book, of this one, and of no known model."""
    store = open_embedded(tmp_path / "data")
    store.keep_book(BOOK.version, BOOK.dump(), NOON)
    rows = [
        stale(a_call("default")),
        fresh(a_call("default", start_time=NOON + MICROSECOND)),
        unknown(a_call("default", request_model="acme-1")),
    ]
    store.write(rows)
    store.close()
    return ("--data-dir", str(tmp_path / "data"))


@contextmanager
def served(where: tuple[str, str]) -> Generator[tuple[str, ...]]:
    """A server over the directory; gives the options that ask it."""
    settings = Settings(
        data_dir=Path(where[1]), port=0, otlp_http_port=0, otlp_grpc_port=0, admin_key=KEY
    )
    with serve(settings) as server:
        yield ("--url", server.api_url, "--key", KEY)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What a command that succeeds prints as JSON."""
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_from_trial_to_undo(where: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """A trial, the same applied, its record, and back; the amounts are those that were told."""
    trial = said(capsys, "reprice", *OCTOBER, "--dry-run", *where)
    done = said(capsys, "reprice", *OCTOBER, "--model", "gpt-4o", "--apply", *where)
    listed = said(capsys, "reprice", "list", *where)
    verified = said(capsys, "reprice", "verify", *where)
    undone = said(capsys, "reprice", "undo", done["id"], *where)

    assert (trial["state"], trial["id"], trial["changed_calls"]) == ("trial", None, 1)
    (line,) = done["differences"]
    assert (line["amount_before"]["value"], line["amount_after"]["value"]) == ("9.5", "5")
    assert line["difference"]["value"] == "-4.5"
    assert listed == [done]
    assert (verified["equal_calls"], verified["without_amount_calls"]) == (2, 1)
    assert undone["state"] == "undone"
    store = open_embedded(Path(where[1]))
    (total,) = store.costs(CostQuery(where=Selection(project="default"))).results
    store.close()
    assert total.amount == Decimal("9.5")


def test_people_read_a_table(where: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json: each model with what changes, and what to do next."""
    assert main(["reprice", "list", *where]) == 0
    assert capsys.readouterr().out == "Nothing has been repriced.\n"
    assert main(["reprice", *OCTOBER, *where]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[1].split() == ["openai", "acme-1", "1", "0", "unknown", "unknown", "0", "0"]
    assert table[2].split() == ["openai", "gpt-4o", "2", "1", "9.5", "5", "0", "0"]
    assert table[3] == "Nothing has been changed. With --apply these calls get their new costs."
    assert main(["reprice", *OCTOBER, "--apply", *where]) == 0
    assert "applied" in capsys.readouterr().out.splitlines()[3]
    assert main(["reprice", *OCTOBER, *where]) == 0
    assert capsys.readouterr().out.endswith("Nothing would change.\n")
    assert main(["reprice", "list", *where]) == 0
    assert "1 of 3 calls changed" in capsys.readouterr().out
    assert main(["reprice", "verify", *where]) == 0
    verdict = "3 calls were computed again.\n2 amounts are the same, 0 differ.\n1 have no amount.\n"
    assert capsys.readouterr().out == verdict


def test_what_differs_ends_with_1(
    where: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A script learns by the exit code that an amount is not what its usage gives."""
    call = a_call("default")
    forged = CostRow(call, stale(call).cost, NOON)
    store = open_embedded(Path(where[1]))
    store.write([forged])
    store.keep_book("old/1", BOOK.dump(), NOON)
    store.close()

    assert main(["reprice", "verify", "--from", "2026-10-01", "--to", "2027-01-01", *where]) == 1
    printed = capsys.readouterr().out
    assert "2 differ" in printed
    assert f"  {call.call_id}\n" in printed


def test_a_server_is_asked(where: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Where a server owns the directory, the same commands ask it; without --url it is said how."""
    with served(where) as there:
        assert main(["reprice", *OCTOBER, *where]) == 1
        assert "ask that server, with --url" in capsys.readouterr().err
        assert said(capsys, "reprice", "list", *there) == []
        trial = said(capsys, "reprice", *OCTOBER, *there)
        done = said(capsys, "reprice", *OCTOBER, "--apply", *there)
        verified = said(capsys, "reprice", "verify", *OCTOBER, *there)
        undone = said(capsys, "reprice", "undo", done["id"], *there)
        assert main(["reprice", "undo", done["id"], *there]) == 1
        assert "is undone already" in capsys.readouterr().err
        assert main(["reprice", "resume", done["id"], *there]) == 1
        assert "not half applied" in capsys.readouterr().err
        assert main(["reprice", "list", *there[:3], "wrong"]) == 1
        assert "needs a valid key" in capsys.readouterr().err

    assert (trial["id"], trial["changed_calls"], undone["state"]) == (None, 1, "undone")
    assert (verified["equal_calls"], verified["without_amount_calls"]) == (2, 1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("reprice",), "say which calls: --from 2026-10-01 --to 2026-11-01"),
        (("reprice", "--from", "now", "--to", "2026-11-01"), "'now' is no time: write it like"),
        (("reprice", *OCTOBER[:2], "--to", "2026-09-01"), "the range starts at"),
        (("reprice", "undo", "rp_1"), "there is no repricing 'rp_1'"),
        (("reprice", "resume", "rp_1"), "there is no repricing 'rp_1'"),
    ],
)
def test_what_makes_no_sense(
    where: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    sentence: str,
) -> None:
    """One sentence on stderr, and 1."""
    assert main([*words, *where]) == 1
    assert sentence in capsys.readouterr().err
