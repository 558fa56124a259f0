"""Which rates the book gives for whom, when; and that a book is kept and read back the same."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage as ListUsage
from genai_prices import calc_price
from hypothesis import given
from hypothesis import strategies as st

from spanledger.call import Call
from spanledger.errors import PriceError
from spanledger.pricing.book import CACHED_MODELS_MAX, LIST_PROVIDERS, MAKERS, PriceBook
from spanledger.pricing.cost import SCALE, Cost
from spanledger.pricing.engine import price
from spanledger.pricing.listing import PriceList
from spanledger.pricing.overlay import read_overlay
from spanledger.pricing.rates import Rates
from spanledger.usage import Usage
from tests.pricing.usages import common_usages, rare_usages

BOOK = PriceBook()
LIST_ONLY = PriceBook(BOOK.prices, layers={})
AGAIN = PriceBook.load(BOOK.dump())
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
MODELS = [(provider, model.id) for provider, model in BOOK.prices.models()]

instants = st.datetimes(datetime(2023, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


def build_call(provider: str, model: str, **fields: Any) -> Call:
    """A finished chat call; tests name what they vary."""
    call = Call(
        trace_id="1" * 32,
        span_id="2" * 16,
        start_time=NOVEMBER,
        duration_us=1,
        provider=provider,
        operation="chat",
        request_model=model,
        usage_source="provider",
    )
    return replace(call, **fields)


def small_list(**models: str) -> PriceList:
    """A list of one provider with models and their price of input."""
    return PriceList(
        "t/1",
        [
            {
                "id": "acme",
                "models": [
                    {"id": name, "match": {"equals": name}, "prices": {"input_mtok": amount}}
                    for name, amount in models.items()
                ],
            }
        ],
    )


def small_book(text: str = "", **layers: str) -> PriceBook:
    """A book of that list, the layers, and `text` as the user's overlay."""
    return PriceBook(
        small_list(m="1"),
        {layer: [read_overlay(one, layer)] for layer, one in layers.items()},
        read_overlay(text, "mine") if text else None,
    )


def prices(rates: Rates | None) -> dict[str, Decimal] | None:
    """The rates by unit."""
    return None if rates is None else {rate.unit: rate.price.base for rate in rates.rates}


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("azure.ai.openai", "gpt-4o"),
        ("azure.ai.inference", "gpt-4o"),
        ("gcp.vertex_ai", "gemini-2.5-pro"),
        ("gcp.gen_ai", "gemini-2.5-pro"),
        ("gemini", "gemini-2.5-pro"),
        ("vertex_ai", "gemini-2.5-pro"),
        ("gcp.gemini", "models/gemini-2.5-pro"),
        ("aws.bedrock", "amazon.nova-pro-v1:0"),
        ("mistral_ai", "mistral-large-latest"),
        ("x_ai", "grok-4"),
        ("moonshot_ai", "kimi-k2-0905-preview"),
        ("deepseek", "deepseek-chat"),
        ("openai", "gpt-4o"),
    ],
)
def test_both_worlds_of_provider_names_find_the_list(provider: str, model: str) -> None:
    """OpenTelemetry's provider names and those of the list data are different words."""
    assert BOOK.rates(provider, model, NOVEMBER) is not None
    listed = LIST_PROVIDERS.get(provider, provider)
    assert prices(BOOK.rates(listed, model, NOVEMBER)) == prices(
        BOOK.rates(provider, model, NOVEMBER)
    )


@pytest.mark.parametrize("provider", ["gcp.gemini", "google", "[g]cp.gemini", "goog*", "GOOGLE"])
def test_an_overlay_may_name_a_provider_in_both_worlds(provider: str) -> None:
    """Whichever of them the call says."""
    text = f"overrides: [{{match: {{provider: '{provider}'}}, multiplier: '2'}}]"
    mine = LIST_ONLY.with_own(read_overlay(text, "mine"))

    plain = prices(LIST_ONLY.rates("gcp.gemini", "gemini-2.5-pro", NOVEMBER))
    assert plain is not None
    assert prices(mine.rates("gcp.gemini", "gemini-2.5-pro", NOVEMBER)) == {
        unit: amount * 2 for unit, amount in plain.items()
    }


