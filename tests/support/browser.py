"""A real browser: the system's Chromium, without a window, driven by Playwright.

Playwright's own browsers are not downloaded: what is tested is the one that people can install.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, sync_playwright

QUIET = (
    "--no-sandbox",  # CI runs as root, in which Chromium refuses its own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 15_000


def chromium() -> str:
    """Where it is. In CI it must be there; elsewhere the test is skipped without it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI must test in a browser: install chromium")
        pytest.skip("*** NOT TESTED IN A BROWSER: chromium is not installed ***")
    return found


@contextmanager
def browsing(base: str, **how: object) -> Iterator[Page]:
    """A page of a new browser. What it asks of anybody but ``base`` fails the test."""
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(QUIET))
        context = browser.new_context(base_url=base, **how)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: asked.append(f"console: {message.text}"))
        yield page
        browser.close()
    assert [url for url in asked if not url.startswith(f"{base}/")] == []
