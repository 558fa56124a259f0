import pytest

from spanledger.dialects.dialect import Answer, Json, Request
from spanledger.dialects.mistral import OCR
from spanledger.dialects.ours import CONTEXT
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

INFO: Json = {"pages_processed": 29, "doc_size_bytes": 512_000}
PLAIN: Json = {
    "pages": [{"index": 0, "markdown": "# One", "images": [{"id": "a", "image_annotation": None}]}],
    "model": "mistral-ocr-2505-completion",
    "document_annotation": None,
    "usage_info": INFO,
}


def test_pages() -> None:
    """S4.1: documents that are read are paid by the page."""
    answer = OCR.read_answer(PLAIN)
    assert answer == Answer(model="mistral-ocr-2505-completion", usage=INFO, complete=True)
    assert read_usage("mistral_ai", INFO) == Usage(input_pages=29)
    assert OCR.read_event(Answer(), "", PLAIN) == answer


@pytest.mark.parametrize(
    "more",
    [
        {"document_annotation": '{"title": "One"}'},
        {"pages": [{"images": None}, {"images": [{"image_annotation": "a four"}]}]},
    ],
)
def test_annotated_pages(more: Json) -> None:
    """Pages whose contents, or images, are described besides have a price of their own."""
    assert OCR.read_answer({**PLAIN, **more}).usage == {**INFO, CONTEXT: {"annotated": "true"}}


def test_request_and_error() -> None:
    """The path is a common word: only who names a model makes a call."""
    assert OCR.shared_path
    assert OCR.read_request("/v1/ocr", {"model": "mistral-ocr-latest", "document": {}}) == Request(
        model="mistral-ocr-latest"
    )
    assert OCR.read_answer({"error": {"type": "invalid_file"}}) == Answer(
        error_type="invalid_file", complete=True
    )
