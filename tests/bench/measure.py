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


@dataclass(slots=True)
class Measured:
    """All slices of one mode."""

    name: str
    slices: list[Slice] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Median operations per second."""
        return statistics.median(one.rate for one in self.slices)

    @property
    def times(self) -> list[float]:
        """Every operation's time, in order of size."""
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
    """Let ``clients`` threads do ``work`` for ``seconds``."""
    stop = time.perf_counter() + seconds
    times: list[list[float]] = [[] for _ in range(clients)]
    failures: list[BaseException] = []

    def client(number: int) -> None:
        try:
            while (begun := time.perf_counter()) < stop:
                work(number)
                times[number].append(time.perf_counter() - begun)
        except BaseException as failure:  # shown by the caller: a bench that fails says so
            failures.append(failure)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    spent = time.perf_counter() - begun
    return Slice(sum(map(len, times)) / spent, [one for mine in times for one in mine])


def alternate(
    modes: Sequence[tuple[str, Work]], *, clients: int, rounds: int = 5, seconds: float = 0.8
) -> dict[str, Measured]:
    """Run every mode in turn, the order turned round each time; the first slice of each warms up and is
    dropped.
    """
    measured = {name: Measured(name) for name, _ in modes}
    for name, work in modes:
        run_slice(work, clients=clients, seconds=min(0.3, seconds))
        assert name in measured
    for number in range(rounds):
        order = modes if number % 2 == 0 else list(reversed(modes))
        for name, work in order:
            measured[name].slices.append(run_slice(work, clients=clients, seconds=seconds))
    return measured


def ratio(measured: dict[str, Measured], thing: str, floor: str) -> float:
    """Return the median over rounds of thing's rate divided by floor's rate of the same round."""
    return statistics.median(
        one.rate / other.rate
        for one, other in zip(measured[thing].slices, measured[floor].slices, strict=True)
    )
