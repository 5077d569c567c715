"""Load from wrk, and what it says about it."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Any

from harness.context import BenchError, Context
from harness.programs import Server, find_program

CONNECTIONS = 16


@dataclass(frozen=True)
class Load:
    """One run of wrk."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    client_cpu: float  # cores that wrk kept busy
    server_cpu: float  # cores that the server kept busy
    server_cpu_seconds: float  # processor time of the server during the run
    reached: dict[str, Any]  # what a script with a target said when it got there; else empty

    @property
    def per_second(self) -> float:
        """Requests answered in a second."""
        return self.requests / self.seconds


def children_cpu() -> float:
    """Processor time of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def watch(command: list[str], most_seconds: float) -> tuple[dict[str, dict[str, Any]], list[str], int]:
    """Runs wrk to its end: what its script said, all lines it printed, its exit status."""
    said: dict[str, dict[str, Any]] = {}
    output = []
    wrk = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
    limit = threading.Timer(most_seconds, wrk.kill)
    limit.start()
    assert wrk.stdout is not None
    try:
        for line in wrk.stdout:
            output.append(line)
            word, _, rest = line.partition(" ")
            if word in ("reached", "summary"):
                said[word] = json.loads(rest)
            if word == "reached":
                wrk.send_signal(signal.SIGINT)  # makes it end and sum up
        wrk.wait()
    finally:
        limit.cancel()
        wrk.kill()  # nothing happens when it has ended
        wrk.wait()
        wrk.stdout.close()
    return said, output, wrk.returncode


def run_wrk(context: Context, server: Server, path: str, script: str, arguments: list[str], seconds: float,
            connections: int = CONNECTIONS) -> Load:
    """Loads `path` with one thread and as many connections; fails unless every answer was good.

    The run ends after `seconds`, or when the script has said that its target is reached.
    """
    command = [find_program("wrk"), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s",
               "-s", str(context.lua(script)), server.url(path), "--", *arguments]
    cpu_before, server_before, started = children_cpu(), server.cpu_seconds(), time.monotonic()
    said, output, status = watch(command, seconds + 90)
    wall = time.monotonic() - started
    server_seconds = server.cpu_seconds() - server_before
    summary = said.get("summary")
    if status != 0 or summary is None:
        raise BenchError("wrk failed:\n" + "".join(output)[-1500:])
    bad = {name: count for name, count in summary["errors"].items() if count}
    if bad:
        raise server.fail(f"wrk counted bad answers or broken connections: {bad}")
    return Load(summary["requests"], summary["seconds"], summary["p50_ms"], summary["p99_ms"],
                (children_cpu() - cpu_before) / wall, server_seconds / wall, server_seconds, said.get("reached", {}))