def test_unknown_is_none() -> None:
    """No match is made up for an unknown provider or model, nor is a fee for a tool a price."""
    assert BOOK.rates("initech", "gpt-4o", NOVEMBER) is None
    assert BOOK.rates("openai", "gpt-9-ultra", NOVEMBER) is None
    assert BOOK.rates("openai", "", NOVEMBER) is None
    assert BOOK.rates("google", "gemini-3-ultra-x", NOVEMBER) is None
    assert BOOK.epochs("initech", "gpt-4o") == []


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("aws", "anthropic.claude-v2-ultra"),
        ("aws", "deepseek.v3.2-405b"),
        ("aws", "ai21.jamba-1-5-mini-v1:0-vision"),
        ("x_ai", "grok-4.20-ultra"),
        ("anthropic", "claude-instant-2"),
        ("gcp.gemini", "gemini-2.5-flash-preview-native-audio-ultra"),
        ("openai", "ft:gpt-4.1-ultra-2025-04-14:acme::id"),
    ],
)
def test_a_glob_of_the_maintained_overlay_is_no_guess(provider: str, model: str) -> None:
    """A name that only begins like one that it prices has no price."""
    assert BOOK.rates(provider, model, datetime(2025, 6, 1, tzinfo=UTC)) is None
    assert BOOK.rates(provider, model, NOVEMBER) is None


def test_a_glob_of_the_users_means_what_it_says() -> None:
    """Their own models are named as they like, and any of them prices one that nobody knows."""
    mine = small_book("overrides: [{match: {model: 'llama*'}, prices: {input_mtok: '3'}}]")

    rates = mine.rates("vllm", "LLaMA-7b", NOVEMBER)
    assert prices(rates) == {"input_tokens": 3}
    assert rates is not None
    assert rates.source == "overlay for vllm/llama-7b"
    assert mine.rates("vllm", "mistral", NOVEMBER) is None


def test_the_layers_stand_on_each_other() -> None:
    """List, history, fees, tiers, uplifts, the user's: each changes what is below it."""
    own = "overrides: [{match: {}, multiplier: '2'}]"
    book = small_book(
        own,
        prices="overrides: [{match: {model: m}, prices: {output_mtok: '3'}}]",
        fees="overrides: [{match: {model: m}, prices: {web_searches_kcount: '4'}}]",
        tiers="overrides: [{match: {model: m, batch: true}, multiplier: '0.5'}]",
        uplifts="overrides: [{match: {model: m, region: us}, multiplier: '1.1'}]",
    )
    region = (("region", "US"),)

    assert prices(book.rates("acme", "m", NOVEMBER)) == {
        "input_tokens": 2,
        "output_tokens": 6,
        "web_searches": 8,
    }
    assert prices(book.rates("acme", "m", NOVEMBER, batch=True, context=region)) == {
        "input_tokens": Decimal("1.1"),
        "output_tokens": Decimal("3.3"),
        "web_searches": 8,
    }
    assert book.own is not None
    assert prices(book.with_own(None).rates("acme", "m", NOVEMBER)) == {
        "input_tokens": 1,
        "output_tokens": 3,
        "web_searches": 4,
    }


@pytest.mark.parametrize(
    ("tier", "context", "missing"),
    [
        ("", (), ""),
        ("default", (), ""),
        ("STANDARD", (), ""),
        ("auto", (("speed", "standard"),), ""),
        ("", (("speed", ""),), ""),
        ("Flex", (), "service_tier flex"),
        ("batch", (), "batch"),
        ("", (("service_tier", "batch"),), "batch"),
        ("", (("speed", "fast"), ("region", "us")), "speed fast"),
    ],
)
def test_what_a_call_asks_for_is_known_or_missing(
    tier: str, context: tuple[tuple[str, str], ...], missing: str
) -> None:
    """Standard tiers mean the list price; Anthropic calls a batch a tier."""
    rates = small_book().rates("acme", "m", NOVEMBER, tier=tier, context=context)

    assert rates is not None
    assert rates.missing == missing


def test_the_answering_model_counts_and_the_asked_one_where_it_is_unknown() -> None:
    """At Amazon the asked one, which is the profile, and so the price."""
    book = PriceBook(small_list(m="1", n="2"), {})
    amazon = PriceBook(
        PriceList("t/1", [{**book.prices.raw[0], "id": "aws"}]),
        {},
    )

    def input_price(book: PriceBook, provider: str, response: str, request: str) -> Decimal | None:
        rates = prices(book.rates_of(build_call(provider, request, response_model=response)))
        return None if rates is None else rates["input_tokens"]

    assert input_price(book, "acme", "n", "m") == 2
    assert input_price(book, "acme", "gw-4711", "m") == 1
    assert input_price(book, "acme", "gw-4711", "gw-4712") is None
    assert input_price(amazon, "aws.bedrock", "n", "m") == 1
    assert input_price(amazon, "aws", "n", "arn:x") == 2


