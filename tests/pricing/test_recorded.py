"""Recorded answers become the calls that they would have been in an app."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.call import PriceContext
from spanledger.errors import InvalidRecord
from spanledger.pricing.recorded import read_recorded
from spanledger.usage import Usage

Line = dict[str, object]

GOLDEN = Path(__file__).parent / "golden"
CASES: dict[str, Line] = {
    case["id"]: case
    for case in map(json.loads, (GOLDEN / "shared.jsonl").read_text(encoding="utf-8").splitlines())
}

CHAT_USAGE = {"prompt_tokens": 1200, "completion_tokens": 350, "total_tokens": 1550}
CHAT: Line = {
    "url": "https://api.openai.com/v1/chat/completions",
    "provider": "openai",
    "model": "gpt-4o",
    "api": "chat",
    "at": "2025-03-01T12:00:00Z",
    "context": {},
    "payload": {
        "id": "chatcmpl-1",
        "model": "gpt-4o-2024-08-06",
        "choices": [{"finish_reason": "stop"}],
        "usage": CHAT_USAGE,
        "service_tier": "default",
    },
}
TWO: list[Line] = [{}, {}]
NOTHING: Line = {}
PLAIN = Usage(input_tokens=1200, output_tokens=350)


def build_line(**changes: object) -> Line:
    """A chat completion of OpenAI's, but for some members; None leaves one out."""
    return {name: value for name, value in {**CHAT, **changes}.items() if value is not None}


def openai_usage(read: int, asked: int, said: int, thought: int = 0) -> Usage:
    """What the chat completions among the cases state."""
    return Usage(
        input_tokens=asked,
        cache_read_tokens=read,
        input_audio_tokens=0,
        output_tokens=said,
        reasoning_tokens=thought,
        output_audio_tokens=0,
    )


def claude_usage(fresh: int, read: int, five: int, hour: int, said: int) -> Usage:
    """What the messages among the cases state."""
    return Usage(
        input_tokens=fresh + read + five + hour,
        cache_read_tokens=read,
        cache_write_tokens=five + hour,
        cache_write_5m_tokens=five,
        cache_write_1h_tokens=hour,
        output_tokens=said,
    )


GOOGLE: PriceContext = (("host", "generativelanguage.googleapis.com"), ("thinking", "true"))
EXPECTED: dict[str, tuple[str, Usage, PriceContext, str]] = {
    "oai-01": ("openai", openai_usage(0, 1200, 350), (), ""),
    "oai-02": ("openai", openai_usage(8192, 10_000, 500), (), ""),
    "oai-10": ("openai", openai_usage(1024, 2000, 3000, 2600), (), ""),
    "oai-13": ("openai", openai_usage(0, 1000, 2000, 1800), (), ""),
    "oai-24": ("openai", openai_usage(0, 3000, 500), (), ""),
    "oai-37": ("openai", openai_usage(2048, 4000, 1000), (), ""),
    "oai-42": (
        "openai",
        Usage(
            input_tokens=300_000, cache_read_tokens=100_000, output_tokens=2000, reasoning_tokens=0
        ),
        (),
        "",
    ),
    "oai-50": ("openai", Usage(), (), ""),
    "unk-01": ("openai", openai_usage(0, 1000, 1000), (), ""),
    "ant-02": ("anthropic", claude_usage(120, 18_000, 2000, 0, 500), (), ""),
    "ant-03": ("anthropic", claude_usage(50, 9000, 1000, 3000, 400), (), ""),
    "ant-04": (
        "anthropic",
        Usage(
            input_tokens=12_307, cache_read_tokens=0, cache_write_tokens=12_304, output_tokens=550
        ),
        (),
        "",
    ),
    "ant-16": ("anthropic", claude_usage(3000, 0, 0, 0, 800), (), ""),
    "gem-01": (
        "gcp.gemini",
        Usage(input_tokens=1000, output_tokens=2500, reasoning_tokens=2000),
        GOOGLE,
        "",
    ),
    "gem-02": (
        "gcp.gemini",
        Usage(input_tokens=250_000, output_tokens=1500, reasoning_tokens=500),
        GOOGLE,
        "",
    ),
    "dsk-02": (
        "deepseek",
        Usage(input_tokens=3000, cache_read_tokens=2000, output_tokens=500),
        (),
        "",
    ),
    "coh-01": ("cohere", Usage(input_tokens=100, output_tokens=50), (), ""),
    "bed-01": (
        "aws.bedrock",
        Usage(input_tokens=3000, output_tokens=500),
        (("region", "us-east-1"),),
        "",
    ),
    "orr-01": (
        "openrouter",
        Usage(input_tokens=1000, cache_read_tokens=0, output_tokens=200),
        (),
        "0.00519",
    ),
    "xai-01": (
        "x_ai",
        Usage(
            input_tokens=10_120, cache_read_tokens=128, output_tokens=4308, reasoning_tokens=2809
        ),
        (),
        "0.0232856",
    ),
    "ovl-03": ("vllm", Usage(input_tokens=1000, output_tokens=1000), (), ""),
}


