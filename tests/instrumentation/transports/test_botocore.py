"""botocore: every try leaves one span, and the app sees what it would have seen without us."""

from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.httpsession import URLLib3Session

import spanledger
from spanledger.instrumentation.transports.urllib3 import TappedBody
from tests.dialects.event_streams import recorded_stream
from tests.instrumentation.calls import CHAT_PATH, Recording
from tests.instrumentation.provider import RECORDED, Provider, Reply, cut
from tests.instrumentation.transports.ways import REPLIES, check, hear_twice, members

BODY = b'{"model": "gpt-4o"}'


def post(url: str, *, stream: bool) -> Any:
    """One request by the session of botocore's."""
    request = AWSRequest("POST", url + CHAT_PATH, data=BODY, stream_output=stream)
    session: Any = URLLib3Session()
    return session.send(request.prepare())


def whole(url: str, heard: list[Any]) -> None:
    """Read by botocore."""
    heard.append(post(url, stream=False).content)


def pieces(url: str, heard: list[Any]) -> None:
    """As an event stream is read."""
    raw = post(url, stream=True).raw
    heard.extend(raw.stream())
    raw.close()


def small(url: str, heard: list[Any]) -> None:
    """As a `StreamingBody` is read."""
    raw = post(url, stream=True).raw
    while piece := raw.read(50):
        heard.append(piece)


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("way", [whole, pieces, small], ids=lambda way: way.__name__)
def test_every_way_to_read_gives_the_same_and_one_span(
    provider: Provider, recording: Recording, way: Any, reply: str
) -> None:
    """S4.1: the bytes, the exceptions and the end are the library's own; the usage is on a span."""
    provider.answer_with(REPLIES[reply])
    hear_twice(recording, way, provider.url)
    check(recording, reply)


@pytest.mark.parametrize("way", [whole, pieces, small], ids=lambda way: way.__name__)
def test_a_body_shorter_than_announced_is_partial(
    provider: Provider, recording: Recording, way: Any
) -> None:
    """Botocore takes what comes, and so does the app; the span says that it was cut."""
    provider.answer_with(cut(REPLIES["json"]))
    heard = hear_twice(recording, way, provider.url)
    assert heard.error == ()
    assert recording.facts["spanledger.usage.partial"] is True


def test_no_connection_is_one_span_and_the_same_exception(recording: Recording) -> None:
    """A provider that cannot be reached leaves a failed span."""
    heard = hear_twice(recording, whole, "http://127.0.0.1:1")
    assert heard.error
    name = f"{EndpointConnectionError.__module__}.{EndpointConnectionError.__name__}"
    assert recording.facts["error.type"] == name


def bedrock(url: str, *, tries: int = 1) -> Any:
    """A client of Bedrock's."""
    sdk: Any = boto3
    return sdk.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="canary-id",
        aws_secret_access_key="canary-key",  # noqa: S106 - it is a canary
        config=Config(
            retries={"total_max_attempts": tries, "mode": "standard"},
            user_agent_extra="test",
        ),
    )


def converse(client: Any) -> Any:
    """One call of Converse."""
    message = {"role": "user", "content": [{"text": "canary-prompt"}]}
    return client.converse(modelId="amazon.nova-lite-v1:0", messages=[message])


CONVERSE_REPLY = Reply(
    b'{"output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},'
    b' "stopReason": "end_turn", "usage": {"inputTokens": 11, "outputTokens": 3,'
    b' "totalTokens": 14}, "metrics": {"latencyMs": 5}}'
)


def test_clients_made_before_are_covered(provider: Provider, recording: Recording) -> None:
    """S4.1: boto3's own answer, and one span with its usage."""
    provider.answer_with(CONVERSE_REPLY)
    client = bedrock(provider.url)
    with recording.on():
        answer = converse(client)
    assert answer["usage"]["outputTokens"] == 3
    facts = recording.facts
    assert facts["gen_ai.request.model"] == "amazon.nova-lite-v1:0"
    assert facts["gen_ai.usage.input_tokens"] == 11
    assert facts["spanledger.attempt"] == 1
    assert "canary" not in str(facts)


