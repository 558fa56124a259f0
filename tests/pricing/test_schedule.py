"""Which statements hold at a time, and what of them counts."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType

import pytest

from spanledger.pricing.rates import Rates
from spanledger.pricing.schedule import Schedule
from spanledger.pricing.statement import Period, Price, Statement

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = datetime(2026, 2, 1, tzinfo=UTC)
LAYERS = ("base", "prices", "fees", "variants", "tiers", "uplifts", "own")
TICK = timedelta(microseconds=1)
ALWAYS = Period()
NOTHING: Mapping[str, str] = MappingProxyType({})


def stating(
    multiplier: str | None = None,
    *,
    source: str = "s",
    period: Period = ALWAYS,
    conditions: Mapping[str, str] = NOTHING,
    **texts: str | None,
) -> Statement:
    """A statement of prices by unit, or of a multiplier."""
    return Statement(
        source=source,
        period=period,
        prices={
            unit: None if text is None else Price(Decimal(text)) for unit, text in texts.items()
        },
        multiplier=None if multiplier is None else Decimal(multiplier),
        conditions=conditions,
    )


def schedule(words: dict[str, str] | None = None, **layers: list[Statement]) -> Schedule:
    """A schedule of these layers."""
    return Schedule("all", words or {}, tuple(layers.get(layer, []) for layer in LAYERS))


def prices(rates: Rates | None) -> dict[str, Decimal]:
    """The rates by unit."""
    assert rates is not None
    return {rate.unit: rate.price.base for rate in rates.rates}


PLAIN = stating(input_tokens="10", output_tokens="20", web_searches="5")


def test_each_layer_is_merged_over_the_one_below_unit_by_unit() -> None:
    """`None` takes a price back, whoever had stated it; of what nobody had, nothing is left."""
    everything = schedule(
        base=[PLAIN],
        prices=[stating(input_tokens="11", cache_read_tokens="1")],
        fees=[stating(web_searches="6")],
        variants=[stating(output_tokens="19")],
        tiers=[stating(input_tokens="12")],
        uplifts=[stating(output_tokens="21")],
        own=[stating(cache_read_tokens=None, images=None, code_executions="7")],
    )

    assert prices(everything.at(FIRST)) == {
        "input_tokens": 12,
        "output_tokens": 21,
        "web_searches": 6,
        "code_executions": 7,
    }


@pytest.mark.parametrize("layer", ["prices", "tiers", "uplifts"])
def test_a_multiplier_of_ours_leaves_tools_alone(layer: str) -> None:
    """Only what the model reads and writes is dearer or cheaper."""
    half = {layer: [stating("0.5")]}
    changed = schedule(None, base=[PLAIN], **half)

    assert prices(changed.at(FIRST)) == {
        "input_tokens": 5,
        "output_tokens": 10,
        "web_searches": 5,
    }


def test_a_multiplier_of_the_users_is_on_everything() -> None:
    """A discount is on the bill."""
    changed = schedule(base=[PLAIN], uplifts=[stating("2")], own=[stating("0.5", source="mine")])
    rates = changed.at(FIRST)

    assert prices(rates) == {
        "input_tokens": 10,
        "output_tokens": 20,
        "web_searches": Decimal("2.5"),
    }
    assert rates is not None
    assert {rate.source for rate in rates.rates} == {"mine"}


def test_the_last_that_holds_counts_and_of_the_lists_the_first_where_none_does() -> None:
    """As genai-prices has it; other layers state nothing outside their time."""
    later = Period(start=SECOND)
    dated = schedule(
        base=[
            stating(input_tokens="1", period=later),
            stating(input_tokens="2", period=Period(start=SECOND + timedelta(days=9))),
        ],
        own=[stating(output_tokens="3", period=later), stating(output_tokens="4", period=later)],
    )

    assert prices(dated.at(FIRST)) == {"input_tokens": 1}
    assert prices(dated.at(SECOND)) == {"input_tokens": 1, "output_tokens": 4}
    assert prices(dated.at(SECOND + timedelta(days=9)))["input_tokens"] == 2


def test_all_fees_that_hold_count() -> None:
    """Tool by tool, the later of two for one tool."""
    fees = [
        stating(web_searches="1", images="9"),
        stating(web_searches="2"),
        stating(code_executions="3", period=Period(end=FIRST)),
    ]

    assert prices(schedule(base=[PLAIN], fees=fees).at(FIRST)) == {
        "input_tokens": 10,
        "output_tokens": 20,
        "web_searches": 2,
        "images": 9,
    }


def test_of_the_lists_variants_the_first_counts_most() -> None:
    """Unit by unit, among those that hold."""
    variants = [
        stating(input_tokens="1", period=Period(start=SECOND)),
        stating(input_tokens="2"),
        stating(input_tokens="3", output_tokens="4"),
    ]
    varied = schedule(base=[PLAIN], variants=variants)

    assert prices(varied.at(FIRST)) == {"input_tokens": 2, "output_tokens": 4, "web_searches": 5}
    assert prices(varied.at(SECOND))["input_tokens"] == 1


@pytest.mark.parametrize(("factor", "expected"), [("0.5", 5), ("0", 0), (None, 1)])
def test_a_multiplier_of_ours_is_for_the_plain_price(factor: str | None, expected: int) -> None:
    """Not for the list's variant, which it would halve once more; a price of ours is merged."""
    tier = stating(factor) if factor else stating(output_tokens="9")
    varied = schedule(base=[PLAIN], variants=[stating(input_tokens="1")], tiers=[tier])

    assert prices(varied.at(FIRST))["input_tokens"] == expected


