"""The quick sum, the lines and a slow pricer by another method agree on any rates and usage."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.pricing.cost import SCALE
from spanledger.pricing.rates import Rates, make_rate
from spanledger.pricing.statement import Price
from spanledger.pricing.units import PRICE_KEYS, REQUESTS, wholes
from spanledger.usage import COMMON, Usage
from tests.pricing.usages import common_usages, rare_usages, slow_amount

RARE = (
    "input_audio_tokens",
    "input_image_tokens",
    "cache_read_audio_tokens",
    "output_audio_tokens",
    "citation_tokens",
    "web_searches",
)


def make_rates(prices: dict[str, Price], missing: str = "") -> Rates:
    """Rates as a schedule makes them: innermost units first."""
    units = frozenset(prices)
    ordered = sorted(prices, key=lambda unit: -len(wholes(unit)))
    rates = tuple(make_rate(unit, prices[unit], units, f"of {unit}", None) for unit in ordered)
    return Rates(rates, source="test", missing=missing)


def flat(**prices: str) -> Rates:
    """Rates without tiers."""
    return make_rates({unit: Price(Decimal(text)) for unit, text in prices.items()})


amounts = st.decimals(0, 1000, places=3) | st.decimals(0, 10, places=9) | st.just(Decimal(0))


@st.composite
def prices(draw: st.DrawFn) -> Price:
    """A price, by size in some cases."""
    starts = draw(st.lists(st.integers(0, 400_000), unique=True, max_size=3))
    return Price(draw(amounts), tuple((start, draw(amounts)) for start in sorted(starts)))


@st.composite
def some_rates(draw: st.DrawFn, among: tuple[str, ...]) -> Rates:
    """Rates for some of the units, tiers and odd decimals included."""
    units = draw(st.sets(st.sampled_from(among)))
    return make_rates({unit: draw(prices()) for unit in sorted(units)})


@given(rates=some_rates((*COMMON, REQUESTS)), usage=common_usages())
def test_the_quick_sum_is_what_the_lines_add_up_to(rates: Rates, usage: Usage) -> None:
    """Where it says an amount at all; that it says one where all is plain, others test."""
    quick = rates.quick(usage)

    if quick is not None:
        assert quick == sum(line.amount for line in rates.lines(usage))
        assert not rates.unrated(usage)


@given(usage=common_usages(), reasoning=st.booleans(), write_1h=st.booleans())
def test_the_quick_sum_is_there_for_plain_prices(
    *, usage: Usage, reasoning: bool, write_1h: bool
) -> None:
    """It gives up only where a rate that is needed is missing."""
    units = ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"]
    units += ["reasoning_tokens"] * reasoning + ["cache_write_1h_tokens"] * write_1h
    rates = make_rates({unit: Price(Decimal("1.5"), ((1000, Decimal(2)),)) for unit in units})

    lacking = bool(usage.cache_write_1h_tokens) and not write_1h
    assert (rates.quick(usage) is None) is lacking
    assert bool(rates.unrated(usage)) is lacking


@given(rates=some_rates((*COMMON, *RARE, REQUESTS)), usage=common_usages() | rare_usages())
def test_a_slow_pricer_agrees(rates: Rates, usage: Usage) -> None:
    """Each line is rounded to the store's scale, so the sum may differ by half of it a line."""
    lines = rates.lines(usage)
    total = sum((Fraction(line.amount) for line in lines), Fraction(0))

    assert abs(total - slow_amount(rates, usage)) <= Fraction(SCALE) * (len(lines) + 1) / 2
    for line in lines:
        assert line.quantity * line.rate / line.per == pytest.approx(line.amount, abs=SCALE)
        assert line.quantity != 0
        assert line.source == f"of {line.unit}"


def test_each_unit_is_needed_in_the_sum() -> None:
    """By hand: 100 in, of them 40 read, 30 written (10 for 5 minutes, 15 for 1 hour), 20 out."""
    rates = flat(
        input_tokens="1",
        cache_read_tokens="10",
        cache_write_tokens="100",
        cache_write_5m_tokens="1000",
        cache_write_1h_tokens="10000",
        output_tokens="100000",
        reasoning_tokens="1000000",
        requests="0.005",
    )
    usage = Usage(
        input_tokens=100,
        cache_read_tokens=40,
        cache_write_tokens=30,
        cache_write_5m_tokens=10,
        cache_write_1h_tokens=15,
        output_tokens=20,
        reasoning_tokens=7,
    )

    by_hand = 30 + 400 + 5 * 100 + 10_000 + 150_000 + 13 * 100_000 + 7_000_000
    expected = Decimal(by_hand) / 1_000_000 + Decimal("0.000005")

    assert rates.quick(usage) == expected
    assert sum(line.amount for line in rates.lines(usage)) == expected
    assert [line.unit for line in rates.lines(usage)] == [*COMMON, REQUESTS]
    assert [line.quantity for line in rates.lines(usage)] == [30, 40, 5, 10, 15, 13, 7, 1]


@pytest.mark.parametrize(
    ("without", "usage"),
    [
        ("cache_read_tokens", Usage(input_tokens=9, output_tokens=1, cache_read_tokens=1)),
        ("cache_write_tokens", Usage(input_tokens=9, output_tokens=1, cache_write_tokens=1)),
        (
            "cache_write_1h_tokens",
            Usage(input_tokens=9, output_tokens=1, cache_write_tokens=1, cache_write_1h_tokens=1),
        ),
    ],
)
def test_a_missing_sub_rate_is_never_passed_over(without: str, usage: Usage) -> None:
    """Nothing is summed quickly at another unit's rate; the unit that lacks one is named."""
    known = {"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"}
    rates = flat(**dict.fromkeys(sorted(known - {without}), "1"))

    assert rates.quick(usage) is None
    assert rates.unrated(usage) == [without]
    assert rates.quick(Usage(input_tokens=9, output_tokens=1)) == Decimal("0.00001")


