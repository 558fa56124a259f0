"""`GET /v1/messages/{message_id}/cost`: metadata for a chat (S4.9)."""

import json
from decimal import Decimal

import pytest

from spanledger.usage import Usage

from .conftest import MakeRow, Server


def test_a_message_sums_its_calls(server: Server, make_row: MakeRow) -> None:
    """S4.9: all calls of a message together, each once."""
    rows = [make_row(n, f"0.00{n}", message_id="m1") for n in (1, 2)]
    server.store.write([*rows, make_row(3, message_id="m2")])
    answer = server.get("/v1/messages/m1/cost").json()

    assert answer == {
        "object": "message_cost",
        "message_id": "m1",
        "amount": {"value": "0.003", "currency": "usd"},
        "calls": 2,
        "errors": 0,
        "input_tokens": 200,
        "output_tokens": 20,
        "cache_read_tokens": 60,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "quality": {
            "priced_calls": 2,
            "reported_calls": 0,
            "estimated_calls": 0,
            "partial_calls": 0,
            "unpriced_calls": 0,
            "invalid_calls": 0,
        },
    }


def test_librechat_gets_its_own_shape(server: Server, make_row: MakeRow) -> None:
    """S4.9: input leaves the cache out, and the cost is a number with every digit."""
    usage = Usage(input_tokens=100, cache_read_tokens=30, cache_write_tokens=20, output_tokens=10)
    exact = [
        make_row(1, "0.000000000001", message_id="m1", usage=usage),
        make_row(2, "12345678901.1", "reported", message_id="m1", usage=usage),
    ]
    server.store.write(exact)
    answer = server.get("/v1/messages/m1/cost?shape=librechat")

    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.text, parse_float=Decimal) == {
        "input": 100,
        "output": 20,
        "cacheWrite": 40,
        "cacheRead": 60,
        "cost": Decimal("12345678901.100000000001"),
    }


@pytest.mark.parametrize(
    ("amount", "status"),
    [(None, "unpriced"), (None, "invalid"), ("1", "partial"), ("1", "estimated")],
)
def test_librechat_is_told_no_uncertain_cost(
    server: Server, make_row: MakeRow, amount: str | None, status: str
) -> None:
    """One call without a certain price keeps the cost of the message out."""
    rows = [make_row(1, message_id="m1"), make_row(2, amount, status, message_id="m1")]
    server.store.write(rows)

    assert set(server.get("/v1/messages/m1/cost?shape=librechat").json()) == {
        "input",
        "output",
        "cacheWrite",
        "cacheRead",
    }


@pytest.mark.parametrize("message_id", ["a/b", "a%20b", "\u4f60\u597d", "a'b\"c"])
def test_any_message_id_can_be_asked_for(
    server: Server, make_row: MakeRow, message_id: str
) -> None:
    """Ids are the application's: whatever they hold, they are found."""
    server.store.write([make_row(1, message_id=message_id.replace("%20", " "))])

    assert server.get(f"/v1/messages/{message_id}/cost").json()["calls"] == 1


def test_an_unknown_message_is_not_found(server: Server) -> None:
    """A message that no call has is 404, not a cost of nothing."""
    answer = server.get("/v1/messages/m1/cost")

    assert (answer.status_code, answer.json()["error"]["param"]) == (404, "message_id")


def test_an_unknown_shape_is_refused(server: Server) -> None:
    """A misspelt shape is 422."""
    assert server.get("/v1/messages/m1/cost?shape=librechatt").status_code == 422
