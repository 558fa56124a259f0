import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.openai import CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES
from spanledger.dialects.ours import CONTEXT, COUNTED
from spanledger.dialects.reader import read_answer
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

Recorded = Callable[[str], bytes]
ReadStream = Callable[[Dialect, Iterable[bytes]], Answer]


def test_chat_body(recorded: Recorded) -> None:
    """S4.3: a chat completion states its model, id, end, tier, and usage with parts in wholes."""
    answer = read_answer(CHAT, recorded("openai_chat.json"))
    assert answer is not None
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(
        input_tokens=2306,
        cache_read_tokens=1920,
        input_audio_tokens=0,
        output_tokens=497,
        reasoning_tokens=448,
        output_audio_tokens=0,
    )
    assert replace(answer, usage=None) == Answer(
        model="gpt-5-mini-2025-08-07",
        response_id="chatcmpl-CbK2vQmTz8Hn4",
        finish_reasons=("stop",),
        service_tier="default",
        complete=True,
    )


def test_chat_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """S3.4: a chat stream gives its usage in the chunk without choices, before `[DONE]`."""
    answer = read_stream(CHAT, [recorded("openai_chat_stream.sse")])
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(
        input_tokens=1117,
        cache_read_tokens=1024,
        input_audio_tokens=0,
        output_tokens=46,
        reasoning_tokens=0,
        output_audio_tokens=0,
    )
    assert replace(answer, usage=None) == Answer(
        model="gpt-4o-2024-08-06",
        response_id="chatcmpl-CbK3a1",
        finish_reasons=("length",),
        service_tier="default",
        complete=True,
    )


def test_cut_chat_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """A chat stream that stops before its usage is not complete, and states none."""
    whole = recorded("openai_chat_stream.sse")
    answer = read_stream(CHAT, [whole[: whole.index(b'"choices":[],"usage"')]])
    assert answer == Answer(
        model="gpt-4o-2024-08-06",
        response_id="chatcmpl-CbK3a1",
        finish_reasons=("length",),
        service_tier="default",
    )


def test_error_in_chat_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """An error inside a stream is named by its type where it has no code, and ends nothing."""
    assert read_stream(CHAT, [recorded("openai_chat_stream_error.sse")]) == Answer(
        model="gpt-4o-2024-08-06", response_id="chatcmpl-CbK4", error_type="server_error"
    )


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES, EMBEDDINGS])
def test_error_body(recorded: Recorded, dialect: Dialect) -> None:
    """The body of a 429 names its error by code, and states no usage."""
    assert read_answer(dialect, recorded("openai_error_429.json")) == Answer(
        error_type="rate_limit_exceeded", complete=True
    )


def test_every_choice_has_its_end() -> None:
    """The finish reasons of several choices come in their order; one without is left out."""
    body: Json = {
        "choices": [{"finish_reason": "stop"}, {"finish_reason": None}, {"finish_reason": "length"}]
    }
    assert CHAT.read_answer(body).finish_reasons == ("stop", "length")


def test_responses_body(recorded: Recorded) -> None:
    """A response cut at its limit says so by the reason, with cache reads and writes in input."""
    answer = read_answer(RESPONSES, recorded("openai_responses.json"))
    assert answer is not None
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(
        input_tokens=5329,
        cache_read_tokens=4096,
        cache_write_tokens=1024,
        output_tokens=800,
        reasoning_tokens=768,
    )
    assert replace(answer, usage=None) == Answer(
        model="gpt-5-2025-08-07",
        response_id="resp_68f0c2a91c",
        finish_reasons=("max_output_tokens",),
        service_tier="flex",
        complete=True,
    )


