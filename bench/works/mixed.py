"""MiniLM embeddings over HTTP, texts of mixed lengths, against bare C++ loops that do the same work."""

from __future__ import annotations

from typing import Any

from harness.context import Context
from harness.embedding import (MODEL, bare_loop, compare, load, mixed_texts, per_second, texts_for_a_round,
                               write_round)
from harness.figures import Goal, Work, ratios
from harness.load import Load
from harness.programs import Weir
from harness.texts import summary_of

ABOUT = "MiniLM over HTTP, texts of mixed lengths, 16 and 64 connections, against bare loops of two threads"

ONE = ("--batch", "1")
SORTED = ("--batch", "8", "--order", "length")
UNSORTED = ("--batch", "8")
# Connections, what they are held against, what that is called, the goal.
SIDES = [
    (16, ONE, "bare loop, one by one", Goal(">=", 97)),
    (64, SORTED, "bare loop, sorted, by 8", Goal(">=", 95)),
]


class Side:
    """The rounds with one number of connections and with the loop beside them."""

    def __init__(self) -> None:
        self.speeds: list[float] = []
        self.loads: list[Load] = []
        self.bare: list[dict[str, Any]] = []

    def report(self, work: Work, connections: int, loop: str, goal: Goal) -> None:
        """Turns the rounds into rows."""
        theirs = [per_second(run) for run in self.bare]
        ours = f"Weir, {connections} connections"
        work.add(f"mixed: texts/s, {ours} / {loop}", "%", ratios(self.speeds, theirs), goal)
        work.add("  the same per second of processor time", "%",
                 ratios([load.requests / load.server_cpu_seconds for load in self.loads],
                        [run["texts"] / run["cpu_seconds"] for run in self.bare]))
        work.add(f"  {ours}", "texts/s", self.speeds)
        work.add(f"  {loop}", "texts/s", theirs)
        work.add(f"  {ours}: latency p50", "ms", [load.p50_ms for load in self.loads])
        work.add(f"  {ours}: latency p99", "ms", [load.p99_ms for load in self.loads])
        work.add(f"  {ours}: processors busy, server", "", [load.server_cpu for load in self.loads], digits=2)
        work.add(f"  {ours}: processors busy, wrk", "", [load.client_cpu for load in self.loads], digits=3)


def measure(context: Context) -> Work:
    """A/B/A/B: the server stays up and is idle while the bare loops run; all take the same texts."""
    work = Work("mixed")
    context.progress.show("mixed: counting texts")
    texts = texts_for_a_round(context, mixed_texts)
    sides = [Side() for _ in SIDES]
    unsorted: list[dict[str, Any]] = []
    with Weir(context, context.models("mixed", MODEL)) as weir:
        weir.wait_ready()
        weir.wait_idle()
        work.notes = {"texts": summary_of(texts), "likeness": compare(context, weir, texts)}
        load(context, weir, write_round(context, texts[:64], 0), 16)  # warm up
        for number in range(1, context.rounds + 1):
            context.progress.show(f"mixed: round {number} of {context.rounds}, {len(texts)} texts on each side")
            order = write_round(context, texts, number)
            for side, (connections, flags, _, _) in zip(sides, SIDES, strict=True):
                speed, run = load(context, weir, order, connections)
                side.speeds.append(speed)
                side.loads.append(run)
                side.bare.append(bare_loop(context, order.lines, "--count", str(len(texts)), *flags))
            unsorted.append(bare_loop(context, order.lines, "--seconds", str(context.seconds), *UNSORTED))
        jobs, runs = (weir.metric(f"weir_batch_jobs_{part}", model="minilm") for part in ("sum", "count"))
        work.notes["jobs_in_a_run_mean"] = round(jobs / runs, 2)
    for side, (connections, _, loop, goal) in zip(sides, SIDES, strict=True):
        side.report(work, connections, loop, goal)
    work.add("  bare loop, in the texts' order, by 8 (padding)", "texts/s", [per_second(run) for run in unsorted])
    return work
