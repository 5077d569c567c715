"""One copy of the weights: what memory and speed do as workers are added."""

from __future__ import annotations

import os
import time

from harness.context import Context
from harness.embedding import MODEL, SEED, load, write_texts
from harness.figures import Goal, Work
from harness.lengths import Lengths
from harness.memory import Memory, memory_of
from harness.programs import Weir, measured_once

ABOUT = "MiniLM with 1 to 16 workers: memory against that of one worker, throughput"
MEMORY_GOAL = Goal("<=", 100, each=True)
SPEED_GOAL = Goal(">=", 97)

WORKERS = (1, 2, 4, 8, 16)
TOKENS = 64
CONNECTIONS = 64
TEXTS = 800
SETTLE_S = 0.3


def cores() -> int:
    """That this process may use: the default of run.slots."""
    return len(os.sched_getaffinity(0))


def run(context: Context, workers: int, slots: int) -> tuple[float, Memory]:
    """Texts a second, and the memory afterwards. As many runs at once as workers, where slots say so."""
    lengths = Lengths(context.root / MODEL / "tokenizer.json")
    texts = write_texts(context, lengths.make(TEXTS, SEED, TOKENS))
    settings = (f"workers={workers}", f"run.slots={slots}", "batch.policy=never")
    with Weir(context, context.scratch / "models-workers", *settings) as weir:
        weir.wait_ready()
        speed, _ = load(context, weir, texts, CONNECTIONS)
        time.sleep(SETTLE_S)
        return speed, memory_of(weir.process.pid)


def measure(context: Context) -> Work:
    """A fresh server for each number of workers in each round. Speed with as many runs at once as there are cores, which
    is the default however many workers there are; memory with as many as there are workers, which is the most that there
    can be. The workspace of a run is what a second run at the same time adds."""
    work = Work("workers")
    measured_once(context, context.models("workers", MODEL))
    speeds: dict[int, list[float]] = {count: [] for count in WORKERS}
    crowded: dict[int, list[float]] = {count: [] for count in WORKERS}
    held: dict[int, list[Memory]] = {count: [] for count in WORKERS}
    for number in range(1, context.rounds + 1):
        for count in WORKERS:
            context.progress.show(f"workers: round {number} of {context.rounds}, {count} workers")
            speeds[count].append(run(context, count, cores())[0])
            speed, memory = run(context, count, count)
            crowded[count].append(speed)
            held[count].append(memory)
    space = [two.rss - one.rss for one, two in zip(held[1], held[2], strict=True)]
    bound = [one.rss + 16 * max(extra, 0.1) for one, extra in zip(held[1], space, strict=True)]
    work.add("workers: resident with 16 / (with 1 + 16 workspaces)", "%",
             [many.rss / most * 100 for many, most in zip(held[16], bound, strict=True)], MEMORY_GOAL)
    work.add("workers: texts/s with 16 / with 2", "%",
             [many / two * 100 for many, two in zip(speeds[16], speeds[2], strict=True)], SPEED_GOAL)
    work.add("  workspace of a run", "MB", space, digits=2)
    for count in WORKERS:
        work.add(f"  {count} workers: resident", "MB", [memory.rss for memory in held[count]])
        work.add(f"  {count} workers: texts", "/s", speeds[count])
        work.add(f"  {count} workers, all at once: texts", "/s", crowded[count])
    return work
