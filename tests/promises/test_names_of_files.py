"""Two hundred names of files through a real server: ours inside, harmless outside, Vietnamese unharmed (T33)."""

from __future__ import annotations

import http.client
import re
import unicodedata
from collections.abc import Iterator
from itertools import product
from urllib.parse import unquote

import pytest

from dossiers.file_types import NAME_BYTES
from storage.files import is_key
from tests.builders import a_pdf
from tests.promises.installation import API, Client, Installation, upload_body

KINDS = (
    "Biên bản họp Hội đồng thi đua",
    "Quyết định công nhận sáng kiến",
    "Giấy chứng nhận “Công dân học tập”",
    "Báo cáo thành tích (có xác nhận)",
    "Tờ trình 1612-TTr-TTYT, ngày 04.11.2024",
)
PEOPLE = ("Nguyễn Thị Hạnh", "Đặng Ửng", "Lý Thị Sa Rết", "Neáng Sóc Linh", "Ưng Hoàng Phước", "Trần Lệ Thu")
TONES = ("", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323")

# Windows takes these for devices whatever stands behind the dot.
DEVICES = (
    "CON",
    "con.pdf",
    "Prn.pdf",
    "AUX",
    "nul.pdf",
    "COM1.pdf",
    "lpt9.pdf",
    "com¹.pdf",
    "CONIN$",
    "aux .pdf",
)
DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?")

# Letters and marks by their category, and nobody sees them.
UNSEEN_LETTERS = (
    "\u3164\u115f\u1160\uffa0\u2800\u034f\u17b4\u180b\u2065\ufe00\ufe0f\ufff0\U000e0100\U000e01ef"
)


def vietnamese() -> Iterator[str]:
    """Names that people of an office give, as their computers write them: composed and decomposed."""
    letters = [unicodedata.normalize("NFC", vowel + tone) for vowel in "aăâeêioôơuưy" for tone in TONES]
    for begin in range(0, len(letters), 6):
        name = "".join(letters[begin : begin + 6])
        for written in (f"{name} đ.pdf", f"{name.upper()} Đ.PDF"):
            yield written
            yield unicodedata.normalize("NFD", written)
    for kind, person in product(KINDS, PEOPLE):
        yield f"{kind} {person}.pdf"
        yield unicodedata.normalize("NFD", f"{kind} - {person}.pdf")
    yield unicodedata.normalize("NFD", "Biên bản ") + "Hội đồng.pdf"  # half and half, after a paste


def hostile() -> Iterator[str]:
    """Names that lead elsewhere, lie about what they are, or break what they are written into."""
    yield from ("../../etc/passwd", "../" * 40 + "x.pdf", "..\\..\\windows\\win.ini", "C:\\Users\\a\\b.pdf")
    yield from (
        "/etc/shadow",
        "\\\\server\\share\\x.pdf",
        "..",
        ".",
        "...",
        "~",
        ".htaccess",
        "a/../../b.pdf",
    )
    yield from (
        "....//....//x.pdf",
        "%2e%2e%2fx.pdf",
        "..%c0%afx.pdf",
        "x.pdf/",
        "x.pdf\\",
        "-rf .pdf",
        "--help",
    )
    yield from DEVICES
    for mark in "\u202e\u202d\u202a\u202b\u202c\u2066\u2067\u2068\u2069\u200e\u200f\u061c":
        yield f"anh{mark}gpj.exe.pdf"
    for mark in "\u00ad\u200b\u200c\u2060\u2063\ufeff\U000e0041\ue000\ufffa\u180e":
        yield f"{mark}bao{mark}cao{mark}.pdf"
    for mark in UNSEEN_LETTERS:
        yield from (mark * 3, f"{mark}bao{mark}cao{mark}.pdf")
    for mark in "\x00\x01\x07\x08\x0b\x0c\x1b\x7f\x80\x85\x9b\u2028\u2029\t":
        yield f"bao{mark}cao.pdf"
    for break_ in ("\r\n", "\n", "\r", "%0D%0A", "%0d", "\u560a\u560d", "\\r\\n"):
        yield f"a{break_}Set-Cookie: stolen=1.pdf"
        yield f"a{break_}{break_}<html>.pdf"
    yield from (
        'a"b.pdf',
        'a\\"; filename="b.exe',
        "a%22b.pdf",
        "a';drop table.pdf",
        "a;b,c=d.pdf",
        "`id`.pdf",
    )
    yield from ("$(reboot).pdf", "<script>alert(1)</script>.pdf", "a&b|c>d*e?f.pdf", "=cmd|' /C calc'!A0.pdf")
    yield from ("UTF-8''a.pdf", "=?utf-8?q?a?=.pdf", "{{7*7}}.pdf", "${jndi:x}.pdf", "%s%n%x.pdf", "a: b.pdf")
    yield from (
        "📄 minh chứng 👩\u200d💻🇻🇳.pdf",
        "\U0001f3f4\U000e0067\U000e007f.pdf",
        "a" + "\u0301" * 100 + ".pdf",
    )
    yield from (
        "x" * 300 + ".pdf",
        "Quyết định " * 30 + ".pdf",
        "ộ" * 100 + ".pdf",
        "x." + "y" * 300,
        "." * 300,
    )
    yield from (
        unicodedata.normalize("NFD", "ệ" * 80 + ".pdf"),
        " " * 200 + ".pdf",
        "   a   b   .pdf   ",
        "tệp",
    )
    yield from (
        "x.pdf.exe",
        "x.tar.gz.pdf",
        "ａ／ｂ.pdf",
        "ﬁle.pdf",
        "İı.pdf",
        "\u1100\u1161.pdf",
        "\ufffd.pdf",
    )


def upload(client: Client, dossier: str, name: str, seen: int) -> tuple[int, dict[str, object]]:
    head, body = upload_body(a_pdf(repr(name)), name, {"kind": "evidence", "seen_version": str(seen)})
    answer = client.send("POST", f"{API}/dossiers/{dossier}/papers", body, headers=head)
    return answer.status, answer.json


def download(client: Client, port: int, file: str) -> tuple[list[tuple[str, str]], bytes]:
    """Return every header as it came over the wire, and the bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"Host": client.host, "Authorization": f"Bearer {client.token}"}
        connection.request("GET", f"{API}/files/{file}", headers=headers)
        heard = connection.getresponse()
        assert heard.status == 200
        return heard.getheaders(), heard.read()
    finally:
        connection.close()


def require_harmless(name: str) -> None:
    assert name == unicodedata.normalize("NFC", name)
    assert 0 < len(name.encode()) <= NAME_BYTES
    assert name.strip(" .") == name
    assert not re.search(r'[/\\:*?"<>|]', name)
    assert not {unicodedata.category(letter) for letter in name} & {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    assert not set(name) & set(UNSEEN_LETTERS)
    assert not DEVICE.fullmatch(name)


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.long)])
def test_names_are_ours_inside_harmless_outside_and_vietnamese_ones_come_back(
    small: Installation, every: int
) -> None:
    dossier = small.dossier("draft")
    version = small.world.version(dossier)
    good, bad = (list(dict.fromkeys(names()))[::every] for names in (vietnamese, hostile))
    kept: dict[str, str] = {}
    with small.serving() as server:
        client = server.client(small.token("suong"))
        for name in (*good, *bad):
            status, said = upload(client, dossier, name, version)
            if status != 201:
                # It broke the line of the form that it stood in, which no browser lets happen.
                assert name in bad, name
                assert status in (400, 422), (name, said)
                assert re.search(r'[\r\n\x00"]|\\$', name), (name, said)
                continue
            version = int(str(said["version"]))
            kept[str(said["version_ref"])] = str(said["name"])
            require_harmless(str(said["name"]))
            if name in good:
                assert said["name"] == unicodedata.normalize("NFC", name)
        usual = None
        for file, name in kept.items():
            headers, body = download(client, server.port, file)
            usual = usual or [header for header, _ in headers]
            assert [header for header, _ in headers] == usual, "a name adds no header"
            (disposition,) = (value for header, value in headers if header == "Content-Disposition")
            told = re.fullmatch(r'attachment; filename="([ -~]+)"; filename\*=UTF-8\'\'([ -~]+)', disposition)
            assert told is not None, disposition
            assert not set('"\\%;/') & set(told[1])
            assert not set("\"\\;/ '") & set(told[2])
            assert unquote(told[2], errors="strict") == name
            assert body.startswith(b"%PDF")
    assert len(kept) * every >= 200
    stored = list(small.files.keys())
    assert all(is_key(one.key) for one in stored)
    assert len(stored) >= len(kept)
