"""MiniLM embeddings over HTTP, texts of mixed lengths, against a bare C++ loop that does the same work."""

from __future__ import annotations

import array
import json
import random
import subprocess
from pathlib import Path
from typing import Any

from harness.context import BenchError, Context
from harness.figures import Goal, Work, ratios
from harness.load import Load, run_wrk
from harness.programs import Weir
from harness.texts import make_texts, summary_of

ABOUT = "MiniLM over HTTP, texts of mixed lengths, 16 connections, against a bare loop of two threads"
GOAL = Goal(">=", 90)

PATH = "/v1/embeddings"
MODEL = "models/minilm"
SEED = 20
LIKENESS = 1e-5  # most that two values of a vector may differ
COMPARED = 48  # texts whose vectors are compared


def bare_loop(context: Context, texts: Path, *flags: str) -> dict[str, Any]:
    """Runs bench/bare_loop.cc and returns what it printed."""
    command = [str(context.tool("bare_loop")), str(context.root / MODEL), str(texts), *flags]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=context.seconds * 5 + 60, check=True)
    except subprocess.CalledProcessError as error:
        raise BenchError(f"bare_loop failed: {error.stderr}") from error
    return json.loads(ended.stdout)


def embed(weir: Weir, texts: list[str]) -> tuple[list[list[float]], int]:
    """The server's vectors for one request, and the tokens it counted."""
    answer = json.loads(weir.request("POST", PATH, {"model": "minilm", "input": texts}))
    return [item["embedding"] for item in answer["data"]], answer["usage"]["prompt_tokens"]


def compare(context: Context, weir: Weir, texts: list[str]) -> dict[str, float]:
    """Both sides' vectors and token counts for some texts have to be the same."""
    ordered = sorted(texts, key=len)
    chosen = [ordered[i * (len(ordered) - 1) // (COMPARED - 1)] for i in range(COMPARED)]
    file = context.scratch / "compared.txt"
    file.write_text("".join(f"{text}\n" for text in chosen))
    vectors_file = context.scratch / "vectors"
    bare = bare_loop(context, file, "--vectors", str(vectors_file))
    values = array.array("f", vectors_file.read_bytes())
    width = len(values) // len(chosen)
    expected = [values[i * width : (i + 1) * width] for i in range(len(chosen))]

    together, tokens = embed(weir, chosen)  # the server may batch these
    alone = [embed(weir, [text])[0][0] for text in chosen]
    if tokens != bare["tokens"]:
        raise BenchError(f"the server counted {tokens} tokens, the bare loop {bare['tokens']}")
    worst = max(
        abs(a - b)
        for vectors in (together, alone)
        for ours, theirs in zip(vectors, expected, strict=True)
        for a, b in zip(ours, theirs, strict=True)
    )
    if worst > LIKENESS:
        raise BenchError(f"the vectors differ by up to {worst:.2e}, more than {LIKENESS:.0e}")
    return {"texts": len(chosen), "largest_difference": worst, "tokens": tokens}


def write_round(context: Context, texts: list[str], number: int) -> tuple[Path, Path]:
    """The round's order of the texts, for both sides: as lines, and as request bodies."""
    order = random.Random(SEED + number).sample(texts, len(texts))
    lines, bodies = context.scratch / "texts.txt", context.scratch / "bodies.jsonl"
    lines.write_text("".join(f"{text}\n" for text in order))
    bodies.write_text("".join(json.dumps({"model": "minilm", "input": text}) + "\n" for text in order))
    return lines, bodies


def load_weir(context: Context, weir: Weir, bodies: Path, count: int) -> tuple[float, Load]:
    """Texts per second over the first `count` answers, and the whole run."""
    load = run_wrk(context, weir, PATH, "embeddings.lua", [str(bodies), str(count)], context.seconds * 4 + 10)
    if not load.reached or load.reached["bad"]:
        raise BenchError(f"{count} texts were not answered well: {load}")
    return count / load.reached["seconds"], load


def calibrate(context: Context) -> list[str]:
    """As many texts as the bare loop embeds in the time that a round may take."""
    texts = make_texts(4000, SEED)
    lines, _ = write_round(context, texts, 0)
    trial = bare_loop(context, lines, "--seconds", str(min(context.seconds, 1.5)))
    count = round(trial["texts"] / trial["seconds"] * context.seconds)
    return make_texts(max(count, COMPARED), SEED)


def measure(context: Context) -> Work:
    """A/B/A/B: the server stays up and is idle while the bare loop runs."""
    work = Work("minilm")
    context.progress.show("minilm: counting texts")
    texts = calibrate(context)
    ours: list[float] = []
    loads: list[Load] = []
    bare: list[dict[str, Any]] = []
    with Weir(context, context.models("minilm", MODEL)) as weir:
        weir.wait_ready()
        work.notes = {"texts": summary_of(texts), "likeness": compare(context, weir, texts)}
        lines, bodies = write_round(context, texts, 0)
        load_weir(context, weir, bodies, 64)  # warm up
        for number in range(1, context.rounds + 1):
            context.progress.show(f"minilm: round {number} of {context.rounds}, {len(texts)} texts on each side")
            lines, bodies = write_round(context, texts, number)
            speed, load = load_weir(context, weir, bodies, len(texts))
            ours.append(speed)
            loads.append(load)
            bare.append(bare_loop(context, lines, "--count", str(len(texts))))
        jobs, runs = (weir.metric(f"weir_batch_jobs_{part}", model="minilm") for part in ("sum", "count"))
        work.notes["jobs_in_a_run_mean"] = round(jobs / runs, 2)
    report(ours, loads, bare, work)
    return work


def report(ours: list[float], loads: list[Load], bare: list[dict[str, Any]], work: Work) -> None:
    """Turns the runs into rows."""
    theirs = [run["texts"] / run["seconds"] for run in bare]
    work.add("minilm: texts/s, Weir / bare loop", "%", ratios(ours, theirs), GOAL)
    work.add("  the same per second of processor time", "%",
             ratios([load.requests / load.server_cpu_seconds for load in loads],
                    [run["texts"] / run["cpu_seconds"] for run in bare]))
    work.add("  Weir", "texts/s", ours)
    work.add("  bare loop", "texts/s", theirs)
    work.add("  Weir: latency p50", "ms", [load.p50_ms for load in loads])
    work.add("  Weir: latency p99", "ms", [load.p99_ms for load in loads])
    work.add("  Weir: processors busy, server", "", [load.server_cpu for load in loads], digits=2)
    work.add("  Weir: processors busy, wrk", "", [load.client_cpu for load in loads], digits=3)
    work.add("  bare loop: processors busy", "", [run["cpu_seconds"] / run["seconds"] for run in bare], digits=2)
