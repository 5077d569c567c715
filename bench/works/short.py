"""MiniLM embeddings over HTTP, short texts, where running several together pays most."""

from __future__ import annotations

from typing import Any

from harness.context import Context
from harness.embedding import (MODEL, SEED, bare_loop, compare, load, per_second, texts_for_a_round, write_round)
from harness.figures import Goal, Work, ratios
from harness.lengths import Lengths
from harness.load import Load
from harness.programs import Weir
from harness.texts import summary_of

ABOUT = "MiniLM over HTTP, texts of 8 to 16 tokens, 64 connections, against a bare loop that batches nothing"
GOAL = Goal(">=", 135)

CONNECTIONS = 64
LEAST_TOKENS, MOST_TOKENS = 8, 16
BATCHED = ("--batch", "32")


def measure(context: Context) -> Work:
    """A/B/A/B: the server stays up and is idle while the bare loop runs."""
    work = Work("short")
    context.progress.show("short: counting texts")
    lengths = Lengths(context.root / MODEL / "tokenizer.json")
    texts = texts_for_a_round(context, lambda count: lengths.make(count, SEED, LEAST_TOKENS, MOST_TOKENS))
    speeds: list[float] = []
    loads: list[Load] = []
    bare: list[dict[str, Any]] = []
    batched: list[dict[str, Any]] = []
    with Weir(context, context.models("short", MODEL)) as weir:
        weir.wait_ready()
        weir.wait_idle()
        work.notes = {"texts": summary_of(texts), "likeness": compare(context, weir, texts)}
        load(context, weir, write_round(context, texts[:256], 0), CONNECTIONS)  # warm up
        for number in range(1, context.rounds + 1):
            context.progress.show(f"short: round {number} of {context.rounds}, {len(texts)} texts on each side")
            order = write_round(context, texts, number)
            speed, run = load(context, weir, order, CONNECTIONS)
            speeds.append(speed)
            loads.append(run)
            bare.append(bare_loop(context, order.lines, "--count", str(len(texts))))
            batched.append(bare_loop(context, order.lines, "--count", str(len(texts)), *BATCHED))
    theirs = [per_second(run) for run in bare]
    work.add("short: texts/s, Weir / bare loop, one by one", "%", ratios(speeds, theirs), GOAL)
    work.add("  Weir", "texts/s", speeds)
    work.add("  bare loop, one by one", "texts/s", theirs)
    work.add("  bare loop, by 32", "texts/s", [per_second(run) for run in batched])
    work.add("  Weir: latency p50", "ms", [run.p50_ms for run in loads])
    work.add("  Weir: latency p99", "ms", [run.p99_ms for run in loads])
    work.add("  Weir: processors busy, server", "", [run.server_cpu for run in loads], digits=2)
    work.add("  Weir: processors busy, wrk", "", [run.client_cpu for run in loads], digits=3)
    return work
