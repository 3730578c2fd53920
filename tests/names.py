"""Every test has a name of its own: by their names tests are shared out to processes, counted and asked for.

Of tests with the same name a process would run one and the others would be missed by nobody.
"""

from __future__ import annotations

from collections import Counter

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # pytest 9.2 leaves out what schemathesis 4.32 adds to a name, the operation; and it has no other way to
        # say it.
        if not item.nodeid.endswith(item.name):
            assert item.parent is not None
            item._id = item.parent.id.child(item.name)
    doubled = [name for name, times in Counter(item.nodeid for item in items).items() if times > 1]
    if doubled:
        raise pytest.UsageError("several tests have the same name: " + ", ".join(doubled))
