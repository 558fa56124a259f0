from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.gemini import EMBED, GENERATE, IMAGES, PREDICT_EMBEDDINGS, ROWS
from spanledger.dialects.ours import COUNTED
from spanledger.dialects.reader import read_answer
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

Recorded = Callable[[str], bytes]
ReadStream = Callable[[Dialect, Iterable[bytes]], Answer]


def test_generate_body(recorded: Recorded) -> None:
    """S4.3: thoughts join the output, tool results the input; modalities are parts of both."""
    answer = read_answer(GENERATE, recorded("gemini_generate.json"))
    assert answer is not None
    assert answer.usage is not None
    usage = read_usage("gcp.gemini", answer.usage)
    assert usage == Usage(
        input_tokens=5170,  # a prompt of 5,120 and tool results of 50
        cache_read_tokens=4000,
        input_audio_tokens=642,
        input_image_tokens=278,  # 258 in the prompt, 20 in tool results
        cache_read_audio_tokens=300,
        output_tokens=620,  # 120 said, 500 thought
        reasoning_tokens=500,
    )
    assert usage.total_tokens == answer.usage["totalTokenCount"]
    assert replace(answer, usage=None) == Answer(
        model="gemini-2.5-flash",
        response_id="kL7xaPqFN8S3kdUP0",
        finish_reasons=("STOP",),
        complete=True,
    )


def test_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """S3.4: each chunk states running totals; the last ones stand, and a finish reason ends it."""
    answer = read_stream(GENERATE, [recorded("gemini_stream.sse")])
    assert answer.usage is not None
    assert read_usage("gcp.gemini", answer.usage) == Usage(
        input_tokens=31, output_tokens=109, reasoning_tokens=100
    )
    assert replace(answer, usage=None) == Answer(
        model="gemini-2.5-pro",
        response_id="sT7xaK",
        finish_reasons=("STOP",),
        complete=True,
    )


def test_cut_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """A stream cut after its first chunk has that chunk's totals, and is not complete."""
    whole = recorded("gemini_stream.sse")
    answer = read_stream(GENERATE, [whole[: whole.index(b"STOP")]])
    assert answer.usage is not None
    assert read_usage("gcp.gemini", answer.usage).output_tokens == 104
    assert not answer.complete


