"""`GET /v1/calls`: the calls behind every sum."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from spanledger.call import Call
from spanledger.pricing.cost import Cost
from spanledger.usage import Usage

from .conftest import NOW, MakeRow, Server


def call_id(number: int) -> str:
    """The id that `make_row` gives to a call."""
    return f"{number:032x}-{number:016x}"


def test_a_listed_call(server: Server, make_row: MakeRow) -> None:
    """S4.2: who called what, when, with which tokens, at which cost; null for unsaid."""
    usage = Usage(input_tokens=100, output_tokens=0)
    row = make_row(1, "0.0025", user_id="ada", team="search", tags={"plan": "gold"}, usage=usage)
    server.store.write([row])
    answer = server.get("/v1/calls").json()

    assert answer == {
        "object": "page",
        "data": [
            {
                "object": "call",
                "call_id": call_id(1),
                "trace_id": f"{1:032x}",
                "span_id": f"{1:016x}",
                "start_time": "2026-11-20T12:30:00.000000Z",
                "duration_us": 1_500_000,
                "provider": "openai",
                "model": "gpt-4o",
                "operation": "chat",
                "user_id": "ada",
                "team": "search",
                "department": None,
                "agent_id": None,
                "conversation_id": None,
                "message_id": None,
                "feature": None,
                "route": None,
                "service": None,
                "environment": None,
                "service_tier": None,
                "api_key_id": None,
                "error_type": None,
                "tags": {"plan": "gold"},
                "input_tokens": 100,
                "output_tokens": 0,
                "cache_read_tokens": None,
                "cache_write_tokens": None,
                "reasoning_tokens": None,
                "status": "priced",
                "amount": {"value": "0.0025", "currency": "usd"},
            }
        ],
        "has_more": False,
        "next_page": None,
    }


@pytest.mark.parametrize("limit", [1, 4, 10, 11, 1000])
def test_pages_hold_each_call_once(server: Server, make_row: MakeRow, limit: int) -> None:
    """Walking the cursors gives every call once, latest first, though new ones arrive meanwhile."""
    # Three calls share each instant, so that ties are walked as well.
    rows = [make_row(n, start_time=NOW - timedelta(microseconds=n // 3)) for n in range(11)]
    server.store.write(rows)
    found: list[str] = []
    page, arrived = "", 100
    while True:
        answer = server.get(f"/v1/calls?limit={limit}{page}").json()
        found += [call["call_id"] for call in answer["data"]]
        server.store.write([make_row(arrived, start_time=NOW + timedelta(hours=1))])
        arrived += 1
        if not answer["has_more"]:
            break
        page = f"&page={answer['next_page']}"

    expected = sorted(rows, key=lambda row: (row.call.start_time, row.call.trace_id), reverse=True)
    assert found == [row.call.call_id for row in expected]


def test_calls_are_filtered_like_costs(server: Server, make_row: MakeRow) -> None:
    """S4: the same filters and times as for costs select the calls."""
    server.store.write(
        [
            make_row(1, user_id="ada"),
            make_row(2, user_id="ada", start_time=NOW - timedelta(days=9)),
            make_row(3, None, user_id="ada"),
            make_row(4, user_id="bob"),
        ]
    )
    answer = server.get("/v1/calls?user_ids=ada&statuses=priced&start_time=2026-11-19").json()

    assert [call["call_id"] for call in answer["data"]] == [call_id(1)]


@pytest.mark.parametrize("query", ["limit=1001", "start_time=x", "group_by=user", "page=x"])
def test_bad_parameters_are_refused(server: Server, query: str) -> None:
    """What makes no sense for calls is 422, naming the parameter."""
    answer = server.get(f"/v1/calls?{query}")

    assert (answer.status_code, answer.json()["error"]["param"]) == (422, query.partition("=")[0])


NOTHING = {"value": None, "currency": "usd"}


def test_a_call_is_explained_by_its_lines(server: Server, make_row: MakeRow) -> None:
    """Each line says quantity, rate and source; the raw usage is the evidence, byte for byte."""
    raw = '{"prompt_tokens": 100, "cost": 0.10}'
    server.store.write([make_row(1, "0.0025", usage_raw=raw, response_id="r-1")])
    answer: dict[str, Any] = server.get(f"/v1/calls/{call_id(1)}").json()

    assert answer["usage_raw"] == raw
    assert answer["usage"] == {"input_tokens": 100, "cache_read_tokens": 30, "output_tokens": 10}
    assert (answer["usage_source"], answer["response_id"]) == ("provider", "r-1")
    assert answer["cost"] == {
        "lines": [
            {
                "unit": "input_tokens",
                "quantity": "100",
                "rate": {"value": "25", "currency": "usd", "per": 1_000_000},
                "amount": {"value": "0.0025", "currency": "usd"},
                "source": "list:test/openai/gpt-4o",
                "effective_date": "2026-01-01",
            }
        ],
        "computed_amount": {"value": "0.0025", "currency": "usd"},
        "difference": NOTHING,
        "book_version": "test-1",
        "reason": None,
    }
    assert answer["reported_amount"] is None


def test_a_stated_cost_stands_beside_our_own_figure(server: Server, make_row: MakeRow) -> None:
    """Order of truth: the amount is what was charged, and the difference can be seen."""
    row = make_row(1, "0.0025")
    assert isinstance(row.cost, Cost)
    cost = Cost(
        status="reported",
        amount=Decimal("0.003"),
        lines=row.cost.lines,
        book_version="test-1",
        computed_amount=Decimal("0.0025"),
    )
    server.store.write([replace(row, cost=cost)])
    answer = server.get(f"/v1/calls/{call_id(1)}").json()

    assert (answer["status"], answer["amount"]["value"]) == ("reported", "0.003")
    assert answer["cost"]["computed_amount"]["value"] == "0.0025"
    assert answer["cost"]["difference"]["value"] == "0.0005"
    server.sign_in("viewer")
    page = server.get(f"/calls/{call_id(1)}", role=None).text
    assert "$0.0005 more than our own figure" in page


def test_an_unpriced_call_says_why(server: Server, make_row: MakeRow) -> None:
    """Unknown is null with its reason, and what the provider stated stands beside it."""
    row = make_row(1, None)
    call: Call = replace(row.call, reported_amount=Decimal("0.50"), reported_currency="CNY")
    server.store.write([replace(row, call=call)])
    answer = server.get(f"/v1/calls/{call_id(1)}").json()

    assert (answer["status"], answer["amount"]["value"]) == ("unpriced", None)
    assert answer["cost"] == {
        "lines": [],
        "computed_amount": NOTHING,
        "difference": NOTHING,
        "book_version": None,
        "reason": "no price is known",
    }
    assert answer["reported_amount"] == {"value": "0.5", "currency": "cny"}


@pytest.mark.parametrize("unknown", [call_id(2), "x", "A" * 32 + "-" + "B" * 16, "1-1", "%00"])
def test_an_unknown_call_is_not_found(server: Server, make_row: MakeRow, unknown: str) -> None:
    """An id that is none, or that nobody has, is 404."""
    server.store.write([make_row(1)])
    answer = server.get(f"/v1/calls/{unknown}")

    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")
