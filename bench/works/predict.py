"""`weir predict` over a file, against a bare loop that packs the whole file by length; memory over a long file."""

from __future__ import annotations

import json
import math
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from harness.context import BenchError, Context
from harness.embedding import (MODEL, SEED, LIKENESS, bare_loop, largest_difference, mixed_texts, per_second,
                               reference)
from harness.figures import Goal, Work, ratios
from harness.memory import Memory, memory_of
from harness.programs import Program
from harness.tiny_model import make_tiny_model

ABOUT = "weir predict over 20,000 mixed lines against a bare loop; its memory over 1,000,000 lines (slow: by name only)"
SPEED_GOAL = Goal(">=", 98)
FLAT_GOAL = Goal("<=", 5, each=True)

# How the program is called, and where one line of its output has the vector.
COMMAND = ["predict", "{model}", "{file}", "--format", "ndjson"]
VECTOR = "embedding"

LINES = 20_000
MOST_ROUNDS = 2  # one takes a few minutes
PACKED = ("--batch", "8", "--order", "length")
LONG_LINES = 1_000_000
COMPARED_LINES = 200
SAMPLE_S = 0.05
LIMIT_S = 1200.0


@dataclass(frozen=True)
class Ended:
    """One run of `weir predict`."""

    seconds: float
    output: Path
    samples: list[Memory]


def run_predict(context: Context, model: Path, file: Path) -> Ended:
    """From the start of the process to its end, with its memory all the while."""
    command = [str(context.weir), *(part.format(model=model, file=file) for part in COMMAND)]
    output = context.scratch / "predicted.ndjson"
    samples: list[Memory] = []
    with output.open("wb") as stdout, Program(context, "weir-predict", command, stdout=stdout) as program:
        while program.process.poll() is None:
            if time.monotonic() - program.started > LIMIT_S:
                raise program.fail(f"it did not end within {LIMIT_S:g} s")
            try:
                samples.append(memory_of(program.process.pid))
                program.process.wait(SAMPLE_S)
            except (subprocess.TimeoutExpired, FileNotFoundError, ProcessLookupError, KeyError):
                pass  # it goes on, or has just ended and has no memory to look at
        seconds = time.monotonic() - program.started
        if program.process.returncode != 0:
            raise program.fail(f"it ended with status {program.process.returncode}")
    return Ended(seconds, output, samples)


def check_output(context: Context, texts: list[str], output: Path) -> float:
    """One line for each text in their order; the largest difference from the bare loop's vectors."""
    every = math.ceil(len(texts) / COMPARED_LINES)
    chosen = []
    count = 0
    with output.open() as lines:
        for line in lines:
            if count % every == 0:
                chosen.append(json.loads(line)[VECTOR])
            count += 1
    if count != len(texts):
        raise BenchError(f"weir predict wrote {count} lines for {len(texts)} texts")
    worst = largest_difference(chosen, reference(context, texts[::every])[0])
    if worst > LIKENESS:
        raise BenchError(f"weir predict's vectors differ by up to {worst:.2e}, more than {LIKENESS:.0e}")
    return worst


def growth(samples: list[Memory]) -> float:
    """MB of anonymous memory between a tenth of the way and the highest point after it."""
    begun = samples[len(samples) // 10 :]
    return max(memory.anonymous for memory in begun) - begun[0].anonymous


def measure(context: Context) -> Work:
    """A/B/A/B for the speed, then once the long file."""
    work = Work("predict")
    texts = mixed_texts(LINES)
    file = context.scratch / "lines.txt"
    file.write_text("".join(f"{text}\n" for text in texts))
    model = context.root / MODEL
    ours: list[Ended] = []
    theirs: list[float] = []
    rounds = min(MOST_ROUNDS, context.rounds)
    for number in range(1, rounds + 1):
        context.progress.show(f"predict: round {number} of {rounds}, {LINES} lines on each side")
        ours.append(run_predict(context, model, file))
        work.notes["largest_difference"] = check_output(context, texts, ours[-1].output)
        theirs.append(per_second(bare_loop(context, file, "--count", str(LINES), *PACKED, limit_s=LIMIT_S)))
    speeds = [LINES / run.seconds for run in ours]
    work.add("predict: lines/s, weir predict / bare loop, all sorted, by 8", "%", ratios(speeds, theirs), SPEED_GOAL)
    work.add("  weir predict, process start to end", "lines/s", speeds)
    work.add("  bare loop, without its start", "lines/s", theirs)
    work.add("  weir predict: highest resident", "MB", [max(m.rss for m in run.samples) for run in ours])

    context.progress.show(f"predict: {LONG_LINES} lines of a tiny model")
    long_file = context.scratch / "long.txt"
    with long_file.open("w") as lines:
        for number in range(LONG_LINES):
            lines.write(f"line {number}: {texts[number % len(texts)][:40]}\n")
    long_run = run_predict(context, make_tiny_model(context, model), long_file)
    work.add(f"predict: growth of anonymous memory over {LONG_LINES:,} lines", "MB", [growth(long_run.samples)],
             FLAT_GOAL)
    work.add("  lines/s of a tiny model", "lines/s", [LONG_LINES / long_run.seconds], digits=0)
    work.add("  highest resident", "MB", [max(memory.rss for memory in long_run.samples)])
    return work
