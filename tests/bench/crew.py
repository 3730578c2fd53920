"""Clients in several processes, as several web processes would be: each process holds its own connections."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from tests.bench.measure import Run, Slice, Work, run_slice

Prepare = Callable[..., Mapping[str, Work]]
"""Makes the works of one process by name; called in it with the first of its client numbers and the rest of
the arguments."""


@contextmanager
def crew(
    prepare: Prepare, arguments: Sequence[Any], *, processes: int, clients: int
) -> Iterator[Callable[[str], Run]]:
    """Start processes of ``clients`` threads each; what is given turns the name of a work into its run."""
    context = multiprocessing.get_context("spawn")  # a fork would share the connections of this process
    pipes: list[Connection] = []
    started = []
    try:
        for number in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(theirs, prepare, (number * clients, *arguments), clients), daemon=True
            )
            process.start()
            theirs.close()
            pipes.append(ours)
            started.append(process)

        def named(name: str) -> Run:
            def run(seconds: float) -> Slice:
                for pipe in pipes:
                    pipe.send((name, seconds))
                answers = [pipe.recv() for pipe in pipes]
                for answer in answers:
                    if isinstance(answer, BaseException):
                        raise answer
                return Slice(sum(one.rate for one in answers), [t for one in answers for t in one.times])

            return run

        yield named
        for pipe in pipes:
            pipe.send(None)
        for process in started:
            process.join(30)
    finally:
        for process in started:
            if process.is_alive():
                process.kill()


def _from(first: int, work: Work) -> Work:
    return lambda number: work(first + number)


def _serve(pipe: Connection, prepare: Prepare, arguments: Sequence[Any], clients: int) -> None:
    works: Mapping[str, Work] | None = None
    while (asked := pipe.recv()) is not None:
        name, seconds = asked
        try:
            if works is None:
                works = prepare(*arguments)
            pipe.send(run_slice(_from(arguments[0], works[name]), clients=clients, seconds=seconds))
        except BaseException as failure:
            pipe.send(RuntimeError(f"{type(failure).__name__}: {failure}"))
