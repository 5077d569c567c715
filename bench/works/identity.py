"""The identity model over HTTP and JSON, against nginx that returns the same bytes from its configuration."""

from __future__ import annotations

import json

from harness.context import BenchError, Context
from harness.figures import Goal, Work, ratios
from harness.load import CONNECTIONS, Load, run_wrk
from harness.programs import Nginx, Server, Weir

ABOUT = "identity model over HTTP, 16 connections, against nginx returning the same bytes"
GOAL = Goal(">=", 70)

PATH = "/v2/models/identity/infer"
BODY = {"inputs": [{"name": "INPUT0", "shape": [1, 4], "datatype": "FP32", "data": [0.25, -1.5, 3, 42]}]}


def check_answer(answer: str) -> None:
    """The values that went in have to come out."""
    outputs = json.loads(answer)["outputs"]
    if outputs[0]["data"] != BODY["inputs"][0]["data"]:
        raise BenchError(f"the identity model answered {answer}")


def jobs_done(weir: Weir) -> tuple[float, float]:
    """By the server's own counters: jobs answered well, and jobs that were in a run of the model."""
    answered = weir.metric("weir_jobs_answered_total", model="identity", outcome="ok")
    return answered, weir.metric("weir_batch_jobs_sum", model="identity")


def load_weir(context: Context, weir: Weir, body_file: str, seconds: float) -> Load:
    """One run, and the proof that every answer came out of the model."""
    before = jobs_done(weir)
    load = run_wrk(context, weir, PATH, "post.lua", [body_file], seconds)
    for was, now in zip(before, jobs_done(weir), strict=True):
        # The last requests may still be under way when wrk stops counting.
        if not load.requests <= now - was <= load.requests + CONNECTIONS:
            raise BenchError(f"wrk counted {load.requests} answers, the server ran {now - was:.0f} jobs")
    return load


def report(weir: list[Load], nginx: list[Load], work: Work) -> None:
    """Turns the runs into rows."""
    work.add("identity: requests/s, Weir / nginx", "%", ratios([r.per_second for r in weir],
                                                              [r.per_second for r in nginx]), GOAL)
    for name, runs in (("Weir", weir), ("nginx", nginx)):
        work.add(f"  {name}: requests", "/s", [r.per_second for r in runs], digits=0)
        work.add(f"  {name}: latency p50", "us", [r.p50_ms * 1e3 for r in runs], digits=0)
        work.add(f"  {name}: latency p99", "us", [r.p99_ms * 1e3 for r in runs], digits=0)
        work.add(f"  {name}: processors busy, server", "", [r.server_cpu for r in runs], digits=2)
        work.add(f"  {name}: processors busy, wrk", "", [r.client_cpu for r in runs], digits=2)


def measure(context: Context) -> Work:
    """A/B/A/B: both servers stay up, one of them is loaded at a time."""
    work = Work("identity")
    body_file = context.scratch / "identity.json"
    body_file.write_text(json.dumps(BODY))
    ours: list[Load] = []
    theirs: list[Load] = []
    with Weir(context, context.models("identity", "examples/models/identity")) as weir:
        weir.wait_ready()
        answer = weir.request("POST", PATH, BODY).decode()
        check_answer(answer)
        with Nginx(context, answer) as nginx:
            nginx.wait_for("/")
            same = nginx.request("POST", PATH, BODY).decode()
            if same != answer:
                raise BenchError("nginx does not return the bytes that it was given")
            both: list[Server] = [weir, nginx]
            for server in both:  # warm up
                run_wrk(context, server, PATH, "post.lua", [str(body_file)], 1)
            for number in range(1, context.rounds + 1):
                context.progress.show(f"identity: round {number} of {context.rounds}")
                ours.append(load_weir(context, weir, str(body_file), context.seconds))
                theirs.append(run_wrk(context, nginx, PATH, "post.lua", [str(body_file)], context.seconds))
    work.notes = {"answer_bytes": len(answer), "request_bytes": len(json.dumps(BODY))}
    report(ours, theirs, work)
    return work
