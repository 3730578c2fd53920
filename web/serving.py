"""Serving pages and API with waitress, and stopping without cutting anybody off.

The server's own loop ends in the middle of answers. Here the doors are closed first, then requests that have
begun are answered to their last byte, for a bounded time.
"""

from __future__ import annotations

import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from config.settings import Settings
from web.startup import StartupRefused

LOOP_SECONDS = 0.5
DRAIN_SECONDS = 15.0
"""How long requests that have begun may take to end after the doors are closed."""
FORM_BYTES = 1024 * 1024
"""What a form holds beside its file."""
BACKLOG = 256

log = logging.getLogger(__name__)


class Server:
    """One listening socket and its threads. ``run`` blocks until ``stop``, which any thread or signal may
    call.
    """

    def __init__(self, app: Flask, settings: Settings, *, drain_seconds: float = DRAIN_SECONDS) -> None:
        """Listen at once. Raises ``StartupRefused`` when somebody took the port since it was looked at."""
        self._stopping = threading.Event()
        self._drain_seconds = drain_seconds
        self._map: dict[int, Any] = {}
        self._server: Any = create_server(
            app,
            map=self._map,
            sockets=[_listening(settings.host, settings.port)],
            threads=settings.threads,
            max_request_body_size=settings.max_file_bytes + FORM_BYTES,
            # Forwarded headers are judged by web.security, which knows networks; the server must leave them.
            clear_untrusted_proxy_headers=False,
            ident=None,
            expose_tracebacks=False,
            asyncore_use_poll=True,
            backlog=BACKLOG,
            channel_timeout=120,
        )

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.effective_port)

    def run(self) -> None:
        """Serve until ``stop``, then answer what has begun and return."""
        while not self._stopping.is_set():
            self._turn(LOOP_SECONDS)
        self._close_doors()
        until = time.monotonic() + self._drain_seconds
        while self._busy() and time.monotonic() < until:
            self._turn(0.05)
        if self._busy():
            log.warning("requests were cut off after %s s", self._drain_seconds)

    def stop(self) -> None:
        """Have ``run`` end; returns at once."""
        self._stopping.set()
        with suppress(OSError):
            self._server.pull_trigger()

    def close(self) -> None:
        """Let threads and sockets go; twice is allowed."""
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()  # lets its buffers go as well, which may be files
        wasyncore.close_all(self._map, ignore_all=True)

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def _close_doors(self) -> None:
        # The listening socket alone: the trigger beside it is how the threads announce finished answers.
        self._server.accepting = False
        self._server.del_channel(self._map)
        self._server.socket.close()

    def _busy(self) -> bool:
        return any(
            channel.requests or channel.total_outbufs_len or channel.request is not None
            for channel in list(self._server.active_channels.values())
        )


@contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first Ctrl-C or SIGTERM; a second one ends the process as it always does."""

    def heard(number: int, frame: FrameType | None) -> None:
        for each, before in kept.items():
            signal.signal(each, before)
        stop()

    kept = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in kept:
        signal.signal(each, heard)
    try:
        yield
    finally:
        for each, before in kept.items():
            signal.signal(each, before)


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket bound to the first address of ``host``; the server listens on it."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise StartupRefused(
            f"Không lắng nghe được ở {host}:{port}: {error.strerror}.",
            f"Cannot listen on {host}:{port}: {error.strerror}.",
        ) from None
    return listening
