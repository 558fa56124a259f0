"""Starting and stopping the recording in this process."""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Final

from opentelemetry import metrics
from opentelemetry.sdk.environment_variables import OTEL_SERVICE_NAME
from opentelemetry.trace import TracerProvider

from spanledger.errors import SettingsError
from spanledger.instrumentation import travel
from spanledger.instrumentation.arrival import ArrivalFinder, call_when_imported
from spanledger.instrumentation.batch_times import BatchTimes
from spanledger.instrumentation.batches import Batches
from spanledger.instrumentation.content import Redact
from spanledger.instrumentation.estimation import Estimator
from spanledger.instrumentation.exchange import Recorder
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.http_spans import HttpSpans
from spanledger.instrumentation.metrics import Metrics
from spanledger.instrumentation.passing import looking_on
from spanledger.instrumentation.patch import Patch, unpatch
from spanledger.instrumentation.state import ProcessState
from spanledger.instrumentation.telemetry import Destination, find_destination, spool_root
from spanledger.instrumentation.transports.table import TRANSPORTS, patch_transport
from spanledger.settings import Settings, otel_variable

__all__ = ["BATCHES", "PROCESSES", "start", "stop"]

_log = logging.getLogger("spanledger")

_ESTIMATES_S: Final = 5.0
"""How long the end of a recording waits for calls whose usage is being estimated."""

BATCHES: Final = "batches"
PROCESSES: Final = "processes"
"""Names of directories beside the spool: what is known of batches, and of processes."""


@dataclass(slots=True)
class _Recording:
    """A recording that goes on: what has to be undone at its end."""

    destination: Destination
    recorder: Recorder
    patches: list[Patch] = field(default_factory=list[Patch])
    finder: ArrivalFinder | None = None
    http_spans: HttpSpans | None = None
    state: ProcessState | None = None

    def patch(self, module: ModuleType) -> None:
        with guarded(f"hook {module.__name__}"):
            self.patches += patch_transport(module, self.recorder)

    def ends(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """What has to be done at its end, in this order, each with a few words for it."""
        if self.finder is not None:
            yield "look for no more imports", self.finder.remove
        for patched in self.patches:
            yield "take our shells out", partial(unpatch, patched)
        yield "let no attribution travel", partial(travel.turn, on=False)
        if self.http_spans is not None:
            yield "take HTTP spans out", self.http_spans.undo
        if self.recorder.estimator is not None:
            yield "have usage estimated", partial(self.recorder.estimator.close, _ESTIMATES_S)
        yield "hand over the spans that are held", self._close_destination
        if self.state is not None:
            yield "close the file of the process", self.state.close

    def _close_destination(self) -> None:
        _process.closed = self.destination.close() or _process.closed


class _Process:
    """The one recording of the process, and the provider of ours that an earlier one shut down."""

    __slots__ = ("closed", "lock", "recording")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.recording: _Recording | None = None
        self.closed: TracerProvider | None = None


_process: Final = _Process()


def start(
    version: str,
    *,
    tracer_provider: TracerProvider | None,
    meter_provider: metrics.MeterProvider | None,
    redact: Redact | None = None,
) -> None:
    """Hook the HTTP libraries, those to be imported later included; a second start does nothing."""
    with _process.lock, guarded("start the recording"):
        if _process.recording is not None:
            if tracer_provider is not None or meter_provider is not None:
                _log.warning("spanledger records already: the providers given now are not used")
            return
        settings = _read_settings()
        destination = find_destination(tracer_provider, _process.closed, settings)
        root = spool_root(settings)
        batches = Batches(
            version=version,
            destination=destination,
            times=BatchTimes(root and root / BATCHES),
            endpoints=settings.endpoints,
        )
        recorder = Recorder(
            tracer=destination.tracer(version),
            metrics=Metrics(meter_provider or metrics.get_meter_provider(), version),
            destination=destination,
            settings=settings,
            redact=redact,
            estimator=Estimator() if settings.estimate_usage else None,
            otherwise=looking_on(batches, settings.endpoints),
        )
        recording = _Recording(destination, recorder)
        _process.recording = recording
        service = otel_variable(OTEL_SERVICE_NAME)
        recording.state = ProcessState(root and root / PROCESSES, version, service)
        recording.finder = call_when_imported(tuple(TRANSPORTS), recording.patch)
        travel.turn(on=recorder.settings.baggage)
        recording.http_spans = HttpSpans(
            wanted=recorder.settings.http_spans, tracer_provider=tracer_provider
        )


def _read_settings() -> Settings:
    """The app's settings; one that cannot be read must not cost it the recording."""
    try:
        return Settings.load(config=None)
    except SettingsError as error:
        _log.warning("%s; all settings are at their defaults", error)
        return Settings()


def stop() -> None:
    """Take the hooks out, and hand over the spans that are still held."""
    with _process.lock, guarded("stop the recording"):
        recording, _process.recording = _process.recording, None
        for what, step in recording.ends() if recording is not None else ():
            # One that fails keeps none of the others from being done.
            with guarded(what):
                step()
