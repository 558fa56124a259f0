"""Bedrock by boto3: Converse and InvokeModel, whole and streamed."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, cast

import boto3
from botocore.config import Config

from tests.matrix.forms import KEY, MESSAGES, PROMPT, Form, streamed, whole

MODEL: Final = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
CONVERSED: Final[dict[str, Any]] = {
    "provider": "aws.bedrock",
    "model": MODEL,
    "usage": {
        # Cached tokens stand beside the others at Bedrock, and inside them with us.
        "input_tokens": 30 + 300 + 10,
        "cache_read.input_tokens": 300,
        "cache_write.input_tokens": 10,
        "output_tokens": 12,
    },
}
INVOKED: Final[dict[str, Any]] = {
    "provider": "aws.bedrock",
    "model": MODEL,
    "answered": "claude-haiku-4-5-20251001",
    "usage": {
        "input_tokens": 21 + 100,
        "cache_read.input_tokens": 100,
        "output_tokens": 17,
    },
}
TURNS: Final[Any] = [{"role": "user", "content": [{"text": PROMPT}]}]
BODY: Final = json.dumps(
    {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": MESSAGES}
)
SESSION: Final = boto3.Session("AKIDCANARY", KEY, region_name="eu-central-1")


@contextmanager
def _client(url: str) -> Generator[Any]:
    config = Config(retries={"total_max_attempts": 1})
    client = cast(
        "Any", SESSION.client("bedrock-runtime", endpoint_url=f"{url}/bedrock", config=config)
    )
    try:
        yield client
    finally:
        client.close()


def _shown(value: Any) -> object:
    return {name: part for name, part in value.items() if name != "ResponseMetadata"}


def _invoke(client: Any) -> Any:
    return json.loads(client.invoke_model(modelId=MODEL, body=BODY)["body"].read())


FORMS: Final[list[Form]] = [
    Form(
        name="bedrock converse",
        run=whole(_client, lambda c: c.converse(modelId=MODEL, messages=TURNS), _shown),
        **CONVERSED,
    ),
    Form(
        name="bedrock converse, streamed",
        run=streamed(
            _client, lambda c: c.converse_stream(modelId=MODEL, messages=TURNS)["stream"], _shown
        ),
        stream=True,
        **CONVERSED,
    ),
    Form(name="bedrock invoke", run=whole(_client, _invoke, _shown), **INVOKED),
    Form(
        name="bedrock invoke, streamed",
        run=streamed(
            _client,
            lambda c: c.invoke_model_with_response_stream(modelId=MODEL, body=BODY)["body"],
            _shown,
        ),
        stream=True,
        **INVOKED,
    ),
]
