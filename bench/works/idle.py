"""What thousands of idle keep-alive connections cost: memory of each, and throughput beside them."""

from __future__ import annotations

import json
import resource
import socket

from harness.context import BenchError, Context
from harness.figures import Goal, Work, ratios
from harness.load import run_wrk
from harness.memory import memory_of
from harness.programs import ADDRESS, Weir
from works.identity import BODY, PATH

ABOUT = "10,000 idle keep-alive connections: memory of each, throughput of 16 others beside them"
CONNECTIONS = 10_000
MEMORY_GOAL = Goal("<=", 10, each=True)
SPEED_GOAL = Goal(">=", 95)

REQUEST = b"GET /livez HTTP/1.1\r\nHost: weir\r\n\r\n"


def open_connections(weir: Weir) -> list[socket.socket]:
    """Each has had one answer, and may have more."""
    connections = []
    for _ in range(CONNECTIONS):
        connection = socket.create_connection((ADDRESS, weir.port), timeout=30)
        connection.sendall(REQUEST)
        if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
            raise BenchError("a connection was not answered")
        connections.append(connection)
    return connections


def measure(context: Context) -> Work:
    """Throughput without them, then with them, in turns."""
    wanted = 2 * CONNECTIONS
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < CONNECTIONS + 500:
        raise BenchError(f"{hard} open files are too few here: raise the hard limit to {wanted}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    work = Work("idle")
    body_file = context.scratch / "idle.json"
    body_file.write_text(json.dumps(BODY))
    without: list[float] = []
    beside: list[float] = []
    each: list[float] = []

    def speed(weir: Weir) -> float:
        return run_wrk(context, weir, PATH, "post.lua", [str(body_file)], context.seconds).per_second

    with Weir(context, context.models("identity", "examples/models/identity"), "server.idle_timeout=1h") as weir:
        weir.wait_ready()
        speed(weir)  # warm up
        for number in range(1, context.rounds + 1):
            context.progress.show(f"idle: round {number} of {context.rounds}")
            without.append(speed(weir))
            before = memory_of(weir.process.pid).rss
            connections = open_connections(weir)
            each.append((memory_of(weir.process.pid).rss - before) * 1000 / CONNECTIONS)
            beside.append(speed(weir))
            for connection in connections:
                connection.close()
    # What one round's connections gave back is there for the next round's: only the first asks the system for all of it.
    work.add("idle: memory of each connection", "KB", each[:1], MEMORY_GOAL)
    work.add("idle: requests/s beside 10,000 of them / without", "%", ratios(beside, without), SPEED_GOAL)
    work.add("  without", "/s", without, digits=0)
    work.add("  beside", "/s", beside, digits=0)
    work.notes = {"connections": CONNECTIONS}
    return work
