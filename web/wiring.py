"""What the pages are wired to: settings, database, files and the installation's secret, one value per
application.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from config.settings import Settings
from storage.database import Database
from storage.files import Files

EXTENSION = "vinhdanh"


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts that the composition root put together. ``key`` is the secret as bytes."""

    settings: Settings
    database: Database
    files: Files
    key: bytes


def wired() -> Wiring:
    """Return the wiring of the application that serves the present request."""
    wiring: Wiring = current_app.extensions[EXTENSION]
    return wiring