def test_responses_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """S3.4: a responses stream ends with an event that holds the whole response and its usage."""
    answer = read_stream(RESPONSES, [recorded("openai_responses_stream.sse")])
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(
        input_tokens=37, cache_read_tokens=0, output_tokens=11, reasoning_tokens=0
    )
    assert replace(answer, usage=None) == Answer(
        model="gpt-5-mini-2025-08-07",
        response_id="resp_77a1",
        finish_reasons=("completed",),
        service_tier="default",
        complete=True,
    )


def test_cut_responses_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """Before its last event a response has a model, an id and the tier asked for: no more."""
    whole = recorded("openai_responses_stream.sse")
    answer = read_stream(RESPONSES, [whole[: whole.index(b"event: response.completed")]])
    assert answer == Answer(
        model="gpt-5-mini-2025-08-07", response_id="resp_77a1", service_tier="auto"
    )


def test_failed_response(recorded: Recorded, read_stream: ReadStream) -> None:
    """A failed response is complete: it names its error and what it consumed."""
    answer = read_stream(RESPONSES, [recorded("openai_responses_stream_failed.sse")])
    assert answer.error_type == "rate_limit_exceeded"
    assert answer.finish_reasons == ("failed",)
    assert answer.complete
    assert answer.usage is not None
    assert answer.usage["input_tokens"] == 90


def test_error_in_responses_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """An error event in place of the last event names the error and leaves the stream cut."""
    assert read_stream(RESPONSES, [recorded("openai_responses_stream_error.sse")]) == Answer(
        model="gpt-5-2025-08-07",
        response_id="resp_99c1",
        service_tier="auto",
        error_type="server_error",
    )


@pytest.mark.parametrize(
    ("event", "error_type"),
    [
        (
            {"type": "error", "error": {"type": "t", "code": "too_many_requests"}},
            "too_many_requests",
        ),
        ({"type": "error", "message": "no name at all"}, "_OTHER"),
        ({"code": "named_by_its_event"}, "named_by_its_event"),
    ],
)
def test_error_event_shapes(event: Json, error_type: str) -> None:
    """OpenAI documents a flat error event and sends a nested one: both are read."""
    assert RESPONSES.read_event(Answer(), "error", event) == Answer(error_type=error_type)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_background_response(status: str) -> None:
    """A response that goes on in the background is not complete, and has no end yet."""
    answer = RESPONSES.read_answer({"id": "resp_1", "status": status, "usage": None})
    assert answer == Answer(response_id="resp_1")


def test_embeddings_body(recorded: Recorded) -> None:
    """Embeddings have input only: output is absent, not zero."""
    answer = read_answer(EMBEDDINGS, recorded("openai_embeddings.json"))
    assert answer == Answer(
        model="text-embedding-3-small",
        usage={"prompt_tokens": 8, "total_tokens": 8},
        complete=True,
    )
    assert read_usage("openai", {"prompt_tokens": 8, "total_tokens": 8}) == Usage(input_tokens=8)


@pytest.mark.parametrize(
    ("body", "request_"),
    [
        ({"model": "gpt-4o", "stream": True}, Request(model="gpt-4o", stream=True)),
        ({"model": "gpt-4o", "stream": None}, Request(model="gpt-4o")),
        ({"model": "o3", "service_tier": "flex"}, Request(model="o3", service_tier="flex")),
        ({"conversation": "conv_1"}, Request(conversation_id="conv_1")),
        ({"conversation": {"id": "conv_2"}}, Request(conversation_id="conv_2")),
        ({"previous_response_id": "resp_1"}, Request(previous_response_id="resp_1")),
        ({"user": "u1"}, Request(user_id="u1")),
        ({"user": "u1", "safety_identifier": "s1"}, Request(user_id="s1")),
        ({"metadata": {"user_id": "m1"}}, Request(user_id="m1")),
        ({"metadata": "m1", "user": {"id": 1}}, Request()),
        ({"model": 4, "stream": "yes", "conversation": [1]}, Request()),
        ({"stream": 1, "previous_response_id": 7}, Request()),
    ],
)
def test_request(body: Json, request_: Request) -> None:
    """A request says its model, stream, tier, user and conversation; a wrong type nothing."""
    assert RESPONSES.read_request("/v1/responses", body) == request_