@pytest.mark.parametrize("case", CASES)
def test_public_cases(case: str) -> None:
    """S4.3: every case is read to the units, circumstances and stated cost that its price needs."""
    provider, usage, context, cost = EXPECTED[case]
    call = read_recorded(CASES[case])

    assert (call.provider, call.request_model) == (provider, CASES[case]["model"])
    assert call.usage == usage
    assert (call.usage_problem != "") == (CASES[case]["expected_status"] == "invalid")
    assert call.price_context == context
    assert call.reported_amount == (Decimal(cost) if cost else None)
    assert call.reported_currency == ("usd" if cost else "")
    assert call.batch == (case == "ant-16")


def test_everything_has_its_field() -> None:
    """The call says what a span of it would have said, and has no ids, times or people."""
    context = {"batch": True, "service_tier": "flex", "data_zone": "EU", "beta": 2, "none": None}
    call = read_recorded(build_line(context=context))

    assert call.start_time == datetime(2025, 3, 1, 12, tzinfo=UTC)
    assert (call.trace_id, call.span_id, call.duration_us) == ("0" * 32, "0" * 16, 0)
    assert (call.provider, call.operation) == ("openai", "chat")
    assert (call.request_model, call.response_model) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert call.response_id == "chatcmpl-1"
    assert (call.usage, call.usage_source, call.usage_partial) == (PLAIN, "provider", False)
    assert json.loads(call.usage_raw) == CHAT_USAGE
    assert call.batch
    assert (call.request_service_tier, call.service_tier) == ("flex", "default")
    assert call.price_context == (("beta", "2"), ("data_zone", "eu"))


