"""What every request must satisfy and what every response carries, whatever page or error it is.

Order of the guards: known host → size → origin → (web/auth: who) → CSRF token → plain text. The headers
are put on by a WSGI layer around the application, so that no error handler and no download can forget
them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import Flask, Response, abort, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, Forbidden

from config.settings import Network, Settings, is_loopback

PAGE_BYTES = 1024 * 1024
"""Largest body of a form without a file; a form with one may add the largest file to it."""
FIELD_BYTES = 512 * 1024
FORM_PARTS = 2_000

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
DOWNLOAD_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
    "HTTP_X_ORIGINAL_URL",
    "HTTP_X_REWRITE_URL",
)

# Fields that a form may send more than once; every other repetition is a mistake or an attack (promise T23).
REPEATABLE = frozenset({"nominee_ref"})

csrf = CSRFProtect()

_PATH = re.compile(r"/[!-~]*")  # printable ASCII; browsers send everything else percent-encoded
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class ProxyLayer:
    """Believes forwarded addresses from trusted proxies only, and the scheme of the public URL always."""

    def __init__(self, app: Callable[..., Any], proxies: tuple[Network, ...], scheme: str) -> None:
        self.app = app
        self.proxies = proxies
        self.scheme = scheme

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        peer = environ.get("REMOTE_ADDR", "")
        forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
        for name in FORWARDED:
            environ.pop(name, None)
        if forwarded and self._is_trusted(peer):
            # From the right: each trusted proxy vouches for the address before its own.
            for hop in reversed([part.strip() for part in forwarded.split(",")]):
                if _address(hop) is None:
                    break
                peer = hop
                if not self._is_trusted(hop):
                    break
            environ["REMOTE_ADDR"] = peer
        environ["wsgi.url_scheme"] = self.scheme
        return self.app(environ, start_response)

    def _is_trusted(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(
            address.version == network.version and address in network for network in self.proxies
        )


class HeaderLayer:
    """Puts the headers on every response that leaves the application; a page may set a stricter value
    itself.
    """

    def __init__(self, app: Callable[..., Any], https: bool) -> None:
        self.app = app
        self.headers = {
            "Content-Security-Policy": CONTENT_POLICY,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "Cache-Control": "no-store",
        }
        if https:
            self.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            given = Headers(headers)
            for name, value in self.headers.items():
                given.setdefault(name, value)
            if exc_info is None:
                return start_response(status, given.to_wsgi_list())
            return start_response(status, given.to_wsgi_list(), exc_info)

        return self.app(environ, start)


def install(app: Flask, settings: Settings) -> None:
    """Put the guards of the request on ``app``. Called before ``web.auth.install``."""
    public = urlsplit(settings.public_url)
    app.config.update(
        MAX_CONTENT_LENGTH=PAGE_BYTES,
        MAX_FORM_MEMORY_SIZE=FIELD_BYTES,
        MAX_FORM_PARTS=FORM_PARTS,
        PROVIDE_AUTOMATIC_OPTIONS=False,
        SESSION_COOKIE_NAME=cookie_name(settings, "form"),
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_TIME_LIMIT=None,  # the token dies with the session it was made for
        WTF_CSRF_SSL_STRICT=False,  # guard_origin asks for more
        WTF_CSRF_CHECK_DEFAULT=False,  # web.auth asks for the token after it knows who is there
    )
    csrf.init_app(app)
    app.wsgi_app = ProxyLayer(  # type: ignore[method-assign]  # Flask's documented way to add a layer
        HeaderLayer(app.wsgi_app, settings.is_https), settings.trusted_proxies, public.scheme
    )

    @app.before_request
    def guard_host() -> None:
        if request.path in ("/healthz", "/readyz"):
            return  # probes come by address; the answers hold no link
        host = request.environ.get("HTTP_HOST", "")
        if not _is_our_host(host, public.netloc, settings):
            raise BadRequest("unknown host")

    @app.before_request
    def guard_size() -> None:
        if request.endpoint in app.config.get("UPLOAD_ENDPOINTS", ()):
            request.max_content_length = settings.max_file_bytes + PAGE_BYTES

    @app.after_request
    def keep_static(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code == 200:
            kept = "public, max-age=31536000, immutable" if "v" in request.args else "public, max-age=3600"
            response.headers["Cache-Control"] = kept
        return response

    @app.before_request
    def guard_origin() -> None:
        if request.method in SAFE_METHODS or request.path.startswith("/api/"):
            return  # the API takes bearer tokens only, which no browser sends by itself
        origin = request.headers.get("Origin")
        if origin is not None and not _is_our_origin(origin, public.scheme, public.netloc, settings):
            raise Forbidden("foreign origin")
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Forbidden("foreign site")


def guard_text() -> None:
    """Refuse repeated fields, control characters and the like, before any page reads them."""
    for source in (request.args, request.form):
        for name in source:
            values = source.getlist(name)
            if len(values) > 1 and name not in REPEATABLE:
                raise BadRequest("repeated field")
            for value in (name, *values):
                if _CONTROL.search(value):
                    raise BadRequest("control character")
    for name in request.files:
        if len(request.files.getlist(name)) > 1:
            raise BadRequest("repeated file")
    for value in (request.view_args or {}).values():
        if isinstance(value, str) and (_CONTROL.search(value) or len(value) > 200):
            abort(404)


def cookie_name(settings: Settings, what: str) -> str:
    """Return the name of a cookie of ours; ``__Host-`` binds it to this host where https allows it."""
    return f"__Host-vinhdanh-{what}" if settings.is_https else f"vinhdanh-{what}"


def safe_next(target: str | None, default: str = "/") -> str:
    """Return ``target`` if it is a plain path of this site, else ``default`` (promise T24)."""
    if not target or len(target) > 500 or not _PATH.fullmatch(target):
        return default
    path = target.split("?")[0]
    for text in (path, unquote(path), unquote(unquote(path))):
        if "//" in text or "/.." in text or any(not _is_plain(letter) for letter in text):
            return default
    return default if path.startswith(("/login", "/logout")) else target


def _is_plain(letter: str) -> bool:
    return letter.isprintable() and not letter.isspace() and letter not in "\\:"


def _is_our_host(host: str, netloc: str, settings: Settings) -> bool:
    if host.lower() == netloc.lower():
        return True
    # On one's own machine the page opens under every name of loopback; no foreign name resolves to it safely.
    return not settings.is_production and _is_loopback_netloc(host) and _is_loopback_netloc(netloc)


def _is_our_origin(origin: str, scheme: str, netloc: str, settings: Settings) -> bool:
    if origin.lower() == f"{scheme}://{netloc}".lower():
        return True
    found = re.fullmatch(r"https?://([^/]+)", origin)
    return (
        found is not None
        and found[1].lower() == request.environ.get("HTTP_HOST", "").lower()
        and _is_our_host(found[1], netloc, settings)
    )


def _is_loopback_netloc(netloc: str) -> bool:
    found = re.fullmatch(r"(\[[0-9a-f:]+\]|[0-9A-Za-z.-]+)(?::[0-9]{1,5})?", netloc)
    return found is not None and is_loopback(found[1].strip("[]"))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