def test_the_tier_that_was_answered_counts() -> None:
    """Not the one that was asked for."""
    text = "overrides: [{match: {service_tier: flex}, multiplier: '0.5'}]"
    book = small_book(text)
    call = build_call("acme", "m", request_service_tier="flex")

    asked, answered = (
        book.rates_of(one) for one in (call, replace(call, response_service_tier="default"))
    )
    assert prices(asked) == {"input_tokens": Decimal("0.5")}
    assert prices(answered) == {"input_tokens": 1}


def test_rates_are_compiled_once() -> None:
    """The same question gets the same object; another epoch gets another."""
    may = datetime(2025, 5, 15, tzinfo=UTC)

    assert BOOK.rates("openai", "o3", NOVEMBER) is BOOK.rates("openai", "o3", NOVEMBER)
    assert BOOK.rates("openai", "o3", may) is not BOOK.rates("openai", "o3", NOVEMBER)


def test_the_cache_is_bounded_and_holds_misses() -> None:
    """Model names come from outside."""
    book = small_book()
    for _ in range(3):
        assert book.rates("acme", "unknown", NOVEMBER) is None
    info = book._schedule.cache_info()
    assert (info.misses, info.hits) == (1, 2)
    for number in range(CACHED_MODELS_MAX + 10):
        book.rates("acme", f"unknown-{number}", NOVEMBER)

    assert book._schedule.cache_info().currsize == CACHED_MODELS_MAX == info.maxsize


def test_a_dated_price_says_since_when() -> None:
    """A line shows the date from which its rate holds."""
    rates = LIST_ONLY.rates("openai", "o3", NOVEMBER)

    assert rates is not None
    assert {rate.effective_date for rate in rates.rates} == {date(2025, 6, 10)}
    assert rates.source == f"list:{BOOK.prices.version}/openai/o3"
    assert LIST_ONLY.epochs("openai", "o3")[1][1] is rates


def test_the_kind_of_match_is_recorded() -> None:
    """Unless the name is the list's id."""
    dated = BOOK.rates("openai", "gpt-5-nano-2025-08-07", NOVEMBER)
    normalised = BOOK.rates("gcp.gemini", "models/gemini-2.5-pro", NOVEMBER)

    assert dated is not None
    assert normalised is not None
    assert dated.source.endswith("/openai/gpt-5-nano (dated)")
    assert normalised.source.endswith("/google/gemini-2.5-pro (normalised)")


def test_who_sells_and_who_makes_a_model() -> None:
    """The maker comes first; nobody is made up."""
    assert BOOK.providers_of("gpt-4o")[0] == "openai"
    assert BOOK.providers_of("gemini-2.5-pro")[0] == "google"
    assert BOOK.providers_of("gpt-9-ultra") == []
    assert BOOK.maker_of("gemini-2.5-pro", NOVEMBER) == "gcp.gemini"
    assert BOOK.maker_of("gpt-9-ultra", NOVEMBER) == ""
    assert len(set(MAKERS)) == len(MAKERS)
    assert {LIST_PROVIDERS.get(maker, maker) for maker in MAKERS} <= set(BOOK.prices.providers())


@given(
    model=st.sampled_from(MODELS),
    usage=common_usages() | rare_usages(),
    at=instants,
    batch=st.booleans(),
    tier=st.sampled_from(["", "", "flex", "priority"]),
)
def test_without_overlays_amounts_equal_the_list_calculator(
    *, model: tuple[str, str], usage: Usage, at: datetime, batch: bool, tier: str
) -> None:
    """Wherever we say that a call is priced, genai-prices' own calculator says the same."""
    provider, name = model
    fields = usage.reported()
    for unit in ("cache_write_5m_tokens", "reasoning_tokens", "web_searches"):
        fields.pop(unit, None)
    fields = {_THEIRS.get(unit, unit): quantity for unit, quantity in fields.items()}
    ours = replace(usage, web_searches=None)
    call = build_call(
        provider, name, usage=ours, start_time=at, batch=batch, request_service_tier=tier
    )
    cost = price(call, LIST_ONLY)
    if not isinstance(cost, Cost) or cost.status != "priced" or ours.citation_tokens:
        return
    if {line.unit for line in cost.lines} & {"reasoning_tokens", "requests"}:
        return  # units that its calculator has by another name, or on top
    context: dict[str, str] = {"service_tier": tier} if tier and not batch else {}
    if batch:
        context["processing"] = "batch"

    try:
        expected = calc_price(
            ListUsage(**fields),
            name,
            provider_id=provider,
            genai_request_timestamp=at,
            price_context=context or None,
        )
    except LookupError:
        return  # its patterns do not always have the model's own id

    assert abs(cost.amount - expected.total_price) <= SCALE * (len(cost.lines) + 1) / 2


