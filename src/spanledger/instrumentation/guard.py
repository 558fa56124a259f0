"""The one guard between our code and the app's: what fails here never reaches the app."""

import logging
from collections import Counter
from types import TracebackType
from typing import Final

from spanledger.instrumentation import news

__all__ = ["failures", "guarded"]

_log = logging.getLogger("spanledger")

_failures: Final[Counter[str]] = Counter()


class guarded:  # noqa: N801 - read as a statement: with guarded("read an answer")
    """Run our own code in the app's path; an `Exception` ends the block and goes no further.

    Interrupts and cancellations belong to the app and pass. `what` says in a few words what is
    done; the first failure of each kind is logged as a warning, later ones only for debugging.
    """

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        try:
            _note(self._what, error)
        except Exception:  # noqa: BLE001 - the one broad except: a log handler of the app's may fail
            return True
        return True


def failures() -> dict[str, int]:
    """How often each kind of guarded code has failed in this process."""
    return dict(_failures)


def _note(what: str, error: Exception) -> None:
    before = _failures[what]
    _failures[what] = before + 1
    _log.log(
        logging.DEBUG if before else logging.WARNING,
        "could not %s: %s at %s; the application's own call is not affected",
        what,
        # The text of an error may quote a prompt or a key.
        type(error).__name__,
        _place(error),
    )
    news.announce(urgent=news.is_urgent(before, before + 1))


def _place(error: Exception) -> str:
    traceback = error.__traceback__
    if traceback is None:
        return "an unknown place"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
