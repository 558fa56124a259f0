"""What the ClickHouse store keeps beside the calls."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any, Final, TypeVar

from clickhouse_connect.driver.client import Client

from spanledger.call import Call, CallId
from spanledger.storage.claims import Claims
from spanledger.storage.columns import COLUMNS, build_row
from spanledger.storage.history import Difference, PeriodAct, Repricing, later
from spanledger.storage.layout import Layout
from spanledger.storage.row import CostRow
from spanledger.storage.statements import REPLACED, Statement, lookup_statement

__all__ = ["COLUMN_TYPES", "ClickHouseHistory", "columns_of"]

INSERT_SETTINGS: Final = {"max_partitions_per_insert_block": 0}
"""Late spans of many months may come in one batch; the default refuses more than 100 partitions."""

LOOKED_UP_MAX: Final = 2_000
"""Ids in one statement; more are asked for in several."""

T = TypeVar("T")

COLUMN_TYPES: Final = {column.name: column.type for column in COLUMNS}

_BOOK_TYPES: Final = {
    "version": "String",
    "used_since": "DateTime64(6, 'UTC')",
    "content": "String",
}
_ACT_TYPES: Final = {
    "project": "String",
    "month": "String",
    "closed": "Bool",
    "made_at": "DateTime64(6, 'UTC')",
    "made_by": "String",
}
_DIFFERENCES: Final = tuple(field.name for field in fields(Difference))
_REPRICING_TYPES: Final = {
    "project": "String",
    "id": "String",
    "number": "UInt64",
    "made_at": "DateTime64(6, 'UTC')",
    "made_by": "String",
    "start_time": "DateTime64(6, 'UTC')",
    "end_time": "DateTime64(6, 'UTC')",
    "models": "Array(String)",
    "book_version": "String",
    "state": "LowCardinality(String)",
    "state_at": "DateTime64(6, 'UTC')",
    "state_by": "String",
    "revision": "UInt64",
    "replaced_versions": "Array(String)",
    **{f"differences.{name}": "Array(String)" for name in _DIFFERENCES[:2]},
    **{f"differences.{name}": "Array(UInt64)" for name in _DIFFERENCES[2:]},
    "differences.amount_before": "Array(Nullable(Decimal(38, 12)))",
    "differences.amount_after": "Array(Nullable(Decimal(38, 12)))",
}


class ClickHouseHistory:
    """Answers as the `Store` protocol says for what is beside the calls."""

    def __init__(self, layout: Layout) -> None:
        self.claims = Claims()
        self._layout = layout

    def _with_client(self, operation: Callable[[Client], T]) -> T:
        """What `operation` does with a client, which the store has; it may be done again."""
        raise NotImplementedError

    def keep_book(self, version: str, content: bytes, at: datetime) -> datetime:
        """Keep a price book that comes into use at `at`; return since when it has been in use."""
        last = self._ask(
            "SELECT version, used_since FROM spanledger.price_books "
            "ORDER BY used_since DESC LIMIT 1"
        )
        if last and last[0][0] == version:
            return _utc(last[0][1])
        since = later(at, _utc(last[0][1])) if last else at
        self._keep("spanledger.price_books", _BOOK_TYPES, [version, since, content])
        return since

    def book(self, version: str) -> bytes | None:
        """The content of a price book that was in use; `None` where it never was."""
        statement = Statement()
        statement.text = (
            "SELECT content FROM spanledger.price_books "  # noqa: S608 - the value is bound
            f"WHERE version = {statement.bind(version, 'String')} ORDER BY used_since LIMIT 1"
        )
        rows = self._ask(statement.text, statement.parameters, {"content": "bytes"})
        return bytes(rows[0][0]) if rows else None

    def keep_period(self, act: PeriodAct) -> None:
        """Keep an act; acts of a month are kept in the order of their times."""
        values = [getattr(act, name) for name in _ACT_TYPES]
        self._keep("spanledger.period_acts", _ACT_TYPES, values)

    def periods(self, project: str) -> Sequence[PeriodAct]:
        """All acts of a project, by month and then by time."""
        rows = self._of_project("spanledger.period_acts", _ACT_TYPES, project, "month, made_at")
        # One that was written twice, since an answer got lost, is there twice.
        rows = dict.fromkeys(tuple(row) for row in rows)
        acts = [PeriodAct(**dict(zip(_ACT_TYPES, row, strict=True))) for row in rows]
        return [replace(act, made_at=_utc(act.made_at)) for act in acts]

    def keep_repricing(self, repricing: Repricing) -> None:
        """Keep what is known of a repricing; the higher revision stands."""
        columns = {"start_time": repricing.start, "end_time": repricing.end}
        columns |= {
            f"differences.{name}": [getattr(one, name) for one in repricing.differences]
            for name in _DIFFERENCES
        }
        values = [columns.get(name, getattr(repricing, name, None)) for name in _REPRICING_TYPES]
        self._keep("spanledger.repricings", _REPRICING_TYPES, values)

    def repricings(self, project: str) -> Sequence[Repricing]:
        """The repricings of a project, the latest first."""
        order = "number DESC, id DESC"
        rows = self._of_project("spanledger.repricings FINAL", _REPRICING_TYPES, project, order)
        return [_repricing(dict(zip(_REPRICING_TYPES, row, strict=True))) for row in rows]

    def keep_replaced(self, repricing_id: str, rows: Sequence[CostRow]) -> None:
        """Keep rows as they are before a repricing; of two of a call the later one stands."""
        if not rows:
            return
        types = {"repricing": "String", **COLUMN_TYPES}
        self._insert(REPLACED, types, lambda: [[repricing_id] * len(rows), *columns_of(rows)])

    def replaced(self, repricing_id: str, calls: Sequence[Call]) -> Mapping[CallId, CostRow]:
        """Those of `calls` that a repricing replaced, as they were, by the identity of the call."""
        return self._look_up(calls, repricing_id)

    def stored(self, calls: Sequence[Call]) -> Mapping[CallId, CostRow]:
        """Those rows of `calls` that are there, by the identity of the call."""
        return self._look_up(calls, "")

    def _look_up(self, calls: Sequence[Call], repricing_id: str) -> Mapping[CallId, CostRow]:
        found: dict[CallId, CostRow] = {}
        for chunk in _chunks(calls):
            statement = lookup_statement(chunk, repricing_id)
            for values in self._ask(statement.text, statement.parameters):
                row = build_row(values)
                found[row.call.identity] = row
        return found

    def _of_project(
        self, table: str, columns: Mapping[str, str], project: str, order: str
    ) -> Sequence[Sequence[Any]]:
        statement = Statement()
        statement.text = (
            f"SELECT {', '.join(f'`{name}`' for name in columns)} FROM {table} "  # noqa: S608 - names from the code, the value bound
            f"WHERE project = {statement.bind(project, 'String')} ORDER BY {order}"
        )
        return self._ask(statement.text, statement.parameters)

    def _ask(
        self,
        text: str,
        parameters: dict[str, Any] | None = None,
        formats: dict[str, str | dict[str, str]] | None = None,
    ) -> Sequence[Sequence[Any]]:
        text = self._layout.names(text)
        return self._with_client(
            lambda client: (
                client.query(text, parameters=parameters, column_formats=formats).result_rows
            )
        )

    def _keep(self, table: str, columns: Mapping[str, str], values: list[Any]) -> None:
        self._insert(table, columns, lambda: [[value] for value in values])

    def _insert(
        self, table: str, types: Mapping[str, str], columns: Callable[[], list[list[Any]]]
    ) -> None:
        """Insert in one piece; nothing is wrong with inserting the same again.

        The columns are asked for where a value that no column holds becomes a `StoreError`.
        """
        self._with_client(
            lambda client: client.insert(
                self._layout.names(table),
                columns(),
                column_names=list(types),
                column_type_names=list(types.values()),
                column_oriented=True,
                settings=INSERT_SETTINGS,
            )
        )


def columns_of(rows: Sequence[CostRow]) -> list[list[Any]]:
    """The values of `COLUMN_TYPES`, column by column."""
    return [[column.get(row) for row in rows] for column in COLUMNS]


def _chunks(calls: Sequence[Call]) -> Iterator[list[Call]]:
    """The calls of each project, by time, so that a statement asks for a short range."""

    def project(call: Call) -> str:
        return call.project

    for _, group in groupby(
        sorted(calls, key=lambda call: (call.project, call.start_time)), project
    ):
        while chunk := list(islice(group, LOOKED_UP_MAX)):
            yield chunk


def _repricing(stored: dict[str, Any]) -> Repricing:
    differences = zip(*(stored[f"differences.{name}"] for name in _DIFFERENCES), strict=True)
    times: dict[str, Any] = {name: _utc(stored[name]) for name in ("made_at", "state_at")}
    names = ("project", "id", "number", "made_by", "book_version", "state", "state_by", "revision")
    return Repricing(
        **{name: stored[name] for name in names},
        **times,
        start=_utc(stored["start_time"]),
        end=_utc(stored["end_time"]),
        models=tuple(stored["models"]),
        replaced_versions=tuple(stored["replaced_versions"]),
        differences=tuple(
            Difference(**dict(zip(_DIFFERENCES, values, strict=True))) for values in differences
        ),
    )


def _utc(instant: datetime) -> datetime:
    """ClickHouse keeps UTC; its client hands it over without saying so."""
    return instant.replace(tzinfo=UTC)
