"""What every store promises; each test runs over all of them."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger.call import Call
from spanledger.errors import InvalidQuery
from spanledger.pricing.cost import Cost, PriceLine, Unpriced
from spanledger.storage.buckets import edges
from spanledger.storage.protocol import CallPosition, Store
from spanledger.storage.query import (
    DIMENSIONS,
    CostQuery,
    CostResult,
    Quality,
    Selection,
)
from spanledger.storage.row import CostRow
from spanledger.usage import PART_OF, UNITS, Usage

Builder = Callable[..., CostRow]


@pytest.fixture(scope="module")
def store(any_store: Store) -> Store:
    """The contract holds on a cluster's tables as well."""
    return any_store


NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)

PICO = 10**12
"""Amounts are kept to 12 decimal places."""

HOSTILE = [
    "'; DROP TABLE spanledger.calls; --",
    "quote ' and \" and `",
    "back\\slash \\' \\n \\0 \\N",
    "{p0:String}",
    "%s %(p0)s $1 ?",
    "tab\tnewline\nreturn\r",
    "Straße 漢字 عربى e\u0301 \u200b\U0001f9fe",
    "NULL",
    "null byte\0within",
    "\\N",
    " ",
    "x" * 100_000,
]


def totals(store: Store, project: str, **query: Any) -> dict[tuple[int, tuple[str, ...]], Any]:
    """Amounts by bucket and group."""
    table = store.costs(CostQuery(where=Selection(project=project), **query))
    return {(result.bucket, result.group): result.amount for result in table.results}


def money(pico: int) -> Decimal:
    """A decimal from whole picodollars, by way of its text."""
    return Decimal(f"{pico // PICO}.{pico % PICO:012d}")


CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "pico": st.none() | st.integers(0, 10**6) | st.integers(0, 10**20 * PICO),
            "user": st.sampled_from(["", "ann", "bob"]),
            "model": st.sampled_from(["gpt", "claude"]),
            "tag": st.sampled_from(["", "red", "blue"]),
            "input": st.none() | st.integers(0, 10**8),
            "minute": st.integers(0, 59),
        }
    ),
    max_size=12,
)


