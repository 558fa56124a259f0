from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from spanledger.call import Call
from spanledger.pricing.cost import Cost, PriceLine, Unpriced
from spanledger.storage.evidence import same_evidence, same_figures, with_cost, with_evidence
from spanledger.usage import Usage
from tests.storage.priced import a_call, fresh, stale

RAW = '{"prompt_tokens": 3, "completion_tokens": 4}'
BLIND = a_call("p", usage=Usage(), usage_source="none")


def test_what_was_unreadable_is_read() -> None:
    """The object that came with the call tells, where no unit of it was understood."""
    read = with_evidence(replace(BLIND, usage_raw=RAW, usage_problem="strange"))

    assert read.usage == Usage(input_tokens=3, output_tokens=4)
    assert (read.usage_problem, read.usage_source) == ("", "provider")


@pytest.mark.parametrize(
    "raw", ["", "no JSON", "[1]", "null", "{}", '{"unknown": 1}', '{"prompt_tokens": null}']
)
def test_what_says_nothing_changes_nothing(raw: str) -> None:
    """A call with nothing to read in it stays as it is, its problem too."""
    call = replace(BLIND, usage_raw=raw, usage_problem="strange")

    assert with_evidence(call) == call


def test_usage_that_was_read_stays() -> None:
    """What an earlier program understood is not read again: amounts rest on it."""
    call = a_call("p", usage=Usage(input_tokens=9), usage_raw=RAW)

    assert with_evidence(call) is call


def test_what_cannot_be_true_is_said() -> None:
    """An impossible object is a problem; one that is known already keeps its words."""
    raw = '{"prompt_tokens": -3}'

    assert "prompt_tokens" in with_evidence(replace(BLIND, usage_raw=raw)).usage_problem
    known = replace(BLIND, usage_raw=raw, usage_problem="known")
    assert with_evidence(known) is known


OF_NO_PRICE = {
    *("user_id", "team", "department", "agent_id", "conversation_id", "message_id", "feature"),
    *("route", "service", "environment", "api_key_id", "tags", "skip_charge", "parent_span_id"),
    *("response_id", "attempt", "time_to_first_chunk_us"),
}


@pytest.mark.parametrize("name", [field.name for field in fields(Call)])
def test_every_field_is_evidence_or_not(name: str) -> None:
    """Each field of a call that may select a price tells deliveries apart, and no other."""
    call = a_call("p")
    others: dict[str, Any] = {
        "start_time": call.start_time.replace(year=2025),
        "usage": Usage(input_tokens=1),
        "price_context": (("region", "eu"),),
        "tags": {"a": "b"},
        "reported_amount": Decimal(1),
        "usage_raw": RAW,
    }
    value = getattr(call, name)
    other = others.get(name, not value if isinstance(value, bool) else f"{value}x")
    changed = replace(call, **{name: other})

    assert same_evidence(call, call)
    assert same_evidence(call, changed) == (name in OF_NO_PRICE)


def test_amounts_are_compared_as_stored() -> None:
    """A stated amount is the same when it comes back from the store rounded."""
    call = a_call("p", reported_amount=Decimal("0.00000000000049"))

    assert same_evidence(call, replace(call, reported_amount=Decimal("0E-12")))


def a_cost(version: str = "1", line: Decimal = Decimal(2), **said: object) -> Cost:
    """A cost of one line."""
    price_line = PriceLine("input_tokens", Decimal(1), line, 1, line, f"list:{version}", None)
    facts = {"status": "priced", "amount": line, "lines": (price_line,), "book_version": version}
    return Cost(**facts | {"reason": version} | said)  # pyright: ignore[reportArgumentType] - by name


def test_figures_are_the_money() -> None:
    """The book and what names it may differ; status, amounts and lines may not."""
    assert same_figures(a_cost("1"), a_cost("2"))
    assert same_figures(Unpriced("a"), Unpriced("b"))
    assert not same_figures(Unpriced("a"), Unpriced("a", "invalid"))
    assert not same_figures(a_cost(), Unpriced("a"))
    assert not same_figures(a_cost(), a_cost(status="estimated"))
    assert not same_figures(a_cost(), a_cost(amount=Decimal(3)))
    assert not same_figures(a_cost(), a_cost(computed_amount=Decimal(3)))
    assert not same_figures(a_cost(), a_cost(lines=()))
    assert not same_figures(a_cost(), a_cost(line=Decimal(3), amount=Decimal(2)))


def test_a_cost_comes_with_its_usage() -> None:
    """The usage that a cost was computed from goes with it; all else of the call stays."""
    row = stale(replace(BLIND, user_id="ann"))
    other = fresh(a_call("q", user_id="bob"))

    mixed = with_cost(row, other)

    assert mixed.call == replace(row.call, usage=other.call.usage, usage_source="provider")
    assert (mixed.cost, mixed.recorded_at) == (other.cost, row.recorded_at)
