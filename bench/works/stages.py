"""Where the time of one request goes: processor time by part from perf, and the server's own stage timers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections import Counter
from typing import Any

from harness.context import BenchError, Context
from harness.figures import Work
from harness.load import run_wrk
from harness.programs import ADDRESS, Weir, free_port
from works.identity import BODY, PATH

ABOUT = "where one request's time goes, identity over HTTP and gRPC, by part: from perf (slow: by name only)"
SAMPLES_PER_SECOND = 1999
CHANNELS = 16

# The first whose pattern is found in "SYMBOL @ FILE" has the sample.
PARTS = (
    ("kernel: sockets, threads", r"@ (\[kernel|\[unknown|\[vdso|\[guest)|_\[k\]"),
    ("ONNX Runtime", r"libonnxruntime|weir::.*Onnx|Ort::"),
    ("allocating, copying bytes", r"malloc|free|operator (new|delete)|mem(cpy|move|set|cmp)|_int_|tcache|unlink_chunk"),
    ("gRPC: HTTP/2, calls, its threads", r"grpc|libgpr|libabsl|libupb|libcares|libaddress_sorting"),
    ("protobuf", r"google::protobuf|inference::|libprotobuf"),
    ("codec: JSON and messages to tensors and back", r"weir::codec|simdjson|weir::rpc::.*(Read|Write)|weir::rpc::\(anon"),
    ("HTTP: reading, writing, routing", r"boost::|weir::http|asio"),
    ("engine: admission, short cut, answers", r"weir::"),
)


def part_of(symbol: str) -> str:
    """The part of the server that a symbol belongs to."""
    for name, pattern in PARTS:
        if re.search(pattern, symbol):
            return name
    return "the C library and the rest"


def shares(pid: int, seconds: float, scratch: Any) -> dict[str, float]:
    """Shares of the process's time, by part, while somebody loads it."""
    data = scratch / "perf.data"
    perf = shutil.which("perf")
    if perf is None:
        raise BenchError("perf is not installed; Debian has it in linux-perf")
    done = subprocess.run([perf, "record", "-q", "-e", "cpu-clock", "-F", str(SAMPLES_PER_SECOND), "-p", str(pid),
                           "-o", str(data), "--", "sleep", str(seconds)], capture_output=True, text=True,
                          timeout=seconds + 60, check=False)
    if done.returncode != 0:
        raise BenchError(f"perf record: {done.stderr[-500:]}")
    script = subprocess.run([perf, "script", "-i", str(data), "-F", "ip,sym,dso"], capture_output=True, text=True,
                            timeout=300, check=False)
    counted: Counter[str] = Counter()
    for line in script.stdout.splitlines():
        found = re.match(r"\s*[0-9a-f]+ (.*) \((.*)\)$", line)
        if found:
            counted[part_of(f"{found.group(1)} @ {found.group(2)}")] += 1
    total = sum(counted.values())
    if total < 100:
        raise BenchError(f"perf saw {total} samples")
    return {part: count / total for part, count in counted.items()}


def timers(weir: Weir) -> dict[str, tuple[float, float]]:
    """Seconds and answers of each stage, as the server counts them."""
    text = weir.request("GET", "/metrics").decode()
    stages = re.findall(r'^weir_request_stage_seconds_sum\{stage="(\w+)"\} (\S+)$', text, re.MULTILINE)
    counts = dict(re.findall(r'^weir_request_stage_seconds_count\{stage="(\w+)"\} (\S+)$', text, re.MULTILINE))
    return {stage: (float(value), float(counts[stage])) for stage, value in stages}


def observe(context: Context, weir: Weir, load: Any) -> tuple[dict[str, float], float]:
    """Microseconds of processor time of one request by part, and all of it; `load` gives how many were answered."""
    before = weir.cpu_seconds()
    with_perf: dict[str, float] = {}
    watcher = threading.Thread(target=lambda: with_perf.update(
        shares(weir.process.pid, context.seconds * 0.8, context.scratch)))
    watcher.start()
    answered = load()
    watcher.join()
    each = (weir.cpu_seconds() - before) / answered * 1e6
    return {part: share * each for part, share in with_perf.items()}, each


def measure(context: Context) -> Work:
    """One run each; perf itself takes a little of the processors."""
    work = Work("stages")
    body_file = context.scratch / "identity.json"
    body_file.write_text(json.dumps(BODY))
    port = free_port()
    with Weir(context, context.models("identity", "examples/models/identity"), f"grpc.port={port}") as weir:
        weir.wait_ready()

        def http() -> float:
            return run_wrk(context, weir, PATH, "post.lua", [str(body_file)], context.seconds).requests

        def grpc() -> float:
            done = subprocess.run([str(context.tool("weir_grpc_load")), f"{ADDRESS}:{port}", str(CHANNELS),
                                   str(context.seconds)], capture_output=True, text=True,
                                  timeout=context.seconds + 60, check=False)
            if done.returncode != 0:
                raise BenchError(f"weir_grpc_load: {done.stdout}{done.stderr}")
            return float(json.loads(done.stdout)["calls_per_second"]) * context.seconds

        for door, load in (("HTTP", http), ("gRPC", grpc)):
            load()  # warm up
            parts: dict[str, list[float]] = {}
            whole: list[float] = []
            before = timers(weir)
            for number in range(1, context.rounds + 1):
                context.progress.show(f"stages: {door}, round {number} of {context.rounds}")
                found, each = observe(context, weir, load)
                whole.append(each)
                for part in (*(name for name, _ in PARTS), "the C library and the rest"):
                    parts.setdefault(part, []).append(found.get(part, 0.0))
            work.add(f"stages: {door}, processor time of a request", "us", whole)
            for part, values in parts.items():
                if max(values) >= 0.05:
                    work.add(f"  {part}", "us", values, digits=2)
            for stage, (seconds, count) in timers(weir).items():
                was_seconds, was_count = before.get(stage, (0.0, 0.0))
                if count > was_count:
                    work.add(f"  timer '{stage}'", "us", [(seconds - was_seconds) / (count - was_count) * 1e6], digits=2)
    return work

