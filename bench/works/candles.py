"""Forecasts of candles against the loop of the models' authors, in PyTorch on the same cores."""

from __future__ import annotations

import concurrent.futures
import datetime
import json
import random
import statistics
import subprocess
import time
from pathlib import Path

from harness.context import BenchError, Context
from harness.figures import Goal, Work
from harness.memory import memory_of
from harness.peers import install
from harness.programs import Weir

ABOUT = "Kronos-small and -mini with random weights: one forecast, 8 at once, samples, against PyTorch without a cache"
HISTORY, STEPS, CONTEXT = 400, 120, 512
NEVER_SLIDES = CONTEXT - STEPS
TOGETHER = 8
LIMIT_S = 1800
COPIED = 256_000_000
SERIES, SLIDES, AFTER = 10, 500, 48  # whose errors are measured: how many, from where on, for how long


def moments(count: int) -> list[str]:
    """Every five minutes."""
    start = datetime.datetime(2025, 1, 1)
    return [(start + datetime.timedelta(minutes=5 * i)).isoformat() for i in range(count)]


def body(model: str, history: int, seed: int, samples: int = 1, exact: bool = True) -> dict:
    """A request: a random walk of five-minute candles."""
    chance, price, rows = random.Random(seed), 60.0, []
    for _ in range(history):
        opened, price = price, price * (1 + chance.gauss(0, 0.004))
        rows.append({"open": opened, "high": 1.002 * max(opened, price), "low": 0.998 * min(opened, price),
                     "close": price, "volume": chance.randint(1, 3000)})
    return {"model": model, "series": [{"candles": rows, "timestamps": moments(history)}], "horizon": STEPS, "seed": seed,
            "sample_count": samples, "exact": exact} | ({"top_k": 1} if samples == 1 else {})


def times(ours: list[float], theirs: list[float]) -> list[float]:
    """How many of theirs there are in ours, per round."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def ask(weir: Weir, bodies: list[dict]) -> float:
    """Seconds for all of them at once."""
    with concurrent.futures.ThreadPoolExecutor(len(bodies)) as pool:
        begin = time.monotonic()
        list(pool.map(lambda one: weir.request("POST", "/v1/forecast", one), bodies))
        return time.monotonic() - begin


def run(command: list) -> str:
    """What it prints; an error is its last words."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0:
        raise BenchError(f"{command[1]}: {done.stderr[-600:]}")
    return done.stdout


def make_model(context: Context, python: Path, folder: Path, size: str, *other_caches: str) -> Path:
    """Random weights in `folder`, and the models folder that Weir makes of them: SIZE, and SIZE-CACHE for the others."""
    models = context.scratch / "models"
    run([python, context.root / "bench/peers/kronos/weights.py", size, folder / size])
    convert = [context.weir, "models", "convert", "kronos", "--model", folder / size / size, "--tokenizer",
               folder / size / "tokenizer", "--max-context", "2048" if size == "mini" else CONTEXT]
    run([*convert, "--out", models / size])
    for cache in other_caches:
        run([*convert, "--cache-type", cache, "--out", models / f"{size}-{cache}"])
    return models


def original(python: Path, script: Path, folder: Path, size: str, batch: int) -> float:
    """Seconds of the authors' loop."""
    limit = "2048" if size == "mini" else str(CONTEXT)
    command = [python, script, "--model", folder / size / size, "--tokenizer", folder / size / "tokenizer", "--context",
               limit, "--history", HISTORY, "--steps", STEPS, "--batch", batch, "--threads", "2"]
    return json.loads(run(command))["seconds"][0]


def step_ms(weir: Weir) -> float:
    """Of a forecast alone that does not slide, by the server's own clock."""
    names = ("weir_run_seconds_sum", "weir_run_seconds_count")
    before = [weir.metric(name, model="small") for name in names]
    ask(weir, [body("small", NEVER_SLIDES, 1)])
    seconds, steps = (weir.metric(name, model="small") - start for name, start in zip(names, before, strict=True))
    return 1e3 * seconds / steps


def copying_ms(config: dict) -> float:
    """What memory takes for the weights that a step reads, at the rate at which one processor copies."""
    width, up, vocabulary = config["d_model"], config["ff_dim"], 1 << config["s1_bits"]
    # Four projections and a gated feed-forward in each layer; three of the second head, and both heads' logits.
    numbers = config["n_layers"] * (4 * width**2 + 3 * width * up) + 3 * width**2 + 2 * vocabulary * width
    source, target = bytearray(COPIED), bytearray(COPIED)
    took = []
    for _ in range(5):
        begin = time.monotonic()
        target[:] = source
        took.append(time.monotonic() - begin)
    return 1e3 * 4 * numbers / (COPIED / statistics.median(took))


def closes(weir: Weir, model: str, history: int, seeds: range, **fields) -> list[list[float]]:
    """Of a drawn future of each series, in deviations of its history: the series is the same for every seed."""
    drawn = []
    for number, seed in enumerate(seeds):
        asked = body(model, history, number) | {"seed": seed, "top_k": 0, "top_p": 0.9} | fields
        known = [row["close"] for row in asked["series"][0]["candles"]]
        answer = json.loads(weir.request("POST", "/v1/forecast", asked))["forecasts"][0]["prediction"]
        drawn.append([row["close"] / statistics.pstdev(known) for row in answer])
    return drawn


