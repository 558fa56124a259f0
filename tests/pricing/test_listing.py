"""Names that the list knows, names that only look like them, and lists that are none."""

import json
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.errors import PriceError
from spanledger.pricing.listing import PriceList, bare_name, installed_list
from spanledger.pricing.statement import Price

LIST = installed_list()
MODELS = [(provider, model.id) for provider, model in LIST.models()]
FOUND = (Path(__file__).parent / "found_names.txt").read_text(encoding="utf-8").splitlines()


def kind(prices: PriceList, provider: str, name: str) -> tuple[str, str] | None:
    """The model that is found and how."""
    found = prices.find(provider, name)
    return found and (found.model.id, found.match)


@pytest.mark.parametrize("line", FOUND)
def test_names_from_the_field_are_found(line: str) -> None:
    """Names of LiteLLM's price file, which its users send, by provider: the match and the model."""
    provider, name, match, model = line.split(" ")

    found = LIST.find(provider, name)

    assert found is not None
    place = "" if found.provider == provider else f"{found.provider}/"
    assert (found.match, place + found.model.id) == (match, model)


@given(
    model=st.sampled_from(MODELS),
    ending=st.sampled_from(
        ["-ultra", "-x", "-2x", "-405b", "-v9", "-99", "x", "-2024", "-quux-2024-08-06", "!", "-é"]
    ),
)
def test_a_name_that_goes_on_is_another_model(model: tuple[str, str], ending: str) -> None:
    """No fuzzy match ever decides a price: of every model of the list, its id with more to it."""
    provider, name = model

    assert LIST.find(provider, name + ending) is None


@given(model=st.sampled_from(MODELS), beginning=st.sampled_from(["x-", "my-", "xx.", "super/"]))
def test_a_name_that_begins_before_is_another_model(model: tuple[str, str], beginning: str) -> None:
    """The same the other way round."""
    provider, name = model

    assert LIST.find(provider, beginning + name) is None


@given(model=st.sampled_from(MODELS), data=st.data())
def test_words_in_another_order_are_another_model(
    model: tuple[str, str], data: st.DataObject
) -> None:
    """Unless the list says that order as well."""
    provider, name = model
    words = re.split(r"([-/:])", name)
    if len(words) < 3:
        return
    place = data.draw(st.integers(0, len(words) // 2 - 1)) * 2
    words[place], words[place + 2] = words[place + 2], words[place]
    found = LIST.find(provider, "".join(words))

    assert found is None or found.model.id == name or found.match != "normalised"


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("openai", "gpt-4o-ultra"),
        ("openai", "gpt-9"),
        ("openai", "ft:gpt-4o-ultra-2024-08-06:acme::id"),
        ("anthropic", "claude-opus-4-5-4-5"),
        ("anthropic", "claude-opus-4-5-20"),
        ("google", "gemini-2.5-pro-405"),
        ("google", "models/gemini-2.5-pro-x"),
        ("google", "publishers/google/models/gemini-2.5-pro-ultra"),
        ("aws", "anthropic.claude-opus-4-1-20250805-v2:0"),
        ("aws", "us.us.anthropic.claude-opus-4-1-20250805-v1:0"),
        ("aws", "amazon.nova-lite-v1:0-70b"),
        ("mistral", "mistral-large-9"),
        ("initech", "gpt-4o"),
        ("openai", ""),
    ],
)
def test_names_that_only_resemble_one_have_no_price(provider: str, name: str) -> None:
    """By hand, of the kinds that pattern matching is fooled by."""
    assert LIST.find(provider, name) is None


