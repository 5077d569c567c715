"""Loading and unloading a model ten thousand times: what stays in memory."""

from __future__ import annotations

import http.client
import time
from pathlib import Path

from harness.context import BenchError, Context
from harness.figures import Goal, Work
from harness.memory import memory_of
from harness.programs import ADDRESS, Weir

ABOUT = "a model loaded and unloaded 10,000 times over HTTP: memory against that after 100 times"
GOAL = Goal("<=", 105, each=True)

FEW, MANY = 100, 10_000
SETTLE_S = 0.5
MODEL = "identity"


def cycle(connection: http.client.HTTPConnection, count: int) -> None:
    """Loads and unloads it so often; fails unless each call went well."""
    for _ in range(count):
        for call in ("load", "unload"):
            connection.request("POST", f"/v2/repository/models/{MODEL}/{call}", b"")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise BenchError(f"cycles: {call} was answered with {answer.status}: {body!r}")


def resident(server: Weir) -> float:
    """Once what was freed has been given back."""
    time.sleep(SETTLE_S)
    return memory_of(server.process.pid).rss


def measure(context: Context) -> Work:
    """A fresh server in each round."""
    work = Work("cycles")
    models: Path = context.models("cycles", "examples/models/identity")
    few, many, seconds = [], [], []
    for number in range(1, context.rounds + 1):
        context.progress.show(f"cycles: round {number} of {context.rounds}")
        with Weir(context, models) as server:
            server.wait_ready()
            connection = http.client.HTTPConnection(ADDRESS, server.port, timeout=60)
            cycle(connection, FEW)
            few.append(resident(server))
            start = time.monotonic()
            cycle(connection, MANY - FEW)
            seconds.append((time.monotonic() - start) / (MANY - FEW))
            many.append(resident(server))
            connection.close()
    work.add(f"cycles: resident after {MANY:,} loads and unloads / after {FEW}", "%",
             [b / a * 100 for a, b in zip(few, many, strict=True)], GOAL)
    work.add(f"  after {FEW}", "MB", few)
    work.add(f"  after {MANY:,}", "MB", many)
    work.add("  a load and an unload take", "ms", [each * 1e3 for each in seconds], digits=2)
    return work
