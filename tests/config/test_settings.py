"""Settings: what the environment says becomes one checked value, or every problem at once."""

from __future__ import annotations

import secrets
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from config.settings import CHECKOUT, Settings, SettingsInvalid, is_loopback, variables

GOOD_SECRET = secrets.token_hex(32)
PRODUCTION = {
    "VINHDANH_MODE": "production",
    "VINHDANH_SECRET_KEY": GOOD_SECRET,
    "VINHDANH_PUBLIC_URL": "https://thidua.giangthanh.gov.vn",
    "VINHDANH_DATABASE_URL": "postgresql+psycopg://app:bimat@db/vinhdanh",
}


def problems_of(environment: dict[str, str]) -> dict[str, str]:
    with pytest.raises(SettingsInvalid) as caught:
        Settings.from_environment(environment)
    for problem in caught.value.problems:
        assert problem.vi
        assert problem.en
    return {problem.setting: problem.en for problem in caught.value.problems}


def test_an_empty_environment_is_an_embedded_installation_with_the_demo() -> None:
    settings = Settings.from_environment({"PATH": "/bin"})
    assert settings.mode == "embedded"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.data_dir == CHECKOUT / "data"
    assert settings.database_url == f"sqlite:///{CHECKOUT}/data/vinhdanh.sqlite3"
    assert settings.files_url == f"file://{CHECKOUT}/data/files"
    assert settings.secret_key is None
    assert settings.demo
    assert not settings.is_https
    assert settings.max_file_bytes == 20 * 1024 * 1024


def test_a_sound_production_environment_is_accepted_without_the_demo() -> None:
    settings = Settings.from_environment(PRODUCTION)
    assert settings.is_production
    assert settings.is_https
    assert not settings.demo


def test_what_follows_from_the_data_folder_follows_a_given_one(tmp_path: Path) -> None:
    folder = tmp_path / "dữ liệu"
    settings = Settings.from_environment({"VINHDANH_DATA_DIR": str(folder), "VINHDANH_PORT": "9001"})
    assert settings.database_url == f"sqlite:///{folder}/vinhdanh.sqlite3"
    assert settings.files_url.startswith("file:///")
    assert settings.secret_key_file == folder / "keys/secret.key"
    assert settings.public_url == "http://127.0.0.1:9001"


def test_an_ipv6_host_stands_in_brackets_in_the_public_url() -> None:
    assert Settings.from_environment({"VINHDANH_HOST": "::1"}).public_url == "http://[::1]:8000"


def test_proxies_and_the_test_clock_become_values() -> None:
    settings = Settings.from_environment(
        {
            "VINHDANH_TRUSTED_PROXIES": "10.0.0.5, 10.1.0.0/24",
            "VINHDANH_TEST_CLOCK": "2024-05-21T08:00:00+07:00",
        }
    )
    assert settings.trusted_proxies == (ip_network("10.0.0.5"), ip_network("10.1.0.0/24"))
    assert settings.test_clock is not None
    assert settings.test_clock.utcoffset() == timedelta(hours=7)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("VINHDANH_MODE", "prod", "must be one of: embedded, production"),
        ("VINHDANH_HOST", "http://x", "must be a host name"),
        ("VINHDANH_PORT", "0", "from 1 to 65535"),
        ("VINHDANH_PORT", "80a", "from 1 to 65535"),
        ("VINHDANH_PORT", "٨٠٠٠", "from 1 to 65535"),  # digits of another script
        ("VINHDANH_PUBLIC_URL", "thidua.gov.vn", "http://, https://"),
        ("VINHDANH_PUBLIC_URL", "https://x.vn/app", "the scheme, the host and perhaps a port"),
        ("VINHDANH_PUBLIC_URL", "https://x.vn:port", "must be a URL"),
        ("VINHDANH_DATA_DIR", "/srv/a?b", "question mark"),
        ("VINHDANH_DATABASE_URL", "mysql://x/y", "sqlite://, postgresql://"),
        ("VINHDANH_DATABASE_URL", "sqlite:///relative.db", "absolute path"),
        ("VINHDANH_DATABASE_URL", "sqlite://", "absolute path"),
        ("VINHDANH_DATABASE_URL", "postgresql://host/", "names no database"),
        (
            "VINHDANH_DATABASE_OWNER_URL",
            "postgresql://u@h/d",
            "is for PostgreSQL",
        ),  # beside the default SQLite
        ("VINHDANH_FILES_URL", "/srv/files", "file://, s3://"),
        ("VINHDANH_FILES_URL", "file://host/files", "file:///folder"),
        ("VINHDANH_FILES_URL", "s3://KEY:SECRET@host:9000", "s3://KEY:SECRET@host:port/bucket"),
        ("VINHDANH_SECRET_KEY", "ngắn", "too short: 6 bytes"),
        ("VINHDANH_SECRET_KEY", "a" * 40, "easy to guess"),
        ("VINHDANH_SECRET_KEY", "please-CHANGE-ME-before-going-into-production", "easy to guess"),
        ("VINHDANH_DEMO", "maybe", "takes 1 or 0"),
        ("VINHDANH_TRUSTED_PROXIES", "proxy.local", "IP addresses or networks"),
        ("VINHDANH_SMTP_URL", "mail.gov.vn:25", "smtp://, smtps://"),
        ("VINHDANH_MAX_FILE_MB", "-1", "from 1"),
        ("VINHDANH_MAX_DOSSIER_MB", "5", "may not be smaller"),
        ("VINHDANH_TEST_CLOCK", "2024-05-21 08:00", "with its offset"),
        ("VINHDANH_TEST_CLOCK", "21/05/2024", "with its offset"),
        ("VINHDANH_LOG_LEVEL", "chatty", "must be one of"),
        ("VINHDANH_PROT", "80", "did you mean VINHDANH_PORT"),
        ("VINHDANH_QUITE_UNKNOWN_THING", "1", "is no setting"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(variable: str, value: str, said: str) -> None:
    problems = problems_of({variable: value})
    assert list(problems) == [variable]
    assert said in problems[variable]


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"VINHDANH_SECRET_KEY": ""}, "VINHDANH_SECRET_KEY"),
        ({"VINHDANH_SECRET_KEY": "x1y2z3w4" * 3 + "1234567"}, "VINHDANH_SECRET_KEY"),  # 31 bytes
        ({"VINHDANH_SECRET_KEY": "default-default-default-default-key"}, "VINHDANH_SECRET_KEY"),
        ({"VINHDANH_DEBUG": "1"}, "VINHDANH_DEBUG"),
        ({"VINHDANH_DEMO": "1"}, "VINHDANH_DEMO"),
        ({"VINHDANH_TEST_CLOCK": "2024-05-21T08:00:00+07:00"}, "VINHDANH_TEST_CLOCK"),
        ({"VINHDANH_PUBLIC_URL": "http://thidua.giangthanh.gov.vn"}, "VINHDANH_PUBLIC_URL"),
        ({"VINHDANH_PUBLIC_URL": "http://127.0.0.1.example.vn"}, "VINHDANH_PUBLIC_URL"),
        ({"VINHDANH_PUBLIC_URL": "", "VINHDANH_HOST": "0.0.0.0"}, "VINHDANH_PUBLIC_URL"),
    ],
)
def test_production_refuses_what_is_unsafe(change: dict[str, str], refused: str) -> None:
    assert list(problems_of(PRODUCTION | change)) == [refused]


