"""`GET /v1/costs`: what calls cost, in buckets of time and by whatever they can be grouped by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice, pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response

from spanledger.api.access import Asked
from spanledger.api.cursors import Cursor
from spanledger.api.errors import invalid
from spanledger.api.money import amount_json, rate_json
from spanledger.api.parameters import FILTERS, PAGING, RANGE, Parameter, Parameters
from spanledger.errors import InvalidQuery
from spanledger.pricing.cost import CURRENCY
from spanledger.pricing.exchange_rates import ExchangeRates
from spanledger.storage.buckets import WIDTHS, iter_edges
from spanledger.storage.query import DIMENSIONS, RESULTS_MAX, CostQuery, CostResult, check_dimension

__all__ = ["COSTS_PARAMETERS", "DEFAULT_DAYS", "DEFAULT_LIMIT", "costs", "day_start", "result_json"]

DEFAULT_DAYS: Final = 30
"""Without times, the range is today and the days before it, this many in all."""

DEFAULT_LIMIT: Final = 1_000
"""Buckets in a page (results for `total`) where `limit` is not given."""

LIMIT_MAX: Final = RESULTS_MAX

COSTS_PARAMETERS: Final = (
    *RANGE,
    Parameter("bucket_width", f"One of {', '.join(WIDTHS)}; default 1d. Weeks begin on Monday."),
    Parameter("group_by", f"Any of {', '.join(DIMENSIONS)}, tag:<name>.", repeatable=True),
    *FILTERS,
    Parameter(
        "order_by",
        "Order of the results in a bucket: amount, calls, tokens or a dimension of group_by; "
        "`-` in front means falling. Default -amount.",
    ),
    Parameter(
        "currency",
        "What amounts are converted to, by the rates of `exchange_rates_file`; default usd.",
    ),
    Parameter("format", "json, the default."),
    *PAGING,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is asked, read from the parameters; `start` and `end` are open where `None`."""

    width: str
    zone: ZoneInfo
    start: datetime | None
    end: datetime | None
    filters: Mapping[str, tuple[str, ...]]
    group_by: tuple[str, ...]
    order_by: str
    limit: int
    currency: str
    now: datetime


def costs(asked: Asked) -> Response:
    """Sum the cost of calls, apart for each bucket of time and each group.

    `limit` counts buckets, and results where `bucket_width` is `total`. Every bucket of the range
    is present; one without calls has no results. Without times the range is everything for `total`,
    and today with the 29 days before it otherwise. `start_time` and `end_time` of a bucket are unix
    seconds, `null` where a `total` is open. A group value of `null` means that the calls have none.

    With `currency` amounts are converted by the rate that is in force in the last moment of their
    bucket, or now where that is still to come; it stands in the bucket as `exchange_rate`. Where no
    rate is in force, that and the amounts are `null`.
    """
    cursor = asked.cursor()
    question = _question(asked)
    if cursor:
        # "Now" was settled on the first page; the others go on with it.
        start, end = (_read_instant(cursor.get(name, "")) for name in ("start", "end"))
        question = replace(question, start=start, end=end)
    page = _total if question.width == "total" else _buckets
    return JSONResponse(page(asked, question, cursor))


def result_json(result: CostResult, group_by: Iterable[str] = ()) -> dict[str, Any]:
    """A result as our JSON has it, with a key for each dimension of `group_by`."""
    fields = asdict(result)
    for internal in ("bucket", "group", "amount", "first_seen", "last_seen"):
        del fields[internal]
    groups = zip(group_by, result.group, strict=True)
    return {
        "amount": amount_json(result.amount),
        **fields,
        **{DIMENSIONS.get(name, name): value or None for name, value in groups},
    }


def day_start(end: datetime, zone: ZoneInfo, days: int) -> datetime:
    """When the first of the last `days` days before `end` began, in `zone`."""
    last = (end - timedelta(microseconds=1)).astimezone(zone)
    midnight = last.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return (midnight - timedelta(days=days - 1)).astimezone(UTC)


def _question(asked: Asked) -> _Question:
    parameters, now = asked.parameters, asked.house.clock()
    parameters.choice("format", ["json"], "json")
    width, zone = parameters.choice("bucket_width", WIDTHS, "1d"), parameters.zone()
    start, end = parameters.time("start_time"), parameters.time("end_time")
    if width != "total":
        # The second that has begun is covered as a whole, since buckets end on whole seconds.
        end = end or now.replace(microsecond=0) + _SECOND
        start = start or day_start(end, zone, DEFAULT_DAYS)
    if start is not None and end is not None and start >= end:
        message = f"start_time {start.isoformat()} is not before end_time {end.isoformat()}."
        raise invalid(message, param="start_time")
    return _Question(
        width=width,
        zone=zone,
        start=start,
        end=end,
        filters=parameters.filters(),
        group_by=_group_by(parameters),
        order_by=parameters.text("order_by", "-amount"),
        limit=parameters.number("limit", default=DEFAULT_LIMIT, largest=LIMIT_MAX),
        currency=_currency(parameters, asked.house.rates),
        now=now,
    )


