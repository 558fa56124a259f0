"""The dashboard in a real browser: exact figures, nothing to complain of, light, dark, phone."""

import random
import shutil
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from spanledger.storage.row import CostRow
from spanledger.usage import Usage

from .conftest import NOW, MakeRow, Server

CHROMIUM = shutil.which("chromium")
ARTIFACTS = Path(__file__).parents[2] / "artifacts"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


class AnnouncedServer(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self.listening.set()


@pytest.fixture
def address(server: Server) -> Iterator[str]:
    """The address of the application on a port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = AnnouncedServer(uvicorn.Config(server.app, log_level="warning"))
        thread = threading.Thread(target=running.run, args=([listener],))
        thread.start()
        assert running.listening.wait(30)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        running.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests here."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def fill(server: Server, make_row: MakeRow) -> None:
    """Calls of a month, whose priced ones sum to exactly 1.234567."""
    chance = random.Random(2)  # noqa: S311 - a repeatable choice, no secret
    left, rows = 1_234_567, list[CostRow]()
    models = ["gpt-4o", "gpt-5-mini", "claude-sonnet-4-5", "gemini-2.5-flash"]
    for number in range(1, 240):
        part = left if number == 239 else chance.randrange(left // 60)
        left -= part
        usage = Usage(input_tokens=1000, cache_read_tokens=200, output_tokens=50)
        said: dict[str, Any] = {
            "start_time": NOW - timedelta(minutes=chance.randrange(60 * 24 * 28)),
            "request_model": chance.choice(models),
            "user_id": chance.choice(["ada", "grace", "barbara@example.org", "linus", ""]),
            "error_type": "429" if number % 40 == 0 else "",
        }
        rows.append(make_row(number, f"{part / 10**6:.6f}", usage=usage, **said))
    rows.append(make_row(500, None, request_model="my-local-model", user_id="ada"))
    server.store.write(rows)


@pytest.mark.parametrize(
    ("look", "scheme", "width"),
    [("light", "light", 1280), ("dark", "dark", 1280), ("phone", "light", 390)],
)
def test_the_page_shows_the_figures(
    server: Server,
    address: str,
    browser: Browser,
    make_row: Any,
    look: str,
    scheme: Any,
    width: int,
) -> None:
    """S4.7: signed in, one sees the exact total; the browser has nothing to complain of."""
    fill(server, make_row)
    size: ViewportSize = {"width": width, "height": 900}
    context = browser.new_context(color_scheme=scheme, viewport=size)
    view = context.new_page()
    complaints: list[str] = []
    view.on("console", lambda message: complaints.append(message.text))
    view.on("pageerror", lambda error: complaints.append(str(error)))
    view.on("requestfailed", lambda request: complaints.append(request.url))

    view.goto(address)
    assert view.url == f"{address}/login"
    view.fill("#key", server.secrets["viewer"])
    view.click("main button")
    view.wait_for_url(f"{address}/")
    view.click("text=30d")
    view.wait_for_url("**/?range=30d&*")
    ARTIFACTS.mkdir(exist_ok=True)
    view.screenshot(path=ARTIFACTS / f"dashboard-{look}.png", full_page=True)

    total = view.locator(".tile.main .money")
    assert (total.inner_text(), total.get_attribute("title")) == ("$1.23457", "1.234567 USD")
    assert view.locator(".trust .figure").inner_text() == "1 call"
    assert view.locator("svg .slot").count() == 30
    assert view.evaluate("document.documentElement.scrollWidth <= innerWidth")

    view.click(".calls a >> nth=1")
    view.wait_for_url("**/calls/*")
    view.screenshot(path=ARTIFACTS / f"call-{look}.png", full_page=True)
    assert view.locator("dl").count() == 2
    assert view.evaluate("document.documentElement.scrollWidth <= innerWidth")

    view.click("text=Sign out")
    view.wait_for_url(f"{address}/login")
    view.screenshot(path=ARTIFACTS / f"sign-in-{look}.png")
    assert complaints == []
    context.close()
