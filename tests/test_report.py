"""Cost tables for the terminal."""

from typing import Any

from spanledger.report import cost_table


def build_result(model: str, value: str | None, **counts: int) -> dict[str, Any]:
    """A result of the cost API, as far as the table reads it."""
    return {
        "model": model,
        "amount": {"value": value, "currency": "usd"},
        "calls": counts.get("calls", 1),
        "input_tokens": counts.get("input_tokens", 0),
        "output_tokens": counts.get("output_tokens", 0),
        "quality": {"unpriced_calls": counts.get("unpriced", 0), "invalid_calls": 0},
    }


def test_columns_are_aligned_and_unknown_is_said() -> None:
    """Promise 3: a group without a price is unknown, and its calls are counted as unpriced."""
    table = cost_table(
        [
            build_result("gpt-4o", "0.0065", calls=1200, input_tokens=1_234_567, output_tokens=9),
            build_result("", "0.1", unpriced=1),
            build_result("acme-1", None, unpriced=1),
        ],
        "model",
    )

    assert table.splitlines() == [
        "model   calls  unpriced      input  output  cost (USD)",
        "------  -----  --------  ---------  ------  ----------",
        "gpt-4o  1,200         0  1,234,567       9      0.0065",
        "(none)      1         1          0       0         0.1",
        "acme-1      1         1          0       0     unknown",
    ]
