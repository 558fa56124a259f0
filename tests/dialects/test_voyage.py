from collections.abc import Callable

import pytest

from spanledger.dialects.dialect import Answer, Json, Request
from spanledger.dialects.reader import read_answer
from spanledger.dialects.usage import read_usage
from spanledger.dialects.voyage import EMBEDDINGS
from spanledger.usage import Usage


def test_multimodal(recorded: Callable[[str], bytes]) -> None:
    """S4.1: of texts with images the texts are paid by the token, and the images by the pixel."""
    answer = read_answer(EMBEDDINGS, recorded("voyage_multimodal.json"))
    assert answer is not None
    assert answer == Answer(
        model="voyage-multimodal-3",
        usage={"text_tokens": 5, "image_pixels": 2_000_000, "total_tokens": 3576},
        complete=True,
    )
    assert answer.usage is not None
    assert read_usage("voyageai", answer.usage) == Usage(input_tokens=5, input_pixels=2_000_000)
    assert EMBEDDINGS.read_event(Answer(), "", {"model": "m"}) == Answer(model="m", complete=True)


@pytest.mark.parametrize("path", ["/v1/multimodalembeddings", "/v1/contextualizedembeddings"])
def test_paths(path: str) -> None:
    """Its own two paths; the third is OpenAI's."""
    assert EMBEDDINGS.path.search(path)
    assert not EMBEDDINGS.path.search("/v1/embeddings")
    assert EMBEDDINGS.read_request(path, {"model": "m"}) == Request(model="m")


@pytest.mark.parametrize(
    ("inputs", "texts"),
    [
        ([{"content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}], ["a"]),
        ([["a", "b"], ["c"]], ["a", "b", "c"]),
    ],
)
def test_prompt(inputs: list[object], texts: list[str]) -> None:
    """What is embedded: the texts of contents, or the chunks of documents."""
    body: Json = {"inputs": inputs}
    assert list(EMBEDDINGS.read_prompt(body)) == texts