def test_stream_of_an_array(recorded: Recorded) -> None:
    """Asked for no events, Gemini streams one JSON array of the same chunks."""
    answer = read_answer(GENERATE, recorded("gemini_stream_array.json"))
    assert answer == Answer(
        model="gemini-2.5-flash-lite",
        response_id="aRr4y",
        finish_reasons=("STOP",),
        usage={"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
        complete=True,
    )


def test_vertex_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """Vertex AI states its tier in every chunk and counts only in the last; images are counted."""
    answer = read_stream(GENERATE, [recorded("vertex_stream.sse")])
    assert answer.service_tier == "flex"
    assert answer.usage is not None
    assert read_usage("gcp.vertex_ai", answer.usage) == Usage(
        input_tokens=6, output_tokens=1295, output_image_tokens=1290
    )


@pytest.mark.parametrize(
    ("earlier", "later", "stands"),
    [
        (None, {}, None),
        (None, {"trafficType": "ON_DEMAND"}, {"trafficType": "ON_DEMAND"}),
        ({"promptTokenCount": 3}, {"trafficType": "ON_DEMAND"}, {"promptTokenCount": 3}),
        ({"promptTokenCount": 3}, {"promptTokenCount": 0}, {"promptTokenCount": 0}),
        ({"promptTokenCount": 3, "thoughtsTokenCount": 2}, {"promptTokenCount": 3}, None),
    ],
)
def test_last_counts_stand(earlier: Json | None, later: Json, stands: Json | None) -> None:
    """The last usage with a count in it replaces the one before, whole; one without does not."""
    answer = GENERATE.read_event(Answer(usage=earlier), "", {"usageMetadata": later})
    assert answer.usage == (later if stands is None and later else stands)


def test_blocked_prompt(recorded: Recorded) -> None:
    """A blocked prompt has no candidate: the block is its end, and output is unknown, not zero."""
    answer = read_answer(GENERATE, recorded("gemini_blocked.json"))
    assert answer is not None
    assert answer.finish_reasons == ("PROHIBITED_CONTENT",)
    assert answer.usage is not None
    assert read_usage("gcp.gemini", answer.usage) == Usage(input_tokens=9)


def test_error_body(recorded: Recorded) -> None:
    """Google's error code is a number, so the error is named by its status."""
    assert read_answer(GENERATE, recorded("gemini_error_429.json")) == Answer(
        error_type="RESOURCE_EXHAUSTED", complete=True
    )


@pytest.mark.parametrize(
    ("path", "request_"),
    [
        (
            "/v1beta/models/gemini-2.5-flash:generateContent",
            Request(model="gemini-2.5-flash"),
        ),
        (
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
            Request(model="gemini-2.5-flash", stream=True),
        ),
        (
            "/v1beta1/projects/p/locations/eu/publishers/google/models/gemini-2.5-pro:generateContent",
            Request(model="gemini-2.5-pro"),
        ),
        ("/elsewhere", Request()),
    ],
)
def test_model_and_stream_stand_in_the_path(path: str, request_: Request) -> None:
    """AI Studio and Vertex AI name the model and the method in the path alike."""
    assert GENERATE.read_request(path, {"model": "not here", "stream": True}) == request_


@pytest.mark.parametrize(
    ("stated", "tier"),
    [
        ("flex", "flex"),
        ("SERVICE_TIER_PRIORITY", "priority"),
        ("PRIORITY", "priority"),
        ("ON_DEMAND", "standard"),
        ("ON_DEMAND_PRIORITY", "priority"),
        ("PROVISIONED_THROUGHPUT", "provisioned_throughput"),
        ("TRAFFIC_TYPE_UNSPECIFIED", ""),
        ("unspecified", ""),
    ],
)
def test_one_word_for_a_tier(stated: str, tier: str) -> None:
    """The spellings of a tier, asked for or stated, come to one."""
    path = "/v1beta/models/m:generateContent"
    assert GENERATE.read_request(path, {"serviceTier": stated}).service_tier == tier
    assert GENERATE.read_request(path, {"service_tier": stated}).service_tier == tier
    for key in ("serviceTier", "trafficType"):
        assert GENERATE.read_answer({"usageMetadata": {key: stated}}).service_tier == tier


def test_embedding(recorded: Recorded) -> None:
    """S4.1: embeddings are calls as well, and their tokens are counted."""
    answer = read_answer(EMBED, recorded("gemini_embed.json"))
    assert answer is not None
    assert answer.usage is not None
    assert answer.complete
    assert read_usage("gcp.gemini", answer.usage) == Usage(input_tokens=6)


def test_embeddings_without_usage(recorded: Recorded) -> None:
    """A batch of embeddings states no usage: there is none, and the texts are known."""
    assert read_answer(EMBED, recorded("gemini_embed_batch.json")) == Answer(complete=True)
    body: Json = {
        "requests": [
            {"model": "models/m", "content": {"parts": [{"text": "a"}]}},
            {"model": "models/m", "content": {"parts": [{"text": "b"}]}},
        ]
    }
    assert list(EMBED.read_prompt(body)) == ["a", "b"]
    assert list(EMBED.read_prompt({"content": {"parts": [{"text": "c"}]}})) == ["c"]


def test_predicted_embeddings(recorded: Recorded) -> None:
    """Vertex AI counts the tokens of each text; the call has their sum."""
    answer = read_answer(PREDICT_EMBEDDINGS, recorded("vertex_embed_predict.json"))
    assert answer is not None
    assert answer.usage is not None
    assert answer.usage == {"promptTokenCount": 18, "billableCharacterCount": 64}
    assert read_usage("gcp.vertex_ai", answer.usage) == Usage(input_tokens=18, input_characters=64)
    asked: Json = {"instances": [{"content": "a", "task_type": "QUERY"}, {"content": "b"}]}
    assert list(PREDICT_EMBEDDINGS.read_prompt(asked)) == ["a", "b"]


@pytest.mark.parametrize(
    "prediction", [{}, {"embeddings": {}}, {"embeddings": {"statistics": {"token_count": "7"}}}]
)
def test_predictions_without_counts(prediction: Json) -> None:
    """Where one text was not counted there is no sum."""
    counted = {"embeddings": {"statistics": {"token_count": 5}}}
    answer = PREDICT_EMBEDDINGS.read_answer({"predictions": [counted, prediction]})
    assert answer == Answer(complete=True)


def test_images(recorded: Recorded) -> None:
    """Imagen is paid by the image, but for those that a filter held back."""
    assert read_answer(IMAGES, recorded("gemini_imagen.json")) == Answer(
        usage={"images": 2}, complete=True
    )
    assert IMAGES.read_answer({"error": {"status": "INTERNAL"}}) == Answer(
        error_type="INTERNAL", complete=True
    )
    assert list(IMAGES.read_prompt({"instances": [{"prompt": "A cat"}]})) == ["A cat"]


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1beta/models/gemini-embedding-001:embedContent", EMBED),
        ("/v1beta/models/gemini-embedding-001:batchEmbedContents", EMBED),
        (
            "/v1/projects/p/locations/l/publishers/google/models/gemini-embedding:embedContent",
            EMBED,
        ),
        ("/v1/p/publishers/google/models/text-embedding-005:predict", PREDICT_EMBEDDINGS),
        ("/v1/p/publishers/google/models/textembedding-gecko@003:predict", PREDICT_EMBEDDINGS),
        ("/v1beta/models/imagen-4.0-generate-001:predict", IMAGES),
        ("/v1/p/publishers/google/models/imagegeneration@006:predict", IMAGES),
        ("/v1beta1/projects/p/locations/l/publishers/google/models/m:generateContent", GENERATE),
        ("/v1beta/models/m:batchGenerateContent", None),
        ("/v1beta/models/m:asyncBatchEmbedContent", None),
        ("/v1beta/models/veo-3.0:predictLongRunning", None),
        ("/v1/projects/p/locations/l/endpoints/123:predict", None),
    ],
)
def test_paths(path: str, dialect: Dialect | None) -> None:
    """Each method that costs money has its dialect; batches are paid when they are done."""
    assert [row for row in ROWS if row.path.search(path)] == ([dialect] if dialect else [])
    if dialect:
        model, _, _ = path.rpartition("/")[2].partition(":")
        assert dialect.read_request(path, {}) == Request(model=model)