@pytest.mark.parametrize(
    ("at", "instant"),
    [
        ("2025-03-01T12:00:00Z", datetime(2025, 3, 1, 12, tzinfo=UTC)),
        ("2025-03-01T14:00:00.5+02:00", datetime(2025, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
        (1_740_830_400, datetime(2025, 3, 1, 12, tzinfo=UTC)),
        (1_740_830_400.5, datetime(2025, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_times(at: object, instant: datetime) -> None:
    """A price has its day: the time is of RFC 3339, or in seconds since 1970."""
    assert read_recorded(build_line(at=at)).start_time == instant


SSE = "".join(
    f"data: {json.dumps(chunk)}\n\n"
    for chunk in (
        {"model": "gpt-4o-2024-08-06", "choices": [{"delta": {"content": "ok"}}]},
        {"model": "gpt-4o-2024-08-06", "usage": CHAT_USAGE},
    )
)


@pytest.mark.parametrize(
    ("payload", "partial"),
    [
        (CHAT["payload"], False),
        (json.dumps(CHAT["payload"]), False),
        (SSE + "data: [DONE]\n\n", False),
        (SSE, True),
        ("\n" + SSE.replace("\n", "\r\n") + "data: [DONE]", False),
        ([{"choices": None}, {"usage": CHAT_USAGE}], False),
        ([json.dumps({"usage": CHAT_USAGE}), "[DONE]", "rubbish", 5, None], False),
        ([{"event": "chunk", "data": {"usage": CHAT_USAGE}}], False),
        ([{"event": "chunk", "data": json.dumps({"usage": CHAT_USAGE})}], False),
        ({"result": {"response": "ok", "usage": CHAT_USAGE}, "success": True}, False),
        ({"custom_id": "a", "response": {"body": CHAT["payload"]}}, False),
        ({"custom_id": "a", "result": {"message": {"usage": CHAT_USAGE}}}, False),
    ],
)
def test_forms_of_a_payload(payload: object, partial: bool) -> None:  # noqa: FBT001 - a table
    """Bodies, streams, lists of events, and answers inside of something say the same."""
    call = read_recorded(build_line(payload=payload))
    assert (call.usage, call.usage_problem) == (PLAIN, "")
    assert call.usage_partial == partial


def test_evidence_that_cannot_be_written() -> None:
    """A usage that is too deep for JSON is none; nothing fails."""
    deep: Line = {}
    for _ in range(100_000):
        deep = {"usage": deep}
    call = read_recorded(build_line(payload={"usage": {**CHAT_USAGE, "deep": deep}}))

    assert (call.usage, call.usage_raw) == (PLAIN, "")
    huge = read_recorded(build_line(context={"beta": 10**5000}))
    assert huge.price_context == ()


def test_lines_of_json() -> None:
    """Ollama streams lines, of which the last has the counts."""
    lines = [
        {"model": "llama3.2", "message": {"content": "o"}, "done": False},
        {"model": "llama3.2", "done": True, "prompt_eval_count": 26, "eval_count": 282},
    ]
    text = "\n".join(map(json.dumps, lines))
    line = build_line(url="http://localhost:11434/api/chat", provider="ollama", payload=text)

    call = read_recorded(line)
    assert (call.provider, call.usage) == ("ollama", Usage(input_tokens=26, output_tokens=282))
    assert not call.usage_partial


RESPONSE = {
    "model": "gpt-5-nano",
    "status": "completed",
    "service_tier": "flex",
    "usage": {"input_tokens": 1200, "output_tokens": 350},
}
METADATA = {"usage": {"inputTokens": 1200, "outputTokens": 350}}


@pytest.mark.parametrize(
    ("api", "payload"),
    [
        ("responses", RESPONSE),
        ("responses", {"type": "response.completed", "response": RESPONSE}),
        ("realtime", {"type": "response.done", "response": RESPONSE}),
        ("Converse", METADATA),
        ("converse", [{"messageStart": {"role": "assistant"}}, {"metadata": METADATA}]),
        ("converse", {"metadata": METADATA}),
        ("converse", [{"event": "metadata", "data": METADATA}]),
        ("invoke", {"prompt_token_count": 1200, "generation_token_count": 350}),
        (
            "messages",
            [
                {"type": "message_start", "message": {"usage": {"input_tokens": 1200}}},
                {"type": "message_delta", "usage": {"output_tokens": 350}},
            ],
        ),
        (
            "generate-content",
            [{"usageMetadata": {"promptTokenCount": 1200, "candidatesTokenCount": 350}}],
        ),
        (
            "live",
            {"usageMetadata": {"promptTokenCount": 1200, "responseTokenCount": 350}},
        ),
        ("chat_v2", {"usage": {"billed_units": {"input_tokens": 1200, "output_tokens": 350}}}),
        (
            "interactions",
            {
                "status": "completed",
                "usage": {"total_input_tokens": 1200, "total_output_tokens": 350},
            },
        ),
        ("completions", {"usage": CHAT_USAGE}),
        ("conversations", {"usage": CHAT_USAGE}),
    ],
)
@pytest.mark.parametrize("url", [None, "https://gateway.example/v1/llm"])
def test_formats_by_their_names(api: str, payload: object, url: str | None) -> None:
    """Without a URL that says which format it is, its name does."""
    call = read_recorded(build_line(url=url, api=api, provider="acme", payload=payload))
    assert (call.provider, call.usage, call.usage_partial) == ("acme", PLAIN, False)


@pytest.mark.parametrize(
    ("given", "api", "payload", "provider", "units"),
    [
        (
            "cohere",
            "rerank",
            {"meta": {"billed_units": {"search_units": 3}}},
            "cohere",
            {"rerank_searches": 3},
        ),
        (
            "cohere",
            "embeddings",
            {"meta": {"billed_units": {"input_tokens": 3}}},
            "cohere",
            {"input_tokens": 3},
        ),
        (
            "cohere",
            "chat",
            {"usage": {"billed_units": {"input_tokens": 3}}},
            "cohere",
            {"input_tokens": 3},
        ),
        (
            "mistral",
            "ocr",
            {"usage_info": {"pages_processed": 3}},
            "mistral_ai",
            {"input_pages": 3},
        ),
        (
            "google",
            "embeddings",
            {"usageMetadata": {"promptTokenCount": 3}},
            "gcp.gemini",
            {"input_tokens": 3},
        ),
        ("google", "images", {"predictions": TWO}, "gcp.gemini", {"images": 2}),
        ("x-ai", "images", {"data": TWO}, "x_ai", {"images": 2}),
        ("aws", "messages", {"usage": {"input_tokens": 3}}, "aws.bedrock", {"input_tokens": 3}),
        ("azure", "transcriptions", {"duration": 2.5}, "azure.ai.openai", {"audio_ms": 3000}),
        ("moonshotai", "chat", {"usage": {"prompt_tokens": 3}}, "moonshot_ai", {"input_tokens": 3}),
        ("voyageai", "embeddings", {"usage": {"total_tokens": 3}}, "voyageai", {"input_tokens": 3}),
        ("", "embeddings", {"usage": {"prompt_tokens": 3}}, "openai", {"input_tokens": 3}),
    ],
)
def test_both_worlds_of_names(
    given: str, api: str, payload: object, provider: str, units: dict[str, int]
) -> None:
    """The list prices call some providers otherwise than OpenTelemetry does; either is known."""
    call = read_recorded(build_line(url=None, provider=given, api=api, payload=payload))
    assert (call.provider, call.usage.reported()) == (provider, units)


def test_the_host_says_who_answered() -> None:
    """The address outweighs the name; at one that is not known the name stands."""
    bedrock = "https://bedrock-runtime.eu-west-2.amazonaws.com/model/m/converse"
    call = read_recorded(build_line(url=bedrock, provider="anthropic", payload=METADATA))
    assert (call.provider, call.price_context) == ("aws.bedrock", (("region", "eu-west-2"),))

    ollama = build_line(url="http://127.0.0.1:11434/v1/chat/completions", provider=None)
    assert read_recorded(ollama).provider == "ollama"
    router = build_line(url="https://router.huggingface.co/nebius/v1/chat/completions")
    assert read_recorded(router).provider == "huggingface_nebius"


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"model": "m", "usage": None}, "the answer states no usage"),
        ({"model": "m"}, "the answer states no usage"),
        ({}, "the answer states no usage"),
        (None, "the answer states no usage"),
        ("", "the answer states no usage"),
        ("{", "the answer states no usage"),
        ([], "the answer states no usage"),
        ({"usage": "many"}, "the answer states no usage"),
        ({"usage": {"total_tokens": 5}}, "no unit that is known"),
        ({"usage": {}}, "no unit that is known"),
        ({"model": "m", "status": "failed", "error": {"code": "server_error"}}, "no usage"),
        ({"usage": {"prompt_tokens": -5}}, "prompt_tokens is not between"),
        ({"usage": {"prompt_tokens": math.nan}}, "prompt_tokens is a float"),
        ({"usage": {"prompt_tokens": "5"}}, "prompt_tokens is a str"),
        ({"usage": {"prompt_tokens": 5, "cached_tokens": 6}}, "exceeds input_tokens 5"),
    ],
)
def test_usage_that_cannot_be(payload: object, problem: str) -> None:
    """S4.5: such a call is kept with the reason; nothing is summed, and nothing fails."""
    call = read_recorded({**CHAT, "payload": payload})
    assert problem in call.usage_problem
    assert call.usage == Usage()


@pytest.mark.parametrize(
    ("payload", "context", "error_type"),
    [
        ({"error": {"code": "rate_limit_exceeded", "type": "t"}}, {}, "rate_limit_exceeded"),
        ({"error": {"code": 429, "message": "m"}}, {}, "429"),
        ({"error": {"code": 7, "message": "m"}}, {}, "_OTHER"),
        ({"error": {"type": "overloaded_error"}}, {"status": 529}, "529"),
        (None, {"http_status": "503"}, "503"),
        ("", {"status_code": 500}, "500"),
    ],
)
def test_refusals(payload: object, context: Line, error_type: str) -> None:
    """A request that was refused consumed nothing: no usage is missing."""
    call = read_recorded({**CHAT, "payload": payload, "context": context})
    assert (call.error_type, call.usage_problem) == (error_type, "")
    assert (call.usage, call.usage_source) == (Usage(), "none")


@pytest.mark.parametrize("status", [200, "200", "many", True, "9" * 5000, 4.04, []])
def test_no_refusal(status: object) -> None:
    """Any other status says nothing of the answer."""
    call = read_recorded(build_line(context={"status": status}))
    assert (call.error_type, call.usage) == ("", PLAIN)


@pytest.mark.parametrize(
    ("api", "payload", "context", "units"),
    [
        ("speech", None, {"input_characters": 500}, {"input_characters": 500}),
        ("speech", NOTHING, {"characters": 500}, {"input_characters": 500}),
        ("speech", {"usage": {"input_tokens": 4}}, NOTHING, {"input_tokens": 4}),
        ("images", {"data": TWO}, {"n": 3}, {"images": 2}),
        ("images", None, {"n": 3, "image_size": "1x1"}, {"images": 3}),
        ("transcription", {"text": "ok"}, {"audio_seconds": 9.2}, {"audio_ms": 10_000}),
        ("transcription", {"duration": 4.5}, {"audio_seconds": 9.2}, {"audio_ms": 5000}),
        (
            "chat",
            {"usage": CHAT_USAGE},
            {"web_searches": 2},
            {"input_tokens": 1200, "output_tokens": 350, "web_searches": 2},
        ),
    ],
)
def test_what_only_the_request_says(
    api: str, payload: object, context: Line, units: dict[str, int]
) -> None:
    """Quantities that no answer states may be given; what it states comes first."""
    line = {**build_line(url=None, api=api, context=context), "payload": payload}
    call = read_recorded(line)
    assert (call.usage.reported(), call.usage_problem) == (units, "")


def test_an_impossible_quantity_is_invalid_too() -> None:
    """What is given besides is held to the same as what is stated."""
    call = read_recorded(build_line(context={"web_searches": -1}))
    assert "web_searches is not between" in call.usage_problem


def test_usage_in_headers() -> None:
    """Bedrock states the usage of some models nowhere but in the headers."""
    line = build_line(
        url="https://bedrock-runtime.us-east-1.amazonaws.com/model/cohere.embed-english-v3/invoke",
        payload={"embeddings": []},
        context={"headers": {"X-Amzn-Bedrock-Input-Token-Count": "800"}},
    )
    assert read_recorded(line).usage == Usage(input_tokens=800)
    assert read_recorded({**line, "context": {"headers": [5]}}).usage_problem


def test_a_stated_cost_needs_no_units() -> None:
    """S4.5: what is charged is known, whatever was consumed."""
    line = build_line(
        url="https://api.x.ai/v1/images/edits", payload={"usage": {"cost_in_usd_ticks": 5}}
    )
    call = read_recorded(line)
    assert (call.reported_amount, call.usage_problem) == (Decimal("5E-10"), "")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"at": None}, "`at` is no time with a zone"),
        ({"at": True}, "`at` is no time with a zone"),
        ({"at": []}, "`at` is no time with a zone"),
        ({"at": "yesterday"}, "seconds since 1970: 'yesterday'"),
        ({"at": "2025-03-01T12:00:00"}, "`at` is no time with a zone"),
        ({"at": "2025-03-01"}, "`at` is no time with a zone"),
        ({"at": "9999-12-31T23:59:59-23:59"}, "`at` is no time with a zone"),
        ({"at": 1e300}, "`at` is no time with a zone"),
        ({"at": 10**15}, "`at` is no time with a zone"),
        ({"at": 10**5000}, "`at` is no time with a zone"),
        ({"at": math.nan}, "`at` is no time with a zone"),
        ({"url": 5}, "`url` is a int, not a text"),
        ({"url": "https://[broken/v1"}, "`url` is no address"),
        ({"url": "https://host:port/v1"}, "`url` is no address"),
        ({"model": ["gpt-4o"]}, "`model` is a list, not a text"),
        ({"provider": {}}, "`provider` is a dict, not a text"),
        ({"url": None, "api": None}, "neither `url` nor `api` ''"),
        ({"url": None, "api": "telepathy"}, "'telepathy' names a wire format"),
        ({"payload": None}, "the line has no payload"),
        ({"payload": 5}, "`payload` is a int"),
        ({"context": "batch"}, "`context` is a str, not an object"),
        ({"context": {"region": ["eu"]}}, "`context.region` is a list"),
        ({"context": {"service_tier": {}}}, "`context.service_tier` is a dict"),
        ({"context": {"batch": []}}, "`context.batch` is a list"),
    ],
)
def test_malformed_lines(changes: Line, sentence: str) -> None:
    """A line that is not of the form is refused with a sentence that says where."""
    with pytest.raises(InvalidRecord) as refusal:
        read_recorded(build_line(**changes))
    assert sentence in str(refusal.value)
    assert len(str(refusal.value)) < 200


ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just("429")
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["usage", "prompt_tokens", "error", "code", "event", "data", "batch"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=10,
)