@pytest.mark.parametrize(
    ("provider", "name", "bare"),
    [
        ("google", "models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google", "publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        (
            "google",
            "projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro",
            "gemini-2.5-pro",
        ),
        ("google", "gemini/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google", "vertex_ai/gemini-2.5-pro", "gemini-2.5-pro"),
        (
            "aws",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
            "amazon.nova-pro-v1:0",
        ),
        (
            "aws",
            "arn:aws:bedrock:us-east-1:1234:inference-profile/us.amazon.nova-pro-v1:0",
            "us.amazon.nova-pro-v1:0",
        ),
        ("openai", " OpenAI/GPT-4o ", "gpt-4o"),
        ("openai", "gpt-4o-20240806", "gpt-4o-2024-08-06"),
        ("mistral", "mistralai/mistral-large-latest", "mistral-large-latest"),
        ("openai", "anthropic/gpt-4o", "anthropic/gpt-4o"),
    ],
)
def test_paths_and_prefixes_are_taken_off(provider: str, name: str, bare: str) -> None:
    """Of its own provider only; such a match is recorded as what it is."""
    assert bare_name(provider, name) == bare
    if bare != name.strip().lower():
        found = LIST.find(provider, name)
        assert found is not None
        assert found.match == "normalised"


def model_of(**fields: Any) -> dict[str, Any]:
    """A model as the list has it; tests name what they vary."""
    return {
        "id": "M1",
        "match": {"equals": "M1"},
        "prices": {"input_mtok": 1, "output_mtok": "2.5"},
        **fields,
    }


def list_of(*models: dict[str, Any], **fields: Any) -> PriceList:
    """A list of one provider."""
    return PriceList("t/1", [{"id": "acme", "models": list(models), **fields}])


def test_every_clause_of_the_format_is_read() -> None:
    """In any case of letters; a clause that is not known matches nothing."""
    clauses: dict[str, Any] = {
        "or": [
            {"and": [{"starts_with": "Alpha-"}, {"ends_with": "-Z"}]},
            {"contains": "beta"},
            {"regex": r"^gamma-\d{4}$"},
            {"quux": "delta"},
        ]
    }
    prices = list_of(model_of(id="beta", match=clauses))

    assert kind(prices, "acme", "beta") == ("beta", "exact")
    assert kind(prices, "acme", "BETA-2024-08-06") == ("beta", "dated")
    assert kind(prices, "acme", "alpha-z") is None  # its words are not those of the id
    assert kind(prices, "acme", "gamma-0613") is None
    assert kind(prices, "acme", "delta") is None
    named = list_of(model_of(id="gamma", match=clauses))
    assert kind(named, "acme", "gamma-0613") == ("gamma", "dated")


def test_a_regular_expression_is_taken_as_it_is() -> None:
    """In lower case it would mean another thing: all but digits would be digits."""
    prices = list_of(model_of(id="gamma", match={"regex": r"^gamma\D0613$"}))

    assert kind(prices, "acme", "Gamma-0613") == ("gamma", "dated")


def test_ids_come_before_names_and_the_first_before_the_next() -> None:
    """Of several with one name."""
    prices = list_of(
        model_of(id="a", match={"or": [{"equals": "b"}, {"equals": "c"}]}),
        model_of(id="b", match={"equals": "c"}),
    )

    assert kind(prices, "acme", "b") == ("b", "exact")
    assert kind(prices, "acme", "c") == ("a", "alias")


def test_a_fallback_provider_is_asked_next() -> None:
    """And it is said whose model it is."""
    prices = PriceList(
        "t/1",
        [
            {"id": "host", "models": [], "fallback_model_providers": ["acme"]},
            {"id": "acme", "models": [model_of()]},
        ],
    )
    found = prices.find("host", "m1")

    assert found is not None
    assert (found.provider, found.model.id, found.match) == ("acme", "M1", "exact")
    assert prices.providers() == ["host", "acme"]


def test_prices_are_read_exactly() -> None:
    """Numbers and texts, by size, of which only units that we know count."""
    model = next(
        model
        for _, model in list_of(
            model_of(
                prices={
                    "input_mtok": {
                        "base": 0.1,
                        "tiers": [{"start": 200, "price": "3"}, {"start": 100, "price": 2}],
                    },
                    "output_mtok": None,
                    "quux_mtok": "9",
                },
                context_window=1000,
            )
        ).models()
    )
    (base,) = model.base("here")

    assert base.prices == {
        "input_tokens": Price(Decimal("0.1"), ((100, Decimal(2)), (200, Decimal(3))))
    }
    assert base.source == "here"
    assert model.context_window == 1000


