"""What a second model on the same encoder file adds in memory: minilm and sentiment against minilm alone."""

from __future__ import annotations

import time
from pathlib import Path

from harness.context import Context
from harness.figures import Goal, Work
from harness.memory import Memory, memory_of
from harness.programs import Weir, measured_once

ABOUT = "memory of minilm and sentiment together, against minilm alone"
GOAL = Goal("<=", 5, each=True)

LEAST_ROUNDS = 5
SETTLE_S = 0.3
TEXT = "The second train was late too, but nobody on the platform seemed to mind."


def memory_with(context: Context, models: Path, both: bool) -> Memory:
    """The server's memory after one request to each of its models."""
    with Weir(context, models) as weir:
        weir.wait_ready()
        weir.request("POST", "/v1/embeddings", {"model": "minilm", "input": TEXT})
        if both:
            weir.request("POST", "/v1/classify", {"model": "sentiment", "input": TEXT})
        time.sleep(SETTLE_S)
        return memory_of(weir.process.pid)


def measure(context: Context) -> Work:
    """A/B/A/B, a fresh server each time."""
    work = Work("shared")
    one = context.models("one", "models/minilm")
    two = context.models("two", "models/minilm", "models/sentiment")
    measured_once(context, two)
    alone: list[Memory] = []
    together: list[Memory] = []
    rounds = max(LEAST_ROUNDS, context.rounds)
    for number in range(1, rounds + 1):
        context.progress.show(f"shared: round {number} of {rounds}")
        together.append(memory_with(context, two, both=True))
        alone.append(memory_with(context, one, both=False))
    pairs = list(zip(together, alone, strict=True))
    work.add("shared: resident, both models - minilm alone", "MB", [a.rss - b.rss for a, b in pairs], GOAL, 2)
    work.add("  of that anonymous", "MB", [a.anonymous - b.anonymous for a, b in pairs], digits=2)
    work.add("  both models, resident", "MB", [memory.rss for memory in together])
    work.add("  minilm alone, resident", "MB", [memory.rss for memory in alone])
    return work
