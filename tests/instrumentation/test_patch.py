"""Our shell stands around a method once, and goes without a trace."""

from collections.abc import Callable
from typing import Any

from spanledger.instrumentation.patch import Patch, patch_method, unpatch


class Owner:
    """A class of somebody's."""

    def answer(self) -> str:
        """What is asked for."""
        return "theirs"


def shell(patched: Patch) -> Callable[..., object]:
    """Says that it was there, as long as somebody records."""

    def answer(self: object) -> str:
        said = patched.original(self)
        return f"ours over {said}" if patched.recorder else said

    return answer


RECORDER: Any = object()


def test_a_method_is_patched_once_and_given_back() -> None:
    """The second patch is the first one; the class is as it was afterwards."""
    before = dict(vars(Owner))
    patched = patch_method(Owner, "answer", shell, RECORDER)
    assert patch_method(Owner, "answer", shell, RECORDER) is patched
    assert Owner().answer() == "ours over theirs"
    unpatch(patched)
    assert dict(vars(Owner)) == before
    assert Owner().answer() == "theirs"


def test_what_a_shell_has_patched_in_turn_goes_with_it() -> None:
    """Classes that were met on the way are given back as well."""

    class Met(Owner):
        def answer(self) -> str:
            return "met"

    patched = patch_method(Owner, "answer", shell, RECORDER)
    patched.followed[Met] = patch_method(Met, "answer", shell, RECORDER)
    assert Met().answer() == "ours over met"
    unpatch(patched)
    assert Met().answer() == "met"
    assert patched.followed == {}


class Sealed(type):
    """A kind of class that can be changed until it is sealed."""

    sealed = False

    def __setattr__(cls, name: str, value: object) -> None:
        if cls.sealed:
            raise TypeError
        super().__setattr__(name, value)


def test_a_class_that_refuses_keeps_its_shell_and_no_other() -> None:
    """It does nothing from then on; what was patched in turn is given back all the same."""

    class Refusing(Owner, metaclass=Sealed):
        def answer(self) -> str:
            return "refused"

    class Met(Owner):
        def answer(self) -> str:
            return "met"

    patched = patch_method(Refusing, "answer", shell, RECORDER)
    patched.followed[Met] = patch_method(Met, "answer", shell, RECORDER)
    own = patched.followed[Met].original
    Refusing.sealed = True
    unpatch(patched)

    assert Refusing().answer() == "refused"
    assert vars(Met)["answer"] is own


def test_a_shell_that_somebody_wrapped_falls_silent() -> None:
    """It cannot be taken out from below; it does nothing, and serves again when it is asked to."""

    class Wrapped:
        def answer(self) -> str:
            return "theirs"

    patched = patch_method(Wrapped, "answer", shell, RECORDER)
    ours = vars(Wrapped)["answer"]

    def above(self: object) -> str:
        return f"above {ours(self)}"

    Wrapped.answer = above
    unpatch(patched)
    assert Wrapped().answer() == "above theirs"
    assert patch_method(Wrapped, "answer", shell, RECORDER) is patched
    assert Wrapped().answer() == "above ours over theirs"
    unpatch(patched)