def test_prompt() -> None:
    """What the model reads: instructions, all turns, functions and their results."""
    body: Json = {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Rain?"}, {"inlineData": {"data": "AAAA"}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "look"}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "look"}}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "look"}]}],
    }
    assert list(GENERATE.read_prompt(body)) == [
        "Be brief.",
        "Rain?",
        '{"name":"look"}',
        '{"name":"look"}',
        '{"functionDeclarations":[{"name":"look"}]}',
    ]


def test_output() -> None:
    """What the model wrote: texts, thoughts and calls of functions, in a body as in a chunk."""
    parts = [{"text": "Hm.", "thought": True}, {"text": "Wet."}, {"functionCall": {"name": "f"}}]
    assert list(GENERATE.read_output({"candidates": [{"content": {"parts": parts}}]})) == [
        "Hm.",
        "Wet.",
        '{"name":"f"}',
    ]


METADATA: Json = {"promptTokenCount": 50, "candidatesTokenCount": 400, "totalTokenCount": 450}


def grounded(*queries: object) -> Json:
    """A candidate that was grounded in what these queries found."""
    return {"groundingMetadata": {"webSearchQueries": list(queries)}, "finishReason": "STOP"}


@pytest.mark.parametrize(
    ("model", "candidates", "searches"),
    [
        ("gemini-3-flash-preview", [grounded("a", "b", "c")], 3),
        ("models/gemini-3.1-pro-preview", [grounded("a", "b", "a", "")], 2),
        ("gemini-4-argon", [grounded("a"), grounded("b")], 2),
        ("", [grounded("a", "b")], 2),
        ("gemini-2.5-flash", [grounded("a", "b", "c")], 1),
        ("gemini-2.0-flash-001", [grounded("a")], 1),
        ("models/gemini-1.5-pro-002", [grounded("a", "b")], 1),
        ("gemini-2.5-flash", [grounded()], None),
        ("gemini-3-flash-preview", [grounded("", 5, None)], None),
        ("gemini-3-flash-preview", [{"groundingMetadata": {"webSearchQueries": "a"}}], None),
        ("gemini-3-flash-preview", [{"groundingMetadata": [1]}, {}], None),
    ],
)
def test_searches(model: str, candidates: list[Json], searches: int | None) -> None:
    """S4.3: a grounded prompt is paid once up to Gemini 2.5, and by its queries from then on."""
    body: Json = {"modelVersion": model, "candidates": candidates, "usageMetadata": METADATA}
    usage = GENERATE.read_answer(body).usage
    assert usage is not None
    assert read_usage("gcp.gemini", usage) == Usage(
        input_tokens=50, output_tokens=400, web_searches=searches
    )
    without = {**body, "usageMetadata": None}
    assert GENERATE.read_answer(without).usage is None


@given(
    chunks=st.lists(st.lists(st.sampled_from(["a", "b", "c"]), unique=True), min_size=1, max_size=5)
)
def test_searches_in_a_stream(chunks: list[list[str]]) -> None:
    """S3.4: chunks repeat usage and grounding, or leave them out: the most that was told counts."""
    answer = Answer()
    for queries in chunks:
        chunk: Json = {
            "modelVersion": "gemini-3-flash-preview",
            "candidates": [grounded(*queries)] if queries else [],
            "usageMetadata": METADATA,
        }
        answer = GENERATE.read_event(answer, "", chunk)
    most = max(map(len, chunks))
    assert answer.usage == {**METADATA, **({COUNTED: {"web_searches": most}} if most else {})}
    assert GENERATE.read_event(answer, "", {"usageMetadata": {"trafficType": "X"}}) == replace(
        answer, service_tier="x"
    )