def test_azure_deployment() -> None:
    """Azure's path names the model where the body does not."""
    path = "/openai/deployments/my-gpt4o/chat/completions"
    assert CHAT.read_request(path, {}).model == "my-gpt4o"
    assert CHAT.read_request(path, {"model": "gpt-4o"}).model == "gpt-4o"


def test_older_engine_paths() -> None:
    """Before deployments there were engines, and compatible servers still know them."""
    request = COMPLETIONS.read_request("/v1/engines/davinci-002/completions", {"user": "u"})
    assert request == Request(model="davinci-002", user_id="u")


def test_completions_body(recorded: Recorded) -> None:
    """A legacy completion is read as a chat is: only its texts stand elsewhere."""
    answer = read_answer(COMPLETIONS, recorded("openai_completions.json"))
    assert answer is not None
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(input_tokens=5, output_tokens=7)
    assert replace(answer, usage=None) == Answer(
        model="gpt-3.5-turbo-instruct:20230824-v2",
        response_id="cmpl-CbK9f1",
        finish_reasons=("stop",),
        complete=True,
    )


@pytest.mark.parametrize(
    ("file", "answer"),
    [
        (
            "azure_chat_stream.sse",
            Answer(model="gpt-4o-2024-11-20", response_id="chatcmpl-AzB1", complete=True),
        ),
        (
            "openrouter_chat_stream.sse",
            Answer(
                model="anthropic/claude-sonnet-4.5",
                response_id="gen-1763780002-Qx7",
                complete=True,
            ),
        ),
        (
            "groq_chat_stream.sse",
            Answer(model="llama-3.3-70b-versatile", response_id="chatcmpl-7c1e", complete=True),
        ),
        (
            "moonshot_chat_stream.sse",
            Answer(model="kimi-k2-0905-preview", response_id="cmpl-68f2", complete=True),
        ),
    ],
)
def test_streams_of_others(
    recorded: Recorded, read_stream: ReadStream, file: str, answer: Answer
) -> None:
    """Who speaks OpenAI's format with an accent is read as well as OpenAI itself."""
    said = read_stream(CHAT, [recorded(file)])
    assert replace(said, usage=None) == replace(answer, finish_reasons=("stop",))


@pytest.mark.parametrize(
    ("file", "provider", "usage"),
    [
        (
            "azure_chat_stream.sse",
            "azure.ai.openai",
            Usage(
                input_tokens=14,
                cache_read_tokens=0,
                input_audio_tokens=0,
                output_tokens=3,
                reasoning_tokens=0,
                output_audio_tokens=0,
            ),
        ),
        ("groq_chat_stream.sse", "groq", Usage(input_tokens=41, output_tokens=4)),
        (
            "moonshot_chat_stream.sse",
            "moonshot_ai",
            Usage(input_tokens=19, cache_read_tokens=12, output_tokens=13),
        ),
    ],
)
def test_usage_in_the_streams_of_others(
    recorded: Recorded, read_stream: ReadStream, file: str, provider: str, usage: Usage
) -> None:
    """S3.4: the usage counts wherever in the last chunk a provider puts it."""
    stated = read_stream(CHAT, [recorded(file)]).usage
    assert stated is not None
    assert read_usage(provider, stated) == usage


def test_deepseek_body(recorded: Recorded) -> None:
    """DeepSeek states hits and misses of its cache beside the counts of OpenAI."""
    answer = read_answer(CHAT, recorded("deepseek_chat.json"))
    assert answer is not None
    assert answer.usage is not None
    assert read_usage("deepseek", answer.usage) == Usage(
        input_tokens=600, cache_read_tokens=512, output_tokens=50, reasoning_tokens=40
    )


