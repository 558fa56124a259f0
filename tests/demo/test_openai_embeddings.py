from collections import deque

import httpx
import pytest
from openai import OpenAI

from spanledger.demo.provider import Statement


def test_the_sdk_decodes_its_base64(provider_url: str, statements: deque[Statement]) -> None:
    """The SDK asks for base64 by default and gets the numbers that a float answer has."""
    with OpenAI(api_key="sk-test", base_url=f"{provider_url}/openai/v1") as client:
        texts = ["twelve chars", "a"]
        packed = client.embeddings.create(model="text-embedding-3-small", input=texts)
        plain = client.embeddings.create(
            model="text-embedding-3-small", input=texts, encoding_format="float"
        )
    assert [len(item.embedding) for item in packed.data] == [1536, 1536]
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding)
    assert packed.data[0].embedding != packed.data[1].embedding
    assert packed.usage.model_dump() == {"prompt_tokens": 4, "total_tokens": 4}
    assert [s.usage for s in statements] == [packed.usage.model_dump()] * 2
    assert [s.response_id for s in statements] == ["", ""]


def test_base64_is_on_the_wire(provider_url: str) -> None:
    """Four bytes a number, in base64, where it is asked for; a single text is one input."""
    answer = httpx.post(
        f"{provider_url}/openai/v1/embeddings",
        headers={"authorization": "Bearer sk-test"},
        json={
            "model": "text-embedding-3-small",
            "input": "one",
            "encoding_format": "base64",
            "dimensions": 6,
        },
    ).json()
    assert len(answer["data"]) == 1
    assert len(answer["data"][0]["embedding"]) == 32


def test_tokens_may_be_sent_instead_of_text(
    provider_url: str, statements: deque[Statement]
) -> None:
    """A list of token ids counts as many tokens as it has."""
    with OpenAI(api_key="sk-test", base_url=f"{provider_url}/openai/v1") as client:
        client.embeddings.create(model="text-embedding-3-small", input=[[1, 2, 3], [4, 5]])
    assert statements[-1].usage == {"prompt_tokens": 5, "total_tokens": 5}
