"""Fields out of JSON of which nothing is certain: what has the wrong type is not there."""

from typing import Final, cast

from spanledger.dialects.dialect import Json

__all__ = ["UNNAMED_ERROR", "error_name", "section", "sections", "text", "texts"]

UNNAMED_ERROR: Final = "_OTHER"
"""What the OpenTelemetry conventions call an error without a name."""


def text(body: Json, key: str) -> str:
    """The text at `key`, else ''. It can be encoded: JSON may carry half a surrogate pair."""
    value = body.get(key)
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def section(body: Json, key: str) -> Json | None:
    """The object at `key`, if it is one."""
    value = body.get(key)
    return cast("Json", value) if isinstance(value, dict) else None


def sections(body: Json, key: str) -> tuple[Json, ...]:
    """The objects in the array at `key`."""
    value = body.get(key)
    if not isinstance(value, list):
        return ()
    return tuple(
        cast("Json", item) for item in cast("list[object]", value) if isinstance(item, dict)
    )


def texts(bodies: tuple[Json, ...], key: str) -> tuple[str, ...]:
    """The texts at `key` of each of `bodies` that has one."""
    return tuple(value for body in bodies if (value := text(body, key)))


def error_name(body: Json) -> str:
    """What the provider calls the error at `error`; '' where there is none.

    OpenAI's `code` says more than its `type`; Anthropic has only `type`, and Google a `status`
    beside a `code` that is a number.
    """
    if not body.get("error"):
        return ""
    error = section(body, "error") or {}
    return text(error, "code") or text(error, "type") or text(error, "status") or UNNAMED_ERROR
