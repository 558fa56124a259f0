import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from spanledger.dialects.cohere import CHAT, CHAT_V1, EMBED, RERANK, ROWS
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.ndjson import LineDecoder
from spanledger.dialects.reader import read_answer
from spanledger.dialects.sse import EventDecoder
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

Recorded = Callable[[str], bytes]
ReadStream = Callable[..., Answer]


def test_chat(recorded: Recorded) -> None:
    """S4.3: what is billed counts, not all that was read: Cohere's own preamble is free."""
    answer = read_answer(CHAT, recorded("cohere_chat.json"))
    assert answer is not None
    assert answer.usage is not None
    assert read_usage("cohere", answer.usage) == Usage(input_tokens=5, output_tokens=418)
    assert replace(answer, usage=None) == Answer(
        response_id="c14c80c3-18eb-4519-9460-6c92edd8cfb4",
        finish_reasons=("TOOL_CALL",),
        complete=True,
    )


def test_chat_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """S3.4: the last event of a stream has the usage and the reason."""
    answer = read_stream(CHAT, [recorded("cohere_chat_stream.sse")])
    assert answer.usage is not None
    assert read_usage("cohere", answer.usage) == Usage(input_tokens=17, output_tokens=12)
    assert replace(answer, usage=None) == Answer(
        response_id="29f14a5a-11de-4cae-9800-25e4747408ea",
        finish_reasons=("COMPLETE",),
        complete=True,
    )


def test_cut_chat_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """A stream that was cut in its text is not complete."""
    whole = recorded("cohere_chat_stream.sse")
    answer = read_stream(CHAT, [whole[: whole.index(b"event: message-end")]])
    assert answer == Answer(response_id="29f14a5a-11de-4cae-9800-25e4747408ea")


def test_error_in_a_stream() -> None:
    """An error at the end of a stream is one, though it has no name."""
    end: Json = {"delta": {"error": "it broke", "finish_reason": "ERROR"}}
    assert CHAT.read_event(Answer(), "message-end", end) == Answer(
        error_type="_OTHER", finish_reasons=("ERROR",), complete=True
    )


def test_chat_v1(recorded: Recorded, read_stream: ReadStream) -> None:
    """The first version says the same in its body as in the last line of its stream."""
    answer = read_answer(CHAT_V1, recorded("cohere_chat_v1.json"))
    assert answer == read_stream(CHAT_V1, [recorded("cohere_chat_v1_stream.ndjson")], LineDecoder)
    assert answer is not None
    assert answer.usage is not None
    assert read_usage("cohere", answer.usage) == Usage(input_tokens=17, output_tokens=12)
    assert "warnings" not in answer.usage
    assert replace(answer, usage=None) == Answer(
        response_id="resp_1", finish_reasons=("COMPLETE",), complete=True
    )


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("cohere_embed.json", Usage(input_tokens=2)),
        ("cohere_embed_image.json", Usage(input_tokens=258, input_image_tokens=258)),
    ],
)
def test_embed(recorded: Recorded, name: str, usage: Usage) -> None:
    """S4.1: embeddings of texts and images count their input."""
    answer = read_answer(EMBED, recorded(name))
    assert answer is not None
    assert answer.usage is not None
    assert read_usage("cohere", answer.usage) == usage


def test_rerank(recorded: Recorded) -> None:
    """A rerank is billed by search units, which are kept; there are no tokens."""
    answer = read_answer(RERANK, recorded("cohere_rerank.json"))
    assert answer is not None
    assert answer.usage == {"billed_units": {"search_units": 1}}
    assert answer.usage is not None
    assert read_usage("cohere", answer.usage) == Usage(rerank_searches=1)


def test_rerank_of_voyage(recorded: Recorded) -> None:
    """Voyage's rerank states tokens, all of them input."""
    answer = read_answer(RERANK, recorded("voyage_rerank.json"))
    assert answer is not None
    assert answer.usage is not None
    assert answer.model == "rerank-2.5"
    assert read_usage("voyageai", answer.usage) == Usage(input_tokens=26)