def test_each_try_is_a_span(provider: Provider, recording: Recording) -> None:
    """Botocore's own retries are told apart, and only the answer has usage."""
    busy = Reply(b'{"message": "busy"}', status=503)
    provider.answer_with(busy, CONVERSE_REPLY)
    with recording.on():
        converse(bedrock(provider.url, tries=3))
    first, second = (dict(span.attributes or {}) for span in recording.spans)
    assert (first["spanledger.attempt"], first["error.type"]) == (1, "503")
    assert (second["spanledger.attempt"], second["gen_ai.usage.output_tokens"]) == (2, 3)


def test_an_error_is_boto3s_own(provider: Provider, recording: Recording) -> None:
    """The app gets the error that it gets without us."""
    provider.answer_with(Reply(b'{"message": "no"}', status=400))
    with recording.on(), pytest.raises(ClientError, match="no"):
        converse(bedrock(provider.url))
    assert recording.facts["error.type"] == "400"


def frames() -> Reply:
    """A recorded stream of Converse, in the binary frames of the wire."""
    body = recorded_stream((RECORDED / "bedrock_converse_stream.json").read_bytes())
    return Reply(body, content_type="application/vnd.amazon.eventstream")


def stream_of(url: str) -> Any:
    """The events of a streamed call, not read yet."""
    message = {"role": "user", "content": [{"text": "canary-prompt"}]}
    answer = bedrock(url).converse_stream(modelId="amazon.nova-lite-v1:0", messages=[message])
    return answer["stream"]


@pytest.mark.parametrize("cut_at", [None, 300], ids=["whole", "cut"])
def test_a_stream_is_read_by_botocores_parser(
    provider: Provider, recording: Recording, cut_at: int | None
) -> None:
    """Binary events pass as they came, to their end or to where they break off."""
    provider.answer_with(replace(frames(), cut_at=cut_at))
    heard = hear_twice(recording, lambda url, heard: heard.extend(stream_of(url)), provider.url)
    assert heard.pieces
    assert ("gen_ai.usage.output_tokens" in recording.facts) == (cut_at is None)
    assert ("spanledger.usage.partial" in recording.facts) == (cut_at is not None)
    assert recording.facts["gen_ai.request.stream"] is True
    assert recording.facts["gen_ai.request.model"] == "amazon.nova-lite-v1:0"


def test_a_stream_that_the_app_closes_ends_there(provider: Provider, recording: Recording) -> None:
    """`close()` of botocore's event stream leads to the raw body, which has its class's name."""
    provider.answer_with(frames())
    with recording.on():
        stream = stream_of(provider.url)
        raw = stream._raw_stream
        assert isinstance(raw, TappedBody)
        assert type(raw).__name__ == "HTTPResponse"
        assert recording.spans == ()
        stream.close()
    assert len(recording.spans) == 1


def test_a_streaming_body_is_read_as_a_file(provider: Provider, recording: Recording) -> None:
    """InvokeModel hands its answer over unread."""
    provider.answer_with(Reply((RECORDED / "bedrock_invoke_nova.json").read_bytes()))

    def call(url: str, heard: list[Any]) -> None:
        answer = bedrock(url).invoke_model(modelId="amazon.nova-lite-v1:0", body=b"{}")
        heard.append(answer["body"].read(10))
        heard.extend(answer["body"].iter_lines())
        answer["body"].close()

    hear_twice(recording, call, provider.url)
    assert recording.facts["spanledger.usage.source"] == "provider"


def test_other_services_are_none_of_our_business(provider: Provider, recording: Recording) -> None:
    """A call to another path leaves no span."""
    with recording.on():
        request = AWSRequest("POST", provider.url + "/queue", data=b"{}").prepare()
        assert not isinstance(URLLib3Session().send(request).raw, TappedBody)
    assert recording.spans == ()


def test_uninstrument_restores_the_class_exactly() -> None:
    """Nothing of ours stays on the class, not even a mark."""
    before = members(URLLib3Session)
    spanledger.instrument()
    assert members(URLLib3Session) != before
    spanledger.uninstrument()
    assert members(URLLib3Session) == before