@given(calls=CALLS)
@settings(max_examples=40)
def test_sums_are_exact(store: Store, a_row: Builder, calls: list[dict[str, Any]]) -> None:
    """Every total equals whole-number arithmetic to the last of 12 decimals, however big (S4.6)."""
    project = uuid4().hex
    store.write(
        [
            a_row(
                None if call["pico"] is None else money(call["pico"]),
                project=project,
                user_id=call["user"],
                request_model=call["model"],
                tags={"color": call["tag"]} if call["tag"] else {},
                usage=Usage(input_tokens=call["input"]),
                start_time=NOON + timedelta(minutes=call["minute"]),
            )
            for call in calls
        ]
    )
    pico: dict[tuple[int, tuple[str, ...]], int] = {}
    known: set[tuple[int, tuple[str, ...]]] = set()
    tokens: Counter[tuple[int, tuple[str, ...]]] = Counter()
    numbers: Counter[tuple[int, tuple[str, ...]]] = Counter()
    for call in calls:
        key = (call["minute"] // 20, (call["user"], call["model"], call["tag"]))
        pico[key] = pico.get(key, 0) + (call["pico"] or 0)
        tokens[key] += call["input"] or 0
        numbers[key] += 1
        if call["pico"] is not None:
            known.add(key)

    table = store.costs(
        CostQuery(
            where=Selection(project=project),
            edges=tuple(NOON + timedelta(minutes=20 * step) for step in range(4)),
            group_by=("user", "model", "tag:color"),
        )
    )

    assert {(r.bucket, r.group): r.amount for r in table.results} == {
        key: money(total) if key in known else None for key, total in pico.items()
    }
    assert {(r.bucket, r.group): (r.calls, r.input_tokens) for r in table.results} == {
        key: (numbers[key], tokens[key]) for key in numbers
    }


def test_sums_go_beyond_one_column(store: Store, project: str, a_row: Builder) -> None:
    """A sum that would not fit into the column of its parts does not wrap."""
    largest = Decimal("99999999999999999999999999.999999999999")
    store.write([a_row(largest, project=project) for _ in range(3)])

    assert totals(store, project) == {(0, ()): Decimal("299999999999999999999999999.999999999997")}


@pytest.mark.parametrize("dimension", [*DIMENSIONS, "tag:plan"])
def test_each_dimension_groups_and_filters(
    store: Store, project: str, a_row: Builder, dimension: str
) -> None:
    """Whatever calls can be grouped by can be filtered by, with the same values (S4.7, S4.8)."""
    values = ("unpriced", "invalid") if dimension == "status" else ("one", "two")
    amounts = (None, None) if dimension in OF_COST else (Decimal(1), Decimal(2))
    store.write(
        [
            _with_dimension(a_row, project, dimension, value, amount)
            for value, amount in zip(values, amounts, strict=True)
        ]
    )

    grouped = totals(store, project, group_by=(dimension,))
    where = Selection(project=project, filters={dimension: (values[1],)})
    filtered = store.costs(CostQuery(where=where, group_by=(dimension,))).results

    assert grouped == {(0, (value,)): amount for value, amount in zip(values, amounts, strict=True)}
    assert [(result.group, result.amount) for result in filtered] == [((values[1],), amounts[1])]
    assert [row.cost for row in store.calls(where, limit=9)] == [
        filtered_cost(dimension, values[1], amounts[1])
    ]


OF_COST = {"status", "reason"}
"""Dimensions that are said of the cost, not of the call."""


def filtered_cost(dimension: str, status: str, amount: Decimal | None) -> Cost | Unpriced:
    """The cost that `_with_dimension` gives."""
    if dimension == "reason":
        return Unpriced(status)
    if amount is None:
        return Unpriced("", "invalid" if status == "invalid" else "unpriced")
    return Cost(status="priced", amount=amount, lines=(), book_version="book")


def _with_dimension(
    a_row: Builder, project: str, dimension: str, value: str, amount: Decimal | None
) -> CostRow:
    cost = filtered_cost(dimension, value, amount)
    if dimension.startswith("tag:"):
        return a_row(cost, project=project, tags={dimension.removeprefix("tag:"): value})
    if dimension in OF_COST:
        return a_row(cost, project=project)
    field = {"model": "request_model", "service_tier": "request_service_tier"}.get(
        dimension, DIMENSIONS[dimension]
    )
    return a_row(cost, project=project, **{field: value})


def test_answered_model_and_tier_win(store: Store, project: str, a_row: Builder) -> None:
    """A call is grouped by the model and tier that answered, else by those that were asked for."""
    store.write(
        [
            a_row(
                project=project,
                request_model="gpt",
                response_model="gpt-2026",
                request_service_tier="auto",
                response_service_tier="flex",
            ),
            a_row(project=project, request_model="gpt", request_service_tier="auto"),
        ]
    )

    assert set(totals(store, project, group_by=("model", "service_tier"))) == {
        (0, ("gpt-2026", "flex")),
        (0, ("gpt", "auto")),
    }


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"user": ("ann", "bob")}, 2),
        ({"user": ("ann", "")}, 2),
        ({"user": ("",)}, 1),
        ({"user": ("ann", "bob", "")}, 3),
        ({"user": ("nobody",)}, 0),
        ({"user": ()}, 0),
        ({"user": ("ann", "bob"), "team": ("core",)}, 1),
        ({"tag:plan": ("pro",)}, 1),
        ({"tag:plan": ("",)}, 2),
        ({"tag:other": ("",)}, 3),
        ({}, 3),
    ],
)
def test_filters(
    store: Store,
    project: str,
    a_row: Builder,
    filters: dict[str, tuple[str, ...]],
    expected: int,
) -> None:
    """All filters must hold, any value of one may match, and '' finds what was never set."""
    store.write(
        [
            a_row(project=project, user_id="ann", team="core", tags={"plan": "pro"}),
            a_row(project=project, user_id="bob"),
            a_row(project=project),
        ]
    )
    where = Selection(project=project, filters=filters)

    assert len(store.calls(where, limit=9)) == expected
    assert sum(result.calls for result in store.costs(CostQuery(where=where)).results) == expected


def test_range_and_ids(store: Store, project: str, a_row: Builder) -> None:
    """The start of a range belongs to it, its end does not; ids select single calls."""
    second = timedelta(seconds=1)
    rows = [a_row(project=project, start_time=NOON + step * second) for step in range(4)]
    store.write(rows)

    def found(**where: Any) -> list[CostRow]:
        return list(store.calls(Selection(project=project, **where), limit=9))

    assert found(start=NOON + second, end=NOON + 3 * second) == [rows[2], rows[1]]
    assert found(start=NOON + 3 * second) == [rows[3]]
    assert found(end=NOON + second) == [rows[0]]
    assert found(trace_id=rows[2].call.trace_id) == [rows[2]]
    assert found(trace_id=rows[2].call.trace_id, span_id=rows[2].call.span_id) == [rows[2]]
    assert found(span_id="0" * 16) == []
    assert (
        found(start=datetime.min.replace(tzinfo=UTC), end=datetime.max.replace(tzinfo=UTC))
        == (rows[::-1])
    )


