"""Mistral's reading of documents, which is paid by the page; all else it has in common."""

import re
from typing import Final

from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import error_name, section, sections, text
from spanledger.dialects.ours import add_to_usage

__all__ = ["OCR", "ROWS"]


def _read_request(_path: str, body: Json) -> Request:
    return Request(model=text(body, "model"))


def _read_answer(body: Json) -> Answer:
    annotated = {"annotated": "true" if _annotated(body) else ""}
    return Answer(
        model=text(body, "model"),
        usage=add_to_usage(section(body, "usage_info"), context=annotated),
        error_type=error_name(body),
        complete=True,
    )


def _annotated(body: Json) -> bool:
    """Whether the document, or an image in it, was described besides: such pages cost more."""
    if body.get("document_annotation"):
        return True
    images = (image for page in sections(body, "pages") for image in sections(page, "images"))
    return any(image.get("image_annotation") for image in images)


def _read_event(_answer: Answer, _name: str, data: Json) -> Answer:
    return _read_answer(data)


OCR: Final = Dialect(
    name="mistral.ocr",
    operation="generate_content",
    provider="mistral_ai",
    path=re.compile(r"/ocr$"),
    shared_path=True,
    read_request=_read_request,
    read_answer=_read_answer,
    read_event=_read_event,
)

ROWS: Final = (OCR,)
"""The rows of this module in the table of dialects."""
