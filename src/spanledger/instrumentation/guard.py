"""The one guard between our code and the app's: what fails here never reaches the app."""

import logging
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

__all__ = ["failures", "guarded"]

_log = logging.getLogger("spanledger")

_failures: Final[Counter[str]] = Counter()


@contextmanager
def guarded(what: str) -> Generator[None]:
    """Run our own code in the app's path; an `Exception` ends the block and goes no further.

    Interrupts and cancellations belong to the app and pass. `what` says in a few words what is
    done; the first failure of each kind is logged as a warning, later ones only for debugging.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the one guard of the tree: a guest never harms
        _note(what, error)


def failures() -> dict[str, int]:
    """How often each kind of guarded code has failed in this process."""
    return dict(_failures)


def _note(what: str, error: Exception) -> None:
    _failures[what] += 1
    _log.log(
        logging.WARNING if _failures[what] == 1 else logging.DEBUG,
        "could not %s: %s at %s; the application's own call is not affected",
        what,
        # The text of an error may quote a prompt or a key.
        type(error).__name__,
        _place(error),
    )


def _place(error: Exception) -> str:
    traceback = error.__traceback__
    if traceback is None:
        return "an unknown place"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
