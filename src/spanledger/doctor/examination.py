"""The whole examination, and how it is told to people and to scripts."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spanledger import __version__
from spanledger.doctor import configuration, packages, processes, spool, store, target
from spanledger.doctor.finding import Finding, Standing, plural
from spanledger.settings import otlp_target

__all__ = ["Examination", "as_json", "as_text", "examine"]

_TITLES: Final = {
    "packages": "Packages",
    "hooks": "HTTP libraries",
    "settings": "Settings",
    "otel": "OpenTelemetry",
    "collector": "Collector",
    "spool": "Spool",
    "processes": "Processes",
    "store": "Store",
}
"""First word of a check -> the heading above it."""

_MARKS: Final[Mapping[Standing, str]] = {"ok": "ok", "note": "note", "attention": "LOOK"}
_WIDTH: Final = max(map(len, _MARKS.values()))


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was found."""

    findings: Sequence[Finding]

    @property
    def attention(self) -> int:
        """How many things somebody has to see to."""
        return sum(finding.standing == "attention" for finding in self.findings)


def examine(data_dir: Path | None = None) -> Examination:
    """Look at everything; `data_dir` is the server's, where the settings do not say it."""
    return Examination(tuple(_findings(data_dir)))


def _findings(data_dir: Path | None) -> Iterator[Finding]:
    app, server, wrong = configuration.read_settings(data_dir)
    aim = otlp_target()
    yield from packages.check_versions()
    yield from packages.check_neighbours()
    yield from packages.check_tokenizer()
    yield from packages.check_hooks()
    if wrong is not None:
        yield wrong
    if wrong is None or wrong.standing != "attention":
        yield from configuration.check_settings(server)
    yield from configuration.check_otel_variables()
    yield from target.check_target(aim)
    yield from spool.check_spool(app, aim)
    yield from processes.check_processes(app)
    yield from store.check_store(server)


def as_json(examination: Examination) -> str:
    """For scripts."""
    return json.dumps(
        {
            "version": __version__,
            "attention": examination.attention,
            "findings": [_object(finding) for finding in examination.findings],
        }
    )


def as_text(examination: Examination) -> str:
    """For people: what was looked at under headings, and what to do beneath what is wrong."""
    lines = [_summary(examination)]
    title = ""
    for finding in examination.findings:
        heading = _TITLES[finding.check.partition(".")[0]]
        if heading != title:
            title = heading
            lines += ["", title]
        lines.append(f"  {_MARKS[finding.standing]:{_WIDTH}}  {finding.says}")
        if finding.advice:
            lines.append(f"  {'':{_WIDTH}}  -> {finding.advice}")
    return "\n".join(lines)


def _summary(examination: Examination) -> str:
    count = examination.attention
    if not count:
        return f"Spanledger {__version__}: nothing is wrong here."
    needs = "needs" if count == 1 else "need"
    return f"Spanledger {__version__}: {plural(count, 'thing')} {needs} attention (LOOK)."


def _object(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "standing": finding.standing,
        "says": finding.says,
        "advice": finding.advice,
        **finding.facts,
    }
