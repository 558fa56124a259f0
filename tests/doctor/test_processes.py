"""What processes have told is summed up by kind, with what to do."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanledger.doctor.processes import _SAYS, check_processes
from spanledger.instrumentation.estimation import _not_estimated
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.losses import note_loss
from spanledger.instrumentation.state import ProcessState, seen
from spanledger.instrumentation.unknown import note_unknown
from spanledger.instrumentation.wire import PlainUrl
from spanledger.settings import Settings


@pytest.fixture
def process(settings: Settings) -> Iterator[ProcessState]:
    """This very process, as an application that records."""
    state = ProcessState(Path(settings.spool_dir) / "processes", "1", "shop")
    yield state
    state.close()


def test_nothing_to_tell(settings: Settings, process: ProcessState) -> None:
    """One sentence says so."""
    (finding,) = check_processes(settings)
    assert finding.check == "processes.none"
    assert finding.standing == "ok"
    process.close()


def test_what_went_wrong(settings: Settings, process: ProcessState) -> None:
    """Losses, failures and unknown exchanges: how many, by whom, and what to do."""
    host = f"{uuid.uuid4().hex}.openai.azure.com"
    kind = f"test the doctor {uuid.uuid4()}"
    note_loss("the spool is full", 3)
    for _ in range(2):
        with guarded(kind):
            raise ValueError
    note_unknown(PlainUrl(f"https://{host}/new"), {})
    living = list(check_processes(settings))
    process.close()
    dead = list(check_processes(settings))

    assert {finding.standing for finding in living} == {"attention"}
    loss, failure, unknown = living
    assert loss.says.startswith("3 spans were lost: the spool is full (shop, pid ")
    assert loss.says.endswith(", alive).")
    assert "SPANLEDGER_SPOOL_BYTES_MAX" in loss.advice
    assert failure.says.startswith(f"Spanledger could not {kind}, 2 times (shop")
    assert unknown.says.startswith(f"POST {host}/new may be a model call and is not recorded")
    assert unknown.facts["count"] == 1
    assert time.strftime("last heard of %Y-") in dead[0].says


def test_every_sort_of_event_is_told(settings: Settings, process: ProcessState) -> None:
    """Whatever a process counts, it is said here: calls that were not estimated as well."""
    kind = f"test the doctor {uuid.uuid4()}"
    _not_estimated.note(kind, 2)
    process.close()
    (finding,) = check_processes(settings)
    assert finding.says.startswith(
        f"2 calls were not estimated, though no usage was stated: {kind}"
    )
    assert _SAYS.keys() == seen().keys()


def test_many_processes_and_kinds_are_summed_up(settings: Settings) -> None:
    """The report stays readable: sums, three names, and the most frequent kinds."""
    directory = Path(settings.spool_dir) / "processes"
    states = [ProcessState(directory, "1", f"shop {number}") for number in range(5)]
    kinds = [f"kind {number} {uuid.uuid4()}" for number in range(25)]
    for number, kind in enumerate(kinds):
        note_loss(kind, number + 1)
    for state in states:
        state.close()
    *findings, rest = check_processes(settings)
    assert len(findings) == 20
    assert findings[0].facts["count"] == 5 * 25
    assert "and 2 others" in findings[0].says
    assert rest.says == "There are 5 further kinds of this."
