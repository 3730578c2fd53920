"""Real Chromium on the real application: one browser for the session, a served office for each test.

Debian's chromium is driven by playwright; ``playwright install`` is never run. A page that complains about
the content policy, or that throws in its script, fails the test that looked at it.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from waitress.server import create_server

from config.settings import Settings
from storage.files import Files
from storage.local import LocalFiles
from tests.builders import a_commune
from tests.web.office import PASSWORD, Office, make_office, open_office
from web.app import create_app

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
WIDTHS = {"phone": 360, "desk": 1280}

TOO_WIDE = """width => document.documentElement.scrollWidth <= width ? [] :
  [...document.querySelectorAll("body *")].filter(one => one.getBoundingClientRect().right > width)
  .filter(one => !one.closest(".vd-tabs")).slice(0, 9).map(one => one.tagName + "." + one.getAttribute("class"))"""
"""Names what leaves the page at its right side."""

PICTURES = os.environ.get("VINHDANH_TEST_PICTURES")
"""A folder: when it is given, every page that a test looks at is kept there as a picture, at both widths."""


@dataclass
class Served:
    """The application at an address of loopback, with its office and the pages opened on it."""

    url: str
    office: Office
    files: Files
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    def page(self, width: int = 1280, **options: Any) -> Page:
        """Open an empty page of its own context; what it complains about is gathered."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 900}, base_url=self.url, locale="vi-VN", **options
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self._hear(page, said))
        return page

    def signed_in(self, login: str, width: int = 1280, **options: Any) -> Page:
        """Open a page and sign in by the log-in form."""
        page = self.page(width, **options)
        page.goto("/login")
        page.get_by_label("Tên đăng nhập").fill(login)
        page.get_by_label("Mật khẩu").fill(PASSWORD)
        page.get_by_role("button", name="Đăng nhập").click()
        page.wait_for_url(lambda url: "/login" not in url)
        return page

    def as_person(self, name: str, width: int = 1280, **options: Any) -> Page:
        """Open a page and come in by the demo's one click for each person."""
        page = self.page(width, **options)
        page.goto("/login")
        page.get_by_role("button", name=name).click()
        page.wait_for_url(lambda url: "/login" not in url)
        return page

    def look(self, page: Page, name: str) -> None:
        """See that a page fits a phone and a desk, and keep its pictures where they are asked for."""
        before = page.viewport_size
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 900})
            if PICTURES:
                page.screenshot(path=f"{PICTURES}/{name}-{width}.png", full_page=True)
            assert page.evaluate(TOO_WIDE, width) == [], (page.url, width)
        if before is not None:
            page.set_viewport_size(before)

    def _hear(self, page: Page, said: Any) -> None:
        # The answers 4xx that tests ask for are told on the console as well; they are no fault of the page.
        if said.type == "error" and "Failed to load resource" not in said.text:
            self.complaints.append(f"{page.url}: {said.text}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The one browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def browser_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the office of Giang Thành in it, made once and copied for each test."""
    path = tmp_path_factory.mktemp("browser") / "office.sqlite3"
    make_office(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def browser_commune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the commune of Tân Giang in it, made once and copied for each test."""
    path = tmp_path_factory.mktemp("browser") / "commune.sqlite3"
    make_office(f"sqlite:///{path}", a_commune)
    return path


@pytest.fixture
def serve(chromium: Browser, browser_office: Path, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Return a function that serves an office of its own.

    It takes the SQLite file to copy the office from, or the ``url`` of a database that has one, the ``files``
    to keep papers in; further keywords change the settings.
    """
    running: list[tuple[Any, threading.Thread, Served]] = []

    def start(
        template: Path = browser_office, *, url: str | None = None, files: Files | None = None, **changes: Any
    ) -> Served:
        number = len(running)
        if url is None:
            path = tmp_path / f"office{number}.sqlite3"
            shutil.copy(template, path)
            url = f"sqlite:///{path}"
        if files is None:
            files = LocalFiles(tmp_path / f"files{number}")
            files.prepare()
        office = open_office(url)
        # The port is known only when the server listens, and the application wants its address before.
        placeholder = create_server(lambda environ, start: [], host="127.0.0.1", port=0, threads=8)
        port = placeholder.effective_port
        settings = Settings(
            **{
                "demo": False,
                "port": port,
                "data_dir": tmp_path,
                "database_url": url,
                "secret_key": "a-secret-for-tests-of-more-than-32-bytes",
                "log_level": "error",
                **changes,
            }
        )
        placeholder.application = create_app(settings, office.database, files)
        thread = threading.Thread(target=placeholder.run, daemon=True)
        thread.start()
        served = Served(settings.public_url, office, files, chromium)
        running.append((placeholder, thread, served))
        return served

    yield start
    for server, thread, served in running:
        for context in list(served.browser.contexts):
            context.close()
        server.close()
        thread.join(timeout=5)
        served.office.database.close()
        assert served.complaints == []


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """An office as it would be run, no demo."""
    return serve()
