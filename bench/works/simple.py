"""Two INT32 tensors of 16 values, their sum and their difference, against nginx that returns the same bytes."""

from __future__ import annotations

from harness.context import Context
from harness.figures import Goal, Work
from works.identity import beside_nginx, report

ABOUT = "model that adds and subtracts, over HTTP, 16 connections, against nginx returning the same bytes"
GOAL = Goal(">=", 60)

LEFT, RIGHT = list(range(16)), [1] * 16
BODY = {"inputs": [{"name": name, "shape": [1, 16], "datatype": "INT32", "data": data}
                   for name, data in (("INPUT0", LEFT), ("INPUT1", RIGHT))]}


def measure(context: Context) -> Work:
    """Requests a second over 16 connections."""
    work = Work("simple")
    sums = [a + b for a, b in zip(LEFT, RIGHT, strict=True)]
    differences = [a - b for a, b in zip(LEFT, RIGHT, strict=True)]
    ours, theirs, _ = beside_nginx(context, "simple", BODY, [sums, differences])
    report(work, "simple", ours, theirs, GOAL)
    return work
