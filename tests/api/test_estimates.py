"""S1.8: `POST /v1/estimate` counts, prices, and refuses what makes no sense."""

from decimal import Decimal
from typing import Any

import pytest

from spanledger.api.estimates import ESTIMATE_BYTES_MAX
from tests.counting import chat_tokens, tokens

from .conftest import Server

CHINESE = "今天的费用是多少?"
MESSAGES = [{"role": "user", "content": CHINESE}]
BODY: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES, "max_tokens": 300}


def post(server: Server, body: Any, **options: Any) -> Any:
    """The answer to an estimate that is asked for by a viewer."""
    return server.send("POST", "/v1/estimate", role="viewer", json=body, **options)


def test_an_estimate_says_all(server: Server) -> None:
    """S1.8: tokens, the range of the cost, how it was counted, and the lines behind it."""
    answer = post(server, BODY)
    found = answer.json()
    of_input = Decimal(chat_tokens(CHINESE)) * Decimal("2.5") / 1_000_000

    assert answer.status_code == 200
    assert found.keys() == {
        "object", "provider", "model", "input_tokens", "output_tokens", "cost", "method",
        "vocabulary", "family", "error_percent", "partial", "status", "reason", "lines",
    }  # fmt: skip
    assert found["object"] == "estimate"
    assert (found["provider"], found["model"]) == ("openai", "gpt-4o")
    assert found["input_tokens"] == chat_tokens(CHINESE)
    assert found["output_tokens"] == {"low": 0, "high": 300}
    assert Decimal(found["cost"]["low"]) == of_input
    assert Decimal(found["cost"]["high"]) == of_input + Decimal("0.003")
    assert found["cost"]["currency"] == "usd"
    assert (found["method"], found["vocabulary"]) == ("exact", "o200k_base")
    assert (found["family"], found["error_percent"], found["partial"]) == (None, 5, False)
    assert found["status"] == "estimated"
    lines = found["lines"]["high"]
    assert [line["unit"] for line in lines] == ["input_tokens", "output_tokens"]
    assert sum(Decimal(line["amount"]["value"]) for line in lines) == Decimal(found["cost"]["high"])
    assert [line["unit"] for line in found["lines"]["low"]] == ["input_tokens"]


def test_unknown_is_null(server: Server) -> None:
    """Without a price both ends are null, and never 0; the tokens are there all the same."""
    found = post(server, {"model": "our-own-7b", "text": CHINESE, "max_tokens": 5}).json()

    assert found["cost"] == {"low": None, "high": None, "currency": "usd"}
    assert found["input_tokens"] == tokens(CHINESE)
    assert (found["provider"], found["status"]) == (None, "unpriced")
    assert found["reason"] == "no maker's price is known for 'our-own-7b': name the provider"
    assert found["lines"] == {"low": [], "high": []}


def test_no_limit_is_null(server: Server) -> None:
    """Where nothing limits the output nothing is the highest cost."""
    found = post(server, {"model": "gpt-4o", "text": "hello"}).json()

    assert found["output_tokens"] == {"low": 0, "high": None}
    assert (found["cost"]["low"], found["cost"]["high"]) == ("0.0000025", None)
    assert "there is no highest cost" in found["reason"]


def test_an_expected_output(server: Server) -> None:
    """Both ends are the same then."""
    found = post(server, BODY | {"expected_output_tokens": 100}).json()

    assert found["output_tokens"] == {"low": 100, "high": 100}
    assert found["cost"]["low"] == found["cost"]["high"]


def test_another_vendor(server: Server) -> None:
    """A heuristic says whose tokenizer it stands for, and how far it may be off."""
    found = post(server, BODY | {"model": "claude-sonnet-4-6", "system": "be brief"}).json()

    assert (found["method"], found["family"]) == ("heuristic", "Claude to 4.6")
    assert 5 <= found["error_percent"] <= 15
    assert found["provider"] == "anthropic"


@pytest.mark.parametrize("at", [1_746_057_600, "1746057600", "2025-05-01", "2025-05-01T00:00:00Z"])
def test_the_price_of_another_day(server: Server, at: Any) -> None:
    """A time is a number, or written as in an address. o3 was five times as dear in May 2025."""
    body = {"model": "o3", "text": "hello", "expected_output_tokens": 1000}
    now, then = post(server, body).json(), post(server, body | {"at": at}).json()

    assert Decimal(then["cost"]["low"]) == 5 * Decimal(now["cost"]["low"])


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        ([1], "no JSON object", "body"),
        ("text", "no JSON object", "body"),
        ({"model": 5, "text": "a"}, "model is no text", "model"),
        ({"model": "gpt-4o", "provider": ["x"], "text": "a"}, "provider is no text", "provider"),
        ({"text": "a"}, "model is missing", None),
        ({"model": "gpt-4o"}, "give one of messages", None),
        ({"model": "gpt-4o", "text": "a", "input": "b"}, "there is input, text", None),
        ({"model": "gpt-4o", "messages": "hello"}, "use a list of messages", None),
        (BODY | {"max_tokens": -1}, "max_tokens is '-1'", None),
        (BODY | {"expected_output_tokens": "many"}, "expected_output_tokens is 'many'", None),
        (BODY | {"expected_output_tokens": 301}, "more than the limit of 300", None),
        (BODY | {"at": "yesterday"}, "at is 'yesterday'", "at"),
        (BODY | {"at": True}, "at is no time", "at"),
        (BODY | {"at": 1.5}, "at is no time", "at"),
        (
            BODY | {"max_tokens": 100_000_000, "n": 2},
            "the output of all answers is '200000000'",
            None,
        ),
    ],
)
def test_bad_input_is_refused(server: Server, body: Any, message: str, param: str | None) -> None:
    """422 with one sentence that helps, never a 500."""
    answer = post(server, body)
    error = answer.json()["error"]

    assert answer.status_code == 422
    assert error["type"] == "invalid_request"
    assert message in error["message"]
    assert error.get("param") == param


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 200_000, b'{"a":' * 200_000])
def test_what_is_no_json_is_refused(server: Server, content: bytes) -> None:
    """Broken, empty, or too deep: nothing of it ends the server."""
    answer = server.send("POST", "/v1/estimate", role="viewer", content=content)

    assert (answer.status_code, answer.json()["error"]["param"]) == (422, "body")


def test_a_body_has_its_limit(server: Server) -> None:
    """One that is larger is not read to the end."""
    largest = b'{"model":"gpt-4o","text":""}'.ljust(ESTIMATE_BYTES_MAX)

    accepted = server.send("POST", "/v1/estimate", role="viewer", content=largest)
    refused = server.send("POST", "/v1/estimate", role="viewer", content=largest + b" ")

    assert (accepted.status_code, refused.status_code) == (200, 413)


def test_nobody_without_a_key_is_read(server: Server) -> None:
    """The gate comes before the body: who may not ask learns nothing about it."""
    large = b" " * (ESTIMATE_BYTES_MAX + 1)

    assert server.send("POST", "/v1/estimate", content=large).status_code == 401
    assert server.send("POST", "/v1/estimate", role="ingest", content=large).status_code == 403


def test_a_query_parameter_is_refused(server: Server) -> None:
    """All that is asked stands in the body."""
    answer = server.send("POST", "/v1/estimate?model=gpt-4o", role="viewer", json=BODY)

    assert answer.status_code == 422
