"""The command line: what it does, what it says in both languages, and its exit codes."""

from __future__ import annotations

import http.client
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from config.settings import Settings, from_process_environment
from dossiers.people import Account, ApiToken
from storage.database import Database
from storage.files import files_from_url
from storage.outbox_tables import Outbox
from web import cli
from web.app import create_app
from web.cli import ACTIVATE, StartedClock, main
from web.serving import Server, stop_on_signals
from web.startup import StartupRefused, lock_data_dir

ROOT = Path(__file__).resolve().parents[2]
WAIT = 20.0

Run = Callable[..., int]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of this test's own, told by the environment as in life."""
    for name in list(os.environ):
        if name.startswith("VINHDANH_") and not name.startswith("VINHDANH_TEST_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "data"
    monkeypatch.setenv("VINHDANH_DATA_DIR", str(folder))
    monkeypatch.setenv("VINHDANH_DEMO", "0")
    return folder


@pytest.fixture
def installed(data: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["init", "--origin", "example.vn/cli"]) == 0
    capsys.readouterr()
    return data


@pytest.fixture
def database(installed: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{installed / 'vinhdanh.sqlite3'}")
    yield opened
    opened.close()


def add_administrator() -> int:
    return main(
        [
            "user", "add", "khoi", "--name", "Lý Minh Khôi", "--function", "administrator",
            "--unit", "ubnd-huyen", "--unit-name", "UBND huyện", "--position", "Chuyên viên",
        ]
    )  # fmt: skip


def test_init_says_what_it_made_first_in_vietnamese(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--origin", "example.vn/cli"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Đã cài đặt: tên gốc của sổ ghi là example.vn/cli"
    assert lines[1] == "Installed: the origin of the record is example.vn/cli"
    assert {path.name for path in (data / "keys").iterdir()} == {
        "record.ed25519",
        "record.signed",
        "secret.key",
    }
    assert main(["init"]) == 0
    assert "Installed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["init"], 3, "vinhdanh init --origin"),
        (["init", "--origin", "Không được"], 3, "small letters"),
        (["serve"], 3, "Run: vinhdanh init"),
        (["worker"], 3, "Run: vinhdanh init"),
        (["workflow", "check"], 3, "Run: vinhdanh init"),
        (["audit", "verify"], 3, "Run: vinhdanh init"),
        (["token", "create", "nobody"], 3, "Run: vinhdanh init"),
        (["demo"], 3, "switched off"),
    ],
)
def test_what_cannot_be_done_is_said_in_both_languages_without_a_trace(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert main(arguments) == code
    complaint = capsys.readouterr().err
    assert said in complaint
    assert re.search("[ạảãàáâậầấẩẫăắằặẳẵệưứựôốộơớợđ]", complaint)
    assert "Traceback" not in complaint


def test_a_command_that_nobody_knows_is_a_wrong_argument(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fly"])
    assert ended.value.code == 2


def test_every_wrong_setting_is_told(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VINHDANH_PORT", "nine")
    monkeypatch.setenv("VINHDANH_THREDS", "4")
    assert main(["doctor"]) == 2
    complaint = capsys.readouterr().err
    assert "VINHDANH_PORT" in complaint
    assert "VINHDANH_THREADS" in complaint
    assert not data.exists()


def test_an_error_of_our_own_has_a_code_of_its_own(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "_open", break_down)
    assert main(["workflow", "check"]) == 70
    assert "An error of the program" in capsys.readouterr().err


def test_the_link_of_a_new_person_leads_to_a_page(
    installed: Path, capsys: pytest.CaptureFixture[str], database: Database
) -> None:
    assert add_administrator() == 0
    link = capsys.readouterr().out.splitlines()[-1]
    settings = Settings(data_dir=installed, demo=False)
    app = create_app(settings, database, files_from_url(settings.files_url))
    assert link.startswith(f"{settings.public_url}{ACTIVATE}")
    page = app.test_client().get(link.removeprefix(settings.public_url))
    assert page.status_code == 200
    assert "Lý Minh Khôi" in page.get_data(as_text=True)
    assert add_administrator() == 3  # the login is taken
    assert capsys.readouterr().err


def test_a_token_is_printed_alone_and_kept_as_a_hash(
    installed: Path, capsys: pytest.CaptureFixture[str], database: Database
) -> None:
    add_administrator()
    assert main(["token", "create", "khoi"]) == 3  # not activated yet
    with database.writing() as tx:
        tx.connection.execute(update(Account).values(state="active"))
    capsys.readouterr()
    assert main(["token", "create", "KHOI", "--label", "bench", "--days", "7"]) == 0
    token = capsys.readouterr().out.strip()
    with database.reading() as tx:
        row = tx.session.scalars(select(ApiToken)).one()
        assert token not in str(vars(row))
        assert row.expires_at - row.created_at == timedelta(days=7)
    assert main(["token", "create", "khoi", "--days", "9999"]) == 3


def test_workflow_check_finds_files_and_rows(
    installed: Path, capsys: pytest.CaptureFixture[str], database: Database, tmp_path: Path
) -> None:
    assert main(["workflow", "check"]) == 0
    (tmp_path / "config" / "workflows").mkdir(parents=True)
    (tmp_path / "config" / "workflows" / "bad.yaml").write_text("code: 1\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["workflow", "check", "--files-only", "--config", str(tmp_path / "config")]) == 1
    assert "workflows/bad.yaml" in capsys.readouterr().err
    with database.writing() as tx:
        tx.connection.execute(
            text(
                "INSERT INTO workflow_state (edition_id, subject, key, final)"
                " SELECT id, 'dossier', 'invented', false FROM config_document WHERE kind = 'workflow'"
            )
        )
    assert main(["workflow", "check"]) == 1
    assert "dossier.invented" in capsys.readouterr().err


def test_audit_verify_says_not_anchored_and_finds_an_altered_entry(
    installed: Path, capsys: pytest.CaptureFixture[str], database: Database, tmp_path: Path
) -> None:
    assert main(["worker", "--once"]) == 0
    assert main(["audit", "verify"]) == 9
    assert "NOT ANCHORED" in capsys.readouterr().out
    with database.reading() as tx:
        note = tx.connection.execute(text("SELECT note FROM record_checkpoint")).scalar_one()
    (tmp_path / "kept.txt").write_text(note, encoding="utf-8")
    assert main(["audit", "verify", "--known", str(tmp_path / "kept.txt")]) == 0
    with database.writing() as tx:  # as whoever holds the file can
        tx.connection.execute(text("DROP TRIGGER IF EXISTS record_entry_no_update"))
        triggers = tx.connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'record_entry'")
        ).scalars()
        for name in list(triggers):
            tx.connection.execute(text(f'DROP TRIGGER "{name}"'))
        tx.connection.execute(
            text("UPDATE record_entry SET body = replace(body, 'edition_taken_in', 'edition_taken_up')")
        )
    assert main(["audit", "verify"]) == 10
    (tmp_path / "kept.txt").write_text("nothing", encoding="utf-8")
    assert main(["audit", "verify", "--known", str(tmp_path / "kept.txt")]) == 2


def test_a_restored_old_database_does_not_start(
    installed: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    database = installed / "vinhdanh.sqlite3"
    old = database.read_bytes()
    main(["worker", "--once"])
    for path in installed.glob("vinhdanh.sqlite3*"):
        path.unlink()
    database.write_bytes(old)
    capsys.readouterr()
    for command in ("serve", "up", "init"):
        assert main([command]) == 4
        assert "older than what was signed" in capsys.readouterr().err
    assert main(["doctor"]) == 1


def test_a_missing_signing_key_does_not_start_on_sqlite(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (installed / "keys" / "record.ed25519").unlink()
    assert main(["serve"]) == 4
    assert "record.ed25519" in capsys.readouterr().err


def test_the_sweep_counts_and_removes(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = files_from_url((installed / "files").as_uri())
    orphan = installed / "files" / store.put(iter([b"orphan"]), media_type="text/plain").key
    assert main(["storage", "sweep", "--grace-hours", "0", "--pretend"]) == 0
    assert "1 that nobody names would be removed" in capsys.readouterr().out
    assert orphan.exists()
    assert main(["storage", "sweep"]) == 0
    assert orphan.exists()  # younger than the grace time
    time.sleep(0.01)
    assert main(["storage", "sweep", "--grace-hours", "0"]) == 0
    assert not orphan.exists()


def test_the_doctor_is_content_with_a_good_installation_and_sees_what_is_wrong(
    installed: Path, capsys: pytest.CaptureFixture[str], database: Database
) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "[ BAD]" not in said
    assert "rights on the record are not separated" in said
    (installed / "keys" / "record.signed").chmod(0o644)
    with database.writing() as tx:
        tx.session.add(
            Outbox(key="x", kind="x", payload="{}", run_at=tx.now, created_at=tx.now, attempt=5, state="dead")
        )
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "(0644)" in said
    assert "1 dead" in said


def test_the_demos_door_never_opens_on_a_real_installation(
    installed: Path, database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The demo is on by default; an office that forgets to switch it off is not open to everybody."""
    add_administrator()
    with database.writing() as tx:
        account = tx.session.scalars(select(Account)).one()
        account.state = "active"
    monkeypatch.delenv("VINHDANH_DEMO")
    told = from_process_environment()
    assert told.demo
    served = cli._without_open_door(told, database)
    assert not served.demo
    page = create_app(served, database, files_from_url(served.files_url)).test_client().get("/login")
    assert "Lý Minh Khôi" not in page.get_data(as_text=True)
    assert main(["demo"]) == 3
    assert "a real installation" in capsys.readouterr().err


def test_the_test_clock_starts_at_its_moment_and_runs() -> None:
    moment = datetime(2024, 11, 18, 2, 0, tzinfo=UTC)
    clock = StartedClock(moment)
    first = clock.now()
    assert timedelta(0) <= first - moment < timedelta(seconds=5)
    time.sleep(0.01)
    assert clock.now() > first


# --- serving and stopping -------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def slow_app() -> tuple[Flask, threading.Event, threading.Event]:
    app = Flask("slow")
    begun, may_end = threading.Event(), threading.Event()

    @app.get("/")
    def index() -> str:
        begun.set()
        assert may_end.wait(WAIT)
        return "x" * 3_000_000

    return app, begun, may_end


def test_a_request_that_has_begun_is_answered_to_its_last_byte(
    tmp_path: Path, slow_app: tuple[Flask, threading.Event, threading.Event]
) -> None:
    app, begun, may_end = slow_app
    server = Server(app, Settings(data_dir=tmp_path, port=free_port()))
    running = threading.Thread(target=server.run)
    running.start()
    answers: list[tuple[int, int]] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT)
        connection.request("GET", "/")
        answer = connection.getresponse()
        answers.append((answer.status, len(answer.read())))
        assert answer.headers.get("Server") is None
        connection.close()

    asking = threading.Thread(target=ask)
    asking.start()
    assert begun.wait(WAIT)
    server.stop()
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:  # the doors are closed to new ones
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except ConnectionRefusedError:
            break
        time.sleep(0.02)
    else:
        pytest.fail("the doors stayed open")
    assert running.is_alive()
    may_end.set()
    asking.join(WAIT)
    running.join(WAIT)
    assert answers == [(200, 3_000_000)]
    assert not running.is_alive()
    server.close()


def test_a_port_taken_in_between_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StartupRefused):
            Server(Flask("x"), Settings(data_dir=tmp_path, port=taken.getsockname()[1]))


def test_a_body_larger_than_the_largest_file_is_refused_by_the_server(tmp_path: Path) -> None:
    app = Flask("x")
    app.add_url_rule("/", view_func=lambda: "read", methods=["POST"])
    server = Server(app, Settings(data_dir=tmp_path, port=free_port(), max_file_mb=1))
    running = threading.Thread(target=server.run)
    running.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT)
        connection.putrequest("POST", "/")
        connection.putheader("Content-Length", str(5 * 1024 * 1024))
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()
    finally:
        server.stop()
        running.join(WAIT)
        server.close()


def test_signals_stop_once_and_their_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    heard: list[int] = []
    with stop_on_signals(lambda: heard.append(1)):
        signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is before  # a second one ends the process
    assert heard == [1]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_process_stops_cleanly(installed: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "web.cli", "worker"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL, text=True, encoding="utf-8",
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Tiến trình nền đang chạy")
        process.send_signal(number)
        _, complaint = process.communicate(timeout=WAIT)
        assert process.returncode == 0, complaint
        assert "Traceback" not in complaint
    finally:
        process.kill()
        process.wait()


def test_a_second_worker_on_the_same_sqlite_data_is_refused(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with lock_data_dir(installed):
        assert main(["worker", "--once"]) == 3
    assert "already running" in capsys.readouterr().err


def test_the_log_of_the_inner_packages_is_one_line_of_json_without_what_people_wrote() -> None:
    try:
        raise ValueError("Nguyễn Văn A, 0123456789")
    except ValueError:
        record = logging.LogRecord(
            "workflow.worker", logging.ERROR, "", 1, "job %s failed", ("k",), sys.exc_info()
        )
    line = cli._Formatter().format(record)
    assert "\n" not in line
    read = json.loads(line)
    assert (read["event"], read["exception"]) == ("job k failed", "ValueError")
    assert "0123456789" not in line
