"""`GET /v1/costs`: exact sums in the shape of the contract."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from spanledger.storage.query import DIMENSIONS, RESULTS_MAX
from spanledger.storage.row import CostRow
from spanledger.usage import Usage

from .conftest import NOW, MakeRow, Server

NO_QUALITY = {
    "priced_calls": 0,
    "reported_calls": 0,
    "estimated_calls": 0,
    "partial_calls": 0,
    "unpriced_calls": 0,
    "invalid_calls": 0,
}


def unix(*date: int, zone: str = "UTC") -> int:
    """The unix seconds of a local midnight."""
    year, month, day = date
    return int(datetime(year, month, day, tzinfo=ZoneInfo(zone)).timestamp())


def walk(server: Server, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """Every item of every page."""
    items: list[dict[str, Any]] = []
    page = None
    while True:
        query = urlencode({**parameters, **({"page": page} if page else {})}, doseq=True)
        answer = server.get(f"{path}?{query}").json()
        items += answer["data"]
        page = answer["next_page"]
        assert answer["has_more"] == (page is not None)
        if page is None:
            return items


def test_the_whole_answer(server: Server, make_row: MakeRow) -> None:
    """S4.7: the contract's shape, with unknown amounts as null and empty buckets present."""
    server.store.write(
        [
            make_row(1, "0.0025", user_id="ada"),
            make_row(2, "0.004", "estimated", user_id="ada", error_type="timeout"),
            make_row(3, None, start_time=NOW - timedelta(days=1)),
            make_row(4, "0", "reported", start_time=NOW - timedelta(days=1), user_id="bob"),
        ]
    )
    answer = server.get("/v1/costs?start_time=2026-11-18&end_time=2026-11-21&group_by=user")
    tokens = {
        "input_tokens": 100,
        "output_tokens": 10,
        "cache_read_tokens": 30,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
    }

    assert answer.status_code == 200
    assert answer.json() == {
        "object": "page",
        "data": [
            {
                "object": "bucket",
                "start_time": unix(2026, 11, 18),
                "end_time": unix(2026, 11, 19),
                "results": [],
            },
            {
                "object": "bucket",
                "start_time": unix(2026, 11, 19),
                "end_time": unix(2026, 11, 20),
                "results": [
                    {
                        "amount": {"value": "0", "currency": "usd"},
                        "calls": 1,
                        "errors": 0,
                        **tokens,
                        "quality": NO_QUALITY | {"reported_calls": 1},
                        "user_id": "bob",
                    },
                    {
                        "amount": {"value": None, "currency": "usd"},
                        "calls": 1,
                        "errors": 0,
                        **tokens,
                        "quality": NO_QUALITY | {"unpriced_calls": 1},
                        "user_id": None,
                    },
                ],
            },
            {
                "object": "bucket",
                "start_time": unix(2026, 11, 20),
                "end_time": unix(2026, 11, 21),
                "results": [
                    {
                        "amount": {"value": "0.0065", "currency": "usd"},
                        "calls": 2,
                        "errors": 1,
                        **{name: 2 * count for name, count in tokens.items()},
                        "quality": NO_QUALITY | {"priced_calls": 1, "estimated_calls": 1},
                        "user_id": "ada",
                    }
                ],
            },
        ],
        "has_more": False,
        "next_page": None,
    }


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Apia"])
def test_days_of_any_zone_sum_to_the_range(server: Server, make_row: MakeRow, zone: str) -> None:
    """S4: costs per local day and model equal an independent sum, across a clock change."""
    rows: list[CostRow] = []
    expected = defaultdict[tuple[str, str], Fraction](Fraction)
    chance = random.Random(11)  # noqa: S311 - a repeatable choice, no secret
    for number in range(300):
        start = datetime(2026, 10, 25, tzinfo=UTC) + timedelta(minutes=chance.randrange(20_000))
        amount = str(Decimal(chance.randrange(10**12)).scaleb(-12))
        model = chance.choice(["gpt-4o", "o3"])
        rows.append(make_row(number, amount, start_time=start, request_model=model))
        expected[start.astimezone(ZoneInfo(zone)).date().isoformat(), model] += Fraction(amount)
    server.store.write(rows)
    parameters = {"start_time": "2026-10-24", "end_time": "2026-11-10", "timezone": zone}
    answer = server.get(f"/v1/costs?{urlencode({**parameters, 'group_by': 'model'})}").json()

    assert {
        (
            datetime.fromtimestamp(bucket["start_time"], ZoneInfo(zone)).date().isoformat(),
            result["model"],
        ): Fraction(result["amount"]["value"])
        for bucket in answer["data"]
        for result in bucket["results"]
    } == expected
    total = server.get(f"/v1/costs?{urlencode({**parameters, 'bucket_width': 'total'})}").json()
    assert Fraction(total["data"][0]["results"][0]["amount"]["value"]) == sum(expected.values())


