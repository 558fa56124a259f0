"""What a model's name says beside the model: a date, a stage, a version, a place.

These may differ between two names of one model; everything else may not, nor may its order.
"""

import re
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Final

__all__ = ["Name", "fits_exactly", "read_name", "without_owner"]

_SEPARATORS: Final = re.compile(r"[-_.:@ ]+")
_PLACE: Final = re.compile(r"(?:us|eu|apac|global|jp|au|ca|sa|in|regional)\.(?=[a-z0-9]+\.[a-z])")
"""Amazon's inference profiles have one of these before the maker and the model. (Its prices for
the government differ, so a name of these is found only where the list has it.)"""

_DAY: Final = (
    r"(20\d\d-?(?:0[1-9]|1[0-2])(?:-?(?:0[1-9]|[12]\d|3[01]))?"  # 2024-08-06, 202408
    r"|(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]|20\d\d)"  # 05-20, 09-2025
    r"|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"  # 0613
    r"|2\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])?"  # 2502, 250115
    r"|00\d)"  # 002
)
_DATE: Final = re.compile(rf"-{_DAY}(?=-|$)")
_LATEST: Final = re.compile(r"-(?:latest|stable)(?=-|$)")
_STAGE: Final = re.compile(r"-(preview|exp|experimental)(?=-|$)")
_VERSION: Final = re.compile(r"-v(\d{1,2}(?:-\d)?)$")
_BEGUN: Final = re.compile(r"-(?:20\d{2,4}|0)$")
"""With this a pattern says that a date, or a revision, follows."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name in its parts."""

    words: str
    """What it is, without the parts below."""
    date: str
    stage: str
    version: str

    def is_of(self, known: "Name") -> bool:
        """Whether this names the model of `known`.

        A date may be said by one of the two only. A preview with a date costs what the model does,
        one without may be a model of its own.
        """
        return (
            (self.words, self.version) == (known.words, known.version)
            and (self.date == known.date or not (self.date and known.date))
            and (self.stage == known.stage or bool(self.date and not known.stage))
        )


def read_name(name: str, *, begun: bool = False) -> Name | None:
    """The parts of `name`; `None` where it has two dates, or is at two stages.

    Args:
        name: in lower case.
        begun: it is the begin of a name, and may end within a date.
    """
    place = _PLACE.match(name)
    bare = name[place.end() if place else 0 :].removesuffix(":0")
    words = "-".join(filter(None, _SEPARATORS.split(bare)))
    dates = _DATE.findall(words)
    words = _LATEST.sub("", _DATE.sub("", words), count=1)
    stages = _STAGE.findall(words)
    if len(dates) > 1 or len(stages) > 1:
        return None
    words = _STAGE.sub("", words)
    if begun:
        words = _BEGUN.sub("", words)
    version = _VERSION.search(words)
    return Name(
        _VERSION.sub("", words),
        "".join(dates).replace("-", ""),
        "".join(stages),
        version[1] if version else "1",
    )


def without_owner(name: str) -> str:
    """The name of a fine-tuned model without the part that is the user's."""
    return _FINE_TUNED.sub(r"\1\2", name)


def fits_exactly(glob: str, name: str) -> bool:
    """Whether `name` is what `glob` says, where a `*` at its end stands for a date and the like.

    After a point it stands for a number, at the begin for whole segments of a path or of a dotted
    name. Both in lower case.
    """
    return _exactly(glob).fullmatch(without_owner(name)) is not None


@lru_cache(4096)
def _exactly(glob: str) -> re.Pattern[str]:
    core, begin = glob.rstrip("*"), ""
    if glob.startswith("*"):
        core, begin = core.lstrip("*./"), r"(?:.*[./])?"
    end = ""
    if glob.endswith("*"):
        end = (r"\.\d+" if core.endswith(".") else "") + _END
        core = core.rstrip("-@:.")
    return re.compile(f"{begin}{translate(core).removesuffix(_WHOLE)}{end}")


_FINE_TUNED: Final = re.compile(r"(ft:[^:]+):.*|(.+?):ft-.+")
"""OpenAI's names of fine-tuned models, today's and the first ones; what follows is the user's."""

_WHOLE: Final = translate("").removeprefix("(?s:)")
_END: Final = (
    rf"(?:[-@:.](?:(?:preview|exp)-)?{_DAY})?(?:[-@](?:latest|default))?(?:[-@:]v1)?(?::0)?"
)
