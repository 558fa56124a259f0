from collections import deque

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from spanledger.demo.provider import Statement

KEY = "sk-test"


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("401", openai.AuthenticationError, "invalid_api_key"),
        ("429", openai.RateLimitError, "rate_limit_exceeded"),
        ("500", openai.InternalServerError, None),
    ],
)
def test_a_fault_raises_the_sdks_own_error(
    provider_url: str,
    statements: deque[Statement],
    fault: str,
    error: type[openai.APIStatusError],
    code: str | None,
) -> None:
    """The body has OpenAI's shape, and nothing is stated."""
    with (
        OpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1", max_retries=0) as client,
        pytest.raises(error) as raised,
    ):
        client.chat.completions.create(
            model="gpt-4o", messages=[], extra_headers={"x-simulate": fault}
        )
    assert raised.value.code == code
    assert (raised.value.request_id or "").startswith("req_")
    assert ("retry-after" in raised.value.response.headers) == (fault == "429")
    assert len(statements) == 0


def test_a_retried_call_succeeds(provider_url: str, statements: deque[Statement]) -> None:
    """`429-once` fails the first attempt only: the SDK's second one is answered."""
    with OpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1") as client:
        raw = client.chat.completions.with_raw_response.create(
            model="gpt-4o", messages=[], extra_headers={"x-simulate": "429-once"}
        )
    assert raw.retries_taken == 1
    assert len(statements) == 1


def test_a_cut_stream_breaks_off_after_some_chunks(
    provider_url: str, statements: deque[Statement]
) -> None:
    """The app has a part of the text when the connection goes, and nothing is stated."""
    received: list[object] = []
    with OpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": "cut me"}],
            stream=True,
            extra_headers={"x-simulate": "disconnect"},
        )
        with pytest.raises(openai.APIConnectionError):
            received.extend(stream)
    assert received
    assert len(statements) == 0


@pytest.mark.anyio
async def test_a_cut_body_is_a_connection_error(
    provider_url: str, statements: deque[Statement]
) -> None:
    """A body that ends early never reaches the app as an answer."""
    async with AsyncOpenAI(
        api_key=KEY, base_url=f"{provider_url}/openai/v1", max_retries=0
    ) as client:
        with pytest.raises(openai.APIConnectionError):
            await client.responses.create(
                model="gpt-4o", input="cut", extra_headers={"x-simulate": "disconnect"}
            )
    assert len(statements) == 0


def test_headers_are_openais(provider_url: str) -> None:
    """What an SDK or an operator looks for in the headers is there; bodies are compressed."""
    answer = httpx.post(
        f"{provider_url}/openai/v1/responses",
        headers={"authorization": "Bearer sk-test", "accept-encoding": "gzip"},
        json={"model": "gpt-4o", "input": "x"},
    )
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["openai-processing-ms"].isdigit()
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "application/json"
    assert answer.text.startswith('{\n  "id": "resp_')
