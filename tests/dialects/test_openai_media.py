import json
from collections.abc import Callable, Iterable

import pytest

from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.openai_media import IMAGES, SPEECH, TRANSCRIPTION
from spanledger.dialects.ours import CONTEXT, COUNTED
from spanledger.dialects.reader import read_answer, read_request
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

Recorded = Callable[[str], bytes]
ReadStream = Callable[[Dialect, Iterable[bytes]], Answer]


def test_images_body(recorded: Recorded) -> None:
    """S4.2: images of newer models state tokens, those of the images among them apart."""
    answer = read_answer(IMAGES, recorded("openai_images.json"))
    assert answer is not None
    assert answer.complete
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(
        input_tokens=50, input_image_tokens=40, output_tokens=1056, output_image_tokens=1056
    )


def test_images_without_usage(recorded: Recorded) -> None:
    """Older models state no usage: the images that were made count, or that were asked for."""
    answer = read_answer(IMAGES, recorded("openai_images_dalle.json"))
    assert answer == Answer(usage={COUNTED: {"images": 1}}, complete=True)
    body: Json = {"model": "dall-e-3", "n": 2, "size": "1024x1792", "quality": "hd", "user": "u"}
    assert IMAGES.read_request("/v1/images/generations", body) == Request(
        model="dall-e-3",
        user_id="u",
        usage={"images": 2, CONTEXT: {"image_size": "1024x1792", "image_quality": "hd"}},
    )


def test_images_say_their_size() -> None:
    """What selects the price goes along with the usage; images that cost tokens are not counted."""
    usage = {"input_tokens": 40, "output_tokens": 1056}
    two: list[Json] = [{}, {}]
    body: Json = {"data": two, "size": "1024x1024", "quality": "medium", "usage": usage}
    assert IMAGES.read_answer(body).usage == {
        **usage,
        CONTEXT: {"image_size": "1024x1024", "image_quality": "medium"},
    }
    stated: Json = {"data": two, "usage": {"cost_in_usd_ticks": 400_000_000}}
    assert IMAGES.read_answer(stated).usage == {
        "cost_in_usd_ticks": 400_000_000,
        COUNTED: {"images": 2},
    }


@pytest.mark.parametrize(
    ("stated", "images"),
    [
        (None, 1),
        (1, 1),
        (10, 10),
        ("4", 4),
        (0, 1),
        (-3, 1),
        ("-3", 1),
        (True, 1),
        (2.5, 1),
        ("many", 1),
        ("\u0664", 1),
        (500, 100),
        (10**4000, 100),
        ("9" * 6000, 1),
        ([], 1),
    ],
)
def test_how_many_images(stated: object, images: int) -> None:
    """One image is asked for unless a sane number says otherwise; in a form it is a text."""
    assert IMAGES.read_request("/", {"n": stated}).usage == {"images": images}


def test_images_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """S3.4: a stream of images is complete with the event that states its usage."""
    whole = recorded("openai_images_stream.sse")
    answer = read_stream(IMAGES, [whole])
    assert answer.complete
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(
        input_tokens=15, input_image_tokens=0, output_tokens=4160
    )
    cut = whole[: whole.index(b"event: image_generation.completed")]
    assert read_stream(IMAGES, [cut]) == Answer()


def test_transcription_by_tokens(recorded: Recorded) -> None:
    """A transcription is billed by tokens, audio among the input, or by its duration."""
    answer = read_answer(TRANSCRIPTION, recorded("openai_transcription.json"))
    assert answer is not None
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(
        input_tokens=24, input_audio_tokens=14, output_tokens=7
    )


def test_transcription_by_duration(recorded: Recorded) -> None:
    """The duration that is billed is the usage; a plain duration where that is all."""
    assert read_answer(TRANSCRIPTION, recorded("openai_transcription_verbose.json")) == Answer(
        usage={"type": "duration", "seconds": 9}, complete=True
    )
    assert read_answer(TRANSCRIPTION, recorded("groq_transcription_verbose.json")) == Answer(
        response_id="req_01k2", usage={"duration": 12.5}, complete=True
    )


