"""The identity model over gRPC, against a bare echo of the same messages on the same library."""

from __future__ import annotations

import json
import subprocess

from harness.context import BenchError, Context
from harness.figures import Goal, Work, ratios
from harness.programs import ADDRESS, Program, Weir, free_port

ABOUT = "identity model over gRPC, 16 channels, against a bare echo on the callback interface"
GOAL = Goal(">=", 85)
CHANNELS = 16


def load(context: Context, port: int, seconds: float) -> dict:
    """One run: calls a second, latencies."""
    done = subprocess.run([str(context.tool("weir_grpc_load")), f"{ADDRESS}:{port}", str(CHANNELS), str(seconds)],
                          capture_output=True, text=True, timeout=seconds + 60, check=False)
    if done.returncode != 0:
        raise BenchError(f"weir_grpc_load: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def load_weir(context: Context, weir: Weir, port: int, seconds: float) -> dict:
    """One run, and the proof that every answer came out of the model."""
    before = weir.metric("weir_jobs_answered_total", model="identity", outcome="ok")
    run = load(context, port, seconds)
    answered = weir.metric("weir_jobs_answered_total", model="identity", outcome="ok") - before
    if abs(answered - run["calls_per_second"] * seconds) > CHANNELS + 1:
        raise BenchError(f"the client counted {run['calls_per_second'] * seconds:.0f} answers, the model {answered:.0f}")
    return run


def measure(context: Context) -> Work:
    """A/B/A/B: both servers stay up, one of them is loaded at a time."""
    work = Work("grpc")
    ours: list[dict] = []
    theirs: list[dict] = []
    port, echo_port = free_port(), free_port()
    with Weir(context, context.models("identity", "examples/models/identity"), f"grpc.port={port}") as weir:
        weir.wait_ready()
        with Program(context, "echo", [str(context.tool("weir_grpc_echo")), str(echo_port)]):
            load_weir(context, weir, port, 1)  # warm up; the first also waits for the echo to listen
            load(context, echo_port, 1)
            for number in range(1, context.rounds + 1):
                context.progress.show(f"grpc: round {number} of {context.rounds}")
                ours.append(load_weir(context, weir, port, context.seconds))
                theirs.append(load(context, echo_port, context.seconds))
    work.add("grpc: calls/s, Weir / bare echo", "%", ratios([run["calls_per_second"] for run in ours],
                                                           [run["calls_per_second"] for run in theirs]), GOAL)
    for name, runs in (("Weir", ours), ("echo", theirs)):
        work.add(f"  {name}: calls", "/s", [run["calls_per_second"] for run in runs], digits=0)
        work.add(f"  {name}: latency p50", "us", [run["p50_us"] for run in runs], digits=0)
        work.add(f"  {name}: latency p99", "us", [run["p99_us"] for run in runs], digits=0)
    return work
