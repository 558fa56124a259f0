"""Senders that do not give up, and an oracle that knows what all of it costs."""

import gzip
import random
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import httpx

from tests.collector.spans import CHAT, build_body, build_span

PROTOBUF: Final = "application/x-protobuf"

ANSWERS: Final = {200, 503}
"""What a sender may be told; anything else is an error of ours."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A call that was acknowledged."""

    span_id: int
    input_tokens: int
    output_tokens: int

    @property
    def cost(self) -> Decimal:
        """By hand: 2.50 dollars for a million tokens in, 10 dollars for a million out."""
        return (self.input_tokens * Decimal("2.50") + self.output_tokens * Decimal(10)) / 10**6


class Load:
    """Several senders. Each makes batches of calls and sends one until it is acknowledged."""

    def __init__(self, senders: int, seed: int, batch: int = 20) -> None:
        self.url = ""
        """Where the collector is now; nobody may be there."""
        self.wrong: list[str] = []
        """Answers that no sender should get."""
        self.refused = 0
        self._senders = senders
        self._seed = seed
        self._batch = batch
        self._acknowledged: list[Sent] = []
        self._more = threading.Condition()
        self._stop = threading.Event()
        self._given_up = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def acknowledged(self) -> int:
        """How many calls so far."""
        return len(self._acknowledged)

    @property
    def cost(self) -> Decimal:
        """Of all calls that were acknowledged, each once."""
        return sum((sent.cost for sent in self._acknowledged), Decimal(0))

    @contextmanager
    def sending(self) -> Generator[None]:
        """Send while the block runs, or until `finish`."""
        self._threads = [
            threading.Thread(target=self._send, args=(number,)) for number in range(self._senders)
        ]
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._given_up.set()
            self.finish()

    def finish(self) -> None:
        """Begin no more batches, and wait until the collector has those that were begun."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Until so many more calls are acknowledged."""
        with self._more:
            count = self.acknowledged + more
            assert self._more.wait_for(lambda: self.acknowledged >= count, 90), "nothing is taken"

    def _send(self, number: int) -> None:
        luck = random.Random(f"{self._seed} {number}")  # noqa: S311 - the same each time
        next_id = (number + 1) << 40
        earlier: list[Sent] = []
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not self._stop.is_set():
                batch = [
                    Sent(next_id + one, luck.randrange(1, 10**5), luck.randrange(1, 10**4))
                    for one in range(self._batch)
                ]
                next_id += self._batch
                # Now and then some calls come once more, among others than the first time.
                again = luck.sample(earlier, 5) if earlier and luck.random() < 0.2 else []
                self._deliver(client, [*batch, *again], compress=luck.random() < 0.5)
                if self._given_up.is_set():
                    return
                earlier = [*earlier[-100:], *batch]
                with self._more:
                    self._acknowledged += batch
                    self._more.notify_all()

    def _deliver(self, client: httpx.Client, batch: Sequence[Sent], *, compress: bool) -> None:
        body = build_body(
            *(
                build_span(
                    {
                        **CHAT,
                        "gen_ai.usage.input_tokens": sent.input_tokens,
                        "gen_ai.usage.output_tokens": sent.output_tokens,
                    },
                    span_id=sent.span_id.to_bytes(8),
                )
                for sent in batch
            )
        )
        headers = {"content-type": PROTOBUF} | ({"content-encoding": "gzip"} if compress else {})
        content = gzip.compress(body) if compress else body
        pause = threading.Event()
        while not self._given_up.is_set():
            try:
                answer = client.post(f"{self.url}/v1/traces", content=content, headers=headers)
            except (httpx.TransportError, httpx.UnsupportedProtocol):
                pause.wait(0.02)
                continue
            if answer.status_code == 200:
                return
            self.refused += 1
            if answer.status_code not in ANSWERS:
                self.wrong.append(f"{answer.status_code} {answer.content!r}")
            pause.wait(0.02)