def test_tenants_are_apart(store: Store, project: str, a_row: Builder) -> None:
    """The same span of two projects is two calls, and neither sees the other's."""
    row = a_row(project=project)
    other = replace(row, call=replace(row.call, project=f"{project}-other"))
    store.write([row, other])

    assert list(store.calls(Selection(project=project), limit=9)) == [row]
    assert list(store.calls(Selection(project=f"{project}-other"), limit=9)) == [other]
    assert store.costs(CostQuery(where=Selection(project="nobody"))).results == ()


def test_unknown_is_not_zero(store: Store, project: str, a_row: Builder) -> None:
    """A group with nothing priced has no amount; one priced at nothing has 0 (S3.8)."""
    store.write(
        [
            a_row(None, project=project, user_id="unknown"),
            a_row("0", project=project, user_id="free"),
            a_row("0.25", project=project, user_id="mixed"),
            a_row(None, project=project, user_id="mixed"),
        ]
    )

    assert totals(store, project, group_by=("user",)) == {
        (0, ("unknown",)): None,
        (0, ("free",)): Decimal(0),
        (0, ("mixed",)): Decimal("0.25"),
    }


def test_counts(store: Store, project: str, a_row: Builder) -> None:
    """Calls, errors, tokens and how the costs came about are all counted, and hide nothing."""
    usage = Usage(
        input_tokens=100,
        cache_read_tokens=20,
        cache_write_tokens=30,
        output_tokens=50,
        reasoning_tokens=7,
    )

    def cost(status: Any) -> Cost:
        return Cost(status=status, amount=Decimal(1), lines=(), book_version="")

    store.write(
        [
            a_row(cost("priced"), project=project, usage=usage),
            a_row(cost("priced"), project=project, usage=usage, error_type="timeout"),
            a_row(cost("reported"), project=project),
            a_row(cost("partial"), project=project, error_type="500"),
            a_row(cost("estimated"), project=project),
            a_row(Unpriced("no price"), project=project),
            a_row(Unpriced("impossible", "invalid"), project=project),
        ]
    )

    assert store.costs(CostQuery(where=Selection(project=project))).results == (
        CostResult(
            bucket=0,
            group=(),
            amount=Decimal(5),
            calls=7,
            errors=2,
            input_tokens=200,
            output_tokens=100,
            cache_read_tokens=40,
            cache_write_tokens=60,
            reasoning_tokens=14,
            quality=Quality(
                priced_calls=2,
                reported_calls=1,
                estimated_calls=1,
                partial_calls=1,
                unpriced_calls=1,
                invalid_calls=1,
            ),
            first_seen=NOON,
            last_seen=NOON,
        ),
    )


def test_days_of_a_half_hour_zone(store: Store, project: str, a_row: Builder) -> None:
    """A call at 18:29:59 UTC is of that day in India, one at 18:30 of the next (S4.7)."""
    instants = [
        datetime(2026, 10, 31, 18, 29, 59, 999_999, tzinfo=UTC),
        datetime(2026, 10, 31, 18, 30, tzinfo=UTC),
        datetime(2026, 11, 1, 18, 29, 59, tzinfo=UTC),
        datetime(2026, 11, 1, 23, 59, tzinfo=UTC),
        datetime(2026, 11, 2, 0, 0, tzinfo=UTC),
    ]
    store.write([a_row("1", project=project, start_time=instant) for instant in instants])
    start, end = datetime(2026, 10, 31, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)

    assert totals(store, project, edges=edges(start, end, "1d", "Asia/Kolkata")) == {
        (0, ()): Decimal(1),
        (1, ()): Decimal(2),
        (2, ()): Decimal(1),
    }


def test_buckets_and_range_both_hold(store: Store, project: str, a_row: Builder) -> None:
    """What lies outside of the buckets or of the selected range is left out."""
    hour = timedelta(hours=1)
    store.write([a_row("1", project=project, start_time=NOON + step * hour) for step in range(8)])
    where = Selection(project=project, start=NOON + 2 * hour, end=NOON + 7 * hour)
    borders = tuple(NOON + step * hour for step in (1, 3, 4, 6))

    table = store.costs(CostQuery(where=where, edges=borders))

    assert [(result.bucket, result.calls) for result in table.results] == [(0, 1), (1, 1), (2, 2)]


