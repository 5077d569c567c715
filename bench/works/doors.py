"""MiniLM through every door, texts of mixed lengths, against the bare loop that runs one text at a time."""

from __future__ import annotations

import json
import struct
import subprocess

from harness.context import BenchError, Context
from harness.embedding import MODEL, PATH, bare_loop, mixed_texts, per_second, texts_for_a_round, write_round
from harness.figures import Goal, Work, ratios
from harness.load import CONNECTIONS, run_wrk
from harness.programs import ADDRESS, Weir, free_port

ABOUT = "MiniLM over HTTP, the Open Inference Protocol in JSON and binary, and gRPC, against a bare loop of two threads"
GOAL = Goal(">=", 97)
INFER = "/v2/models/minilm/infer"
DOORS = ("HTTP", "OIP, JSON", "OIP, binary", "gRPC")


def json_line(text: str) -> str:
    """The text as a tensor in JSON."""
    return json.dumps({"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": [text]}]})


def binary_line(text: str) -> str:
    """The same as binary data, in and out, as embeddings.lua reads it."""
    data = text.encode()
    data = struct.pack("<I", len(data)) + data
    head = json.dumps({"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1],
                                   "parameters": {"binary_data_size": len(data)}}],
                       "parameters": {"binary_data_output": True}}).encode()
    return f"{len(head)} {(head + data).hex()}"


def measure(context: Context) -> Work:
    """A/B/C/D/E in turns; all take the same texts in the same order."""
    work = Work("doors")
    texts = texts_for_a_round(context, mixed_texts)
    speeds: dict[str, list[float]] = {door: [] for door in DOORS}
    bare: list[float] = []
    port = free_port()
    with Weir(context, context.models("doors", MODEL), f"grpc.port={port}") as weir:
        weir.wait_ready()
        weir.wait_idle()

        def wrk(path: str, bodies: str, *more: str) -> float:
            run = run_wrk(context, weir, path, "embeddings.lua", [bodies, str(len(texts)), *more],
                          context.seconds * 10 + 30)
            if run.reached.get("bad") or not run.reached:
                raise BenchError(f"{path}: {run.reached}")
            return run.reached["answers"] / run.reached["seconds"]

        def grpc(lines: str) -> float:
            done = subprocess.run([str(context.tool("weir_grpc_load")), f"{ADDRESS}:{port}", str(CONNECTIONS),
                                   str(context.seconds), "minilm", lines], capture_output=True, text=True,
                                  timeout=context.seconds + 60, check=False)
            if done.returncode != 0:
                raise BenchError(f"weir_grpc_load: {done.stdout}{done.stderr}")
            return json.loads(done.stdout)["calls_per_second"]

        for number in range(context.rounds + 1):
            context.progress.show(f"doors: round {number} of {context.rounds}")
            order = write_round(context, texts, number)
            lines = order.lines.read_text().splitlines()
            plain, binary = context.scratch / "plain.jsonl", context.scratch / "binary.txt"
            plain.write_text("".join(json_line(line) + "\n" for line in lines))
            binary.write_text("".join(binary_line(line) + "\n" for line in lines))
            found = (wrk(PATH, str(order.bodies)), wrk(INFER, str(plain)), wrk(INFER, str(binary), "binary"),
                     grpc(str(order.lines)))
            loop = per_second(bare_loop(context, order.lines, "--count", str(len(texts)), "--batch", "1"))
            if number == 0:
                continue  # warm up
            bare.append(loop)
            for door, speed in zip(DOORS, found, strict=True):
                speeds[door].append(speed)
    for door in DOORS:
        work.add(f"doors: texts/s, {door} / bare loop, one by one", "%", ratios(speeds[door], bare), GOAL)
        work.add(f"  {door}", "texts/s", speeds[door])
    work.add("  bare loop", "texts/s", bare)
    return work
