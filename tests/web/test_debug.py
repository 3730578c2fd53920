"""VINHDANH_DEBUG shows the trace of an error to whoever works on the code; without it nobody sees one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.web.conftest import ORIGIN, Site


@pytest.mark.parametrize("debug", [True, False])
def test_the_trace_is_shown_in_debug_only(make_site: Callable[..., Site], debug: bool) -> None:
    site = make_site(debug=debug)

    def broken() -> str:
        raise ValueError("what went wrong")

    site.app.view_functions["about.help_page"] = broken
    answer = site.app.test_client().get("/help", base_url=ORIGIN)
    assert answer.status_code == 500
    assert ("ValueError: what went wrong" in answer.get_data(as_text=True)) is debug
    assert "Content-Security-Policy" in answer.headers