def test_buckets_before_1970(store: Store, project: str, a_row: Builder) -> None:
    """Instants before the epoch fall into their buckets as well."""
    hour, start = timedelta(hours=1), datetime(1969, 12, 31, 22, tzinfo=UTC)
    store.write([a_row("1", project=project, start_time=start + step * hour) for step in range(4)])
    borders = tuple(start + step * hour for step in range(0, 6, 2))

    table = store.costs(CostQuery(where=Selection(project=project), edges=borders))

    assert [(result.bucket, result.calls) for result in table.results] == [(0, 2), (1, 2)]


def test_replays_count_once(store: Store, project: str, a_row: Builder) -> None:
    """The same rows again, in other batches and another order, change nothing (S0.2, S0.3)."""
    rows = [
        a_row("0.1", project=project, start_time=NOON + timedelta(days=20 * step))
        for step in range(6)
    ]
    store.write(rows)
    before = totals(store, project)
    store.write(rows)
    store.write(rows[4:] + rows[:2])
    store.write([*rows[2:4], *rows[2:4]])

    assert totals(store, project) == before == {(0, ()): Decimal("0.6")}
    assert list(store.calls(Selection(project=project), limit=99)) == rows[::-1]


@pytest.mark.parametrize("batches", ["one", "two"])
@pytest.mark.parametrize("first", ["early", "late"])
def test_later_record_stands(
    store: Store, project: str, a_row: Builder, batches: str, first: str
) -> None:
    """Of two records of a call the later one stands, whichever arrives first (S0.6)."""
    early = a_row("1", project=project, user_id="ann")
    late = replace(
        early,
        cost=Unpriced("the model was wrong"),
        call=replace(early.call, user_id="bob"),
        recorded_at=early.recorded_at + timedelta(microseconds=1),
    )
    rows = [late, early] if first == "late" else [early, late]
    for batch in [rows] if batches == "one" else [[row] for row in rows]:
        store.write(batch)

    assert totals(store, project, group_by=("user",)) == {(0, ("bob",)): None}
    assert list(store.calls(Selection(project=project), limit=9)) == [late]
    assert not store.calls(Selection(project=project, filters={"user": ("ann",)}), limit=9)


def test_equal_time_last_write_stands(store: Store, project: str, a_row: Builder) -> None:
    """Of two records of the same microsecond the one written last stands."""
    first = a_row("1", project=project)
    second = replace(first, cost=Unpriced("again"))
    store.write([first])
    store.write([second])
    store.write([first, second])

    assert totals(store, project) == {(0, ()): None}


ORDERED: dict[str, list[tuple[str | None, int]]] = {
    "dora": [("3", 5)],
    "ann": [("0.5", 1), ("0.25", 1), ("0.25", 1)],
    "carl": [("2", 1), ("1", 1)],
    "bob": [(None, 100)] * 4,
}
"""Amount and output tokens of each call, by user."""


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        ("-amount", ["carl", "dora", "ann", "bob"]),
        ("amount", ["ann", "carl", "dora", "bob"]),
        ("-calls", ["bob", "ann", "carl", "dora"]),
        ("calls", ["dora", "carl", "ann", "bob"]),
        ("-tokens", ["bob", "dora", "ann", "carl"]),
        ("tokens", ["carl", "ann", "dora", "bob"]),
        ("user", ["ann", "bob", "carl", "dora"]),
        ("-user", ["dora", "carl", "bob", "ann"]),
    ],
)
def test_order(
    store: Store, project: str, a_row: Builder, order_by: str, expected: list[str]
) -> None:
    """Results come in the order asked for, ties by group, and without an amount last."""
    store.write(
        [
            a_row(amount, project=project, user_id=user, usage=Usage(output_tokens=tokens))
            for user, calls in ORDERED.items()
            for amount, tokens in calls
        ]
    )

    table = store.costs(
        CostQuery(where=Selection(project=project), group_by=("user",), order_by=order_by)
    )

    assert [result.group[0] for result in table.results] == expected


