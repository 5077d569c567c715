"""Open-loop load: requests leave when their time has come, whether or not earlier ones were answered.

A request's latency counts from the moment at which it was due, so that a server that falls behind cannot hide its
delay by slowing the client down.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.context import BenchError
from harness.programs import ADDRESS, Server

MOST_CONNECTIONS = 1000
LENGTH = b"content-length:"


def percentile(values: list[float], percent: float) -> float:
    """The smallest of the values that at least so many percent of them do not exceed."""
    if not values:
        raise ValueError("a percentile of nothing")
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def arrivals(rate: float, seconds: float, seed: int) -> list[float]:
    """The moments of a Poisson process, from 0 on."""
    chance = random.Random(seed)
    times = []
    now = chance.expovariate(rate)
    while now < seconds:
        times.append(now)
        now += chance.expovariate(rate)
    return times


@dataclass
class OpenLoad:
    """What came of it."""

    due: int = 0
    refused: int = 0  # answers other than 200
    seconds: float = 0.0  # from the first due moment to the last answer, at least the time of all arrivals
    latencies_ms: list[float] = field(default_factory=list)  # of the good answers
    refusals_ms: list[float] = field(default_factory=list)  # of the other answers

    @property
    def per_second(self) -> float:
        """Good answers in a second."""
        return len(self.latencies_ms) / self.seconds


def whole_answer(received: bytes) -> int | None:
    """The status of an answer that is there whole; None while some of it is missing."""
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return None
    for line in head.split(b"\r\n")[1:]:
        if line.lower().startswith(LENGTH):
            return int(head[9:12]) if len(body) >= int(line[len(LENGTH):]) else None
    raise BenchError(f"an answer says no length: {head[:300]!r}")


class Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, ended: Callable[[Connection, int], None]) -> None:
        self._ended = ended
        self._received = b""
        self.due = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps it for the requests."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Hands a whole answer on."""
        self._received += data
        status = whole_answer(self._received)
        if status is not None:
            self._received = b""
            self._ended(self, status)

    def connection_lost(self, exc: Exception | None) -> None:
        """A request under way has failed; one that waits for nothing is not used again."""
        self.transport = None
        self._ended(self, 0)


class Generator:
    """Sends the bodies in turn over as many connections as it takes."""

    def __init__(self, server: Server, path: str, bodies: list[str]) -> None:
        self._server = server
        self._requests = [
            (f"POST {path} HTTP/1.1\r\nHost: {ADDRESS}\r\nContent-Type: application/json\r\n"
             f"Content-Length: {len(body.encode())}\r\n\r\n{body}").encode()
            for body in bodies
        ]
        self._idle: list[Connection] = []
        self._under_way: set[Connection] = set()
        self._load = OpenLoad()
        self._start = 0.0
        self._all_ended = asyncio.Event()
        self._opening: set[asyncio.Task[None]] = set()

    def _answered(self, connection: Connection, status: int) -> None:
        if connection not in self._under_way:
            if connection in self._idle:
                self._idle.remove(connection)
            return
        self._under_way.discard(connection)
        latency = (time.monotonic() - self._start - connection.due) * 1e3
        if status == 200:
            self._load.latencies_ms.append(latency)
        else:
            self._load.refused += 1
            self._load.refusals_ms.append(latency)
        if connection.transport is not None:
            self._idle.append(connection)
        if not self._under_way:
            self._all_ended.set()

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(self._answered), ADDRESS, self._server.port)
        return connection

    def _send(self, connection: Connection, number: int, due: float) -> None:
        assert connection.transport is not None
        connection.due = due
        self._under_way.add(connection)
        connection.transport.write(self._requests[number % len(self._requests)])

    async def _open_and_send(self, number: int, due: float) -> None:
        try:
            self._send(await self._connect(), number, due)
        except OSError:
            self._load.refused += 1

    async def run(self, times: list[float], warm_connections: int, patience_s: float) -> OpenLoad:
        """Until every request has ended; those that have not after `patience_s` count as refused."""
        self._idle = [await self._connect() for _ in range(warm_connections)]
        self._start = time.monotonic()
        for number, due in enumerate(times):
            wait = due - (time.monotonic() - self._start)
            if wait > 0:
                await asyncio.sleep(wait)
            elif number % 16 == 0:
                await asyncio.sleep(0)  # behind: answers are looked at all the same
            self._all_ended.clear()
            if self._idle:
                self._send(self._idle.pop(), number, due)
            elif len(self._under_way) + len(self._opening) < MOST_CONNECTIONS:
                task = asyncio.create_task(self._open_and_send(number, due))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)
            else:
                self._load.refused += 1
        if self._opening:
            await asyncio.wait(self._opening)
        if self._under_way:
            try:
                await asyncio.wait_for(self._all_ended.wait(), patience_s)
            except TimeoutError:
                self._load.refused += len(self._under_way)
        self._load.due = len(times)
        self._load.seconds = max(time.monotonic() - self._start, times[-1])
        connections = [*self._idle, *self._under_way]
        self._under_way.clear()
        for connection in connections:
            if connection.transport is not None:
                connection.transport.abort()
        return self._load


def run_open_loop(server: Server, path: str, bodies: list[str], rate: float, seconds: float, seed: int) -> OpenLoad:
    """Poisson arrivals at a rate; the same seed gives the same moments and bodies to every server."""
    async def go() -> OpenLoad:
        generator = Generator(server, path, bodies)
        return await generator.run(arrivals(rate, seconds, seed), warm_connections=16, patience_s=30)

    return asyncio.run(go())
