"""From the providers' own statements to the API's figures: nothing lost, added, or rounded.

The oracle here shares nothing with the program: rates are typed in from the providers' price lists
(USD per million tokens, November 2026), and each provider's usage is read by its own few lines.
"""

from collections import Counter
from decimal import Decimal
from typing import Any

from tests.e2e.conftest import Demo, Json

RATES = {
    # model: input, cache read, cache write 5m, cache write 1h, output
    "gpt-4o-2024-08-06": ("2.5", "1.25", "0", "0", "10"),
    "gpt-4o-mini-2024-07-18": ("0.15", "0.075", "0", "0", "0.6"),
    "gpt-5-2025-08-07": ("1.25", "0.125", "0", "0", "10"),
    "text-embedding-3-small": ("0.02", "0", "0", "0", "0"),
    "claude-sonnet-4-6": ("3", "0.3", "3.75", "6", "15"),
    "claude-haiku-4-5-20251001": ("1", "0.1", "1.25", "2", "5"),
    "gemini-2.5-pro": ("1.25", "0.125", "0", "0", "10"),
    "gemini-2.5-flash": ("0.3", "0.03", "0", "0", "2.5"),
}
EXCHANGES, ANSWERED = 43, 40
"""As `spanledger.demo.traffic` says; importing it here would instrument the test process."""
UNKNOWN = "acme-internal-1"
MILLION = Decimal(1_000_000)


def stated_parts(statement: Json) -> tuple[int, int, int, int, int]:
    """Fresh input, cache read, cache write 5m and 1h, output, as one provider's statement says."""
    usage = statement["usage"]
    match statement["provider"]:
        case "anthropic":
            writes = usage["cache_creation"]
            return (
                usage["input_tokens"],
                usage["cache_read_input_tokens"],
                writes["ephemeral_5m_input_tokens"],
                writes["ephemeral_1h_input_tokens"],
                usage["output_tokens"],
            )
        case "gcp.gemini":
            cached = usage.get("cachedContentTokenCount", 0)
            output = usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)
            return usage["promptTokenCount"] - cached, cached, 0, 0, output
        case _ if "prompt_tokens" in usage:
            cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
            output = usage.get("completion_tokens", 0)
            return usage["prompt_tokens"] - cached, cached, 0, 0, output
        case _:
            cached = usage["input_tokens_details"]["cached_tokens"]
            return usage["input_tokens"] - cached, cached, 0, 0, usage["output_tokens"]


def cost_of(statement: Json) -> Decimal | None:
    """The price of a statement by the table above."""
    if statement["model"] == UNKNOWN:
        return None
    rates = map(Decimal, RATES[statement["model"]])
    parts = zip(stated_parts(statement), rates, strict=True)
    return sum((Decimal(tokens) * rate for tokens, rate in parts), Decimal(0)) / MILLION


def money(amount: dict[str, Any]) -> Decimal | None:
    """The API's amount as a number; null stays None."""
    assert amount["currency"] == "usd"
    return None if amount["value"] is None else Decimal(amount["value"])


def test_every_call_is_recorded_once(demo: Demo) -> None:
    """S4 "all calls recorded": one row an exchange, the retried one with both its attempts."""
    calls = demo.all_calls()

    assert len(calls) == EXCHANGES
    assert len({call["call_id"] for call in calls}) == len(calls)
    assert len([call for call in calls if call["error_type"]]) == EXCHANGES - ANSWERED
    assert len(demo.statements) == ANSWERED


def test_tokens_equal_what_the_providers_stated(demo: Demo) -> None:
    """S4.3 "counts agree with the provider's bill", for each call and each kind of token."""
    recorded = Counter(
        (
            call["provider"],
            call["model"],
            call["response_id"] or "",
            call["usage"].get("input_tokens", 0)
            - call["usage"].get("cache_read_tokens", 0)
            - call["usage"].get("cache_write_tokens", 0),
            call["usage"].get("cache_read_tokens", 0),
            call["usage"].get("cache_write_5m_tokens", 0),
            call["usage"].get("cache_write_1h_tokens", 0),
            call["usage"].get("output_tokens", 0),
        )
        for call in demo.all_calls()
        if not call["error_type"]
    )
    stated = Counter(
        (item["provider"], item["model"], item["response_id"], *stated_parts(item))
        for item in demo.statements
    )

    assert recorded == stated
    assert any(parts[4] for parts in stated), "the demo must have cache reads"
    assert any(parts[6] for parts in stated), "the demo must have hour-long cache writes"