def test_order_within_buckets(store: Store, project: str, a_row: Builder) -> None:
    """Buckets rise whatever the order within them, and the limit counts over all of them."""
    borders = tuple(NOON + timedelta(hours=step) for step in range(3))
    store.write(
        [
            a_row(amount, project=project, user_id=user, start_time=borders[bucket])
            for bucket, user, amount in [(0, "a", "1"), (0, "b", "2"), (1, "a", "9"), (1, "b", "3")]
        ]
    )

    def page(limit: int, offset: int) -> tuple[list[tuple[int, str]], bool]:
        where = Selection(project=project)
        table = store.costs(
            CostQuery(where=where, edges=borders, group_by=("user",), limit=limit, offset=offset)
        )
        return [(result.bucket, result.group[0]) for result in table.results], table.truncated

    assert page(4, 0) == ([(0, "b"), (0, "a"), (1, "a"), (1, "b")], False)
    assert page(3, 0) == ([(0, "b"), (0, "a"), (1, "a")], True)
    assert page(2, 1) == ([(0, "a"), (1, "a")], True)
    assert page(2, 2) == ([(1, "a"), (1, "b")], False)
    assert page(2, 4) == ([], False)


def test_groups_sort_by_code_point(store: Store, project: str, a_row: Builder) -> None:
    """Group values sort alike in every store, beyond ASCII and beyond the basic plane too."""
    users = ["", "B", "a", "a\u0301", "é", "漢", "\ufffd", "\U0001f9fe"]
    store.write([a_row(project=project, user_id=user) for user in reversed(users)])

    table = store.costs(CostQuery(where=Selection(project=project), group_by=("user",)))

    assert [result.group[0] for result in table.results] == users