def test_stated_costs_stay(recorded: Recorded, read_stream: ReadStream) -> None:
    """S4.5: a cost that the provider states is kept in the raw usage as it came."""
    openrouter = read_stream(CHAT, [recorded("openrouter_chat_stream.sse")]).usage
    xai = CHAT.read_answer(json.loads(recorded("xai_chat.json"))).usage
    perplexity = CHAT.read_answer(json.loads(recorded("perplexity_chat.json"))).usage
    assert openrouter is not None
    assert openrouter["cost"] == 0.000657
    assert xai is not None
    assert xai["cost_in_usd_ticks"] == 37_756_000
    assert perplexity is not None
    assert perplexity["cost"] == {
        "input_tokens_cost": 0.000024,
        "output_tokens_cost": 0.006585,
        "request_cost": 0.006,
        "total_cost": 0.012609,
    }


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        ({"usage": {"prompt_tokens": 1}, "cost": 0.5}, {"prompt_tokens": 1, "cost": 0.5}),
        ({"usage": {"cost": 0.25}, "cost": 0.5}, {"cost": 0.25}),
        ({"cost": None, "usage": None}, None),
        ({"cost_in_usd_ticks": 7}, {"cost_in_usd_ticks": 7}),
    ],
)
def test_costs_beside_the_usage(body: Json, usage: Json | None) -> None:
    """A cost beside the usage joins it, and does not replace one in it."""
    assert CHAT.read_answer(body).usage == usage
    assert RESPONSES.read_answer(body).usage == usage


USED: Json = {"input_tokens": 347, "output_tokens": 540}


def item(kind: str, **more: object) -> Json:
    """An item of the output of a response."""
    return {"type": kind, "status": "completed", **more}


def search(action: str) -> Json:
    """A call of the tool that searches the web."""
    return item("web_search_call", action={"type": action})


SEARCH_TOOL: Json = {"type": "web_search_preview", "search_context_size": "medium"}
MESSAGE = item("message", content=[{"type": "output_text", "text": "ok"}])


@pytest.mark.parametrize(
    ("output", "counted"),
    [
        ([MESSAGE], {}),
        ([search("search"), search("open_page"), search("search"), MESSAGE], {"web_searches": 2}),
        ([search("find_in_page"), search("open_page")], {}),
        ([item("web_search_call"), item("web_search_call", action=None)], {"web_searches": 2}),
        ([item("web_search_call", status="failed")], {}),
        ([item("file_search_call", queries=["a"])] * 2, {"storage_searches": 2}),
        # Two runs in one container, and one in another.
        (
            [item("code_interpreter_call", container_id=name) for name in ("c1", "c1", "c2")],
            {"code_executions": 2},
        ),
        ([item("image_generation_call", result="aGk=")], {"images": 1}),
        ([item("mcp_call"), item("function_call"), item("reasoning"), 5, None], {}),
        (
            [search("search"), item("file_search_call"), item("code_interpreter_call")],
            {"web_searches": 1, "storage_searches": 1, "code_executions": 1},
        ),
    ],
)
def test_tools_that_are_paid_by_the_call(output: list[object], counted: dict[str, int]) -> None:
    """S4.3: OpenAI counts the calls of its own tools nowhere but in the output."""
    answer = RESPONSES.read_answer({"output": output, "usage": USED, "tools": []})
    assert answer.usage == {**USED, **({COUNTED: counted} if counted else {})}


def test_which_tool_searched() -> None:
    """S4.3: the older tool costs more, and its price depends on how much context it brings."""
    body: Json = {
        "output": [search("search")],
        "usage": USED,
        "tools": [{"type": "x"}, SEARCH_TOOL],
    }
    assert RESPONSES.read_answer(body).usage == {
        **USED,
        COUNTED: {"web_searches": 1},
        CONTEXT: {"tool": "web_search_preview", "search_context_size": "medium"},
    }
    unused: Json = {"output": [MESSAGE], "usage": USED, "tools": [SEARCH_TOOL]}
    assert RESPONSES.read_answer(unused).usage == USED


