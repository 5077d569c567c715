"""What MiniLM takes in memory beyond its weights, and in time to be ready beyond a bare session."""

from __future__ import annotations

import subprocess
import time

from harness.context import Context
from harness.embedding import MODEL, SEED, load, write_texts
from harness.figures import Goal, Work, ratios
from harness.lengths import Lengths
from harness.memory import Memory, memory_of
from harness.programs import Program, Weir, measured_once

ABOUT = "MiniLM: memory with 1 and 8 workers beyond the weights; start to ready against a bare session"
WEIGHTS_GOAL = Goal("<=", 60, each=True)
WORKER_GOAL = Goal("<=", 5, each=True)
START_GOAL = Goal("<=", 130)

WORKERS = (1, 8)
TOKENS = 64
CONNECTIONS = 16  # so that each of eight workers has work
TEXTS = 160
LEAST_STARTS = 7
SETTLE_S = 0.3  # before memory is looked at


def memory_with(context: Context, workers: int) -> Memory:
    """The server's memory after texts of 64 tokens."""
    lengths = Lengths(context.root / MODEL / "tokenizer.json")
    texts = write_texts(context, lengths.make(TEXTS, SEED, TOKENS))
    with Weir(context, context.scratch / "models-memory", f"workers={workers}") as weir:
        weir.wait_ready()
        load(context, weir, texts, CONNECTIONS)
        time.sleep(SETTLE_S)
        return memory_of(weir.process.pid)


def start_weir(context: Context) -> tuple[float, Memory]:
    """Milliseconds to the first good /readyz, and the memory then."""
    with Weir(context, context.scratch / "models-memory") as weir:
        ready = weir.wait_ready()
        time.sleep(SETTLE_S)
        return ready * 1e3, memory_of(weir.process.pid)


def start_bare(context: Context) -> tuple[float, Memory]:
    """The same of a program that opens the session and says so."""
    command = [str(context.tool("bare_session")), str(context.root / MODEL / "model.onnx")]
    with Program(context, "bare_session", command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bare:
        take = bare.process.stdout
        assert take is not None
        if not take.readline().startswith(b"ready"):
            raise bare.fail("it did not become ready")
        ready = time.monotonic() - bare.started
        time.sleep(SETTLE_S)
        return ready * 1e3, memory_of(bare.process.pid)


def measure(context: Context) -> Work:
    """Fresh processes in turn; the first pair of starts, which reads the files from disk, is not counted."""
    work = Work("memory_text")
    models = context.models("memory", MODEL)
    idle = measured_once(context, models)
    weights = (context.root / MODEL / "model.onnx").stat().st_size / 1e6
    held: dict[int, list[Memory]] = {workers: [] for workers in WORKERS}
    for number in range(1, context.rounds + 1):
        context.progress.show(f"memory_text: memory, round {number} of {context.rounds}")
        for workers in WORKERS:
            held[workers].append(memory_with(context, workers))
    starts = max(LEAST_STARTS, context.rounds)
    pairs = []
    for number in range(starts + 1):
        context.progress.show(f"memory_text: start {number} of {starts}")
        pairs.append((start_weir(context), start_bare(context)))
    ours, theirs = zip(*pairs[1:], strict=True)

    few, many = WORKERS
    work.add(f"memory_text: resident, {few} worker, beyond the weights", "MB",
             [memory.rss - weights for memory in held[few]], WEIGHTS_GOAL)
    work.add("memory_text: resident, each further worker", "MB",
             [(b.rss - a.rss) / (many - few) for a, b in zip(held[few], held[many], strict=True)], WORKER_GOAL, 2)
    work.add("memory_text: start to ready, Weir / bare session", "%",
             ratios([start[0] for start in ours], [start[0] for start in theirs]), START_GOAL)
    for workers in WORKERS:
        work.add(f"  {workers} workers, {TOKENS} tokens: resident", "MB", [memory.rss for memory in held[workers]])
        work.add(f"  {workers} workers, {TOKENS} tokens: anonymous", "MB",
                 [memory.anonymous for memory in held[workers]])
    for name, side in (("Weir", ours), ("bare session", theirs)):
        work.add(f"  {name}: start to ready", "ms", [start[0] for start in side])
        work.add(f"  {name}: resident when ready", "MB", [start[1].rss for start in side])
        work.add(f"  {name}: anonymous when ready", "MB", [start[1].anonymous for start in side])
    work.add("  Weir: resident, idle, after measuring what runs cost if it had to", "MB", [idle.rss])
    work.notes = {"weights_mb": weights}
    return work
