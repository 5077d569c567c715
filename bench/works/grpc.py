"""The identity model over gRPC, against a bare echo of the same messages on the same library.

And against that echo with a bare ONNX Runtime session in it, which is what a server of models cannot do without.
"""

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
    """A/B/C/A/B/C: all servers stay up, one of them is loaded at a time."""
    work = Work("grpc")
    runs: dict[str, list[dict]] = {"Weir": [], "echo": [], "echo with the model": []}
    port, echo_port, model_port = free_port(), free_port(), free_port()
    models = context.models("identity", "examples/models/identity")
    echo = str(context.tool("weir_grpc_echo"))
    with (Weir(context, models, f"grpc.port={port}") as weir, Program(context, "echo", [echo, str(echo_port)]),
          Program(context, "echo-model", [echo, str(model_port), str(models / "identity/model.onnx")])):
        weir.wait_ready()
        load_weir(context, weir, port, 1)  # warm up; the first also waits for the others to listen
        load(context, echo_port, 1)
        load(context, model_port, 1)
        for number in range(1, context.rounds + 1):
            context.progress.show(f"grpc: round {number} of {context.rounds}")
            runs["Weir"].append(load_weir(context, weir, port, context.seconds))
            runs["echo"].append(load(context, echo_port, context.seconds))
            runs["echo with the model"].append(load(context, model_port, context.seconds))
    calls = {name: [run["calls_per_second"] for run in of_it] for name, of_it in runs.items()}
    work.add("grpc: calls/s, Weir / bare echo", "%", ratios(calls["Weir"], calls["echo"]), GOAL)
    work.add("grpc: echo with the model / bare echo", "%", ratios(calls["echo with the model"], calls["echo"]))
    work.add("grpc: Weir / echo with the model", "%", ratios(calls["Weir"], calls["echo with the model"]))
    for name, of_it in runs.items():
        work.add(f"  {name}: calls", "/s", calls[name], digits=0)
        work.add(f"  {name}: latency p50", "us", [run["p50_us"] for run in of_it], digits=0)
        work.add(f"  {name}: latency p99", "us", [run["p99_us"] for run in of_it], digits=0)
    return work