def test_tools_of_a_response_without_usage() -> None:
    """A response that failed states no usage, whatever it tried: nothing is made up."""
    body: Json = {"status": "failed", "output": [search("search")], "usage": None}
    assert RESPONSES.read_answer(body).usage is None


def test_what_openai_counts_itself_is_kept() -> None:
    """Where the answer counts its searches, that is the figure."""
    body: Json = {
        "output": [search("search")] * 3,
        "usage": USED,
        "tool_usage": {"web_search": {"num_requests": 2}},
    }
    usage = RESPONSES.read_answer(body).usage
    assert usage is not None
    assert read_usage("openai", usage) == Usage(input_tokens=347, output_tokens=540, web_searches=2)


@given(st.data())
def test_tools_in_a_stream(read_stream: ReadStream, data: st.DataObject) -> None:
    """S3.4: the last event of a stream repeats the output, so its tools are counted there, once."""
    output = data.draw(st.lists(st.sampled_from([MESSAGE, search("search"), search("open_page")])))
    whole: Json = {"status": "completed", "output": output, "usage": USED, "tools": [SEARCH_TOOL]}
    events: list[Json] = [
        {"type": "response.created", "response": {"status": "in_progress", "output": []}},
        *({"type": "response.output_item.done", "item": one} for one in output),
        {"type": "response.completed", "response": whole},
    ]
    stream = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    edges = [0, *cuts, len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(edges)]

    assert read_stream(RESPONSES, chunks).usage == RESPONSES.read_answer(whole).usage


@pytest.mark.parametrize(
    ("model", "searches"),
    [
        ("gpt-4o-search-preview-2025-03-11", 1),
        ("gpt-4o-mini-search-preview", 1),
        ("gpt-5-search-api", 1),
        ("openai/gpt-4o-search-preview", 1),
        ("gpt-4o", None),
        ("deep-search-r1", None),
    ],
)
def test_models_that_always_search(model: str, searches: int | None) -> None:
    """S4.3: each answer of these models costs a search besides its tokens."""
    body: Json = {"model": model, "usage": {"prompt_tokens": 30, "completion_tokens": 600}}
    usage = CHAT.read_answer(body).usage
    assert usage is not None
    assert read_usage("openai", usage).web_searches == searches
    assert CHAT.read_answer({"model": model}).usage is None


def test_how_to_search() -> None:
    """The fee may depend on the request, which no answer repeats."""
    body: Json = {
        "model": "gpt-4o-search-preview",
        "web_search_options": {"search_context_size": "high", "user_location": {}},
    }
    assert CHAT.read_request("/", body).usage == {CONTEXT: {"search_context_size": "high"}}
    pro: Json = {"web_search_options": {"search_type": "pro"}}
    assert CHAT.read_request("/", pro).usage == {CONTEXT: {"search_type": "pro"}}
    nothing: list[Json] = [{}, {"web_search_options": {}}, {"web_search_options": "high"}]
    assert [CHAT.read_request("/", body).usage for body in nothing] == [None] * 3


def test_tier_in_the_usage() -> None:
    """Mistral states the tier that it answered with among the counts."""
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "service_tier": "priority"}
    assert CHAT.read_answer({"usage": usage}).service_tier == "priority"
    both: Json = {"usage": usage, "service_tier": "standard"}
    assert CHAT.read_answer(both).service_tier == "standard"