def test_times_and_conditions_are_read() -> None:
    """From a date, within hours, for a batch or a tier."""
    model = next(
        model
        for _, model in list_of(
            model_of(
                prices=[
                    {"prices": {"input_mtok": 1}},
                    {"constraint": {"start_date": "2025-02-01"}, "prices": {"input_mtok": 2}},
                    {
                        "constraint": {"start_time": "16:30:00Z", "end_time": "00:30:00+00:00"},
                        "prices": {"input_mtok": 3},
                    },
                ],
                price_variants=[
                    {"when": {"processing": "batch", "speed": "fast"}, "prices": {"input_mtok": 4}},
                    {"when": {"processing": "quux"}, "prices": {"input_mtok": 5}},
                ],
            )
        ).models()
    )
    first, second, third = model.base("s")

    assert first.period.since is None
    assert second.period.start == datetime(2025, 2, 1, tzinfo=UTC)
    assert second.period.since == date(2025, 2, 1)
    assert third.period.hours == (time(16, 30), time(0, 30))
    assert [one.conditions for one in model.variants("s")] == [
        {"batch": "true", "speed": "fast"},
        {},
    ]


def test_a_model_without_a_price_is_free_only_if_it_says_so() -> None:
    """Absent is not zero."""
    free, unknown = (
        model
        for _, model in list_of(
            model_of(id="m:free", prices={}), model_of(id="m", prices={})
        ).models()
    )

    assert [one.prices for one in free.base("s")] == [
        {"input_tokens": Price(Decimal(0)), "output_tokens": Price(Decimal(0))}
    ]
    assert unknown.base("s") == ()


def test_models_are_compared_by_what_the_list_says() -> None:
    """Two readings of one list are the same."""
    one, other, third = (
        next(model for _, model in list_of(fields).models())
        for fields in (model_of(), model_of(), model_of(prices={"input_mtok": 2}))
    )

    assert one == other
    assert one != third
    assert one != "M1"
    assert one.context_window is None


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        {"id": "acme"},
        [1],
        ["acme"],
        [{"id": "acme"}],
        [{"models": []}],
        [{"id": "acme", "models": [{"id": "m"}]}],
        [{"id": "acme", "models": [{"match": {"equals": "m"}}]}],
        [{"id": "acme", "models": [model_of(match={"or": 5})]}],
        [{"id": "acme", "models": [model_of(match={"regex": "("})]}],
        [{"id": "acme", "models": [model_of(match={})]}],
        [{"id": "acme", "models": [model_of(prices={"input_mtok": "one"})]}],
        [{"id": "acme", "models": [model_of(prices={"input_mtok": {"base": 1}})]}],
        [{"id": "acme", "models": [model_of(prices={"input_mtok": []})]}],
        [{"id": "acme", "models": [model_of(prices=[{"input_mtok": 1}])]}],
        [{"id": "acme", "models": [model_of(prices=5)]}],
        [
            {
                "id": "acme",
                "models": [model_of(prices=[{"prices": {}, "constraint": {"start_date": "soon"}}])],
            }
        ],
        [{"id": "acme", "models": [model_of(price_variants=[{"when": 5, "prices": {}}])]}],
        [{"id": "acme", "models": [], "fallback_model_providers": 5}],
    ],
)
def test_a_list_that_is_none_is_refused_at_once(raw: Any) -> None:
    """Not when the first call asks for a price."""
    with pytest.raises(PriceError, match="price list has"):
        PriceList("t/1", raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "models", "match", "prices", "or", "equals", "input_mtok"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(json_values)
def test_any_json_is_a_list_or_refused(raw: Any) -> None:
    """Whatever a file holds, nothing but `PriceError` comes out, and a list that is one works."""
    try:
        prices = PriceList("t/1", raw)
    except PriceError:
        return
    for provider, model in prices.models():
        model.base("s")
        prices.find(provider, "m")


def test_the_installed_list_can_be_kept_as_json() -> None:
    """It is read back as the same."""
    again = PriceList(LIST.version, json.loads(json.dumps(LIST.raw)))

    assert list(again.models()) == list(LIST.models())