def test_without_times_thirty_days_come_in_one_page(server: Server, make_row: MakeRow) -> None:
    """Without times the last 30 days are covered, today included, by whole local days."""
    server.store.write([make_row(1), make_row(2, start_time=NOW - timedelta(days=30))])
    answer = server.get("/v1/costs?timezone=Asia/Shanghai").json()

    assert len(answer["data"]) == 30
    assert answer["data"][0]["start_time"] == unix(2026, 10, 22, zone="Asia/Shanghai")
    assert answer["data"][-1]["end_time"] == int(NOW.timestamp()) + 1
    assert [bucket["results"][0]["calls"] for bucket in answer["data"] if bucket["results"]] == [1]
    assert not answer["has_more"]


def test_an_open_total_covers_everything(server: Server, make_row: MakeRow) -> None:
    """Without times a total knows no borders, and says so."""
    server.store.write([make_row(1), make_row(2, start_time=NOW - timedelta(days=3000))])
    (bucket,) = server.get("/v1/costs?bucket_width=total").json()["data"]

    assert (bucket["start_time"], bucket["end_time"]) == (None, None)
    assert bucket["results"][0]["calls"] == 2


def test_one_open_end(server: Server, make_row: MakeRow) -> None:
    """A range with an end alone covers the 30 days before it; with a start alone it runs to now."""
    server.store.write([make_row(1)])
    ended = server.get("/v1/costs?end_time=2026-11-01").json()["data"]
    started = server.get("/v1/costs?start_time=2026-11-19").json()["data"]

    assert (len(ended), ended[0]["start_time"]) == (30, unix(2026, 10, 2))
    assert ended[-1]["end_time"] == unix(2026, 11, 1)
    assert [len(bucket["results"]) for bucket in started] == [0, 1]


@pytest.mark.parametrize("limit", [1, 7, 24, 1000])
def test_pages_of_buckets_cover_each_once(server: Server, make_row: MakeRow, limit: int) -> None:
    """Walking the cursors gives every bucket and every call exactly once, while time goes on."""
    server.store.write([make_row(n, start_time=NOW - timedelta(hours=3 * n)) for n in range(20)])
    whole = server.get("/v1/costs?bucket_width=1h&start_time=2026-11-17T05:30:00Z").json()
    items: list[dict[str, Any]] = []
    page = ""
    while True:
        query = f"bucket_width=1h&start_time=2026-11-17T05:30:00Z&limit={limit}{page}"
        answer = server.get(f"/v1/costs?{query}").json()
        items += answer["data"]
        server.now[0] += timedelta(hours=5)
        if not answer["has_more"]:
            break
        page = f"&page={answer['next_page']}"

    assert items == whole["data"]
    assert sum(r["calls"] for bucket in items for r in bucket["results"]) == 20


def test_pages_of_results_cover_each_once(server: Server, make_row: MakeRow) -> None:
    """A total is paged by results: every group comes once, the dearest first."""
    server.store.write([make_row(n, f"0.{n:03}", user_id=f"u{n}") for n in range(1, 26)])
    buckets = walk(server, "/v1/costs", bucket_width="total", group_by="user", limit=4)
    users = [result["user_id"] for bucket in buckets for result in bucket["results"]]

    assert users == [f"u{n}" for n in range(25, 0, -1)]