def test_a_unit_whose_parts_are_all_priced_lacks_nothing() -> None:
    """Writes that all were for five minutes need no rate for writes as such."""
    rates = flat(input_tokens="1", output_tokens="1", cache_write_5m_tokens="2")
    some = Usage(input_tokens=9, output_tokens=0, cache_write_tokens=4, cache_write_5m_tokens=4)

    assert rates.unrated(some) == []
    assert rates.unrated(replace(some, cache_write_5m_tokens=3)) == ["cache_write_tokens"]


def test_reasoning_costs_what_output_does_unless_it_has_a_rate() -> None:
    """It is no unit that lacks a rate."""
    usage = Usage(input_tokens=0, output_tokens=10, reasoning_tokens=4)

    assert flat(input_tokens="1", output_tokens="3").quick(usage) == Decimal("0.00003")
    dearer = flat(input_tokens="1", output_tokens="3", reasoning_tokens="5")
    assert dearer.quick(usage) == Decimal("0.000038")


def test_what_is_measured_twice_is_paid_once() -> None:
    """Time stands for tokens where only time is priced, and tokens for characters."""
    heard = Usage(audio_ms=60_000, input_tokens=500, output_tokens=50)

    assert flat(audio_ms="0.36").unrated(heard) == []
    assert flat(output_tokens="1").unrated(heard) == ["input_tokens", "audio_ms"]
    assert flat(input_tokens="1").unrated(Usage(input_tokens=5, input_characters=9)) == []


def test_a_price_finer_than_the_store_is_rounded_line_by_line() -> None:
    """Half of the last digit goes to the even one, as the store's decimals do."""
    rates = flat(input_tokens="0.0000005", output_tokens="1")

    assert rates.quick(Usage(input_tokens=1, output_tokens=1)) is None
    rounded = [rates.lines(Usage(input_tokens=n))[0].amount for n in (1, 3, 5)]
    assert rounded == [Decimal(0), 2 * SCALE, 2 * SCALE]


@pytest.mark.parametrize("lacking", ["input_tokens", "output_tokens"])
def test_rates_that_lack_a_side_are_summed_by_lines(lacking: str) -> None:
    """An embedding has no output; what has no rate is not summed as if it were free."""
    sides = {"input_tokens": "1", "output_tokens": "1"}
    del sides[lacking]

    assert flat(**sides).quick(Usage(input_tokens=1, output_tokens=1)) is None


def test_a_tier_holds_beyond_its_threshold_for_the_whole_call() -> None:
    """Quickly and line by line; each bracket is compiled once."""
    rates = make_rates(
        {
            "input_tokens": Price(Decimal(1), ((100, Decimal(2)), (200, Decimal(3)))),
            "output_tokens": Price(Decimal(10), ((150, Decimal(20)),)),
        }
    )

    def per_million(size: int) -> Decimal:
        usage = Usage(input_tokens=size, output_tokens=1)
        amount = rates.quick(usage)
        assert amount == sum(line.amount for line in rates.lines(usage))
        assert amount is not None
        return amount * 1_000_000

    for _ in range(2):
        assert [per_million(size) for size in (100, 101, 150, 151, 200, 201)] == [
            110,
            212,
            310,
            322,
            420,
            623,
        ]
    assert len(rates._by_bracket) == 4


@given(usage=common_usages(), more=st.integers(1, 1000), unit=st.sampled_from(COMMON))
def test_more_of_any_unit_never_costs_less_where_parts_are_dearer(
    usage: Usage, more: int, unit: str
) -> None:
    """Monotone in every unit: each rate is at least that of the unit around it."""
    rates = flat(
        input_tokens="1",
        cache_read_tokens="2",
        cache_write_tokens="2.5",
        cache_write_5m_tokens="3",
        cache_write_1h_tokens="4",
        output_tokens="5",
        reasoning_tokens="6",
    )
    grown = {one: (getattr(usage, one) or 0) + more for one in (unit, *wholes(unit))}

    before, after = rates.quick(usage), rates.quick(replace(usage, **grown))
    assert before is not None
    assert after is not None
    assert after > before


@given(one=common_usages(), other=common_usages())
def test_two_calls_cost_what_one_with_the_sum_does(one: Usage, other: Usage) -> None:
    """Additive under flat rates without a fee for the call."""
    rates = flat(**{unit: f"{place}.25" for place, unit in enumerate(COMMON)})
    units = {**one.reported(), **other.reported()}
    both = Usage(
        **{unit: (getattr(one, unit) or 0) + (getattr(other, unit) or 0) for unit in units}
    )
    split = [rates.quick(usage) for usage in (one, other)]

    assert None not in split
    assert sum(amount for amount in split if amount is not None) == rates.quick(both)


def test_every_unit_has_a_place_and_a_size() -> None:
    """Lines are shown in the order of the units, whatever is priced."""
    units = {unit for unit, _ in PRICE_KEYS.values()}
    rates = make_rates({unit: Price(Decimal(1)) for unit in units})

    assert len(rates.shown) == len(units)
    assert rates.shown[-1].unit == REQUESTS
    assert rates.shown[0].unit == "input_tokens"
