"""What providers say that a call cost, to the last digit."""

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects.dialect import Json
from spanledger.dialects.stated_cost import AMOUNT_MAX, exact_amount, stated_cost


@pytest.mark.parametrize(
    ("provider", "raw", "amount"),
    [
        ("openrouter", {"cost": 0.00519, "is_byok": False}, "0.00519"),
        ("openrouter", {"cost": 0}, "0"),
        # What OpenRouter pays is inside its price.
        (
            "openrouter",
            {"cost": 0.95, "cost_details": {"upstream_inference_cost": 0.95}},
            "0.95",
        ),
        # With a key of one's own its provider is paid besides.
        (
            "openrouter",
            {
                "cost": 0,
                "is_byok": True,
                "cost_details": {"upstream_inference_cost": 0.0360795},
            },
            "0.0360795",
        ),
        (
            "openrouter",
            {"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.02}},
            "0.021",
        ),
        ("perplexity", {"cost": {"total_cost": 0.03073, "request_cost": 0.006}}, "0.03073"),
        ("perplexity", {"cost": {"total_cost": 0.0045, "currency": "USD"}}, "0.0045"),
        # Ten thousand million ticks are a dollar; this is from a bill.
        ("x_ai", {"cost_in_usd_ticks": 232_856_000}, "0.0232856"),
        ("x-ai", {"cost_in_usd_ticks": 483_796_500}, "0.04837965"),
        ("x_ai", {"cost_in_usd_ticks": 0}, "0"),
        ("x_ai", {"cost_in_usd_ticks": 1}, "0.0000000001"),
        ("deepinfra", {"estimated_cost": 5.5e-05}, "0.000055"),
    ],
)
def test_stated_costs(provider: str, raw: Json, amount: str) -> None:
    """S4.3: the figure of who sends the bill, after its journey as JSON."""
    stated = stated_cost(provider, json.loads(json.dumps(raw)))
    assert stated == (Decimal(amount), "usd")


def test_currency() -> None:
    """Who states a currency is believed."""
    assert stated_cost("perplexity", {"cost": {"total_cost": 1, "currency": "EUR"}}) == (1, "eur")


@pytest.mark.parametrize(
    ("provider", "raw"),
    [
        ("openai", {"cost": 5}),
        ("litellm", {"cost": 0.0}),
        ("", {"cost_in_usd_ticks": 5}),
        ("openrouter", {}),
        ("openrouter", {"cost": None}),
        ("openrouter", {"cost": True}),
        ("openrouter", {"cost": {"total_cost": 5}}),
        ("openrouter", {"cost": -0.01}),
        ("openrouter", {"cost": math.nan}),
        ("openrouter", {"cost": math.inf}),
        ("openrouter", {"cost": 1e9}),
        ("openrouter", {"cost": 0, "is_byok": True}),
        ("openrouter", {"cost": 0, "is_byok": True, "cost_details": None}),
        (
            "openrouter",
            {"cost": 3, "is_byok": True, "cost_details": {"upstream_inference_cost": -1}},
        ),
        ("perplexity", {"cost": 0.5}),
        ("perplexity", {"cost": {"total_cost": None}}),
        ("x_ai", {"cost_in_usd_ticks": "many"}),
        ("x_ai", {"cost_in_usd_ticks": 10**19}),
        ("x_ai", {"cost": 3}),
        ("deepinfra", {"cost": 3}),
    ],
)
def test_no_cost(provider: str, raw: Json) -> None:
    """What is no cost, cannot be one, or comes from who does not send the bill, is none."""
    assert stated_cost(provider, raw) is None


@pytest.mark.parametrize(
    "value",
    [None, True, [], {}, "", "rubbish", "NaN", "-Infinity", "1" * 65, 10**5000, 1e300, 5e-324],
    ids=lambda value: type(value).__name__,
)
def test_no_amount(value: object) -> None:
    """Rubbish, and what has more digits than any sum of money, is no amount."""
    assert exact_amount(value) is None


@given(st.decimals(min_value=0, max_value=10**6, places=9, allow_nan=False))
def test_exact(amount: Decimal) -> None:
    """A cost of up to fifteen digits comes out of its double, or text, as it was written."""
    assert exact_amount(str(amount)) == amount
    if len(amount.as_tuple().digits) <= 15:
        assert exact_amount(float(amount)) == amount


@given(cost=st.floats(), upstream=st.floats(), own=st.booleans())
def test_any_number(cost: float, upstream: float, own: bool) -> None:  # noqa: FBT001 - hypothesis
    """Whatever is stated, a cost is finite, in range, and never less than its parts."""
    raw = {
        "cost": cost,
        "is_byok": own,
        "cost_details": {"upstream_inference_cost": upstream},
    }
    stated = stated_cost("openrouter", raw)
    if stated is not None:
        assert 0 <= stated[0] < AMOUNT_MAX
        assert stated[0] == Decimal(str(cost)) + (Decimal(str(upstream)) if own else 0) or (
            len(stated[0].as_tuple().digits) > 28
        )