def test_every_dimension_groups_and_filters(server: Server, make_row: MakeRow) -> None:
    """Whatever a result is grouped by can be asked for again with the filter of that name."""
    said = {key: f"some {name}" for name, key in DIMENSIONS.items() if name not in READ_ONLY}
    one = make_row(1, "1", **said, request_model="m1", response_service_tier="flex")
    server.store.write([one, make_row(2, None, request_model="m2")])
    for name, key in DIMENSIONS.items():
        grouped = server.get(f"/v1/costs?bucket_width=total&group_by={name}").json()
        values = [result[key] for result in grouped["data"][0]["results"]]
        assert len(values) == 2, name
        for value in values:
            plural = {"status": "statuses"}.get(key, f"{key}s")
            query = urlencode({"bucket_width": "total", "group_by": name, plural: value or ""})
            (result,) = server.get(f"/v1/costs?{query}").json()["data"][0]["results"]
            assert (result[key], result["calls"]) == (value, 1)


READ_ONLY = {"model", "service_tier", "status", "reason"}


def test_tags_group_and_filter(server: Server, make_row: MakeRow) -> None:
    """A tag is a dimension like the others, filtered by a parameter of its name."""
    rows = [make_row(n, tags={"plan": plan}) for n, plan in enumerate(["gold", "gold", "free"])]
    server.store.write([*rows, make_row(9)])
    path = "/v1/costs?bucket_width=total&group_by=tag:plan&order_by=-calls"
    grouped = server.get(path).json()["data"][0]["results"]
    filtered = server.get(f"{path}&tag:plan=free&tag:plan=").json()["data"][0]["results"]

    assert [(r["tag:plan"], r["calls"]) for r in grouped] == [("gold", 2), (None, 1), ("free", 1)]
    assert [r["tag:plan"] for r in filtered] == [None, "free"]


def test_repeated_filters_accept_any_value(server: Server, make_row: MakeRow) -> None:
    """S4: values of one filter add up, different filters narrow."""
    rows = [make_row(n, user_id=user, team="t") for n, user in enumerate(["a", "b", "c"])]
    server.store.write([*rows, make_row(9, user_id="a", team="other")])
    answer = server.get("/v1/costs?bucket_width=total&user_ids=a&user_ids=b&teams=t").json()

    assert answer["data"][0]["results"][0]["calls"] == 2


def test_too_many_results_are_refused(server: Server, make_row: MakeRow) -> None:
    """What does not fit into an answer is refused with a way out, never cut silently."""
    usage = Usage(input_tokens=1)
    server.store.write([make_row(n, user_id=str(n), usage=usage) for n in range(RESULTS_MAX + 1)])
    answer = server.get("/v1/costs?group_by=user")

    assert answer.status_code == 422
    assert "ask with a lower limit" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "param", "says"),
    [
        ("bucket_widht=1h", "bucket_widht", "did you mean bucket_width?"),
        ("user_id=ada", "user_id", "did you mean user_ids?"),
        ("tag:=x", "tag:", "unknown"),
        ("bucket_width=2d", "bucket_width", "1m, 1h, 1d, 1w, 1M, total"),
        ("timezone=Mars/Base", "timezone", "IANA name"),
        ("timezone=../../etc/passwd", "timezone", "IANA name"),
        ("start_time=yesterday", "start_time", "RFC 3339"),
        ("start_time=1730000000000", "start_time", "unix seconds"),
        ("start_time=2026-13-01", "start_time", "RFC 3339"),
        ("start_time=2026-11-03&end_time=2026-11-03", "start_time", "not before end_time"),
        ("limit=0", "limit", "1 to 10000"),
        ("limit=1.5", "limit", "whole number"),
        ("limit=10001", "limit", "1 to 10000"),
        ("limit=1&limit=2", "limit", "more than once"),
        ("group_by=colour", "group_by", "use user, team"),
        ("group_by=token_kind", "group_by", "not answered yet"),
        ("group_by=user&group_by=user", None, "twice"),
        ("order_by=user", None, "amount, calls, tokens"),
        ("format=csv", "format", "json"),
        ("page=nonsense", "page", "next_page"),
    ],
)
def test_bad_parameters_are_explained(server: Server, query: str, param: str, says: str) -> None:
    """Whatever cannot be understood is 422, with a sentence that names it and helps."""
    answer = server.get(f"/v1/costs?{query}")
    error = answer.json()["error"]

    assert (answer.status_code, error["type"], error.get("param")) == (
        422,
        "invalid_request",
        param,
    )
    assert says in error["message"]


