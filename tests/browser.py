"""A headless browser, where one is installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
A4 = ViewportSize(width=718, height=1047)  # at 96 pixels an inch, within margins of a centimetre
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(_NAMES)} is installed"),
]


@contextmanager
def started() -> Iterator[Browser]:
    """Start the browser. Starting takes longer than most tests, so one serves all tests of a process."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser, path: Path, scheme: str = "light", width: int = 1200, javascript: bool = True, sharpness: float = 1.0
) -> Iterator[Page]:
    """Open the page in a new profile without a network; fail on a console message, an error or a second request."""
    trouble: list[str] = []
    requests: list[str] = []
    with browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        offline=True,
        viewport={"width": width, "height": 900},
        java_script_enabled=javascript,
        device_scale_factor=sharpness,
        has_touch=True,
    ) as context:
        page = context.new_page()
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        yield page
    assert trouble == []
    assert requests == [path.as_uri()]


def require_accessible(page: Page, *, printed: bool = False) -> None:
    """Fail if axe finds anything or something is wider than the page; if `printed`, as it is on paper, without navigation."""
    page.emulate_media(media="print" if printed else "screen")
    if printed:
        page.set_viewport_size(A4)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert Axe().run(page).response["violations"] == []
    if printed:
        assert page.locator("nav:visible, button.copy:visible, select:visible, input:visible").count() == 0
