"""What waits is counted from the files, without touching them."""

import time
from pathlib import Path

import pytest

from spanledger.doctor.finding import Finding
from spanledger.doctor.spool import check_spool
from spanledger.instrumentation.records import record_payload, resource_payload
from spanledger.instrumentation.segment import Segment
from spanledger.instrumentation.spool import Spool
from spanledger.instrumentation.telemetry import spool_directory
from spanledger.settings import OtlpTarget, Settings
from tests.instrumentation.spans import CHAT, payload, resource, span

OTHER = OtlpTarget(url="http://elsewhere:4318/v1/traces")


def examined(settings: Settings, target: OtlpTarget) -> dict[str, Finding]:
    """What is found, by what was looked at."""
    return {finding.check: finding for finding in check_spool(settings, target)}


def spooled(settings: Settings, target: OtlpTarget, *payloads: bytes) -> Spool:
    """A process that holds records; it is gone when the spool is closed."""
    spool = Spool(spool_directory(settings, target), settings.spool_bytes_max)
    shop = resource()
    for one in payloads:
        spool.append(shop, one)
    return spool


def test_an_empty_spool(settings: Settings, target: OtlpTarget) -> None:
    """The directory can be made, nothing waits, and nothing is made by looking."""
    found = examined(settings, target)
    assert {finding.standing for finding in found.values()} == {"ok"}
    assert found["spool.waiting"].says == "No span waits for this collector."
    assert not Path(settings.spool_dir).exists()


def test_what_a_living_process_holds(settings: Settings, target: OtlpTarget) -> None:
    """Fresh records are on their way; the process is known by its lock, and is not disturbed."""
    spool = spooled(settings, target, payload(1), payload(2))
    found = examined(settings, target)
    batch = spool.next_batch(10)
    spool.close()
    assert {finding.standing for finding in found.values()} == {"ok"}
    assert found["spool.waiting"].facts["records"] == 2
    assert found["spool.room"].facts["living"] == 1
    assert batch is not None
    assert len(batch.payloads) == 2


def old(seconds: float) -> bytes:
    """A record of a span that ended so long ago."""
    made = span()
    made._end_time = int((time.time() - seconds) * 1e9)
    return record_payload(made)


@pytest.mark.parametrize(
    ("living", "advice"), [(True, "when the collector can be reached"), (False, "gone")]
)
def test_what_waits_too_long(
    settings: Settings, target: OtlpTarget, advice: str, *, living: bool
) -> None:
    """Two minutes in vain need somebody; what the dead have left needs another process."""
    spool = spooled(settings, target, old(3 * 3600), payload(2))
    if not living:
        spool.close()
    found = examined(settings, target)
    spool.close()
    assert found["spool.waiting"].standing == "attention"
    assert "2 spans wait, the oldest for 3 hours" in found["spool.waiting"].says
    assert advice in found["spool.waiting"].advice


def test_calls_of_batches_are_not_as_old_as_they_say(
    settings: Settings, target: OtlpTarget
) -> None:
    """Their time is the provider's: it says nothing of how long they wait."""
    made = span({**CHAT, "spanledger.request.batch": True})
    made._end_time = 1
    spool = spooled(settings, target, record_payload(made))
    found = examined(settings, target)
    spool.close()
    assert found["spool.waiting"].standing == "ok"


@pytest.mark.parametrize("living", [True, False])
def test_what_waits_for_another_key(
    settings: Settings, target: OtlpTarget, *, living: bool
) -> None:
    """It is delivered with its own key only; another application may be about to."""
    spool = spooled(settings, OTHER, payload(1))
    if not living:
        spool.close()
    found = examined(settings, target)
    spool.close()
    assert found["spool.waiting"].facts["records"] == 0
    assert found["spool.elsewhere"].standing == ("ok" if living else "attention")


def test_damage(settings: Settings, target: OtlpTarget) -> None:
    """A record that cannot be read any more is counted, and the others as well."""
    spooled(settings, target, payload(1), payload(2)).close()
    (path,) = Path(settings.spool_dir).glob("*/*.spool")
    content = path.read_bytes()
    at = content.rindex(b"gpt-4o")
    path.write_bytes(content[:at] + b"?" + content[at + 1 :])
    found = examined(settings, target)
    assert found["spool.damaged"].facts["damaged"] == 1
    assert found["spool.waiting"].facts["records"] == 1


def test_room(settings: Settings, target: OtlpTarget) -> None:
    """A spool that is all but full is about to drop spans."""
    small = Settings(spool_dir=settings.spool_dir, spool_bytes_max=1000)
    directory = spool_directory(small, target)
    assert directory is not None
    segment = Segment.create(directory, resource_payload(resource()))
    segment.append(b"x" * 1000)
    found = examined(small, target)
    segment.close()
    assert found["spool.room"].standing == "attention"
    assert "SPANLEDGER_SPOOL_BYTES_MAX" in found["spool.room"].advice


def test_a_directory_that_cannot_be_written(machine: Path, target: OtlpTarget) -> None:
    """Below a file there can be none, not even for root."""
    (machine / "file").write_text("")
    found = examined(Settings(spool_dir=str(machine / "file" / "spool")), target)
    assert found["spool.directory"].standing == "attention"


def test_without_a_home(monkeypatch: pytest.MonkeyPatch, target: OtlpTarget) -> None:
    """Then spans wait in memory, which is said."""
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    found = examined(Settings(), target)
    assert list(found) == ["spool.directory"]
    assert found["spool.directory"].standing == "attention"


def no_home() -> Path:
    """As for a user without an entry in the system's list."""
    raise RuntimeError