def test_listing_pages_join(store: Store, project: str, a_row: Builder) -> None:
    """Pages of a listing hold each call once, in one order, even where start times are equal."""
    rows = [
        a_row(project=project, start_time=NOON + timedelta(microseconds=step // 5))
        for step in range(23)
    ]
    store.write(rows)
    where, seen = Selection(project=project), list[CostRow]()
    after: CallPosition | None = None
    while page := store.calls(where, limit=4, after=after):
        seen += page
        last = page[-1].call
        after = (last.start_time, last.trace_id, last.span_id)

    assert seen == rows[::-1]


def full_row(project: str) -> CostRow:
    """A row in which no field has its default."""
    # Each quantity differs, and parts fit into their wholes.
    usage = Usage(**{unit: 10 ** (6 - 2 * depth(unit)) - n for n, unit in enumerate(UNITS)})
    call = Call(
        project=project,
        trace_id="a" * 32,
        span_id="b" * 16,
        parent_span_id="c" * 16,
        start_time=datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC),
        duration_us=123_456_789,
        time_to_first_chunk_us=0,
        provider="openai",
        operation="responses",
        request_model="gpt-5",
        response_model="gpt-5-2026-01-01",
        response_id="resp_1",
        stream=True,
        error_type="rate_limit",
        attempt=3,
        service="shop",
        environment="prod",
        user_id="ann",
        team="core",
        department="R&D",
        agent_id="helper",
        conversation_id="conversation-1",
        message_id="message-1",
        feature="search",
        route="/v1/search",
        api_key_id="f00d",
        tags={"plan": "pro", "": "empty name", "k'": ""},
        skip_charge=True,
        replay=True,
        usage=usage,
        usage_problem="none really",
        usage_source="estimated",
        usage_partial=True,
        usage_raw='{"prompt_tokens": 1}',
        batch=True,
        request_service_tier="auto",
        response_service_tier="flex",
        price_context=(("region", "eu"), ("speed", "fast")),
        reported_amount=Decimal("0.000000000001"),
        reported_currency="cny",
    )
    lines = (
        PriceLine(
            unit="input_tokens",
            quantity=Decimal("0.5"),
            rate=Decimal("1.25"),
            per=1_000_000,
            amount=Decimal("0.000000625"),
            source="list:genai-prices/openai/gpt-5",
            effective_date=date(2025, 8, 7),
        ),
        PriceLine(
            unit="output_tokens",
            quantity=Decimal(1),
            rate=Decimal("99999999999999999999.999999999999"),
            per=1,
            amount=Decimal("99999999999999999999.999999999999"),
            source="overlay:1",
            effective_date=None,
        ),
    )
    cost = Cost(
        status="partial",
        amount=Decimal("100000000000000000000.000000624999"),
        lines=lines,
        book_version="genai-prices-0.2.3+overlay",
        reason="no rate for reasoning",
    )
    return CostRow(call, cost, datetime(2026, 3, 1, 0, 0, 0, 1, tzinfo=UTC))


def depth(unit: str) -> int:
    """How deep a unit stands below its whole."""
    return max((depth(whole) + 1 for whole in PART_OF.get(unit, ())), default=0)


def test_full_row_comes_back(store: Store, project: str) -> None:
    """Every field of a call with its cost comes back as it was written (S4.2)."""
    row = full_row(project)
    defaults = Call(
        trace_id="", span_id="", start_time=NOON, duration_us=0, provider="", operation=""
    )
    same = [f.name for f in fields(Call) if getattr(row.call, f.name) == getattr(defaults, f.name)]
    store.write([row])

    assert same == []
    assert list(store.calls(Selection(project=project), limit=1)) == [row]


def test_bare_row_comes_back(store: Store, project: str) -> None:
    """A call of which hardly anything is known comes back as such: unset stays unset."""
    call = Call(
        project=project,
        trace_id="1" * 32,
        span_id="2" * 16,
        start_time=NOON,
        duration_us=0,
        provider="",
        operation="",
    )
    row = CostRow(call, Unpriced("impossible usage", "invalid"), NOON)
    store.write([row])

    assert list(store.calls(Selection(project=project), limit=1)) == [row]


@given(
    texts=st.lists(st.text(max_size=20), min_size=4, max_size=4),
    tags=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
    amount=st.none() | st.integers(1, 10**32),
)
@settings(max_examples=25)
def test_any_text_comes_back(
    store: Store, a_row: Builder, texts: list[str], tags: dict[str, str], amount: int | None
) -> None:
    """Whatever text an application uses is stored and found literally."""
    project = uuid4().hex
    row = a_row(
        None if amount is None else money(amount),
        project=project,
        user_id=texts[0],
        conversation_id=texts[1],
        provider=texts[2],
        usage_raw=texts[3],
        tags=tags,
    )
    store.write([row])
    filters = {"user": (texts[0], "x"), "conversation": (texts[1],), "provider": (texts[2],)}
    filters |= {f"tag:{name}": (value,) for name, value in tags.items() if name}

    assert list(store.calls(Selection(project=project, filters=filters), limit=2)) == [row]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts(store: Store, a_row: Builder, text: str) -> None:
    """Texts that look like SQL, escapes or parameters are only texts, wherever they stand."""
    project = f"{text}-{uuid4().hex}"
    row = a_row(project=project, user_id=text, message_id=text, tags={text: text, "other": "x"})
    store.write([row, a_row(project=project, user_id="somebody")])
    where = Selection(project=project, filters={"user": (text,), f"tag:{text}": (text,)})

    table = store.costs(CostQuery(where=where, group_by=(f"tag:{text}", "message")))

    assert [(result.group, result.calls) for result in table.results] == [((text, text), 1)]
    assert list(store.calls(where, limit=9)) == [row]
    assert not store.calls(Selection(project=project, trace_id=text), limit=9)
    assert list(store.calls(where, limit=9, after=(NOON + timedelta(1), text, text))) == [row]


def test_unknown_dimension_is_refused() -> None:
    """A dimension that does not exist is refused before any store sees it."""
    with pytest.raises(InvalidQuery, match="unknown dimension 'user_id; --'"):
        CostQuery(where=Selection(project="p"), group_by=("user_id; --",))
    with pytest.raises(InvalidQuery, match="unknown dimension 'tag:'"):
        Selection(project="p", filters={"tag:": ("x",)})


def test_writing_nothing(store: Store, project: str) -> None:
    """No rows are written without ado."""
    store.write([])

    assert store.calls(Selection(project=project), limit=1) == []


def test_threads(store: Store, project: str, a_row: Builder) -> None:
    """Threads write and read at once; no reader sees half of a batch, and nothing is lost."""
    batches = [
        [a_row("0.1", project=project, user_id=f"user-{number}") for _ in range(10)]
        for number in range(16)
    ]
    problems: list[object] = []
    done = threading.Event()

    def write(mine: list[list[CostRow]]) -> None:
        for batch in mine:
            store.write(batch)

    def read() -> None:
        query = CostQuery(where=Selection(project=project), group_by=("user",))
        while not done.is_set():
            problems.extend(r for r in store.costs(query).results if r.calls != 10)

    writers = [threading.Thread(target=write, args=(batches[start::4],)) for start in range(4)]
    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in (*writers, *readers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()

    assert problems == []
    assert totals(store, project) == {(0, ()): Decimal(16)}