def test_a_cursor_answers_no_other_question(server: Server) -> None:
    """A cursor with other parameters is refused; only the size of the page may change."""
    page = server.get("/v1/costs?limit=3").json()["next_page"]

    assert server.get(f"/v1/costs?limit=5&page={page}").status_code == 200
    assert server.get(f"/v1/costs?limit=3&group_by=user&page={page}").status_code == 422
    assert server.get(f"/v1/calls?limit=3&page={page}").status_code == 422


def test_costs_in_another_currency(server: Server, make_row: MakeRow) -> None:
    """S3.6: each bucket by the rate of its last moment, which stands beside it.

    The rates of these tests: 7.1 from the 10th, 7.2 from the 20th; it is the 20th.
    """
    server.store.write(
        [
            make_row(1, "0.01", start_time=NOW - timedelta(days=11)),
            make_row(2, "0.01", start_time=NOW - timedelta(days=1)),
            make_row(3, "0.000000000003"),
            make_row(4, None, user_id="ana"),
        ]
    )
    answer = server.get("/v1/costs?start_time=2026-11-09&currency=CNY&group_by=user").json()
    buckets = {bucket["start_time"]: bucket for bucket in answer["data"]}
    ninth, tenth, nineteenth, twentieth = (buckets[unix(2026, 11, day)] for day in (9, 10, 19, 20))

    assert ninth["exchange_rate"] is None
    assert ninth["results"][0]["amount"] == {"value": None, "currency": "cny"}
    assert tenth["exchange_rate"] == {"per_usd": "7.1", "date": "2026-11-10", "source": "a test"}
    assert nineteenth["exchange_rate"] == tenth["exchange_rate"]
    assert nineteenth["results"][0]["amount"] == {"value": "0.071", "currency": "cny"}
    assert twentieth["exchange_rate"]["per_usd"] == "7.2"
    assert {result["user_id"]: result["amount"]["value"] for result in twentieth["results"]} == {
        None: "0.000000000022",  # 21.6 of the last place
        "ana": None,
    }


def test_a_total_in_another_currency(server: Server, make_row: MakeRow) -> None:
    """S3.6: an open end is now; an end in the past is its last moment; nothing is still nothing."""
    server.store.write([make_row(1, "0.01"), make_row(2, "0", user_id="bob")])
    ended = server.get("/v1/costs?bucket_width=total&end_time=2026-11-20&currency=cny").json()
    path = "/v1/costs?bucket_width=total&group_by=user&currency=cny"
    (now,) = server.get(path).json()["data"]
    (later,) = server.get(f"{path}&end_time=2027-01-01").json()["data"]

    assert ended["data"][0]["exchange_rate"]["per_usd"] == "7.1"
    assert now["exchange_rate"]["per_usd"] == later["exchange_rate"]["per_usd"] == "7.2"
    assert [result["amount"]["value"] for result in now["results"]] == ["0.072", "0"]


def test_dollars_have_no_rate(server: Server, make_row: MakeRow) -> None:
    """S3.6: unless asked for, nothing is converted, and nothing looks as if it were."""
    server.store.write([make_row(1, "0.01")])
    plain = server.get("/v1/costs?start_time=2026-11-20").json()
    named = server.get("/v1/costs?start_time=2026-11-20&currency=USD").json()

    assert plain["data"] == named["data"]
    assert "exchange_rate" not in plain["data"][0]


@pytest.mark.parametrize("currency", ["eur", "dollars", "x" * 1000])
def test_a_currency_without_rates_is_refused(server: Server, currency: str) -> None:
    """S3.6: never one to one: who asks is told what there is."""
    answer = server.get(f"/v1/costs?currency={currency}")
    error = answer.json()["error"]

    assert (answer.status_code, error["param"]) == (422, "currency")
    assert "known are usd, cny." in error["message"]
    assert len(error["message"]) < 400


def test_a_page_goes_on_in_its_currency(server: Server, make_row: MakeRow) -> None:
    """A cursor of an answer in yuan goes on in yuan only."""
    server.store.write([make_row(1, "0.01")])
    path = "/v1/costs?start_time=2026-11-18&limit=1"
    page = server.get(f"{path}&currency=cny").json()["next_page"]

    assert server.get(f"{path}&currency=cny&page={page}").status_code == 200
    assert server.get(f"{path}&page={page}").status_code == 422
