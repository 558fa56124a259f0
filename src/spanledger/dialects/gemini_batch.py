"""The results of Gemini's batches: in the description of the batch, or a file of lines.

Those of Vertex AI lie in buckets, which are no business of an HTTP hook.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final

from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import section, sections, text
from spanledger.dialects.gemini import EMBED, GENERATE
from spanledger.dialects.results import Batch, Found, Page, Result, ids, seconds_of

__all__ = ["is_entry", "read_entry", "read_page"]

_INLINED: Final = ("inlinedResponses", "inlinedEmbedContentResponses")
_TAGS_MAX: Final = 32
_KEY: Final = "key"
"""What Google's own examples call the id that the app gives to a request."""


def is_entry(line: Json) -> bool:
    """Whether a line stands for a request of a batch. Any other file has the same path."""
    return "response" in line or (_KEY in line and ("error" in line or "status" in line))


def read_entry(entry: Json) -> Result | None:
    """The call that a line, or an inlined response, stands for.

    `None` for a request that failed, which costs nothing.
    """
    response = section(entry, "response")
    dialect = None if response is None else _dialect_of(response)
    if response is None or dialect is None:
        return None
    said = section(entry, "metadata") or {}
    return Result(
        dialect=dialect,
        answer=_answer(dialect, response),
        custom_id=text(entry, _KEY) or text(said, _KEY),
        created_s=seconds_of(response, "createTime"),
        tags=_tags(said),
    )


def _dialect_of(response: Json) -> Dialect | None:
    if "embedding" in response:
        return EMBED
    known = ("candidates", "promptFeedback", "usageMetadata")
    return GENERATE if any(key in response for key in known) else None


def _answer(dialect: Dialect, response: Json) -> Answer:
    answer = dialect.read_answer(response)
    tokens = response.get("tokenCount")
    if answer.usage is None and dialect is EMBED and isinstance(tokens, int):
        # Elsewhere a count of this name is one of what was generated.
        return replace(answer, usage={"promptTokenCount": tokens})
    return answer


def _tags(said: Json) -> Mapping[str, str]:
    """What the app attached to a request, but for its key."""
    texts = ((name, value) for name, value in said.items() if isinstance(value, str))
    return dict(islice((pair for pair in texts if pair[0] != _KEY), _TAGS_MAX))


def read_page(document: Json) -> Page | None:
    """What the description of a batch says, or a list of such; `None` for any other document."""
    described = (document, *sections(document, "operations"))
    batches = [one for one in described if text(one, "name").startswith("batches/")]
    if not batches:
        return None
    return Page(
        batches=tuple(batch for one in batches if len((batch := _batch(one)).sources) > 1),
        found=tuple(found for one in batches for found in _inlined(one)),
    )


def _batch(described: Json) -> Batch:
    """With the file of its results, where it has one."""
    metadata, output = _parts(described)
    file = text(output, "responsesFile").removeprefix("files/")
    return Batch(
        sources=(*ids(described, "name"), *((file,) if file else ())),
        created_s=seconds_of(metadata, "createTime"),
        model=_model(metadata),
    )


def _inlined(described: Json) -> Iterator[Found]:
    metadata, output = _parts(described)
    created_s, asked = seconds_of(metadata, "createTime"), Request(model=_model(metadata))
    for kind in _INLINED:
        entries = sections(section(output, kind) or {}, "inlinedResponses")
        for position, entry in enumerate(entries):
            if (result := read_entry(entry)) is not None:
                at = result.created_s or created_s
                whole = replace(result, created_s=at, asked=asked)
                yield Found(text(described, "name"), position, whole)


def _parts(described: Json) -> tuple[Json, Json]:
    """(what is said of the batch, where its results are), both in an operation's wrapping or not.

    An operation states its results twice, as its own and as the batch's.
    """
    metadata = section(described, "metadata") or described
    return metadata, section(metadata, "output") or section(described, "response") or {}


def _model(metadata: Json) -> str:
    return text(metadata, "model").removeprefix("models/")
