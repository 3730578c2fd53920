"""Papers as PDF: a template of config/documents and plain values in, the same bytes every time out.

The layout is that of Nghị định 30/2020/NĐ-CP, Phụ lục I (page.css). A value is text to be set, never a
template and never markup; nothing but our own fonts is ever fetched, from no disk and no network. The result
is tagged and written as PDF/A-3a; no validator of that standard has confirmed it.
"""

from __future__ import annotations

import hashlib
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

Value = str | int | date | None | Sequence["Value"] | Mapping[str, "Value"]
"""What a template may be given: texts, whole numbers, days, and lists and tables of these."""

VARIANT = "pdf/a-3a"
SHEET = "page.css"
FONTS = "fonts"


class DocumentRefused(Exception):
    """A paper cannot be made: no such template, a value that it needs is missing, or it asks for a file."""


class _OwnFontsOnly(URLFetcher):  # type: ignore[misc]  # WeasyPrint carries no types
    """Answers for the fonts of one folder and ends the rendering on anything else."""

    def __init__(self, fonts: Path) -> None:
        super().__init__(allowed_protocols=["file"], allow_redirects=False, fail_on_errors=True)
        self._fonts = {path.absolute().as_uri(): path for path in sorted(fonts.glob("*.ttf"))}

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        path = self._fonts.get(url)
        if path is None:
            raise FatalURLFetchingError(f"a paper may not fetch {url[:200]}")
        return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": "font/ttf"})


@dataclass(frozen=True)
class _Workshop:
    """What one folder of templates needs, made once: fonts are read and shaped slowly."""

    environment: ImmutableSandboxedEnvironment
    fetcher: _OwnFontsOnly
    fonts: FontConfiguration
    sheet: CSS


# Fonts and their configuration are C objects that several threads must not use at once.
_one_at_a_time = threading.Lock()


def render(folder: Path, template: str, values: Mapping[str, Value]) -> bytes:
    """Return the PDF of ``folder/<template>/template.html`` filled with ``values``.

    ``folder`` holds the templates, page.css and fonts/. Texts are brought to NFC and escaped. The same
    arguments give the same bytes with the same versions of the libraries. Raises ``DocumentRefused``.
    """
    with _one_at_a_time:
        workshop = _workshop(folder.resolve())
        try:
            page = workshop.environment.get_template(f"{template}/template.html").render(_plain(values))
        except TemplateError as error:
            raise DocumentRefused(f"{template}: {error}") from error
        try:
            document = HTML(
                string=page, base_url=folder.resolve().as_uri() + "/", url_fetcher=workshop.fetcher
            )
            made = document.write_pdf(
                stylesheets=[workshop.sheet],
                font_config=workshop.fonts,
                pdf_variant=VARIANT,
                pdf_identifier=hashlib.sha256(page.encode()).digest()[:16],
            )
        except FatalURLFetchingError as refused:
            raise DocumentRefused(f"{template}: {refused}") from refused
    return bytes(made)


@lru_cache(maxsize=4)
def _workshop(folder: Path) -> _Workshop:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["first_upper"] = _first_upper
    environment.filters["head_lines"] = _head_lines
    environment.globals["day_of"] = _day_of
    environment.globals["self_receivers"] = _receivers
    fetcher = _OwnFontsOnly(folder / FONTS)
    fonts = FontConfiguration()
    sheet = CSS(
        string=(folder / SHEET).read_text(encoding="utf-8"),
        base_url=folder.as_uri() + "/",
        url_fetcher=fetcher,
        font_config=fonts,
    )
    return _Workshop(environment, fetcher, fonts, sheet)


def _plain(value: Any) -> Any:
    """Return ``value`` with every text in NFC; refuse what is none of the kinds of ``Value``."""
    if isinstance(value, str):
        # A str subclass could pass for markup; what is given is text.
        # A percent sign stays with its number.
        return unicodedata.normalize("NFC", str.__str__(value)).replace(" %", "\N{NO-BREAK SPACE}%")
    if value is None or isinstance(value, int | date):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence):
        return [_plain(one) for one in value]
    raise DocumentRefused(f"a paper cannot show a {type(value).__name__}")


def _head_lines(name: str) -> str:
    """Return the name of an agency with its place on a line of its own, as heads are set."""
    for level in ("xã", "huyện", "tỉnh"):
        name = name.replace(f" {level} ", f"\n{level} ", 1)
    return name


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _day_of(on: date) -> str:
    """Return a day as papers write it: days below 10 and the months 1 and 2 with a leading zero."""
    month = f"{on.month:02d}" if on.month < 3 else str(on.month)
    return f"ngày {on.day:02d} tháng {month} năm {on.year}"


def _receivers(names: Sequence[str], kept: str) -> Markup:
    """Return the block “Nơi nhận” (cell 9b)."""
    lines = Markup("").join(Markup("<p>- {};</p>").format(name) for name in names)
    return Markup('<div class="receivers"><p class="first">Nơi nhận:</p>{}<p>- Lưu: {}.</p></div>').format(
        lines, kept
    )
