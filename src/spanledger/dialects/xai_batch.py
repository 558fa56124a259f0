"""The results of xAI's batches: pages of JSON whose entries hold OpenAI's answers."""

from spanledger.dialects.dialect import Json
from spanledger.dialects.fields import section, sections, text
from spanledger.dialects.openai_batch import result_of
from spanledger.dialects.results import Found, Page, Result

__all__ = ["read_entry", "read_page"]


def read_entry(entry: Json) -> Result | None:
    """The call that an entry stands for; `None` for a request that failed, which costs nothing."""
    response = section(section(entry, "batch_result") or {}, "response") or {}
    # The one object in it is named for the kind of request.
    bodies = (section(response, kind) or {} for kind in response)
    name = text(entry, "batch_request_id")
    return next((result for body in bodies if (result := result_of(body, name, ""))), None)


def read_page(document: Json, source: str) -> Page | None:
    """The calls on a page of a batch's results; `None` for any other document."""
    entries = sections(document, "results")
    if not any("batch_result" in entry for entry in entries):
        return None
    results = (read_entry(entry) for entry in entries)
    return Page(found=tuple(Found(source, None, result) for result in results if result))
