"""R12: mutated export requests of both formats, over a real socket."""

import random
import resource
from collections.abc import Iterator

import httpx
import pytest

from spanledger.storage.memory import MemoryStore
from spanledger.storage.query import Selection
from spanledger.usage import Usage
from tests.collector.spans import build_body, build_span, json_body, json_span

SEEDS = {
    "application/x-protobuf": build_body(build_span(), build_span(span_id=b"12345678")),
    "application/json": json_body(json_span(), json_span(spanId="3132333435363738")),
}
TOKENS_MAX = 10**8


def mutants(body: bytes, dice: random.Random) -> Iterator[bytes]:
    """Endless mutations: bytes changed, cut out, doubled, put in; the end cut off."""
    while True:
        mutant = bytearray(body)
        for _ in range(dice.choice((1, 1, 1, 2, 4, 16))):
            at = dice.randrange(len(mutant) + 1)
            to = min(len(mutant), at + dice.choice((1, 1, 2, 8, 64)))
            part = bytes(mutant[at:to])
            mutant[at:to] = dice.choice(
                (dice.randbytes(to - at), b"", part * 2, dice.randbytes(3) + part, b"\xff" * 9)
            )
        yield bytes(mutant[: dice.choice((None, None, None, dice.randrange(len(body))))])


def survive(client: httpx.Client, store: MemoryStore, count: int) -> None:
    """Send mutants: never a 5xx, never a stored value that no call can have."""
    dice = random.Random(count)  # noqa: S311 - the same mutants everywhere
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for content_type, body in SEEDS.items():
        headers = {"content-type": content_type}
        for _, mutant in zip(range(count // 2), mutants(body, dice), strict=False):
            answer = client.post("/v1/traces", content=mutant, headers=headers)
            assert answer.status_code in {200, 400}, (mutant, answer.text)
            assert answer.headers["content-type"] == content_type
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    for call in (row.call for row in store.calls(Selection(project="default"), limit=10**6)):
        assert (len(call.trace_id), len(call.span_id)) == (32, 16)
        if call.usage != Usage():
            assert all(0 <= tokens <= TOKENS_MAX for tokens in call.usage.reported().values())
    assert grown_kib < 300 * 1024


def test_mutated_requests_are_taken_or_refused(client: httpx.Client, store: MemoryStore) -> None:
    """Each is the sender's fault or is none."""
    survive(client, store, 2_000)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_mutated_requests(client: httpx.Client, store: MemoryStore) -> None:
    """As before, for longer."""
    survive(client, store, 100_000)
