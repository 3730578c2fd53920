"""A wire that fails: a TCP proxy that cuts, resets, delays or corrupts what a server answers.

Nothing is imitated: the client talks to the real server through it, and only bytes on the wire change.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """What happens to one connection; offsets count the bytes of the server's answers on it.

    `cut_at`: the connection ends there, politely or with `reset`. `flip_at`: one bit of that byte is turned.
    `hush`: no byte of an answer ever comes. `refuse`: reset at once, nothing reaches the server.
    """

    cut_at: int | None = None
    reset: bool = False
    flip_at: int | None = None
    hush: bool = False
    refuse: bool = False


SOUND = Fault()


class CuttingProxy:
    """`port` listens on loopback; `fault_of(n)` is asked for the fault of the n-th connection, from 0."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.fault_of: Callable[[int], Fault] = lambda n: SOUND
        self.connections = 0
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def use(self, fault_of: Callable[[int], Fault]) -> None:
        """From the next connection on, which is number 0 again."""
        self.connections = 0
        self.fault_of = fault_of

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            fault = self.fault_of(self.connections)
            self.connections += 1
            if fault.refuse:
                _reset(client)
                continue
            server = socket.create_connection(self._server)
            self._open |= {client, server}
            threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(client, server, fault), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := client.recv(65536):
                server.sendall(said)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, server: socket.socket, fault: Fault) -> None:
        passed = 0
        try:
            while heard := server.recv(65536):
                if fault.hush:
                    continue
                if fault.flip_at is not None and passed <= fault.flip_at < passed + len(heard):
                    changed = bytearray(heard)
                    changed[fault.flip_at - passed] ^= 1
                    heard = bytes(changed)
                if fault.cut_at is not None and passed + len(heard) > fault.cut_at:
                    client.sendall(heard[: fault.cut_at - passed])
                    break
                client.sendall(heard)
                passed += len(heard)
        except OSError:
            pass
        finally:
            for end in (client, server):
                with suppress(OSError):
                    # A thread blocked in recv keeps a closed socket alive; shutting down wakes it.
                    if fault.reset and end is client:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    else:
                        end.shutdown(socket.SHUT_RDWR)
                end.close()
                self._open.discard(end)


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@contextmanager
def cutting_proxy(host: str, port: int) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(host, port)
    try:
        yield proxy
    finally:
        proxy.stop()