def test_what_is_demanded_and_not_known_is_missing() -> None:
    """A batch, a tier or a speed needs rates of its own; a region does not."""
    words = {"batch": "true", "service_tier": "flex", "speed": "fast", "region": "us"}
    known = stating("0.5", conditions={"service_tier": "flex"})

    def missing(**layers: list[Statement]) -> str:
        rates = schedule(words, base=[PLAIN], **layers).at(FIRST)
        assert rates is not None
        return rates.missing

    assert missing() == "batch, service_tier flex, speed fast"
    assert missing(tiers=[known]) == "batch, speed fast"
    assert missing(own=[stating("1", conditions=dict.fromkeys(words, "*"))]) == ""


def test_within_an_epoch_the_rates_are_the_same_object() -> None:
    """They are compiled once for each, and once where two are the same."""
    dated = schedule(base=[PLAIN], own=[stating("2", period=Period(start=FIRST, end=SECOND))])
    before, within, after = (dated.at(at) for at in (FIRST - TICK, FIRST, SECOND))

    assert before is after
    assert before is not within
    assert dated.at(SECOND - TICK) is within
    assert dated.at(SECOND) is after
    assert [start for start, _ in dated.epochs()] == [None, FIRST, SECOND]
    assert [rates for _, rates in dated.epochs()] == [before, within, after]
    assert len(dated._compiled) == 2


def test_hours_matter_within_an_epoch() -> None:
    """The rates of the night are found at night, however often the day was asked."""
    night = stating("0.5", period=Period(hours=(time(22), time(6))))
    nightly = schedule(base=[PLAIN], prices=[night])

    for _ in range(2):
        assert prices(nightly.at(FIRST))["input_tokens"] == 5
        assert prices(nightly.at(FIRST + timedelta(hours=12)))["input_tokens"] == 10


def test_where_all_is_taken_back_nothing_is_left() -> None:
    """No rates, not rates of nothing; and neighbours without any are one epoch."""
    ends = Period(end=FIRST)
    gone = schedule(prices=[stating(input_tokens="1", period=ends)])

    assert gone.at(FIRST) is None
    assert gone.at(FIRST) is None
    assert gone.at(FIRST - TICK) is not None
    assert [start for start, _ in gone.epochs()] == [None, FIRST]
    assert [start for start, _ in schedule(own=[stating("2", period=ends)]).epochs()] == [None]


def test_a_rate_says_its_source_and_since_when() -> None:
    """Of the statement that made it, and all the rates of the model's."""
    since = Period(start=SECOND)
    rates = schedule(
        base=[stating(input_tokens="1", source="list")],
        own=[stating(output_tokens="2", source="mine", period=since)],
    ).at(SECOND)

    assert rates is not None
    assert rates.source == "all"
    assert [(rate.unit, rate.source, rate.effective_date) for rate in rates.shown] == [
        ("input_tokens", "list", None),
        ("output_tokens", "mine", SECOND.date()),
    ]
    assert [rate.contains for rate in rates.rates] == [(), ()]


def test_inner_units_come_first() -> None:
    """What contains others is what remains of it after them."""
    rates = schedule(
        base=[
            stating(
                input_tokens="1",
                cache_write_tokens="2",
                cache_write_1h_tokens="3",
                output_tokens="4",
            )
        ]
    ).at(FIRST)

    assert rates is not None
    assert [rate.unit for rate in rates.rates][:2] == [
        "cache_write_1h_tokens",
        "cache_write_tokens",
    ]
    assert {rate.unit: rate.contains for rate in rates.rates}["input_tokens"] == (
        "cache_write_tokens",
        "cache_write_1h_tokens",
    )
