"""The dashboard without a browser: what stands on it, and what never does."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from spanledger.api.figures import RANGES
from spanledger.usage import Usage

from .conftest import NOW, MakeRow, Server

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def page(server: Server, path: str = "/") -> str:
    """The page at `path`, as somebody sees it who has signed in."""
    server.sign_in()
    answer = server.get(path, role=None, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    return answer.text


def test_without_calls_it_says_how_to_begin(server: Server) -> None:
    """A new server shows the one line that is missing."""
    assert "import spanledger.auto" in page(server)


def test_without_calls_in_the_range_it_shows_no_beginning(
    server: Server, make_row: MakeRow
) -> None:
    """Old calls only: the range is empty, and says so; it is not a new server."""
    server.store.write([make_row(1, start_time=NOW - timedelta(days=90))])
    text = page(server)

    assert "import spanledger.auto" not in text
    assert "No calls in this range." in text


@pytest.mark.parametrize("name", RANGES)
def test_the_figures_are_those_of_the_store(server: Server, make_row: MakeRow, name: str) -> None:
    """S4.7: total, trend, models, users and recent calls, with every digit at hand."""
    rows = [
        make_row(1, "0.0125", user_id="ada"),
        make_row(2, "0.000000000001", user_id="bob"),
        make_row(3, None, user_id="bob", request_model="local"),
        make_row(4, None, "invalid", usage=Usage(), error_type="429"),
        make_row(5, "0.5", "estimated", request_model="o3"),
    ]
    server.store.write(rows)
    text = page(server, f"/?range={name}&timezone=Asia/Kolkata")

    assert f'title="{Decimal("0.512500000001")} USD">$0.5125<' in text
    assert "1 unpriced, 1 invalid" in text
    assert "1 estimated, 0 partial" in text
    assert text.count("(none)") >= 2
    assert 'title="no price is known">unpriced<' in text
    assert "2026-11-20 18:00:00" in text


def test_hostile_texts_stay_texts(server: Server, make_row: MakeRow) -> None:
    """A user id or model that looks like markup is shown as it is."""
    hostile: dict[str, Any] = dict.fromkeys(
        ("user_id", "request_model", "provider", "team", "error_type", "usage_raw"), HOSTILE
    )
    server.store.write([make_row(1, **hostile, tags={HOSTILE: HOSTILE})])
    for path in ("/", f"/calls/{1:032x}-{1:016x}"):
        text = page(server, path)
        assert "<script" not in text
        assert "<img" not in text
        assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize("path", ["/?range=5y", "/?timezone=Mars", "/?rnge=7d"])
def test_a_bad_address_is_explained(server: Server, path: str) -> None:
    """A page that cannot be understood says why, as a page."""
    server.sign_in()
    answer = server.get(path, role=None, headers={"Accept": "text/html"})

    assert answer.status_code == 422
    assert "That did not work" in answer.text


def test_a_call_is_explained(server: Server, make_row: MakeRow) -> None:
    """The page of a call shows its lines, its exact amount and the raw usage."""
    server.store.write([make_row(7, "0.0025", usage_raw='{"prompt_tokens":100}', user_id="ada")])
    text = page(server, f"/calls/{7:032x}-{7:016x}?timezone=Asia/Tokyo")

    assert "$25.00 / 1M" in text
    assert "list:test/openai/gpt-4o, since 2026-01-01" in text
    assert "2026-11-20 21:30:00.000000" in text
    assert "{&#34;prompt_tokens&#34;:100}" in text


def test_an_unpriced_call_says_why(server: Server, make_row: MakeRow) -> None:
    """Without a price the page gives the reason, and no 0."""
    row = make_row(7, None, usage=Usage(), usage_problem="more cache than input")
    server.store.write([row])
    text = page(server, f"/calls/{7:032x}-{7:016x}")

    assert "no price is known" in text
    assert "more cache than input" in text
    assert "$0" not in text


def test_pages_hold_no_script_and_no_style(server: Server, make_row: MakeRow) -> None:
    """The policy forbids scripts and inline styles, so there are none to be blocked."""
    server.store.write([make_row(1)])
    for path in ("/", "/login", f"/calls/{1:032x}-{1:016x}"):
        text = page(server, path)
        assert "<script" not in text
        assert "style=" not in text
        assert "<style" not in text


def test_the_stylesheet_comes_from_here(server: Server) -> None:
    """The stylesheet is served by us, needs no key and loads nothing."""
    answer = server.get("/static/spanledger.css", role=None)

    assert answer.headers["content-type"].startswith("text/css")
    assert "url(" not in answer.text
    assert "@import" not in answer.text