def test_texts_of_a_chat_prompt() -> None:
    """S4.3: an estimate sees messages, their text parts, calls of tools and the tools offered."""
    body: Json = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "function": {"name": "look", "arguments": "{}"}}],
            },
            {"role": "assistant", "function_call": {"name": "old", "arguments": "[]"}},
        ],
        "tools": [{"type": "function", "function": {"name": "look"}}],
        "functions": [{"name": "old"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s"}},
    }
    assert sorted(CHAT.read_prompt(body)) == sorted(
        [
            "Be brief.",
            "What is this?",
            "look",
            "{}",
            "old",
            "[]",
            '{"type":"function","function":{"name":"look"}}',
            '{"name":"old"}',
            '{"name":"s"}',
        ]
    )


def test_texts_of_a_chat_answer(recorded: Recorded) -> None:
    """S4.3: an estimate sees what was said, thought and refused, and calls of tools, once."""
    assert list(CHAT.read_output(json.loads(recorded("deepseek_chat.json")))) == [
        "Two and two.",
        "Four.",
    ]
    chunk: Json = {
        "choices": [
            {
                "delta": {
                    "content": [{"type": "text", "text": "a"}],
                    "reasoning": "b",
                    "reasoning_content": "b",
                    "refusal": "c",
                    "tool_calls": [{"function": {"name": "d", "arguments": "e"}}],
                    "function_call": {"name": "f", "arguments": "g"},
                }
            }
        ]
    }
    assert sorted(CHAT.read_output(chunk)) == list("abcdefg")
    completion = json.loads(recorded("openai_completions.json"))
    assert list(COMPLETIONS.read_output(completion)) == ["\n\nTwice two is four."]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"prompt": "p", "suffix": "s"}, ["p", "s"]),
        ({"prompt": ["p", "q"]}, ["p", "q"]),
        ({"prompt": [1, 2, 3]}, []),
    ],
)
def test_texts_of_a_completion_prompt(body: Json, said: list[str]) -> None:
    """A prompt is a text or several; one that is tokens already has no text."""
    assert list(COMPLETIONS.read_prompt(body)) == said


@pytest.mark.parametrize(
    ("body", "said"), [({"input": "a"}, ["a"]), ({"input": ["a", "b"]}, ["a", "b"])]
)
def test_texts_of_embeddings(body: Json, said: list[str]) -> None:
    """What is embedded is one text or several; the answer holds none."""
    assert list(EMBEDDINGS.read_prompt(body)) == said
    assert list(EMBEDDINGS.read_output({"data": [{"embedding": [0.5]}]})) == []


def test_texts_of_a_responses_prompt() -> None:
    """S4.3: the input of a response is a text, or items of several kinds."""
    assert list(RESPONSES.read_prompt({"instructions": "i", "input": "hello"})) == ["i", "hello"]
    body: Json = {
        "input": [
            {"role": "user", "content": "a"},
            {"role": "user", "content": [{"type": "input_text", "text": "b"}]},
            {"type": "function_call", "name": "c", "arguments": "d"},
            {"type": "function_call_output", "output": "e"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "f"}]},
        ],
        "tools": [{"type": "function", "name": "c"}],
    }
    assert sorted(RESPONSES.read_prompt(body)) == sorted(
        ["a", "b", "c", "d", "e", "f", '{"type":"function","name":"c"}']
    )


def test_texts_of_a_responses_answer() -> None:
    """S4.3: a whole response tells all its texts."""
    body: Json = {
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "b"}]},
            {"type": "message", "content": [{"type": "refusal", "refusal": "c"}]},
            {"type": "function_call", "name": "d", "arguments": "e"},
        ]
    }
    assert sorted(RESPONSES.read_output(body)) == list("abcde")


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"type": "response.output_text.delta", "delta": "x"}, ["x"]),
        ({"type": "response.function_call_arguments.delta", "delta": "{"}, ["{"]),
        ({"type": "response.output_text.done", "text": "x"}, []),
        ({"type": "response.audio.delta", "delta": "UklGRg=="}, []),
        ({"type": "response.completed", "response": {"output": [{"content": "x"}]}}, []),
    ],
)
def test_texts_of_responses_events(event: Json, said: list[str]) -> None:
    """Each text of a stream counts once: where it is added, not where it is repeated."""
    assert list(RESPONSES.read_output(event)) == said