def test_answer_without_usage() -> None:
    """A body that states nothing is an answer that states nothing."""
    assert CHAT.read_answer({"meta": {"api_version": {}}}) == Answer(complete=True)


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v2/chat", CHAT),
        ("/v1/chat", CHAT_V1),
        ("/v2/embed", EMBED),
        ("/v1/embed", EMBED),
        ("/v2/rerank", RERANK),
        ("/v1/rerank", RERANK),
        ("/v1/chat/completions", None),
        ("/v1/tokenize", None),
        ("/v1/embed-jobs", None),
    ],
)
def test_paths(path: str, dialect: Dialect | None) -> None:
    """Each path has its dialect; it is so common that only the model makes it a call."""
    assert [row for row in ROWS if row.path.search(path)] == ([dialect] if dialect else [])
    assert all(row.shared_path for row in ROWS)


def test_request() -> None:
    """A request says its model, and in the first version its conversation."""
    body: Json = {"model": "command-a-03-2025", "stream": True, "conversation_id": "c-1"}
    assert CHAT.read_request("/v2/chat", body) == Request(
        model="command-a-03-2025", stream=True, conversation_id="c-1"
    )


def test_prompt() -> None:
    """What the model reads in a chat: all turns, tools and documents."""
    body: Json = {
        "messages": [
            {"role": "user", "content": "Rain?"},
            {"role": "assistant", "tool_plan": "Look.", "tool_calls": [{"id": "t"}]},
            {"role": "tool", "content": [{"type": "document", "document": {"data": "wet"}}]},
            {"role": "user", "content": [{"type": "text", "text": "So?"}]},
        ],
        "tools": [{"type": "function"}],
        "documents": ["dry"],
    }
    assert list(CHAT.read_prompt(body)) == [
        "Rain?",
        '{"data":"wet"}',
        "So?",
        "Look.",
        '[{"id":"t"}]',
        '{"type":"function"}',
        "dry",
    ]


def test_prompt_v1() -> None:
    """And in the first version."""
    body: Json = {"message": "So?", "chat_history": [{"message": "Rain?"}], "preamble": "Be brief."}
    assert list(CHAT_V1.read_prompt(body)) == ["Be brief.", "Rain?", "So?"]


def test_prompt_of_a_search() -> None:
    """What is embedded, and what is ranked."""
    assert list(EMBED.read_prompt({"texts": ["a", "b"]})) == ["a", "b"]
    inputs: Json = {"inputs": [{"content": [{"text": "a"}, {"image_url": {"url": "data:"}}]}]}
    assert list(EMBED.read_prompt(inputs)) == ["a"]
    ranked: Json = {"query": "q", "documents": ["a", {"text": "b", "title": "t"}]}
    assert list(RERANK.read_prompt(ranked)) == ["q", "a", "b"]


def test_output(recorded: Recorded) -> None:
    """What the model wrote: texts, thoughts, plans and tools, at once and in a stream."""
    assert list(CHAT.read_output(json.loads(recorded("cohere_chat.json")))) == [
        "Search first.",
        "One moment.",
        "I will search.",
        "search",
        '{"q":"rain"}',
    ]
    events = EventDecoder().feed(recorded("cohere_chat_stream.sse"))[:-1]
    assert [t for e in events for t in CHAT.read_output(json.loads(e.data))] == ["Rain", " again."]


def test_output_v1(recorded: Recorded) -> None:
    """The last line of a stream in the first version repeats the text, which counts once."""
    assert list(CHAT_V1.read_output(json.loads(recorded("cohere_chat_v1.json")))) == ["Rain again."]
    lines = LineDecoder().feed(recorded("cohere_chat_v1_stream.ndjson"))
    said = [t for e in lines for t in CHAT_V1.read_output(json.loads(e.data))]
    assert said == ["Rain", " again."]
