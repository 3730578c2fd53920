"""Measure pairs: the thing and its floor in alternating slices of one run, so that a busy machine hits both
alike.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Work = Callable[[int], None]
"""One operation of client number n."""


@dataclass(slots=True)
class Slice:
    """What one slice of time saw: operations per second, and how long single operations took (seconds)."""

    rate: float
    times: list[float]


Run = Callable[[float], Slice]
"""Do one thing for so many seconds."""


@dataclass(slots=True)
class Measured:
    """All slices of one thing."""

    name: str
    slices: list[Slice] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Median operations per second."""
        return statistics.median(one.rate for one in self.slices)

    @property
    def times(self) -> list[float]:
        """How long each operation took, in order of size."""
        return sorted(time for one in self.slices for time in one.times)

    @property
    def longest(self) -> float:
        """The longest single operation, in seconds."""
        return max(self.times)

    @property
    def median(self) -> float:
        """The median single operation, in seconds."""
        return statistics.median(self.times)


def run_slice(work: Work, *, clients: int, seconds: float) -> Slice:
    """Let ``clients`` threads do ``work`` for ``seconds``, each at least once. Raises what a client raised."""
    stop = time.perf_counter() + seconds
    times: list[list[float]] = [[] for _ in range(clients)]
    failures: list[BaseException] = []

    def client(number: int) -> None:
        try:
            while not times[number] or time.perf_counter() < stop:
                begun = time.perf_counter()
                work(number)
                times[number].append(time.perf_counter() - begun)
        except BaseException as failure:
            failures.append(failure)  # raised below, in the thread that waits

    begun = time.perf_counter()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - begun
    if failures:
        raise failures[0]
    return Slice(sum(map(len, times)) / spent, [one for mine in times for one in mine])


def threads(work: Work, clients: int) -> Run:
    """Return ``work`` done by so many threads of this process."""
    return lambda seconds: run_slice(work, clients=clients, seconds=seconds)


def alternate(things: Sequence[tuple[str, Run]], *, rounds: int, seconds: float) -> dict[str, Measured]:
    """Run every thing in turn, the order turned round each time; one slice of each before that warms up."""
    measured = {name: Measured(name) for name, _ in things}
    for _, run in things:
        run(min(0.4, seconds))
    for number in range(rounds):
        for name, run in things if number % 2 == 0 else reversed(things):
            measured[name].slices.append(run(seconds))
    return measured


def ratio(measured: dict[str, Measured], thing: str, floor: str) -> float:
    """Return the median over rounds of thing's rate divided by floor's rate of the same round."""
    return statistics.median(
        one.rate / other.rate
        for one, other in zip(measured[thing].slices, measured[floor].slices, strict=True)
    )
