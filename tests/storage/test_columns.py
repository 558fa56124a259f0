from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from spanledger.call import Call
from spanledger.pricing.cost import Cost, PriceLine
from spanledger.storage.clickhouse import ClickHouseStore
from spanledger.storage.columns import COLUMNS, DERIVED, build_row
from spanledger.storage.query import DIMENSIONS
from spanledger.storage.row import CostRow
from spanledger.usage import UNITS

BOUNDED = {
    *("provider", "operation", "request_model", "response_model", "error_type"),
    *("service", "environment", "usage_source", "status", "book_version", "reported_currency"),
    *("request_service_tier", "response_service_tier", "lines.unit"),
}
"""The only columns that may be LowCardinality: none of them names a person or a conversation."""


def test_table_has_these_columns(embedded: ClickHouseStore) -> None:
    """The real table has exactly these columns, in this order and of these types."""
    with embedded._client() as client:
        answer = client.query(
            "SELECT name, type, default_kind FROM system.columns "
            "WHERE database = 'spanledger' AND table = 'calls' ORDER BY position"
        )
    stored = [(name, type_) for name, type_, kind in answer.result_rows if not kind]
    derived = {name: type_ for name, type_, kind in answer.result_rows if kind}

    assert stored == [(column.name, column.type) for column in COLUMNS]
    assert derived == DERIVED


def test_table_loses_nothing_and_counts_once(embedded: ClickHouseStore) -> None:
    """The table replaces twins by version, within a month, and is on disk when it says so."""
    with embedded._client() as client:
        answer = client.query(
            "SELECT engine_full, partition_key, sorting_key FROM system.tables "
            "WHERE database = 'spanledger' AND name = 'calls'"
        )
        database = client.query("SELECT engine FROM system.databases WHERE name = 'spanledger'")
    engine, partition, sorting = answer.result_rows[0]

    assert engine.startswith("ReplacingMergeTree(version)")
    assert "fsync_after_insert = 1" in engine
    assert "fsync_part_directory = 1" in engine
    assert partition == "toYYYYMM(start_time)"
    assert sorting == "project, toStartOfHour(start_time), trace_id, span_id"
    assert database.result_rows == [("Atomic",)]


def test_no_field_is_forgotten() -> None:
    """Every field of a call, its usage, its cost and its price lines has a column."""
    of_call = {field.name for field in fields(Call)} - {"usage"} | set(UNITS)
    of_cost = set(Cost.__annotations__)
    of_lines = {f"lines.{field.name}" for field in fields(PriceLine)}
    names = [column.name for column in COLUMNS]

    assert sorted(names) == sorted(of_call | of_cost | of_lines | {"recorded_at"})
    assert [name for name in names if name in of_lines] == [
        f"lines.{field.name}" for field in fields(PriceLine)
    ]


def test_every_dimension_is_a_column() -> None:
    """What calls can be grouped by stands in the table under the key of its results."""
    assert set(DIMENSIONS.values()) <= {column.name for column in COLUMNS} | DERIVED.keys()


def test_unbounded_texts_are_plain() -> None:
    """What grows with use, such as user ids, is no LowCardinality."""
    low = {column.name for column in COLUMNS if "LowCardinality" in column.type}

    assert low == BOUNDED


@pytest.mark.parametrize(
    ("amount", "stored"),
    [
        ("0.0000000000005", "0"),
        ("0.0000000000015", "0.000000000002"),
        ("0.00000000000250000000000000000001", "0.000000000003"),
        ("-0.0000000000025", "-0.000000000002"),
        ("99999999999999999999999999.9999999999994", "99999999999999999999999999.999999999999"),
    ],
)
def test_amounts_are_rounded_half_even(
    a_row: Callable[..., CostRow], amount: str, stored: str
) -> None:
    """What a provider states more finely than the store keeps is rounded, not cut off."""
    row = a_row(project="p", reported_amount=Decimal(amount))
    values = {column.name: column.get(row) for column in COLUMNS}

    assert values["reported_amount"] == Decimal(stored)


def test_times_come_back_with_their_zone(a_row: Callable[..., CostRow]) -> None:
    """The database gives naive times, which are UTC and say so once they are in a row."""
    row = a_row(project="p", start_time=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC))
    values = [column.get(row) for column in COLUMNS]
    naive = [
        value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in values
    ]

    assert build_row(naive) == row