def test_the_total_is_exact(demo: Demo) -> None:
    """S4.6 "costs are right": the sum over everything equals the oracle's, to the last digit."""
    page = demo.get("/v1/costs", bucket_width="total")
    (result,) = page["data"][0]["results"]
    costs = [cost_of(item) for item in demo.statements]

    assert money(result["amount"]) == sum(cost for cost in costs if cost is not None)
    assert result["quality"]["unpriced_calls"] == costs.count(None) > 0


def test_every_grouping_adds_up(demo: Demo) -> None:
    """Promise 3: whatever the total is split by, its parts sum to it, unpriced calls included."""
    (total,) = demo.get("/v1/costs", bucket_width="total")["data"][0]["results"]
    for dimension in ("user", "model", "provider", "team", "agent", "conversation"):
        page = demo.get("/v1/costs", bucket_width="total", group_by=dimension)
        parts = page["data"][0]["results"]
        known = [amount for part in parts if (amount := money(part["amount"])) is not None]

        assert sum(known) == money(total["amount"]), dimension
        assert sum(part["calls"] for part in parts) == total["calls"], dimension


def test_days_add_up_in_any_zone(demo: Demo) -> None:
    """PEERS 4.14: the days of a range sum to the range, also where midnight is at half past."""
    (total,) = demo.get("/v1/costs", bucket_width="total")["data"][0]["results"]
    for zone in ("UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Chatham"):
        days = demo.get("/v1/costs", bucket_width="1d", timezone=zone)["data"]
        sums = [money(result["amount"]) for day in days for result in day["results"]]
        assert sum(amount for amount in sums if amount) == money(total["amount"]), zone


def test_models_cost_what_their_calls_cost(demo: Demo) -> None:
    """Each model's group is the oracle's sum of that model; the unknown one is null, not zero."""
    page = demo.get("/v1/costs", bucket_width="total", group_by="model")
    answered = {part["model"]: part for part in page["data"][0]["results"]}

    for model in RATES:
        costs = [cost_of(item) for item in demo.statements if item["model"] == model]
        assert money(answered[model]["amount"]) == sum(cost for cost in costs if cost is not None)
    assert money(answered[UNKNOWN]["amount"]) is None


def test_price_lines_explain_every_amount(demo: Demo) -> None:
    """Promise 4: the lines of each call sum to its amount, and each line is quantity x rate."""
    for call in demo.all_calls():
        lines = call["cost"]["lines"]
        for line in lines:
            rate = Decimal(line["rate"]["value"]) / line["rate"]["per"]
            assert Decimal(line["quantity"]) * rate == money(line["amount"])
        if call["status"] == "priced":
            assert sum(money(line["amount"]) or 0 for line in lines) == money(call["amount"])


def test_a_message_costs_what_its_calls_cost(demo: Demo) -> None:
    """S4.9: a chat product asks for one message and gets the sum of the calls behind it."""
    calls = [call for call in demo.all_calls() if call["message_id"] == "cora-pricing-study-1"]
    costs = [money(call["amount"]) for call in calls]

    answer = demo.get("/v1/messages/cora-pricing-study-1/cost")

    assert len(calls) == 3
    assert money(answer["amount"]) == sum(cost for cost in costs if cost is not None)
    assert answer["calls"] == 3


def test_refused_calls_cost_nothing_and_are_counted(demo: Demo) -> None:
    """PEERS 4.8: a failed attempt is a row of its own, with its error, and no charge."""
    failed = [call for call in demo.all_calls() if call["error_type"]]

    assert {call["error_type"] for call in failed} == {"429", "500"}
    assert [money(call["amount"]) for call in failed] == [Decimal(0)] * len(failed)