def apart(some: list[list[float]], others: list[list[float]], first: int = 0) -> float:
    """The mean difference of the closes, from that step on."""
    return statistics.fmean(abs(a - b) for one, other in zip(some, others, strict=True)
                            for a, b in zip(one[first:], other[first:], strict=True))


def add_errors(context: Context, weir: Weir, work: Work) -> None:
    """What the options that are not exact change, beside what another seed does."""
    context.progress.show("candles: what is not exact")
    seeds, others = range(SERIES), range(SERIES, 2 * SERIES)
    plain = closes(weir, "small", NEVER_SLIDES, seeds)
    unit = "deviations"
    work.add("  candles: 16-bit keys and values, close", unit,
             [apart(plain, closes(weir, "small-fp16", NEVER_SLIDES, seeds))], digits=3)
    work.add("  candles: the same, another seed", unit, [apart(plain, closes(weir, "small", NEVER_SLIDES, others))],
             digits=3)
    first = CONTEXT - SLIDES  # steps before the window slides
    sliding = closes(weir, "small", SLIDES, seeds, horizon=first + AFTER)
    quick = closes(weir, "small", SLIDES, seeds, horizon=first + AFTER, exact=False)
    other = closes(weir, "small", SLIDES, others, horizon=first + AFTER)
    work.add(f"  candles: exact: false, close of {AFTER} steps after the window slides", unit,
             [apart(sliding, quick, first)], digits=3)
    work.add("  candles: the same, another seed", unit, [apart(sliding, other, first)], digits=3)


def measure(context: Context) -> Work:
    """Each round: the original's three, then Weir's, in turns."""
    work = Work("candles")
    python = install(context, "kronos") / "python"
    script = context.root / "bench/peers/kronos/original.py"
    weights = context.scratch / "weights"
    make_model(context, python, weights, "mini")
    models = make_model(context, python, weights, "small", "fp16")
    took: dict[str, list[float]] = {}

    def note(name: str, seconds: float) -> None:
        took.setdefault(name, []).append(seconds)

    memory: dict[str, float] = {}
    with Weir(context, models, "deadline.default=600s", "deadline.max=600s") as weir:
        weir.wait_ready()
        ask(weir, [body("small", 30, 1), body("mini", 30, 1)])
        for number in range(1, context.rounds + 1):
            context.progress.show(f"candles: round {number} of {context.rounds}")
            note("original one", original(python, script, weights, "small", 1))
            note("original 8", original(python, script, weights, "small", TOGETHER))
            note("original mini 8", original(python, script, weights, "mini", TOGETHER))
            few = 3  # short ones are repeated: their median counts
            note("one", statistics.median(ask(weir, [body("small", HISTORY, 1)]) for _ in range(few)))
            note("8", ask(weir, [body("small", HISTORY, seed) for seed in range(TOGETHER)]))
            note("mini 8", statistics.median(
                ask(weir, [body("mini", HISTORY, seed) for seed in range(TOGETHER)]) for _ in range(few)))
            note("8 in sequence", sum(ask(weir, [body("small", NEVER_SLIDES, seed)]) for seed in range(TOGETHER)))
            note("8 that never slide", statistics.median(
                ask(weir, [body("small", NEVER_SLIDES, seed) for seed in range(TOGETHER)]) for _ in range(few)))
            note("1 sample", statistics.median(ask(weir, [body("small", NEVER_SLIDES, 1)]) for _ in range(few)))
            note("5 samples", statistics.median(ask(weir, [body("small", NEVER_SLIDES, 1, 5)]) for _ in range(few)))
            note("step / copying", step_ms(weir) / copying_ms(json.loads((weights / "small/small/config.json").read_text())))
            note("quick", statistics.median(ask(weir, [body("small", HISTORY, 1, exact=False)]) for _ in range(few)))
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            before = memory_of(weir.process.pid).rss
            asked = [pool.submit(ask, weir, [body("small", NEVER_SLIDES, seed)]) for seed in range(30)]
            most = before
            while not all(one.done() for one in asked):
                most = max(most, memory_of(weir.process.pid).rss)
                time.sleep(0.05)
        memory = {"before_mb": before, "most_with_30_in_flight_mb": most}
        add_errors(context, weir, work)
    work.add("candles: small 400 -> 120, original / Weir", "x", times(took["original one"], took["one"]), Goal(">=", 12))
    work.add("candles: 8 at once, original's batch / Weir", "x", times(took["original 8"], took["8"]), Goal(">=", 18))
    work.add("candles: mini, 8 at once, original / Weir", "x", times(took["original mini 8"], took["mini 8"]),
             Goal(">=", 45))
    work.add("candles: 8 that never slide, in sequence / at once", "x",
             times(took["8 in sequence"], took["8 that never slide"]), Goal(">=", 4))
    work.add("candles: 5 samples of a series / 1", "x", times(took["5 samples"], took["1 sample"]), Goal("<=", 2), 2)
    work.add("candles: a step of one row / copying the weights that it reads", "x", took.pop("step / copying"),
             Goal("<=", 1.3), 2)
    for name, values in took.items():
        work.add(f"  {name}", "s", values, digits=2)
    work.notes = memory
    return work