_THEIRS = {
    "cache_read_audio_tokens": "cache_audio_read_tokens",
    "cache_read_image_tokens": "cache_image_read_tokens",
    "citation_tokens": "output_citation_tokens",
}


@given(
    model=st.sampled_from(MODELS),
    usage=common_usages() | rare_usages(),
    at=instants,
    batch=st.booleans(),
)
def test_a_book_that_was_kept_prices_everything_the_same(
    *, model: tuple[str, str], usage: Usage, at: datetime, batch: bool
) -> None:
    """S4.5: every amount can be computed again from the raw usage and the price version."""
    provider, name = model
    call = build_call(provider, name, usage=usage, start_time=at, batch=batch)

    assert price(call, BOOK) == price(call, AGAIN)


def test_a_book_that_was_kept_is_the_same_to_the_byte() -> None:
    """The version too, and the user's overlay."""
    mine = small_book("overrides: [{match: {}, multiplier: '2'}]", fees="overrides: []")
    again = PriceBook.load(mine.dump())

    assert AGAIN.version == BOOK.version
    assert AGAIN.dump() == BOOK.dump() == BOOK.dump()
    assert AGAIN.own is None
    assert again.own is not None
    assert again.own.name == "mine"
    assert (again.version, again.dump()) == (mine.version, mine.dump())
    assert price(build_call("acme", "m", usage=Usage(input_tokens=5)), again) == price(
        build_call("acme", "m", usage=Usage(input_tokens=5)), mine
    )


def test_the_version_changes_with_any_text_and_with_nothing_else() -> None:
    """Of the list, of a layer, of the user's overlay."""
    text, other = "overrides: []", "overrides: [] # changed"
    versions = [
        small_book().version,
        small_book(text).version,
        small_book(other).version,
        small_book(fees=other).version,
        small_book(fees=text, tiers=text).version,
        PriceBook(PriceList("t/2", []), {}).version,
    ]

    assert len(set(versions)) == len(versions)
    assert small_book(text).version == small_book(text).version
    assert small_book(text).version == small_book().with_own(read_overlay(text, "x")).version
    assert versions[0].startswith("t/1+")


def packed(content: object) -> bytes:
    """What is kept, with this inside."""
    return gzip.compress(json.dumps(content).encode())


NOTHING: dict[str, Any] = {}
GOOD: dict[str, Any] = {
    "format": 1,
    "list": {"version": "v", "providers": []},
    "layers": {},
    "own": None,
}


DAMAGED: list[bytes] = [
    b"",
    b"no gzip",
    BOOK.dump()[:-9],
    BOOK.dump()[:100],
    BOOK.dump()[:200] + b"\0" * 99 + BOOK.dump()[299:],
    gzip.compress(b"no json"),
    gzip.compress(b"\xff\xfe\xff"),
    gzip.compress(b"[" * 100_000),
    packed([]),
    packed(None),
    packed({**GOOD, "list": NOTHING}),
    packed(GOOD | {"list": 5}),
    packed(GOOD | {"list": {"version": "v", "providers": 5}}),
    packed({**GOOD, "layers": list[int]()}),
    packed(GOOD | {"layers": {"prices": 5}}),
    packed(GOOD | {"layers": {"prices": [["name"]]}}),
    packed(GOOD | {"layers": {"prices": [["name", 5]]}}),
    packed(GOOD | {"layers": {"prices": [["name", "overrides: 5"]]}}),
    packed(GOOD | {"own": [1]}),
    packed({name: value for name, value in GOOD.items() if name != "own"}),
]


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_what_is_no_book_is_refused(data: bytes) -> None:
    """Cut, changed or never one."""
    with pytest.raises(PriceError):
        PriceBook.load(data)


def test_a_book_of_a_later_format_says_so() -> None:
    """It is not damaged; and one of ours is read."""
    assert PriceBook.load(packed(GOOD)).version.startswith("v+")
    with pytest.raises(PriceError, match="has the format 2: update spanledger"):
        PriceBook.load(packed(GOOD | {"format": 2}))


@given(st.binary() | st.binary().map(gzip.compress))
def test_any_bytes_are_a_book_or_refused(data: bytes) -> None:
    """Nothing but `PriceError` comes out."""
    with pytest.raises(PriceError):
        PriceBook.load(data)
