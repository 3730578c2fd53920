"""A wire that fails: a TCP proxy that cuts, resets, silences or corrupts what a server answers.

Nothing is imitated: the client talks to the real server through it, and only bytes on the wire change.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """What happens to one connection; offsets count the bytes of the server's answers on it.

    `cut_at`: the connection ends there, politely or with `reset`. `flip_at`: one bit of that byte is turned.
    `hush`: no byte of an answer ever comes. `refuse`: reset at once, nothing reaches the server.
    `slow`: seconds that pass before the next 64 KiB of a request are taken.
    """

    cut_at: int | None = None
    reset: bool = False
    flip_at: int | None = None
    hush: bool = False
    refuse: bool = False
    slow: float = 0.0


SOUND = Fault()


class CuttingProxy:
    """`port` listens on loopback.

    `fault_of(n)` is asked for the fault of the n-th connection, `loses(n)` whether the n-th answer is lost
    with its connection after the server has carried the request out; both count from 0.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._stopped = False
        self.use()
        threading.Thread(target=self._accept, daemon=True).start()

    def use(
        self,
        fault_of: Callable[[int], Fault] = lambda n: SOUND,
        loses: Callable[[int], bool] = lambda n: False,
    ) -> None:
        """From the next connection on; the counts begin again."""
        self.connections = 0
        self.answers = 0
        self._fault_of = fault_of
        self._loses = loses

    def stop(self) -> None:
        self._stopped = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            fault = self._fault_of(self.connections)
            self.connections += 1
            if fault.refuse:
                _reset(client)
            else:
                threading.Thread(target=self._carry, args=(client, fault), daemon=True).start()

    def _carry(self, client: socket.socket, fault: Fault) -> None:
        # One thread for both directions: a socket that another thread reads from cannot be reset.
        with client, socket.create_connection(self._server) as server, suppress(OSError):
            passed, asked = 0, False
            while not self._stopped:
                ready, _, _ = select.select([client, server], [], [], 0.2)
                if client in ready:
                    said = client.recv(65536)
                    if not said:
                        return
                    server.sendall(said)
                    time.sleep(fault.slow)
                    asked = True
                if server in ready:
                    heard = server.recv(65536)
                    if not heard:
                        return
                    if asked:
                        asked, number = False, self.answers
                        self.answers += 1
                        if self._loses(number):
                            return
                    if fault.hush:
                        continue
                    if fault.flip_at is not None and passed <= fault.flip_at < passed + len(heard):
                        changed = bytearray(heard)
                        changed[fault.flip_at - passed] ^= 1
                        heard = bytes(changed)
                    if fault.cut_at is not None and passed + len(heard) > fault.cut_at:
                        client.sendall(heard[: fault.cut_at - passed])
                        if fault.reset:
                            _reset(client)
                        return
                    client.sendall(heard)
                    passed += len(heard)


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
