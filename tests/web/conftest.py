"""The application of the tests: real SQLite, local files, CSRF on, a demo's office and the doors of
production.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from config.settings import Settings
from storage.database import Database
from storage.local import LocalFiles
from tests.web.office import PASSWORD, Office, make_office, open_office
from web.app import create_app

ORIGIN = "http://127.0.0.1:8000"


@dataclass
class Browser:
    """A client that behaves as a browser does: same origin, the token of a page it saw, its cookies."""

    client: FlaskClient
    origin: str = ORIGIN
    kept_token: str | None = None

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, base_url=self.origin, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Post a form with the token of the log-in or account page, as a form of that page would."""
        if self.kept_token is None:
            self.kept_token = self.token()
        form = {"csrf_token": self.kept_token, **(data or {})}
        headers = {"Origin": self.origin, **options.pop("headers", {})}
        if any(isinstance(value, tuple) for value in form.values()):
            # In memory: the client's own way leaves the temporary file of a large body open.
            files = {
                key: FileStorage(value[0], filename=value[1]) if isinstance(value, tuple) else value
                for key, value in form.items()
            }
            boundary, body = encode_multipart(files)
            options = {**options, "content_type": f'multipart/form-data; boundary="{boundary}"'}
        else:
            body = form  # type: ignore[assignment]  # a plain form is encoded by the client
        answer = self.client.post(path, data=body, headers=headers, base_url=self.origin, **options)
        if answer.headers.getlist("Set-Cookie"):
            self.kept_token = None  # another session has another token
        return answer

    def token(self) -> str:
        page = self.get("/help").get_data(as_text=True)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert found is not None
        return unescape(found[1])

    def log_in(self, login: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/login", {"login": login, "password": password})


@dataclass
class Site:
    """The application under test with its office."""

    app: Flask
    office: Office
    settings: Settings
    files: LocalFiles

    def browser(self) -> Browser:
        return Browser(self.app.test_client(), self.settings.public_url)

    def signed_in(self, login: str) -> Browser:
        browser = self.browser()
        answer = browser.log_in(login)
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return browser


@pytest.fixture(scope="session")
def office_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the office in it, made once and copied for each test."""
    path = tmp_path_factory.mktemp("office") / "office.sqlite3"
    make_office(f"sqlite:///{path}")
    return path


@pytest.fixture
def make_site(office_file: Path, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Return a maker of sites; its keywords change the settings."""
    opened: list[Database] = []

    def make(**changes: Any) -> Site:
        path = tmp_path / f"site{len(opened)}.sqlite3"
        shutil.copy(office_file, path)
        settings = replace(
            Settings(
                demo=False,
                public_url=ORIGIN,
                data_dir=tmp_path,
                database_url=f"sqlite:///{path}",
                secret_key="a-secret-for-tests-of-more-than-32-bytes",
                max_file_mb=1,
                max_dossier_mb=5,
            ),
            **changes,
        )
        office = open_office(settings.database_url)
        opened.append(office.database)
        files = LocalFiles(tmp_path / f"files{len(opened)}")
        files.prepare()
        app = create_app(settings, office.database, files)
        app.testing = False  # errors are answered as they will be, not raised into the test
        return Site(app, office, settings, files)

    yield make
    for database in opened:
        database.close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A site as an office would run it: no demo."""
    return make_site()