@given(
    changes=st.dictionaries(
        st.sampled_from([name for name in CHAT if name != "payload"]), ANYTHING, max_size=3
    ),
    payload=ANYTHING,
    api=st.sampled_from(["chat", "converse", "messages", "images", "rerank", "generate_content"]),
)
def test_any_line(changes: Mapping[str, object], payload: object, api: str) -> None:
    """Whatever is in a line, it becomes a call, or is refused as one that cannot be read."""
    line = {**CHAT, "url": None, "api": api, **changes, "payload": payload}
    try:
        call = read_recorded(line)
    except InvalidRecord:
        return
    assert call.usage_problem == "" or call.usage == Usage()


@pytest.mark.parametrize(
    ("context", "field", "value"),
    [
        ({"processing": "batch"}, "batch", True),
        ({"tier": "flex"}, "request_service_tier", "flex"),
        (
            {"deployment_type": "DataZoneStandard"},
            "price_context",
            (("deployment", "datazonestandard"),),
        ),
        ({"datazone": "eu"}, "price_context", (("data_zone", "eu"),)),
        ({"location": "eu-west-1"}, "price_context", (("region", "eu-west-1"),)),
    ],
)
def test_what_people_call_otherwise_is_understood(
    context: dict[str, object], field: str, value: object
) -> None:
    """The context is written by people."""
    assert getattr(read_recorded({**CHAT, "context": context}), field) == value