def _currency(parameters: Parameters, rates: ExchangeRates) -> str:
    currency = parameters.text("currency", CURRENCY).lower()
    known = (CURRENCY, *rates.currencies)
    if currency not in known:
        message = (
            f"There are no exchange rates for {currency[:100]!r}: known are {', '.join(known)}. "
            "The setting exchange_rates_file says where they are."
        )
        raise invalid(message, param="currency")
    return currency


def _group_by(parameters: Parameters) -> tuple[str, ...]:
    names = parameters.texts("group_by")
    for name in names:
        if name == "token_kind":
            message = "group_by=token_kind is not answered yet: results count tokens by kind."
            raise invalid(message, param="group_by")
        try:
            check_dimension(name)
        except InvalidQuery as error:
            raise invalid(str(error), param="group_by") from error
    return names


def _total(asked: Asked, question: _Question, cursor: Cursor) -> dict[str, Any]:
    """One bucket of everything, paged by results."""
    offset = int(cursor.get("offset", "0"))
    table = asked.store.costs(_query(asked, question, limit=question.limit, offset=offset))
    bucket = _bucket_json(asked, question, (question.start, question.end), table.results)
    position = {"offset": str(offset + question.limit), **_range_of(question)}
    return asked.page_json([bucket], position if table.truncated else None)


def _buckets(asked: Asked, question: _Question, cursor: Cursor) -> dict[str, Any]:
    """A page of buckets, each with all its results."""
    start, end = _read_instant(cursor.get("at", "")) or question.start, question.end
    assert start is not None and end is not None  # noqa: S101, PT018 - so for every width but total
    all_edges = iter_edges(start, end, question.width, question.zone.key)
    edges = tuple(islice(all_edges, question.limit + 1))
    within = replace(question, start=edges[0], end=edges[-1])
    table = asked.store.costs(_query(asked, within, edges=edges))
    if table.truncated:
        raise invalid(_too_many(len(edges) - 1), param="limit")
    inside: list[list[CostResult]] = [[] for _ in edges[1:]]
    for result in table.results:
        inside[result.bucket].append(result)
    buckets = [
        _bucket_json(asked, question, bounds, results)
        for bounds, results in zip(pairwise(edges), inside, strict=True)
    ]
    position = {"at": edges[-1].isoformat(), **_range_of(question)}
    return asked.page_json(buckets, position if edges[-1] < end else None)


def _query(asked: Asked, question: _Question, **how: Any) -> CostQuery:  # noqa: ANN401 - of CostQuery
    where = asked.selection(start=question.start, end=question.end, filters=question.filters)
    return CostQuery(where=where, group_by=question.group_by, order_by=question.order_by, **how)


def _too_many(buckets: int) -> str:
    return (
        f"The {buckets} buckets of this page have more than {RESULTS_MAX} results: ask with a "
        "lower limit, a wider bucket_width, a shorter range, more filters or fewer groups."
    )


def _bucket_json(
    asked: Asked,
    question: _Question,
    bounds: tuple[datetime | None, datetime | None],
    results: Sequence[CostResult],
) -> dict[str, Any]:
    shown = [result_json(result, question.group_by) for result in results]
    bucket = {
        "object": "bucket",
        "start_time": _unix(bounds[0]),
        "end_time": _unix(bounds[1]),
        "results": shown,
    }
    if question.currency == CURRENCY:
        return bucket
    last = question.now if bounds[1] is None else min(question.now, bounds[1] - _MOMENT)
    rates = asked.house.rates
    for one, result in zip(shown, results, strict=True):
        one["amount"] = _converted(rates, result.amount, question.currency, last)
    return {**bucket, "exchange_rate": rate_json(rates.rate(question.currency, last))}


def _converted(
    rates: ExchangeRates, amount: Decimal | None, currency: str, at: datetime
) -> dict[str, str | None]:
    converted = None if amount is None else rates.convert(amount, currency, at)
    return amount_json(None if converted is None else converted.amount, currency)


def _unix(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - _EPOCH) // _SECOND


def _range_of(question: _Question) -> Cursor:
    bounds = {"start": question.start, "end": question.end}
    return {name: instant.isoformat() for name, instant in bounds.items() if instant is not None}


def _read_instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
