"""Follow every link that a person is shown, as a reader does who tries everything."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlsplit

from tests.web.conftest import Browser

NOT_FOLLOWED = ("/static/", "/logout")


def crawl(browser: Browser, start: str = "/", at_most: int = 400) -> dict[str, int]:
    """Return the status of every page reached by links from ``start``; redirects are followed."""
    statuses: dict[str, int] = {}
    waiting = [start]
    while waiting and len(statuses) < at_most:
        path = waiting.pop()
        if path in statuses or path.startswith(NOT_FOLLOWED):
            continue
        answer = browser.get(path)
        statuses[path] = answer.status_code
        if answer.status_code in (301, 302, 303, 308):
            waiting.append(answer.headers["Location"])
        if answer.mimetype == "text/html":
            waiting.extend(links(answer.get_data(as_text=True)))
        answer.close()
    return statuses


def links(page: str) -> list[str]:
    """Return the local addresses that a page links to."""
    found = []
    for href in re.findall(r'<a [^>]*href="([^"]*)"', page):
        parts = urlsplit(unescape(href))
        if not parts.scheme and not parts.netloc and parts.path:
            found.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return found
