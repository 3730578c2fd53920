"""Papers as an office would hold them: whole PDF, own fonts, the text that was given, and nothing fetched."""

from __future__ import annotations

import io
import re
import subprocess
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from dossiers import documents
from dossiers.documents import DocumentRefused, render

FOLDER = Path(__file__).resolve().parents[2] / "config" / "documents"
HARD = (
    "Tôn Nữ Hoàng Ngọc Quỳnh Như Ý, Thạch Ngọc Diễm, Sơn Rinh, Ngọc Ẩn, Văn Ửng, Giàng A Páo, Đỡ Ỵ ẵ Ặ ễ ữ ọ"
)


def a_notice(**said: Any) -> dict[str, Any]:
    """The values of a short notice of the education office."""
    return {
        "kind": "THÔNG BÁO",
        "about": "Về việc trả hồ sơ đề nghị khen thưởng của xã Phú Lợi",
        "movement": "",
        "number": "141/TB-PGDĐT",
        "above": "Ủy ban nhân dân huyện Giang Thành",
        "issuer": "Phòng Giáo dục và Đào tạo",
        "place": "Giang Thành",
        "dated_on": date(2024, 2, 5),
        "lines": [
            f"Hồ sơ của {HARD}.",
            "Tỷ lệ 58,71 % chưa đạt",
            "Phòng thông báo để đơn vị biết, thực hiện",
        ],
        "signer_title": ["TRƯỞNG PHÒNG"],
        "signer": "Huỳnh Văn Khải",
        "receivers_named": ["UBND xã Phú Lợi"],
        "kept": "VT",
        **said,
    }


def text_of(pdf: bytes) -> str:
    """The text of all pages on one line."""
    pages = PdfReader(io.BytesIO(pdf)).pages
    return " ".join(
        " ".join(page.extract_text() for page in pages).replace("\N{NO-BREAK SPACE}", " ").split()
    )


def test_a_paper_is_a_whole_pdf_with_its_fonts_in_it(tmp_path: Path) -> None:
    path = tmp_path / "thong-bao.pdf"
    path.write_bytes(render(FOLDER, "notice", a_notice()))
    subprocess.run(["qpdf", "--check", str(path)], check=True, capture_output=True)
    fonts = subprocess.run(["pdffonts", str(path)], check=True, capture_output=True, text=True).stdout
    rows = fonts.splitlines()[2:]
    assert rows
    assert all("Tinos" in row and row.split()[-5:-2] == ["yes", "yes", "yes"] for row in rows), fonts


def test_a_paper_is_tagged_named_and_says_its_language() -> None:
    reader = PdfReader(io.BytesIO(render(FOLDER, "notice", a_notice())))
    assert reader.trailer["/Root"]["/Lang"] == "vi"
    assert "/StructTreeRoot" in reader.trailer["/Root"]
    assert reader.metadata is not None
    assert reader.metadata.title == "Thông báo 141/TB-PGDĐT – Phòng Giáo dục và Đào tạo"
    metadata = reader.trailer["/Root"]["/Metadata"].get_data()
    claims = dict(re.findall(rb"pdfaid:(part|conformance)[=>]\"?(\w)", metadata))
    assert claims == {b"part": b"3", b"conformance": b"A"}, metadata


def test_every_letter_comes_out_as_it_was_given_and_decomposed_text_comes_out_whole() -> None:
    said = unicodedata.normalize("NFD", HARD)
    text = text_of(render(FOLDER, "notice", a_notice(lines=[said])))
    assert HARD in text


def test_the_head_is_that_of_the_decree() -> None:
    text = text_of(render(FOLDER, "notice", a_notice()))
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in text
    assert "Độc lập - Tự do - Hạnh phúc" in text
    assert "Số: 141/TB-PGDĐT" in text
    assert "Giang Thành, ngày 05 tháng 02 năm 2024" in text  # January and February have a leading zero
    assert "Tỷ lệ 58,71 %" in text
    assert text.count("./.") == 1
    other = text_of(render(FOLDER, "notice", a_notice(dated_on=date(2024, 10, 12))))
    assert "ngày 12 tháng 10 năm 2024" in other


def test_page_numbers_begin_on_the_second_page() -> None:
    pdf = render(FOLDER, "notice", a_notice(lines=["Một đoạn dài của thông báo này. " * 40] * 6))
    pages = [page.extract_text().split() for page in PdfReader(io.BytesIO(pdf)).pages]
    assert len(pages) >= 2
    assert pages[0][0] != "1"
    assert "2" in (pages[1][0], pages[1][-1])


def test_the_same_values_give_the_same_bytes_and_others_do_not() -> None:
    first = render(FOLDER, "notice", a_notice())
    documents._workshop.cache_clear()  # as another process would
    assert render(FOLDER, "notice", a_notice()) == first
    assert render(FOLDER, "notice", a_notice(signer="Thạch Ngọc Diễm")) != first


@pytest.mark.parametrize(
    "payload",
    [
        "{{ 7 * 7 }}{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
        '<img src="http://127.0.0.1:9/x.png">',
        '<link rel="attachment" href="file:///etc/passwd">',
        '<object data="file:///etc/passwd"></object><style>@import url(http://127.0.0.1:9/x.css);</style>',
        '"><script>alert(1)</script>',
    ],
)
def test_a_value_is_text_and_never_markup_or_template(payload: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    fetch = documents._OwnFontsOnly.fetch
    monkeypatch.setattr(
        documents._OwnFontsOnly,
        "fetch",
        lambda self, url, headers=None: (asked.append(url), fetch(self, url))[1],
    )
    pdf = render(FOLDER, "notice", a_notice(about=payload, lines=[payload], issuer=payload))
    assert asked == []  # the fonts were read when the sheet was; nothing else is ever asked for
    assert "root:" not in text_of(pdf)
    assert "".join(payload.split()) in "".join(text_of(pdf).split())
    assert "/EmbeddedFiles" not in PdfReader(io.BytesIO(pdf)).trailer["/Root"].get("/Names", {})


@pytest.mark.parametrize(
    "asks",
    [
        '<img src="file:///etc/passwd">',
        '<img src="http://127.0.0.1:9/x.png">',
        '<img src="data:image/png;base64,AAAA">',
        '<link rel="stylesheet" href="fonts/manifest.json">',
        '<p style="background: url(fonts/../page.css)">x</p>',
    ],
)
def test_even_a_template_fetches_nothing_but_our_fonts(asks: str, tmp_path: Path) -> None:
    (tmp_path / "fonts").symlink_to(FOLDER / "fonts")
    (tmp_path / "page.css").write_bytes((FOLDER / "page.css").read_bytes())
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "template.html").write_text(f"<!doctype html><p>x</p>{asks}", encoding="utf-8")
    with pytest.raises(DocumentRefused, match="may not fetch"):
        render(tmp_path, "bad", {})


def test_what_is_missing_or_is_no_value_is_told() -> None:
    values = a_notice()
    del values["signer"]
    with pytest.raises(DocumentRefused, match="signer"):
        render(FOLDER, "notice", values)
    with pytest.raises(DocumentRefused, match="no_such"):
        render(FOLDER, "no_such", values)
    with pytest.raises(DocumentRefused, match="object"):
        render(FOLDER, "notice", a_notice(signer=object()))
    with pytest.raises(DocumentRefused):
        render(FOLDER, "../../../etc", values)