@pytest.mark.parametrize("public_url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000"])
def test_production_may_answer_http_on_its_own_loopback(public_url: str) -> None:
    assert not Settings.from_environment(PRODUCTION | {"VINHDANH_PUBLIC_URL": public_url}).is_https


def test_every_problem_is_told_at_once() -> None:
    problems = problems_of(
        {
            "VINHDANH_MODE": "production",
            "VINHDANH_PORT": "many",
            "VINHDANH_DEBUG": "1",
            "VINHDANH_DEMO": "1",
            "VINHDANH_PUBLIC_URL": "http://x.vn",
            "VINHDANH_SECERT_KEY": GOOD_SECRET,
        }
    )
    assert set(problems) == {
        "VINHDANH_PORT", "VINHDANH_DEBUG", "VINHDANH_DEMO", "VINHDANH_PUBLIC_URL", "VINHDANH_SECERT_KEY",
        "VINHDANH_SECRET_KEY",
    }  # fmt: skip


def test_no_secret_is_printed() -> None:
    environment = PRODUCTION | {
        "VINHDANH_FILES_URL": "s3://KHOA:rat-bi-mat@s3:9000/thung",
        "VINHDANH_SMTP_URL": "smtp://u:rat-bi-mat@mail",
        "VINHDANH_DATABASE_OWNER_URL": "postgresql://owner:rat-bi-mat@db/vinhdanh",
    }
    shown = repr(Settings.from_environment(environment))
    assert GOOD_SECRET not in shown
    assert "bi-mat" not in shown
    assert "bimat" not in shown
    broken = str(
        problems_of(
            {"VINHDANH_DATABASE_URL": "mysql://u:rat-bi-mat@db/x", "VINHDANH_SECRET_KEY": "rat-bi-mat"}
        )
    )
    assert "bi-mat" not in broken


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]  # the refusal is the point


def test_variables_of_the_tests_themselves_are_no_misspelt_settings() -> None:
    Settings.from_environment({"VINHDANH_TEST_POSTGRES_URL": "postgresql://x/y"})


def test_the_settings_named_by_the_documentation_of_the_product_exist() -> None:
    assert {
        "VINHDANH_HOST", "VINHDANH_PORT", "VINHDANH_PUBLIC_URL", "VINHDANH_DATA_DIR", "VINHDANH_DATABASE_URL",
        "VINHDANH_DATABASE_OWNER_URL", "VINHDANH_FILES_URL", "VINHDANH_SECRET_KEY",
    } <= set(variables())  # fmt: skip


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
