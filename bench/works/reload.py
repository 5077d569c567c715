"""Replacing a model while clients use it fully: what they notice, and what is left in memory."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from harness.context import BenchError, Context
from harness.embedding import MODEL
from harness.figures import Goal, Work
from harness.memory import memory_of
from harness.programs import ADDRESS, Weir, measured_once

ABOUT = "MiniLM reloaded again and again under full load, its files replaced each time: p99, failures, memory"
P99_GOAL = Goal("<=", 200)
NONE = Goal("<=", 0, each=True)
MEMORY_GOAL = Goal("<=", 105, each=True)

RELOADS = 1000
CONNECTIONS = 16
SETTLE_S = 1.0
PATH = "/v1/models/minilm/reload"
MOST_S = 1800


class Driver:
    """`weir bench` with 16 callers, in a process of its own, until it is ended."""

    def __init__(self, context: Context, server: Weir, seconds: float) -> None:
        self.file = context.scratch / "reload.json"
        command = [str(context.weir), "bench", f"http://{ADDRESS}:{server.port}", "--model", "minilm", "--connections",
                   str(CONNECTIONS), "--duration", f"{seconds:g}s", "--warmup", "1s", "--json", str(self.file)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def end(self, early: bool = False) -> dict[str, Any]:
        """What it measured."""
        if early:
            self.process.terminate()
        _, errors = self.process.communicate(timeout=60 if early else MOST_S)
        if self.process.returncode != 0:
            raise BenchError(f"weir bench failed: {errors.decode()}")
        return json.loads(self.file.read_text())


def own_model(context: Context) -> Path:
    """A models folder whose graph is a file of its own."""
    models = context.scratch / "models-reload"
    shutil.rmtree(models, ignore_errors=True)
    shutil.copytree((context.root / MODEL).resolve(), models / "minilm", symlinks=False)
    return models


def replace_graph(folder: Path) -> None:
    """The same bytes in another file, which no cache knows."""
    fresh = folder / ".fresh"
    shutil.copyfile(folder / "model.onnx", fresh)
    fresh.rename(folder / "model.onnx")


def reload_until(server: Weir, folder: Path, count: int, stop: threading.Event | None = None) -> list[float]:
    """Seconds that each reload took."""
    took = []
    while len(took) < count and not (stop and stop.is_set()):
        replace_graph(folder)
        start = time.monotonic()
        server.request("POST", PATH)
        took.append(time.monotonic() - start)
    return took


def one_round(context: Context, models: Path) -> dict[str, Any]:
    """Load alone, load with one reload after the other, then 1,000 of them."""
    with Weir(context, models, "watch.models=false") as server:
        server.wait_ready()
        server.wait_idle()
        alone = Driver(context, server, context.seconds).end()
        driver = Driver(context, server, context.seconds)
        stop = threading.Event()
        timer = threading.Timer(context.seconds + 1, stop.set)
        timer.start()
        took = reload_until(server, models / "minilm", RELOADS, stop)
        during = driver.end()
        time.sleep(SETTLE_S)
        before = memory_of(server.process.pid)
        driver = Driver(context, server, MOST_S)
        many = reload_until(server, models / "minilm", RELOADS)
        whole = driver.end(early=True)
        time.sleep(SETTLE_S)
        loads = server.metric("weir_model_loads_total", model="minilm", result="replaced")
        return {"alone": alone, "during": during, "whole": whole, "took": took, "many": many, "loads": loads,
                "before": before, "after": memory_of(server.process.pid)}


def failures(report: dict[str, Any]) -> int:
    """Requests that were not answered well; those that were out when the measurement was ended are none."""
    result = report["result"]
    if result["unfinished"] > CONNECTIONS:
        raise BenchError(f"{result['unfinished']} requests have no answer")
    return result["requests"] - result["succeeded"] - result["unfinished"]


def measure(context: Context) -> Work:
    """A fresh server in each round."""
    work = Work("reload")
    models = own_model(context)
    measured_once(context, models)
    rounds = []
    for number in range(1, context.rounds + 1):
        context.progress.show(f"reload: round {number} of {context.rounds}, {RELOADS} reloads")
        rounds.append(one_round(context, models))
    p99 = [(r["alone"]["result"]["latency_ms"]["p99"], r["during"]["result"]["latency_ms"]["p99"]) for r in rounds]
    work.add("reload: p99 while reloads follow each other / before", "%", [b / a * 100 for a, b in p99], P99_GOAL)
    work.add(f"reload: requests that failed during {RELOADS} reloads", "", [failures(r["whole"]) for r in rounds], NONE)
    work.add("reload: loads beyond those asked for", "",
             [r["loads"] - len(r["took"]) - len(r["many"]) for r in rounds], NONE)
    work.add(f"reload: resident after {RELOADS} reloads / before", "%",
             [r["after"].rss / r["before"].rss * 100 for r in rounds], MEMORY_GOAL)
    work.add("  p99 before", "ms", [a for a, _ in p99])
    work.add("  p99 meanwhile", "ms", [b for _, b in p99])
    work.add("  a reload under load takes", "ms", [sum(r["many"]) / len(r["many"]) * 1e3 for r in rounds])
    work.add("  answers during the reloads", "", [r["whole"]["result"]["succeeded"] for r in rounds], digits=0)
    work.add("  resident before", "MB", [r["before"].rss for r in rounds])
    work.add("  resident after", "MB", [r["after"].rss for r in rounds])
    return work
