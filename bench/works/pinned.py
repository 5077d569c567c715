"""The identity model over one connection, server and client on a processor each: what one request takes."""

from __future__ import annotations

from harness.context import Context
from harness.figures import Goal, Work
from works.identity import BODY, beside_nginx

ABOUT = "identity model over HTTP, 1 connection, client and server pinned: p50 beyond that of nginx"
GOAL = Goal("<=", 20)


def measure(context: Context) -> Work:
    """Microseconds."""
    work = Work("pinned")
    ours, theirs, _ = beside_nginx(context, "identity", BODY, [BODY["inputs"][0]["data"]], connections=1, pinned=True)
    weir, nginx = ([run.p50_ms * 1e3 for run in runs] for runs in (ours, theirs))
    work.add("pinned: p50 of one connection, Weir beyond nginx", "us", [a - b for a, b in zip(weir, nginx, strict=True)],
             GOAL)
    work.add("  Weir: latency p50", "us", weir)
    work.add("  nginx: latency p50", "us", nginx)
    return work
