"""Small tensors over HTTP and JSON, against nginx that returns the same bytes from its configuration.

Here the identity model over 16 connections; `pinned` and `simple` are of the same kind.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from harness.context import BenchError, Context
from harness.figures import Goal, Work, ratios
from harness.load import CONNECTIONS, Load, run_wrk
from harness.programs import Nginx, NginxFile, Server, Weir, on_processor

ABOUT = "identity model over HTTP, 16 connections, against nginx returning the same bytes, and giving them as a file"
GOAL = Goal(">=", 70)

PATH = "/v2/models/identity/infer"
BODY = {"inputs": [{"name": "INPUT0", "shape": [1, 4], "datatype": "FP32", "data": [0.25, -1.5, 3, 42]}]}


def jobs_done(weir: Weir, model: str) -> tuple[float, float]:
    """By the server's own counters: jobs answered well, and jobs that were in a run of the model."""
    answered = weir.metric("weir_jobs_answered_total", model=model, outcome="ok")
    return answered, weir.metric("weir_batch_jobs_sum", model=model)


def report(work: Work, name: str, weir: list[Load], nginx: list[Load], goal: Goal) -> None:
    """Turns the runs into rows."""
    work.add(f"{name}: requests/s, Weir / nginx", "%", ratios([r.per_second for r in weir],
                                                            [r.per_second for r in nginx]), goal)
    for server, runs in (("Weir", weir), ("nginx", nginx)):
        work.add(f"  {server}: requests", "/s", [r.per_second for r in runs], digits=0)
        work.add(f"  {server}: latency p50", "us", [r.p50_ms * 1e3 for r in runs], digits=0)
        work.add(f"  {server}: latency p99", "us", [r.p99_ms * 1e3 for r in runs], digits=0)
        work.add(f"  {server}: processors busy, server", "", [r.server_cpu for r in runs], digits=2)
        work.add(f"  {server}: processors busy, wrk", "", [r.client_cpu for r in runs], digits=2)


def beside_nginx(context: Context, model: str, body: Any, outputs: list[list[float]],
                 connections: int = CONNECTIONS, pinned: bool = False) -> tuple[list[Load], list[Load], str]:
    """A/B/A/B: Weir, and nginx that returns what Weir answered; both stay up, one of them is loaded at a time.

    The loads of both, and that answer.

    `outputs` has to come out of the model, and every answer that wrk counts. `pinned`: servers and wrk on a processor each.
    """
    path = f"/v2/models/{model}/infer"
    body_file = context.scratch / f"{model}.json"
    body_file.write_text(json.dumps(body))
    ours: list[Load] = []
    theirs: list[Load] = []

    def load(server: Server, seconds: float) -> Load:
        with on_processor(1 if pinned else None):
            return run_wrk(context, server, path, "post.lua", [str(body_file)], seconds, connections)

    with contextlib.ExitStack() as servers:
        with on_processor(0 if pinned else None):
            weir = servers.enter_context(Weir(context, context.models(model, f"examples/models/{model}")))
        weir.wait_ready()
        answer = weir.request("POST", path, body).decode()
        if [output["data"] for output in json.loads(answer)["outputs"]] != outputs:
            raise BenchError(f"{model} answered {answer}")
        with on_processor(0 if pinned else None):
            nginx = servers.enter_context(Nginx(context, answer))
        nginx.wait_for("/")
        if nginx.request("POST", path, body).decode() != answer:
            raise BenchError("nginx does not return the bytes that it was given")
        load(weir, 1)  # warm up
        load(nginx, 1)
        for number in range(1, context.rounds + 1):
            context.progress.show(f"{model}: round {number} of {context.rounds}")
            before = jobs_done(weir, model)
            ours.append(load(weir, context.seconds))
            for was, now in zip(before, jobs_done(weir, model), strict=True):
                # The last requests may still be under way when wrk stops counting.
                if not ours[-1].requests <= now - was <= ours[-1].requests + connections:
                    raise BenchError(f"wrk counted {ours[-1].requests} answers, the server ran {now - was:.0f} jobs")
            theirs.append(load(nginx, context.seconds))
    return ours, theirs, answer


def from_a_file(context: Context, answer: str) -> list[Load]:
    """nginx gives the same bytes as a static file."""
    with NginxFile(context, answer.encode()) as nginx:
        nginx.wait_for("/answer")
        run_wrk(context, nginx, "/answer", "get.lua", [], 1)
        return [run_wrk(context, nginx, "/answer", "get.lua", [], context.seconds) for _ in range(context.rounds)]


def measure(context: Context) -> Work:
    """Requests a second over 16 connections."""
    work = Work("identity")
    ours, theirs, answer = beside_nginx(context, "identity", BODY, [BODY["inputs"][0]["data"]])
    report(work, "identity", ours, theirs, GOAL)
    file = from_a_file(context, answer)
    work.add("identity: requests/s, Weir / nginx giving a file", "%", ratios([r.per_second for r in ours],
                                                                           [r.per_second for r in file]))
    work.add("  nginx, a file: requests", "/s", [r.per_second for r in file], digits=0)
    return work
