from collections import deque
from typing import Any

import httpx
import pytest

from spanledger.demo.provider import STATEMENTS_MAX, Statement

OPENAI = "/openai/v1/chat/completions"
ANTHROPIC = "/anthropic/v1/messages"
GEMINI = "/gemini/v1beta/models/gemini-2.5-pro:generateContent"
KEYS = {"authorization": "Bearer k", "x-api-key": "k", "x-goog-api-key": "k"}


@pytest.mark.parametrize(
    ("path", "where", "expected"),
    [
        (OPENAI, ("error", "code"), "invalid_api_key"),
        (ANTHROPIC, ("error", "type"), "authentication_error"),
        (GEMINI, ("error", "status"), "UNAUTHENTICATED"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}])
def test_without_a_key_nobody_is_served(
    provider_url: str, path: str, where: tuple[str, str], expected: str, headers: dict[str, str]
) -> None:
    """Any key will do, but there must be one; the refusal has the provider's shape."""
    answer = httpx.post(f"{provider_url}{path}", headers=headers, json={"model": "gpt-4o"})
    outer, inner = where
    assert answer.status_code == 401
    assert answer.json()[outer][inner] == expected


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC, GEMINI])
@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(provider_url: str, path: str, body: bytes) -> None:
    """Bad JSON is the caller's fault and is answered with 400."""
    answer = httpx.post(f"{provider_url}{path}", headers=KEYS, content=body)
    assert answer.status_code == 400
    assert "error" in answer.json()


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC])
def test_a_request_without_a_model_is_refused(provider_url: str, path: str) -> None:
    """The message says what is missing."""
    answer = httpx.post(f"{provider_url}{path}", headers=KEYS, json={"messages": []})
    assert answer.status_code == 400
    assert "model" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/openai/v1/fine", "/anthropic/v2/messages", "/gemini/v1beta/models/x:y"]
)
def test_an_unknown_path_is_not_found(provider_url: str, path: str) -> None:
    """The provider itself says so, in its own shape and with the path it was asked for."""
    answer = httpx.post(f"{provider_url}{path}", headers=KEYS, json={})
    assert answer.status_code == 404
    assert path.split("/", 2)[2] in answer.json()["error"]["message"]


def test_beyond_the_providers_there_is_nothing(provider_url: str) -> None:
    """Other paths are not found either."""
    assert httpx.get(f"{provider_url}/").status_code == 404


def test_statements_can_be_read_over_http(provider_url: str, statements: deque[Statement]) -> None:
    """`GET /statements` says, in order, what each successful answer stated."""
    bodies: dict[str, Any] = {
        OPENAI: {"model": "gpt-4o", "messages": [{"role": "user", "content": "one"}]},
        ANTHROPIC: {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": []},
        GEMINI: {"contents": [{"parts": [{"text": "three"}]}]},
    }
    answers = {
        path: httpx.post(f"{provider_url}{path}", headers=KEYS, json=body).json()
        for path, body in bodies.items()
    }
    stated = httpx.get(f"{provider_url}/statements").json()["data"]
    assert [(s["provider"], s["model"]) for s in stated] == [
        ("openai", "gpt-4o-2024-08-06"),
        ("anthropic", "claude-haiku-4-5-20251001"),
        ("gcp.gemini", "gemini-2.5-pro"),
    ]
    assert [s["usage"] for s in stated] == [
        answers[OPENAI]["usage"],
        answers[ANTHROPIC]["usage"],
        answers[GEMINI]["usageMetadata"],
    ]
    assert [s["response_id"] for s in stated] == [
        answers[OPENAI]["id"],
        answers[ANTHROPIC]["id"],
        answers[GEMINI]["responseId"],
    ]
    assert len(statements) == 3


def test_a_fault_is_over_when_the_sdk_tries_again(
    provider_url: str, statements: deque[Statement]
) -> None:
    """`-once` looks at the attempt that the SDKs count in a header of their own."""
    body: dict[str, object] = {"model": "gpt-4o", "messages": []}
    codes = [
        httpx.post(
            f"{provider_url}{OPENAI}",
            headers={**KEYS, "x-simulate": "500-once", "x-stainless-retry-count": attempt},
            json=body,
        ).status_code
        for attempt in ("0", "1")
    ]
    assert codes == [500, 200]
    assert len(statements) == 1


def test_the_record_is_bounded(statements: deque[Statement]) -> None:
    """Beyond its bound the oldest statement goes."""
    assert statements.maxlen == STATEMENTS_MAX
