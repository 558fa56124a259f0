"""Progress on a terminal: one line that changes in place, or plain lines where nobody watches."""

from dataclasses import dataclass
from typing import Final, TextIO

__all__ = ["Progress"]

_CLEAR_LINE: Final = "\r\x1b[K"


@dataclass(slots=True)
class Progress:
    """Counts steps towards a known total, and says each as it begins."""

    stream: TextIO
    total: int
    done: int = 0

    def step(self, what: str) -> None:
        """Say that the next step begins."""
        self.done += 1
        text = f"[{self.done:>{len(str(self.total))}}/{self.total}] {what}"
        self._say(f"{_CLEAR_LINE}{text}" if self.stream.isatty() else f"{text}\n")

    def finish(self, summary: str) -> None:
        """Replace the line by `summary`, and leave it standing."""
        self._say(f"{_CLEAR_LINE if self.stream.isatty() else ''}{summary}\n")

    def _say(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()
