import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.ndjson import LineDecoder
from spanledger.dialects.ollama import CHAT, EMBED, GENERATE, ROWS
from spanledger.dialects.reader import read_answer
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

Recorded = Callable[[str], bytes]
ReadStream = Callable[..., Answer]


def test_chat(recorded: Recorded) -> None:
    """S4.3: the counts of an answer are its usage; its durations are none."""
    assert read_answer(CHAT, recorded("ollama_chat.json")) == Answer(
        model="llama3.2",
        finish_reasons=("stop",),
        usage={"prompt_eval_count": 26, "eval_count": 282},
        complete=True,
    )


@pytest.mark.parametrize(
    ("name", "dialect", "reason"),
    [
        ("ollama_chat_stream.ndjson", CHAT, "stop"),
        ("ollama_generate_stream.ndjson", GENERATE, "length"),
    ],
)
def test_streams(
    recorded: Recorded, read_stream: ReadStream, name: str, dialect: Dialect, reason: str
) -> None:
    """S3.4: the last line has the counts and says that it is the last."""
    answer = read_stream(dialect, [recorded(name)], LineDecoder)
    assert answer.usage is not None
    assert read_usage("ollama", answer.usage) == Usage(input_tokens=26, output_tokens=282)
    assert replace(answer, usage=None) == Answer(
        model="llama3.2", finish_reasons=(reason,), complete=True
    )


def test_cut_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """A stream that was cut in its text is not complete, and counts nothing."""
    lines = recorded("ollama_chat_stream.ndjson").splitlines(keepends=True)
    assert read_stream(CHAT, lines[:-1], LineDecoder) == Answer(model="llama3.2")


def test_error_in_a_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """An error in the middle of a stream is one, though it has no name."""
    answer = read_stream(CHAT, [recorded("ollama_chat_stream_error.ndjson")], LineDecoder)
    assert answer == Answer(model="llama3.2", error_type="_OTHER")


def test_embed(recorded: Recorded) -> None:
    """An embedding counts its input, and is never streamed."""
    assert read_answer(EMBED, recorded("ollama_embed.json")) == Answer(
        model="all-minilm", usage={"prompt_eval_count": 8}, complete=True
    )
    assert EMBED.read_request("/api/embed", {"model": "m"}) == Request(model="m")


def test_first_line_alone(recorded: Recorded) -> None:
    """The first line of a stream taken for a whole body is not complete."""
    line = recorded("ollama_chat_stream.ndjson").splitlines()[0]
    assert read_answer(CHAT, line) == Answer(model="llama3.2")


@given(cut=st.integers(min_value=0, max_value=600))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_chunks_do_not_matter(recorded: Recorded, read_stream: ReadStream, cut: int) -> None:
    """Wherever the network cuts a stream, the same answer comes out."""
    stream = recorded("ollama_chat_stream.ndjson")
    whole = read_stream(CHAT, [stream], LineDecoder)
    assert read_stream(CHAT, [stream[:cut], stream[cut:]], LineDecoder) == whole


@pytest.mark.parametrize(
    ("body", "request_"),
    [
        ({"model": "m"}, Request(model="m", stream=True)),
        ({"model": "m", "stream": True}, Request(model="m", stream=True)),
        ({"model": "m", "stream": False}, Request(model="m")),
    ],
)
def test_requests(body: Json, request_: Request) -> None:
    """An answer is streamed unless the request says otherwise."""
    assert CHAT.read_request("/api/chat", body) == request_
    assert GENERATE.read_request("/api/generate", body) == request_


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/api/chat", CHAT),
        ("/api/generate", GENERATE),
        ("/api/embed", EMBED),
        ("/api/embeddings", None),
        ("/api/pull", None),
        ("/api/show", None),
    ],
)
def test_paths(path: str, dialect: Dialect | None) -> None:
    """Each path has its dialect; it is so common that only the model makes it a call."""
    assert [row for row in ROWS if row.path.search(path)] == ([dialect] if dialect else [])
    assert all(row.shared_path for row in ROWS)


def test_prompt() -> None:
    """What the model reads: instructions, all turns, tools; or a prompt; or what to embed."""
    body: Json = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Rain?", "images": ["AAAA"]},
        ],
        "tools": [{"type": "function"}],
    }
    assert list(CHAT.read_prompt(body)) == ["Be brief.", "Rain?", '{"type":"function"}']
    generate: Json = {"system": "Be brief.", "prompt": "def f(", "suffix": "return"}
    assert list(GENERATE.read_prompt(generate)) == ["Be brief.", "def f(", "return"]
    assert list(EMBED.read_prompt({"input": ["a", "b"]})) == ["a", "b"]


def test_output(recorded: Recorded) -> None:
    """What the model wrote: texts, thoughts and calls of tools."""
    assert list(CHAT.read_output(json.loads(recorded("ollama_chat.json")))) == [
        "Rayleigh scattering.",
        "Why blue?",
    ]
    lines = LineDecoder().feed(recorded("ollama_generate_stream.ndjson"))
    assert [t for e in lines for t in GENERATE.read_output(json.loads(e.data))] == ["Ray", "leigh"]
