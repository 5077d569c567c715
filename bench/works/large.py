"""A tensor of 16 MB in and out as binary data, against nginx that takes as many bytes, and gives as many.

nginx answers a request with a file before it has read the request's body, and wrk cannot send and read at once. So both
ways of nginx are measured by themselves, and what they take is added.
"""

from __future__ import annotations

import json

from harness.context import BenchError, Context
from harness.figures import Goal, Work, ratios
from harness.load import run_wrk
from harness.programs import NginxFile, Weir

ABOUT = "identity model, a tensor of 16 MB as binary data, against nginx with the same bytes in and out"
GOAL = Goal(">=", 60)
PATH = "/v2/models/identity/infer"
BYTES = 16 << 20
CONNECTIONS = 2


def body() -> tuple[bytes, int]:
    """The request, and the length of its JSON."""
    head = json.dumps({"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, BYTES // 4],
                                   "parameters": {"binary_data_size": BYTES}}],
                       "parameters": {"binary_data_output": True}}).encode()
    return head + b"\x00\x00\x80\x3f" * (BYTES // 4), len(head)


def measure(context: Context) -> Work:
    """A/B/A/B: both servers stay up, one of them is loaded at a time."""
    work = Work("large")
    data, head = body()
    body_file = context.scratch / "large.bin"
    body_file.write_bytes(data)
    ours: list[float] = []
    takes: list[float] = []
    gives: list[float] = []
    arguments = [str(body_file), str(head)]
    with Weir(context, context.models("identity", "examples/models/identity")) as weir:
        weir.wait_ready()
        with NginxFile(context, data) as nginx:
            nginx.wait_for("/answer")

            def speed(server: Weir | NginxFile, path: str, script: str, arguments: list[str]) -> float:
                run = run_wrk(context, server, path, script, arguments, context.seconds, CONNECTIONS)
                if run.requests == 0:
                    raise BenchError("no answer came")
                return run.per_second

            def all_speeds() -> tuple[float, float, float]:
                return (speed(weir, PATH, "large.lua", arguments), speed(nginx, "/take", "large.lua", arguments),
                        speed(nginx, "/answer", "get.lua", []))

            all_speeds()  # warm up
            for number in range(1, context.rounds + 1):
                context.progress.show(f"large: round {number} of {context.rounds}")
                both, taken, given = all_speeds()
                ours.append(both)
                takes.append(taken)
                gives.append(given)
    theirs = [1 / (1 / taken + 1 / given) for taken, given in zip(takes, gives, strict=True)]
    work.add("large: requests/s, Weir / nginx", "%", ratios(ours, theirs), GOAL)
    work.add("  Weir: 16 MB in and out", "/s", ours)
    work.add("  nginx: 16 MB in", "/s", takes)
    work.add("  nginx: 16 MB out", "/s", gives)
    work.add("  nginx: in and out", "/s", theirs)
    return work
