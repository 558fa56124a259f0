import io

from spanledger.demo.progress import Progress


class Terminal(io.StringIO):
    """A stream that says somebody is watching."""

    def isatty(self) -> bool:
        """Always."""
        return True


def test_without_a_terminal_each_step_is_a_line() -> None:
    """A log file reads well: one line a step, numbers aligned, no control characters."""
    stream = io.StringIO()
    progress = Progress(stream=stream, total=10)
    progress.step("first")
    progress.step("second")
    progress.finish("done")
    assert stream.getvalue() == "[ 1/10] first\n[ 2/10] second\ndone\n"


def test_on_a_terminal_one_line_changes_in_place() -> None:
    """Each step replaces the one before, and the summary is what stays."""
    stream = Terminal()
    progress = Progress(stream=stream, total=2)
    progress.step("first")
    progress.finish("done")
    assert stream.getvalue() == "\r\x1b[K[1/2] first\r\x1b[Kdone\n"
