"""The attributes of a span, and what never becomes one."""

import asyncio
import json
from typing import Any

import httpx
import httpx2
import pytest

from spanledger.dialects import openai
from spanledger.dialects.dialect import Answer, Request
from spanledger.instrumentation.api_key import hash_of_key
from spanledger.instrumentation.facts import (
    answer_facts,
    error_name,
    read_asked,
    request_facts,
    span_name,
    usage_facts,
)


def facts_of(url: str, **request: Any) -> dict[str, object]:
    """The facts of a chat request to `url`."""
    made = httpx.Request("POST", url, **request)
    asked = read_asked(made, openai.CHAT)
    return dict(request_facts(made, openai.CHAT, asked, {}))


def test_a_request_in_full() -> None:
    """Everything that is known before the request leaves, by the names of the conventions."""
    body = {"model": "gpt-4o", "stream": True, "service_tier": "flex", "messages": ["secret"]}
    url = "https://user:secret@api.openai.com/v1/chat/completions?key=secret"
    headers = {"x-stainless-retry-count": "2", "authorization": "Bearer secret"}

    assert facts_of(url, json=body, headers=headers) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.stream": True,
        "server.address": "api.openai.com",
        "server.port": 443,
        "spanledger.api_key.hash": hash_of_key("secret"),
        "spanledger.attempt": 3,
        "spanledger.request.service_tier": "flex",
    }


def test_what_is_not_said_is_left_out() -> None:
    """No model, no tier, no attempt: no attribute, rather than an empty one."""
    assert facts_of("http://[::1]:8080/v1/chat/completions") == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.stream": False,
        "server.address": "::1",
        "server.port": 8080,
    }


def test_whom_the_body_names_and_what_it_goes_on_from() -> None:
    """The end user, the answer before and the batch, where the dialect reads them."""
    request = httpx.Request("POST", "http://provider/v1/responses")
    asked = Request(user_id="u", previous_response_id="resp_1", conversation_id="c", batch=True)
    facts = request_facts(request, openai.RESPONSES, asked, {"user.id": "ann"})

    assert facts["user.id"] == "ann"
    assert facts["gen_ai.conversation.id"] == "c"
    assert facts["spanledger.previous_response.id"] == "resp_1"
    assert facts["spanledger.request.batch"] is True
    assert request_facts(request, openai.RESPONSES, asked, {})["user.id"] == "u"


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("http://gpu.example:8000/v1/chat/completions", "vllm"),
        ("https://gpu.example/v1/chat/completions", "together"),
        ("http://localhost:11434/v1/chat/completions", "ollama"),
        ("https://t.services.ai.azure.com/models/chat/completions", "azure.ai.inference"),
    ],
)
def test_the_provider_by_host_port_and_path(url: str, provider: str) -> None:
    """S4.5: the user's own table, the port and the path say who answers."""
    request = httpx.Request("POST", url)
    endpoints = {"gpu.example:8000": "vllm", "gpu.example:443": "together"}
    facts = request_facts(request, openai.CHAT, Request(), {}, endpoints)
    assert facts["gen_ai.provider.name"] == provider


@pytest.mark.parametrize("count", ["", "-1", "x", "99999", "²"])
def test_an_odd_retry_count_is_none(count: str) -> None:
    """Only a number counts as a number of tries."""
    request = httpx.Request(
        "POST",
        "http://provider/v1/chat/completions",
        headers=[(b"x-stainless-retry-count", count.encode())],
    )
    asked = read_asked(request, openai.CHAT)
    assert "spanledger.attempt" not in request_facts(request, openai.CHAT, asked, {})


@pytest.mark.parametrize(
    ("header", "attempt"),
    [("attempt=1", 1), ("ttl=20261122T101010Z; attempt=2; max=5", 2), ("max=5", None), ("", None)],
)
def test_amazon_counts_tries_from_one(header: str, attempt: int | None) -> None:
    """Botocore says in a header which try of how many a request is."""
    request = httpx.Request(
        "POST", "http://provider/v1/chat/completions", headers={"amz-sdk-request": header}
    )
    asked = read_asked(request, openai.CHAT)
    assert request_facts(request, openai.CHAT, asked, {}).get("spanledger.attempt") == attempt


def test_the_span_is_named_for_operation_and_model() -> None:
    """`{operation} {model}`, and the operation alone where no model is known."""
    url = "http://provider/v1/chat/completions"
    known = read_asked(httpx2.Request("POST", url, json={"model": "gpt-4o"}), openai.CHAT)
    unknown = read_asked(httpx2.Request("POST", url, content=iter([b""])), openai.CHAT)
    assert span_name(openai.CHAT, known) == "chat gpt-4o"
    assert span_name(openai.CHAT, unknown) == "chat"


def test_an_answer_in_full() -> None:
    """Model, id, reasons, tier and usage; units without a conventional name are in the raw one."""
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 5,
        "cache_creation": {"ephemeral_1h_input_tokens": 3},
        "output_tokens": 0,
    }
    answer = Answer(
        model="claude-x",
        response_id="msg_1",
        finish_reasons=("end_turn",),
        service_tier="priority",
        usage=usage,
    )
    facts = answer_facts(answer) | usage_facts("anthropic", answer.usage)
    assert json.loads(str(facts.pop("spanledger.usage.raw"))) == usage
    assert facts == {
        "gen_ai.response.model": "claude-x",
        "gen_ai.response.id": "msg_1",
        "gen_ai.response.finish_reasons": ["end_turn"],
        "spanledger.response.service_tier": "priority",
        "spanledger.usage.source": "provider",
        "gen_ai.usage.input_tokens": 10 + 5 + 3,
        "gen_ai.usage.cache_read.input_tokens": 5,
        "gen_ai.usage.cache_write.input_tokens": 3,
        "gen_ai.usage.output_tokens": 0,
    }


def test_no_usage_is_said_and_no_zero_invented() -> None:
    """S4.3: where nobody counted, the source is none and no number stands there."""
    assert usage_facts("openai", None) == {"spanledger.usage.source": "none"}


def test_evidence_beyond_its_bound_is_left_out() -> None:
    """4,096 bytes of raw usage are kept; a cut JSON would be no evidence."""
    facts = usage_facts("openai", {"prompt_tokens": 7, "note": "x" * 4096})
    assert "spanledger.usage.raw" not in facts
    assert facts["gen_ai.usage.input_tokens"] == 7


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ValueError("secret"), "ValueError"),
        (asyncio.CancelledError(), "asyncio.exceptions.CancelledError"),
        (httpx.ReadError("secret"), "httpx.ReadError"),
        (httpx2.ReadTimeout("secret"), "httpx2.ReadTimeout"),
    ],
)
def test_errors_go_by_their_class(error: BaseException, name: str) -> None:
    """The class with its module, and not a word of its text."""
    assert error_name(error) == name
