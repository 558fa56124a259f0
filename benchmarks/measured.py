"""Measured figures, as tables of docs/performance.md: the one way by which they get there."""

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

__all__ = ["Figure", "table", "write_page"]

PAGE: Final = Path(__file__).parent.parent / "docs" / "performance.md"


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the result."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    at_least: bool = False
    """The budget is the least that is wanted, not the most."""

    def cells(self) -> tuple[str, str, str, str]:
        """As a row of a table."""
        within = "" if self.budget is None else "pass" if self.passes else "**missed**"
        budget = "" if self.budget is None else f"{self.budget:g} {self.unit}".rstrip()
        return self.name, f"{self.value:,.2f} {self.unit}".rstrip(), budget, within

    @property
    def passes(self) -> bool:
        """Within the budget, if there is one."""
        if self.budget is None:
            return True
        return self.value >= self.budget if self.at_least else self.value <= self.budget


def table(command: str, figures: Sequence[Figure]) -> str:
    """The figures in Markdown, with what made them: command, time and machine."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    lines = [
        f"By `{command}`, {datetime.now(UTC):%d %B %Y %H:%M} UTC, {python}, {_cpu()}.",
        "",
        "| what | measured | budget | |",
        "|---|---:|---:|---|",
        *(f"| {' | '.join(figure.cells())} |" for figure in figures),
    ]
    return "\n".join(lines) + "\n"


def write_page(name: str, text: str) -> None:
    """Put `text` between the marks of `name` in docs/performance.md."""
    mark = re.compile(rf"(<!-- measured: {name} -->\n).*?(<!-- end measured -->)", re.DOTALL)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(mark.sub(lambda found: found[1] + text + found[2], page), encoding="utf-8")


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    names = re.findall(r"model name\s*:\s*(.+)", text)
    return f"{len(names)} x {names[0]}" if names else platform.processor() or platform.machine()
