"""Counts out of a usage object of which nothing is certain: what is wrong is refused by name."""

from collections.abc import Mapping
from typing import TypeAlias, TypeGuard, Union, cast

from spanledger.dialects.dialect import Json
from spanledger.errors import InvalidUsage
from spanledger.usage import QUANTITY_MAX

__all__ = ["Shape", "count_in", "gather", "list_in", "object_in", "total"]

Shape: TypeAlias = Mapping[str, Union[str, "Shape"]]
"""Names on the wire with the names of ours, or with the shape of the object at that name. Where
several mean the same unit, the first that is stated stands."""


def gather(raw: Json, shape: Shape) -> dict[str, int]:
    """The counts that `raw` states, by our names.

    Raises:
        InvalidUsage: a count is no whole number from 0 to `QUANTITY_MAX`, or stands where an
            object belongs.
    """
    found: dict[str, int] = {}
    _gather_into(found, raw, shape)
    return found


def _gather_into(found: dict[str, int], raw: Json, shape: Shape) -> None:
    # In the order of the shape, which may know far more names than anybody states.
    for name in [name for name in shape if name in raw]:
        value, meaning = raw[name], shape[name]
        if value is None:
            continue
        if not isinstance(meaning, str):
            _gather_into(found, _checked_object(value, name), meaning)
        elif meaning not in found:
            found[meaning] = value if _is_count(value) else _checked_count(value, name)


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= QUANTITY_MAX


def count_in(raw: Json, *names: str) -> int | None:
    """The count at the first of `names` that states one."""
    for name in names:
        if (value := raw.get(name)) is not None:
            return _checked_count(value, name)
    return None


def object_in(raw: Json, name: str) -> Json:
    """The object at `name`; an empty one where there is none."""
    value = raw.get(name)
    return {} if value is None else _checked_object(value, name)


def list_in(raw: Json, name: str) -> list[Json]:
    """The objects in the list at `name`; an empty one where there is none."""
    value = raw.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        msg = f"{name} is a {type(value).__name__}, not a list"
        raise InvalidUsage(msg)
    return [_checked_object(entry, name) for entry in cast("list[object]", value)]


def total(*counts: int | None) -> int | None:
    """The sum of what was stated; `None` when nothing was."""
    stated = [count for count in counts if count is not None]
    return sum(stated) if stated else None


def _checked_object(value: object, name: str) -> Json:
    if not isinstance(value, (dict, Mapping)):  # a dict is known at once, a Mapping is not
        msg = f"{name} is a {type(value).__name__}, not an object"
        raise InvalidUsage(msg)
    return cast("Json", value)


def _checked_count(value: object, name: str) -> int:
    if _is_count(value):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        msg = f"{name} is a {type(value).__name__}, not a whole number"
        raise InvalidUsage(msg)
    if not 0 <= value <= QUANTITY_MAX:
        # The number itself may be longer than Python is willing to print.
        msg = f"{name} is not between 0 and {QUANTITY_MAX}"
        raise InvalidUsage(msg)
    return value
