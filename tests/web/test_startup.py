"""A start that cannot work is refused with a sentence that says what to do."""

from __future__ import annotations

import os
import pwd
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.settings import CHECKOUT, Settings
from web import startup
from web.startup import NATIVE_LIBRARIES, NativeLibrary, StartupRefused

SECRET = "0123456789abcdef" * 4
IS_ROOT = os.geteuid() == 0


def refusal(caught: pytest.ExceptionInfo[StartupRefused]) -> str:
    assert caught.value.sentence_vi
    return caught.value.sentence_en


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Act as the user nobody for a while when we are root, whom no permission stops."""
    if not IS_ROOT:
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can write, outside pytest's own, which nobody but us can enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


def test_the_libraries_of_this_machine_are_found() -> None:
    startup.check_native_libraries()


def test_a_missing_library_is_named_with_its_debian_package() -> None:
    missing = (
        NativeLibrary("libkhongco.so.9", "libkhongco9", "thử", "tests"),
        NativeLibrary("libcungkhong.so.1", "libcungkhong1", "thử", "tests"),
    )
    with pytest.raises(StartupRefused) as caught:
        startup.check_native_libraries([*NATIVE_LIBRARIES, *missing])
    assert "libkhongco.so.9 (tests)" in refusal(caught)
    assert refusal(caught).endswith("apt-get install libkhongco9 libcungkhong1")
    assert "apt-get install libkhongco9 libcungkhong1" in caught.value.sentence_vi


def test_a_taken_port_is_refused_and_another_one_offered() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartupRefused) as caught:
            startup.check_port("127.0.0.1", port)
    assert f"Port {port} on 127.0.0.1 is taken" in refusal(caught)
    startup.check_port("127.0.0.1", port)  # and free again at once


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartupRefused) as caught:
        startup.check_port("192.0.2.1", 8000)  # TEST-NET-1, never ours
    assert "VINHDANH_HOST" in refusal(caught)


def test_a_port_for_root_only_is_refused_to_others() -> None:
    # Where the kernel lets everybody open low ports there is nothing to refuse.
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="ascii")) == 0:
        pytest.skip("this kernel lets everybody open every port")
    with as_somebody_else(), pytest.raises(StartupRefused) as caught:
        startup.check_port("127.0.0.1", 80)
    assert "privileges are needed" in refusal(caught)


def test_a_data_folder_is_made_for_us_alone(tmp_path: Path) -> None:
    folder = tmp_path / "sâu" / "dữ liệu"
    startup.check_data_dir(folder)
    startup.check_data_dir(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == []


def test_a_file_in_place_of_the_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x", encoding="ascii")
    for path in (tmp_path / "data", tmp_path / "data" / "below"):
        with pytest.raises(StartupRefused) as caught:
            startup.check_data_dir(path)
        assert "is not a folder" in refusal(caught)


@pytest.mark.skipif(not IS_ROOT, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused_even_to_root(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(tmp_path, nobody.pw_uid, nobody.pw_gid)
    with pytest.raises(StartupRefused) as caught:
        startup.check_data_dir(tmp_path)
    assert "belongs to the user nobody" in refusal(caught)


def test_a_folder_that_may_not_be_written_is_refused() -> None:
    with as_somebody_else(), pytest.raises(StartupRefused) as caught:
        startup.check_data_dir(Path("/proc/vinhdanh"))
    assert "cannot be made" in refusal(caught)


def test_a_read_only_folder_of_ours_is_refused(open_folder: Path) -> None:
    with as_somebody_else():
        (open_folder / "data").mkdir(mode=0o500)
        with pytest.raises(StartupRefused) as caught:
            startup.check_data_dir(open_folder / "data")
    assert "cannot be written: Permission denied" in refusal(caught)


def test_a_second_process_on_the_same_data_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    program = "from pathlib import Path\nfrom web import startup\nlock = startup.lock_data_dir(Path(%r))\n"
    holding = subprocess.Popen(
        [sys.executable, "-c", program % str(tmp_path) + "print('held', flush=True)\ninput()"],
        cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == "held\n"
        with pytest.raises(StartupRefused) as caught:
            startup.lock_data_dir(tmp_path)
        assert f"already running on the data folder {tmp_path} (process {holding.pid})" in refusal(caught)
        holding.kill()  # a killed process leaves no lock behind
    with startup.lock_data_dir(tmp_path):
        pass


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    lock = startup.lock_data_dir(tmp_path)
    lock.release()
    lock.release()
    with startup.lock_data_dir(tmp_path), pytest.raises(StartupRefused):
        startup.lock_data_dir(tmp_path)


def test_a_second_start_blames_the_data_and_not_the_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(data_dir=tmp_path, port=taken.getsockname()[1])
        with pytest.raises(StartupRefused) as caught, startup.lock_data_dir(tmp_path):
            startup.take_installation(settings)
        assert "already running" in refusal(caught)
        with pytest.raises(StartupRefused) as caught:
            startup.take_installation(settings)
        assert "is taken" in refusal(caught)
    with startup.take_installation(settings):  # a refusal over the port kept no lock
        pass


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first = startup.secret_key(settings)
    assert len(first) == 64
    assert startup.secret_key(settings) == first
    assert stat.S_IMODE(settings.secret_key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.keys_dir.stat().st_mode) == 0o700
    assert [path.name for path in settings.keys_dir.iterdir()] == ["secret.key"]


def test_a_given_secret_leaves_no_file(tmp_path: Path) -> None:
    assert startup.secret_key(Settings(data_dir=tmp_path, secret_key=SECRET)) == SECRET
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    startup.secret_key(settings)
    settings.secret_key_file.chmod(0o640)
    with pytest.raises(StartupRefused) as caught:
        startup.secret_key(settings)
    assert f"chmod 600 {settings.secret_key_file}" in refusal(caught)


def test_a_cut_key_file_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    startup.secret_key(settings)
    settings.secret_key_file.write_text("0123", encoding="ascii")
    with pytest.raises(StartupRefused) as caught:
        startup.secret_key(settings)
    assert "damaged" in refusal(caught)


def test_production_is_refused_on_a_database_that_may_lose_what_it_confirmed() -> None:
    production = Settings(mode="production", secret_key=SECRET, demo=False)
    with pytest.raises(StartupRefused) as caught:
        startup.check_durability(production, lambda: ["fsync=off", "synchronous_commit=off"])
    assert "fsync=off; synchronous_commit=off" in refusal(caught)
    startup.check_durability(production, list)
    startup.check_durability(Settings(), lambda: ["fsync=off"])


def test_a_demo_open_to_the_network_is_told_and_one_on_loopback_is_not() -> None:
    assert startup.warnings(Settings()) == []
    said = [english for _, english in startup.warnings(Settings(host="0.0.0.0"))]
    assert len(said) == 2
    assert "can log in" in said[0]
    assert startup.warnings(Settings(host="0.0.0.0", demo=False, public_url="https://x.vn")) == []
