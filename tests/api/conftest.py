"""The API of the tests: a real database, local files, the doors of production, programs with tokens."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from config.settings import Settings
from storage.database import Database, TestClock
from storage.files import Files
from storage.local import LocalFiles
from tests.builders import World, a_pdf, a_world, award_form_code
from tests.conftest import SC_01_MORNING
from web.app import create_app
from workflow import accounts

ORIGIN = "http://127.0.0.1:8000"
API = "/api/v1"
EVERY_SCOPE = "read write admin"


@dataclass
class Program:
    """A client with a bearer token; ``None`` sends none."""

    client: FlaskClient
    token: str | None
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {**self.headers, **options.pop("headers", {})}
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        return self.client.open(API + path, method=method, headers=headers, base_url=ORIGIN, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.send("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self.send("POST", path, **({} if json is None else {"json": json}), **options)

    def patch(self, path: str, json: Any, **options: Any) -> TestResponse:
        return self.send("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.send("DELETE", path, **options)

    def upload(
        self,
        dossier: str,
        *,
        kind: str = "evidence",
        name: str = "giấy tờ.pdf",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **form: Any,
    ) -> TestResponse:
        file = FileStorage(io.BytesIO(a_pdf(kind) if body is None else body), filename=name)
        data = {"kind": kind, "file": file, **form}
        boundary, sent = encode_multipart(data)  # in memory: the client's own way leaves temporary files open
        return self.send(
            "POST",
            f"/dossiers/{dossier}/papers",
            data=sent,
            content_type=f'multipart/form-data; boundary="{boundary}"',
            headers=dict(headers or {}),
        )


@dataclass
class Site:
    """The application under test, and the world it serves."""

    app: Flask
    world: World
    files: Files
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    def program(self, who: str | None, scopes: str = EVERY_SCOPE, language: str | None = "en") -> Program:
        headers = {} if language is None else {"Accept-Language": language}
        token = None if who is None else self.token(who, scopes)
        return Program(self.app.test_client(use_cookies=False), token, headers)

    def token(self, who: str, scopes: str = EVERY_SCOPE, lifetime: timedelta = timedelta(days=300)) -> str:
        key = (who, scopes)
        if key not in self.tokens:
            self.tokens[key] = accounts.create_token(
                self.world.database,
                account_id=self.world.accounts[who],
                label="Phần mềm một cửa",
                scopes=scopes,
                lifetime=lifetime,
            )
        return self.tokens[key]

    def draft(self, who: str = "suong", *, nominees: int = 1) -> Draft:
        """A draft with nominees, made through the API."""
        program = self.program(who)
        opened = program.post("/dossiers", {"round_code": "GT-2024", "title": "Đề nghị khen thưởng"})
        assert opened.status_code == 201, opened.text
        ref, version = opened.json["ref"], opened.json["version"]
        refs = []
        for n in range(nominees):
            added = program.post(
                f"/dossiers/{ref}/nominees",
                {
                    "seen_version": version,
                    "class_code": "agency_district",
                    "name": f"Khoa Nội {n + 1}",
                    "award_form": award_form_code(),
                },
            )
            assert added.status_code == 201, added.text
            refs.append(added.json["ref"])
            version = added.json["version"]
        return Draft(ref, opened.json["code"], version, refs)


@dataclass
class Draft:
    ref: str
    code: str
    version: int
    nominees: list[str]


def open_site(database: Database, clock: TestClock, folder: Path) -> Site:
    """Giang Thành on 4 November 2024, served as an office would, with files in the folder."""
    files = LocalFiles(folder / "files")
    files.prepare()
    return serve(a_world(database, clock).at(2024, 11, 4), files, folder)


def serve(world: World, files: Files, folder: Path) -> Site:
    """Any world on any store, served as an office would."""
    settings = Settings(
        demo=False,
        public_url=ORIGIN,
        data_dir=folder,
        database_url="sqlite:///not-opened-again.sqlite",
        secret_key="a-secret-for-tests-of-more-than-32-bytes",
        max_file_mb=1,
        max_dossier_mb=5,
    )
    app = create_app(settings, world.database, files)
    app.testing = False  # errors are answered as they will be, not raised into the test
    return Site(app, world, files)


@pytest.fixture
def site(sqlite_database: Database, clock: TestClock, tmp_path: Path) -> Site:
    """A site on SQLite."""
    return open_site(sqlite_database, clock, tmp_path)


@pytest.fixture(scope="module")
def shared_site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site on SQLite for all tests of a module that only add to it, or are refused."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copyfile(sqlite_template, folder / "vinhdanh.sqlite")
    clock = TestClock(SC_01_MORNING)
    database = Database(f"sqlite:///{folder}/vinhdanh.sqlite", clock=clock)
    yield open_site(database, clock, folder)
    database.close()


@pytest.fixture
def both_sites(database: Database, clock: TestClock, tmp_path: Path) -> Site:
    """A site on SQLite, then one on PostgreSQL."""
    return open_site(database, clock, tmp_path)
