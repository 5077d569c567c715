"""From the start of the process to the first good /readyz, and what it holds then, with one tiny model."""

from __future__ import annotations

import subprocess
import time

from harness.context import Context
from harness.figures import Goal, Work
from harness.memory import Memory, memory_of
from harness.programs import Program, Weir
from works.identity import BODY, PATH

ABOUT = "start to ready and idle memory with the identity model, against a bare ONNX Runtime session"
START_GOAL = Goal("<=", 50)
RSS_GOAL = Goal("<=", 42, each=True)
ANONYMOUS_GOAL = Goal("<=", 16, each=True)

LEAST_STARTS = 15
SETTLE_S = 0.2  # before memory is looked at
REQUESTS = 20  # before it is looked at again

Sample = tuple[float, Memory, Memory]  # milliseconds; memory when ready; memory after some requests


def start_weir(context: Context) -> Sample:
    """One start of the server."""
    with Weir(context, context.scratch / "models-start") as weir:
        ready = weir.wait_ready()
        time.sleep(SETTLE_S)
        idle = memory_of(weir.process.pid)
        for _ in range(REQUESTS):
            weir.request("POST", PATH, BODY)
        return ready * 1e3, idle, memory_of(weir.process.pid)


def start_bare(context: Context) -> Sample:
    """One start of a program that opens the same session and says so."""
    command = [str(context.tool("bare_session")), str(context.root / "examples/models/identity/model.onnx")]
    with Program(context, "bare_session", command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bare:
        give, take = bare.process.stdin, bare.process.stdout
        assert give is not None and take is not None
        if not take.readline().startswith(b"ready"):
            raise bare.fail("it did not become ready")
        ready = time.monotonic() - bare.started
        time.sleep(SETTLE_S)
        idle = memory_of(bare.process.pid)
        for _ in range(REQUESTS):
            give.write(b"run\n")
            give.flush()
            take.readline()
        return ready * 1e3, idle, memory_of(bare.process.pid)


def measure(context: Context) -> Work:
    """One start of each in turn; a first pair, which reads the files from disk, is not counted."""
    work = Work("start")
    context.models("start", "examples/models/identity")
    starts = max(LEAST_STARTS, 3 * context.rounds)
    ours: list[Sample] = []
    theirs: list[Sample] = []
    for number in range(starts + 1):
        context.progress.show(f"start: {number} of {starts}")
        ours.append(start_weir(context))
        theirs.append(start_bare(context))
    work.add("start: to the first good /readyz", "ms", [s[0] for s in ours[1:]], START_GOAL)
    work.add("  bare session: to its word", "ms", [s[0] for s in theirs[1:]])
    work.add("start: idle memory, resident", "MB", [s[1].rss for s in ours[1:]], RSS_GOAL)
    work.add("start: idle memory, anonymous", "MB", [s[1].anonymous for s in ours[1:]], ANONYMOUS_GOAL)
    work.add(f"  after {REQUESTS} requests, resident", "MB", [s[2].rss for s in ours[1:]])
    work.add(f"  after {REQUESTS} requests, anonymous", "MB", [s[2].anonymous for s in ours[1:]])
    work.add("  bare session: resident", "MB", [s[1].rss for s in theirs[1:]])
    work.add("  bare session: anonymous", "MB", [s[1].anonymous for s in theirs[1:]])
    work.add(f"  bare session: after {REQUESTS} runs, resident", "MB", [s[2].rss for s in theirs[1:]])
    work.add(f"  bare session: after {REQUESTS} runs, anonymous", "MB", [s[2].anonymous for s in theirs[1:]])
    return work
