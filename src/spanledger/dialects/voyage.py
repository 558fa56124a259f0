"""Voyage's embeddings of images and of whole documents.

Its plain embeddings are OpenAI's dialect, and its rerank is Cohere's; only the usage differs.
"""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from spanledger.dialects.contents import texts_along
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import error_name, section, text

__all__ = ["EMBEDDINGS", "ROWS"]


def _read_request(_path: str, body: Json) -> Request:
    return Request(model=text(body, "model"))


def _read_answer(body: Json) -> Answer:
    return Answer(
        model=text(body, "model"),
        usage=section(body, "usage"),
        error_type=error_name(body),
        complete=True,
    )


def _read_event(_answer: Answer, _name: str, data: Json) -> Answer:
    return _read_answer(data)


def _read_prompt(body: Json) -> Iterator[str]:
    """Inputs are objects with contents, or lists of the chunks of a document."""
    return chain(texts_along(body, "inputs.content", "text"), texts_along(body, "inputs", "text"))


EMBEDDINGS: Final = Dialect(
    name="voyage.embeddings",
    operation="embeddings",
    provider="voyageai",
    path=re.compile(r"/(multimodal|contextualized)embeddings$"),
    read_request=_read_request,
    read_answer=_read_answer,
    read_event=_read_event,
    read_prompt=_read_prompt,
)

ROWS: Final = (EMBEDDINGS,)
"""The rows of this module in the table of dialects."""
