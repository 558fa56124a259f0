"""What is played while one function of ours fails, and whether the app can tell."""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import cycle, product
from types import CodeType
from typing import Final

import spanledger
from tests.instrumentation.calls import Recording
from tests.matrix.batch_forms import FORMS as BATCHES
from tests.matrix.bedrock_forms import FORMS as BEDROCK
from tests.matrix.cells import COLUMNS, Outcome
from tests.matrix.faults import Ours, calls_noted, raising
from tests.matrix.forms import Form
from tests.matrix.openai_forms import FORMS as OPENAI
from tests.matrix.raw_forms import AIOHTTP_FORMS, HTTPX_FORMS, REQUESTS_FORMS
from tests.matrix.sdk_forms import (
    ANTHROPIC_FORMS,
    COHERE_FORMS,
    GOOGLE_FORMS,
    MISTRAL_FORMS,
    OLLAMA_FORMS,
)
from tests.matrix.server import Server

Scene = tuple[str, str]

ERRORS: Final = (Exception, RecursionError, MemoryError)

ALL: Final = {
    form.name: form
    for forms in (
        OPENAI, ANTHROPIC_FORMS, GOOGLE_FORMS, MISTRAL_FORMS, COHERE_FORMS, OLLAMA_FORMS, BEDROCK,
        HTTPX_FORMS, AIOHTTP_FORMS, REQUESTS_FORMS, BATCHES,
    )
    for form in forms
}  # fmt: skip

SCENES: Final = (
    ("openai chat", "answered"),
    ("openai chat, streamed", "answered"),
    ("openai chat, streamed, async", "answered"),
    ("openai chat, async", "answered"),
    ("openai chat", "429"),
    ("openai chat, async", "500"),
    ("openai chat, streamed", "cut"),
    ("openai chat, streamed", "dropped"),
    ("openai chat, streamed, async", "cancelled midway"),
    ("openai responses, streamed", "answered"),
    ("openai embeddings", "answered"),
    ("openai images", "answered"),
    ("openai transcription", "answered"),
    ("azure chat, streamed", "answered"),
    ("anthropic", "answered"),
    ("anthropic, streamed", "answered"),
    ("anthropic, streamed, async", "answered"),
    ("google", "answered"),
    ("google, streamed", "answered"),
    ("mistral, streamed", "answered"),
    ("cohere, streamed", "answered"),
    ("cohere rerank", "answered"),
    ("ollama, streamed", "answered"),
    ("bedrock converse", "answered"),
    ("bedrock converse, streamed", "answered"),
    ("bedrock invoke, streamed", "answered"),
    ("requests", "answered"),
    ("requests, streamed", "answered"),
    ("requests, streamed", "cut"),
    ("aiohttp", "answered"),
    ("aiohttp, streamed", "answered"),
    ("aiohttp, streamed", "cut"),
    ("batch results", "answered"),
    ("batch results, streamed", "answered"),
    ("batch results, streamed", "cut"),
    ("batch results, async", "answered"),
    ("unknown", "answered"),
)
"""(form, what happens to it): together they pass through all that an app can reach."""


class Rehearsal:
    """The scenes, played without us and then with us."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.without_us = {scene: self.play(scene) for scene in SCENES}
        """What the app sees of each scene without us."""
        self._ran: dict[Scene, set[CodeType]] = {}
        for scene in SCENES:
            with calls_noted() as noted, Recording().on():
                self.play(scene)
            self._ran[scene] = noted

    def play(self, scene: Scene) -> Outcome:
        """Play a scene, without us unless a recording is on."""
        form, column = ALL[scene[0]], COLUMNS[scene[1]]
        fault = f"/sim-{column.fault}" if column.fault else ""
        with spanledger.attribute(user_id="ana", tags={"a": "b"}):
            return column.act(form, self._server.urls[form.provider] + fault, self._server)

    def passing(self, ours: Ours) -> list[Scene]:
        """The scenes that pass through the function."""
        return [scene for scene, code in self._ran.items() if ours.function.__code__ in code]

    def reached(self, ours: Ours, *, each_scene: bool) -> Iterator[str]:
        """The faults of one function that the app can tell.

        Every error in every scene that passes through it; or each error once, such that a scene
        each, whole, streamed and asynchronous, has one: `guarded` does not tell errors apart, and
        what the function is called for makes no difference to that.
        """
        scenes = self.passing(ours)
        kinds = {_kind(ALL[scene[0]]): scene for scene in reversed(scenes)}.values()
        few = zip(ERRORS, cycle(kinds), strict=False)
        for error, scene in product(ERRORS, scenes) if each_scene else few:
            said = f"{ours.name}: {error.__name__} in {scene}"
            try:
                with _hooks_undone(), raising(ours, error), Recording().on():
                    seen = self.play(scene)
            except Exception as reached:  # noqa: BLE001 - that nothing passes is tested
                yield f"{said} came out as {reached!r}"
                continue
            if seen != self.without_us[scene]:
                yield f"{said} made it {seen.error}"


@contextmanager
def _hooks_undone() -> Generator[None]:
    """Leave nobody waiting for imports whose end was the fault, or came after it.

    Shells that stay on the libraries are taken over, and out, by the next recording.
    """
    finders = list(sys.meta_path)
    try:
        yield
    finally:
        sys.meta_path[:] = finders


def _kind(form: Form) -> str:
    if form.is_async:
        return "asynchronous"
    return "streamed" if form.stream else "whole"