@pytest.mark.parametrize(
    "body", [b'{"duration": NaN}', b'{"duration": -1}', b'{"duration": true}', b'{"duration": "3"}']
)
def test_impossible_duration(body: bytes) -> None:
    """A duration that cannot be true is none."""
    assert read_answer(TRANSCRIPTION, body) == Answer(complete=True)


def test_transcription_as_text() -> None:
    """A transcription asked for as plain text or subtitles states nothing, and raises nothing."""
    assert read_answer(TRANSCRIPTION, b"Twice two is four.\n") is None


def test_transcription_request(recorded: Recorded) -> None:
    """S4.2: the model of an upload stands in its form."""
    body = recorded("openai_transcription_request.form")
    assert read_request(TRANSCRIPTION, "/v1/audio/transcriptions", body) == Request(
        model="whisper-1", stream=True
    )


def test_transcription_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """S3.4: the last event of a transcription repeats the text, and states the usage."""
    answer = read_stream(TRANSCRIPTION, [recorded("openai_transcription_stream.sse")])
    assert answer.complete
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(
        input_tokens=38, input_audio_tokens=38, output_tokens=7
    )


def test_speech_request() -> None:
    """Speech states no usage unless it is streamed as events: its characters are counted."""
    body: Json = {"model": "tts-1", "input": "Vier: \u56db.", "voice": "alloy"}
    assert SPEECH.read_request("/v1/audio/speech", body) == Request(
        model="tts-1", usage={"input_characters": 8}
    )
    streamed = SPEECH.read_request("/", {"stream_format": "sse"})
    assert streamed == Request(stream=True, usage={"input_characters": 0})


def test_azure_speech() -> None:
    """Azure's path names the deployment."""
    path = "/openai/deployments/tts/audio/speech"
    assert SPEECH.read_request(path, {"input": "a"}).model == "tts"


def test_speech_answer() -> None:
    """Sound is no JSON: it says nothing, and raises nothing."""
    assert read_answer(SPEECH, b"ID3\x04\x00\x00\x00\x00\xff\xfb\x90d") is None


def test_speech_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """S3.4: speech as events ends with its usage."""
    assert read_stream(SPEECH, [recorded("openai_speech_stream.sse")]) == Answer(
        usage={"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}, complete=True
    )


@pytest.mark.parametrize(
    ("event", "error_type"),
    [
        ({"type": "error", "error": {"code": "image_failed"}}, "image_failed"),
        ({"type": "error"}, "_OTHER"),
        ({"error": {"type": "server_error"}}, "server_error"),
    ],
)
def test_error_event(event: Json, error_type: str) -> None:
    """An error inside a stream is named, and ends nothing."""
    assert IMAGES.read_event(Answer(), "", event) == Answer(error_type=error_type)


def test_error_body(recorded: Recorded) -> None:
    """An error in place of the answer is named."""
    for dialect in (IMAGES, TRANSCRIPTION, SPEECH):
        assert read_answer(dialect, recorded("openai_error_429.json")) == Answer(
            error_type="rate_limit_exceeded", complete=True
        )


def test_texts(recorded: Recorded) -> None:
    """S4.3: the texts for an estimate: what is drawn or spoken, and what was heard, once."""
    assert list(IMAGES.read_prompt({"prompt": "a four"})) == ["a four"]
    assert list(SPEECH.read_prompt({"instructions": "slowly", "input": "four"})) == [
        "slowly",
        "four",
    ]
    body = json.loads(recorded("openai_transcription.json"))
    assert list(TRANSCRIPTION.read_output(body)) == ["Twice two is four."]
    events = [
        json.loads(line.removeprefix(b"data: "))
        for line in recorded("openai_transcription_stream.sse").splitlines()
        if line
    ]
    said = [text for event in events for text in TRANSCRIPTION.read_output(event)]
    assert said == ["Twice two", " is four."]
