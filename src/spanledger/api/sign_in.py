"""Signing in to the dashboard with a key, and out again. The key itself is never kept."""

from typing import Final

from starlette.responses import RedirectResponse, Response

from spanledger.api.access import SESSION_COOKIE, Asked
from spanledger.api.render import render
from spanledger.api.sessions import SESSION_LIFE
from spanledger.storage.keys import allows

__all__ = ["sign_in", "sign_in_page", "sign_out"]

UNKNOWN: Final = "This key is not known here. Keys begin with sl_ and are shown once, when made."
WRONG_ROLE: Final = "This key only delivers spans. The dashboard needs a viewer or admin key."


def sign_in_page(_: Asked) -> Response:
    """Ask for a key."""
    return render("login.html", problem="")


def sign_in(asked: Asked) -> Response:
    """Open a session for the holder of a key that may view."""
    key = asked.house.keys.find(asked.form.get("key", "").strip())
    if key is None:
        return render("login.html", status=401, problem=UNKNOWN)
    if not allows(key.role, "viewer"):
        return render("login.html", status=403, problem=WRONG_ROLE)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        SESSION_COOKIE,
        asked.house.sessions.open(key),
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=asked.request.url.scheme == "https",
    )
    return answer


def sign_out(asked: Asked) -> Response:
    """End the session, if there is one."""
    asked.house.sessions.close(asked.request.cookies.get(SESSION_COOKIE, ""))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
    return answer
