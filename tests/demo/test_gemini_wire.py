import zlib
from collections import deque
from collections.abc import Iterator

import httpx
import pytest
from google import genai
from google.genai import errors, types

from spanledger.demo.provider import Statement

KEY = "AIza-test"
LONG = "The archive of the museum, room by room. " * 120  # 4,920 characters, 1,230 tokens


@pytest.fixture
def client(provider_url: str) -> Iterator[genai.Client]:
    """A Gemini client of the simulated provider."""
    options = types.HttpOptions(base_url=f"{provider_url}/gemini")
    with genai.Client(api_key=KEY, http_options=options) as client:
        yield client


def stated_by(answer: types.GenerateContentResponse) -> object:
    """The usage as the SDK read it, in the names of the wire."""
    assert answer.usage_metadata is not None
    return answer.usage_metadata.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_a_body_says_what_was_stated(client: genai.Client, statements: deque[Statement]) -> None:
    """The SDK reads the usage on record; thoughts stand beside the candidates (S4.3)."""
    answer = client.models.generate_content(model="gemini-2.5-pro", contents="Whose hat?")
    usage = answer.usage_metadata
    assert stated_by(answer) == statements[-1].usage
    assert usage is not None
    assert usage.prompt_token_count == 3
    assert usage.total_token_count == (
        3 + (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    )
    assert (usage.thoughts_token_count or 0) > 0
    assert (answer.model_version, answer.response_id) == (
        "gemini-2.5-pro",
        statements[-1].response_id,
    )


def test_a_stream_says_the_same_as_a_body(
    client: genai.Client, statements: deque[Statement]
) -> None:
    """Usage grows from chunk to chunk, and the last one is that of the body."""
    whole = client.models.generate_content(model="gemini-2.5-flash", contents="Twice")
    chunks = list(client.models.generate_content_stream(model="gemini-2.5-flash", contents="Twice"))
    assert stated_by(chunks[-1]) == stated_by(whole) == statements[-1].usage
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    counts = [c.usage_metadata.candidates_token_count or 0 for c in chunks if c.usage_metadata]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


@pytest.mark.anyio
async def test_the_async_client_reads_the_same(
    client: genai.Client, statements: deque[Statement]
) -> None:
    """Sync and async clients see one wire format."""
    last = None
    stream = await client.aio.models.generate_content_stream(
        model="gemini-2.5-pro", contents="later"
    )
    async for chunk in stream:
        last = chunk
    assert last is not None
    assert stated_by(last) == statements[-1].usage
    await client.aio.aclose()


def test_thinking_can_be_turned_off(client: genai.Client, statements: deque[Statement]) -> None:
    """Without thoughts, and without cached tokens, the counts are absent: absent is not zero."""
    client.models.generate_content(
        model="gemini-2.5-flash",
        contents="plain",
        config=types.GenerateContentConfig(
            thinking_config=types.ThinkingConfig(thinking_budget=0), max_output_tokens=8
        ),
    )
    client.models.generate_content(model="gemini-2.5-flash-lite", contents="plain")
    client.models.generate_content(model="gemini-2.0-flash", contents="plain")
    for statement in statements:
        assert statement.usage is not None
        assert not {"thoughtsTokenCount", "cachedContentTokenCount"} & statement.usage.keys()
    assert statements[0].usage is not None
    assert statements[0].usage["candidatesTokenCount"] == 8


def test_a_budget_bounds_the_thoughts(client: genai.Client, statements: deque[Statement]) -> None:
    """No more is thought than the budget allows."""
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(thinking_budget=5))
    client.models.generate_content(model="gemini-2.5-pro", contents="brief", config=config)
    assert statements[-1].usage is not None
    assert statements[-1].usage["thoughtsTokenCount"] == 5


def test_a_repeated_long_prompt_is_cached(
    client: genai.Client, statements: deque[Statement]
) -> None:
    """The second call reads the shared beginning from the cache, in blocks of 128."""
    config = types.GenerateContentConfig(system_instruction=LONG)
    for question in ("first", "second"):
        client.models.generate_content(model="gemini-2.5-pro", contents=question, config=config)
    first, second = (statement.usage or {} for statement in statements)
    assert "cachedContentTokenCount" not in first
    assert second["cachedContentTokenCount"] == 1152
    assert second["cacheTokensDetails"] == [{"modality": "TEXT", "tokenCount": 1152}]


def ask_raw(provider_url: str, query: str, **headers: str) -> tuple[httpx.Headers, bytes]:
    """Headers and bytes of a stream as they came."""
    with (
        httpx.Client() as http,
        http.stream(
            "POST",
            f"{provider_url}/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent?{query}",
            headers=headers,
            json={"contents": [{"parts": [{"text": "raw"}]}]},
        ) as response,
    ):
        return response.headers, b"".join(response.iter_raw())


def test_the_bytes_of_a_stream(provider_url: str) -> None:
    """Lines end in CRLF, there is no `[DONE]`, and the key may stand in the URL."""
    headers, raw = ask_raw(provider_url, f"alt=sse&key={KEY}", **{"accept-encoding": "identity"})
    assert headers["content-type"] == "text/event-stream"
    assert raw.startswith(b'data: {"candidates":')
    assert raw.endswith(b"}\r\n\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n") == 2 * raw.count(b"data: ")


def test_a_stream_is_compressed_where_the_client_can_read_it(provider_url: str) -> None:
    """Gzip and CRLF at once, as Google sends it."""
    headers, raw = ask_raw(
        provider_url, "alt=sse", **{"accept-encoding": "gzip, deflate", "x-goog-api-key": KEY}
    )
    assert headers["content-encoding"] == "gzip"
    assert zlib.decompress(raw, wbits=31).endswith(b"}\r\n\r\n")


def test_without_sse_a_stream_is_one_array(provider_url: str) -> None:
    """Google's default form of a stream is a JSON array."""
    answer = httpx.post(
        f"{provider_url}/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent",
        headers={"x-goog-api-key": KEY},
        json={"contents": [{"parts": [{"text": "array"}]}]},
    )
    chunks = answer.json()
    assert len(chunks) > 1
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"
    assert all("finishReason" not in chunk["candidates"][0] for chunk in chunks[:-1])


@pytest.mark.parametrize(
    ("fault", "error", "status"),
    [
        ("401", errors.ClientError, "UNAUTHENTICATED"),
        ("429", errors.ClientError, "RESOURCE_EXHAUSTED"),
        ("500", errors.ServerError, "INTERNAL"),
    ],
)
def test_a_fault_raises_the_sdks_own_error(
    client: genai.Client, fault: str, error: type[errors.APIError], status: str
) -> None:
    """The body has Google's shape; 429 says when to come back."""
    config = types.GenerateContentConfig(
        http_options=types.HttpOptions(headers={"x-simulate": fault})
    )
    with pytest.raises(error) as raised:
        client.models.generate_content(model="gemini-2.5-pro", contents="x", config=config)
    assert (raised.value.code, raised.value.status) == (int(fault), status)
    assert ("RetryInfo" in f"{raised.value.details}") == (fault == "429")


def test_a_cut_stream_breaks_off(client: genai.Client, statements: deque[Statement]) -> None:
    """The stream ends with an error after its first chunks, and nothing is stated."""
    config = types.GenerateContentConfig(
        http_options=types.HttpOptions(headers={"x-simulate": "disconnect"})
    )
    chunks: list[object] = []
    stream = client.models.generate_content_stream(
        model="gemini-2.5-pro", contents="cut", config=config
    )
    with pytest.raises(Exception, match="incomplete chunked read"):
        chunks.extend(stream)
    assert chunks
    assert len(statements) == 0
