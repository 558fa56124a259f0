"""Usages for property tests, and a pricer that is slow and made by another method than ours."""

from fractions import Fraction

from hypothesis import strategies as st

from spanledger.pricing.rates import Rates
from spanledger.pricing.units import PER, REQUESTS
from spanledger.usage import PART_OF, Usage


@st.composite
def common_usages(draw: st.DrawFn, most: int = 300_000) -> Usage:
    """Usages of the common units, with any of the parts left out."""
    quantities = st.integers(0, most)
    read, write = (draw(st.none() | quantities) for _ in range(2))
    output = draw(quantities)
    hour = None if write is None else draw(st.none() | st.integers(0, write))
    five = None if write is None else draw(st.none() | st.integers(0, write - (hour or 0)))
    return Usage(
        input_tokens=(read or 0) + (write or 0) + draw(quantities),
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=hour,
        cache_write_5m_tokens=five,
        output_tokens=output,
        reasoning_tokens=draw(st.none() | st.integers(0, output)),
    )


@st.composite
def rare_usages(draw: st.DrawFn) -> Usage:
    """Usages with sound and images as well, none of whose parts overlap unseen."""
    few = st.integers(0, 50_000)
    text, image, output = draw(few), draw(few), draw(few)
    read_audio = draw(few)
    audio = read_audio + draw(few)
    read = read_audio + draw(st.integers(0, text))
    output_audio = draw(st.integers(0, output))
    return Usage(
        input_tokens=text + image + audio,
        input_audio_tokens=audio,
        input_image_tokens=image,
        cache_read_tokens=read,
        cache_read_audio_tokens=read_audio,
        output_tokens=output,
        output_audio_tokens=output_audio,
        citation_tokens=draw(few),
        web_searches=draw(st.integers(0, 20)),
    )


def slow_amount(rates: Rates, usage: Usage) -> Fraction:
    """What `usage` costs, by walking down from the units that nothing contains.

    Each token is laid to the innermost unit that counts it: a unit keeps what its parts do not
    take, and what it keeps costs the rate of the nearest unit around it that has one.
    """
    size = usage.input_tokens or 0
    prices = {rate.unit: Fraction(rate.price.at(size)) / PER[rate.unit] for rate in rates.rates}
    total = prices.get(REQUESTS, Fraction(0))
    for unit, quantity in usage.reported().items():
        # The tokens of a part are moved from the price of what is around it to its own.
        own = _price_within(unit, prices)
        around = _around(unit, prices)
        total += quantity * (own - around)
    return total


def _price_within(unit: str, prices: dict[str, Fraction]) -> Fraction:
    return prices[unit] if unit in prices else _around(unit, prices)


def _around(unit: str, prices: dict[str, Fraction]) -> Fraction:
    """The price of what directly contains `unit`; of two that do, what each adds to their whole."""
    direct = PART_OF.get(unit, ())
    if not direct:
        return Fraction(0)
    if len(direct) == 1:
        return _price_within(direct[0], prices)
    # Cached audio is audio and cached: by both it has been moved, from the one whole they share.
    return sum((_price_within(whole, prices) for whole in direct), Fraction(0)) - _price_within(
        "input_tokens", prices
    )
