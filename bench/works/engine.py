"""The engine around a model that does nothing, and the tokenizer: small figures to see changes by."""

from __future__ import annotations

import json
import os
import subprocess

from harness.context import BenchError, Context
from harness.figures import Goal, Work

ABOUT = "the engine alone (null model, two workers) and the tokenizer, by google-benchmark"

# Name in engine_bench.cc and tokenizer_bench.cc, what it is called here, unit, decimals.
ROWS = [
    ("BM_EngineOneByOne/real_time", "engine: a job and its answer, by a worker", "us", 1),
    ("BM_EngineOneByOneShortCut/real_time", "engine: a job and its answer, where it is", "us", 1),
    ("BM_EngineWindow/batched:0/open:64/real_time", "engine: 64 jobs under way, each run alone", "jobs/s", 0),
    ("BM_EngineWindow/batched:0/open:250/real_time", "engine: 250 jobs under way, each run alone", "jobs/s", 0),
    ("BM_EngineWindow/batched:1/open:64/real_time", "engine: 64 jobs under way, batched", "jobs/s", 0),
    ("BM_EngineWindow/batched:1/open:250/real_time", "engine: 250 jobs under way, batched", "jobs/s", 0),
    ("BM_LookUpAndPermit", "engine: find the model, get and return a permit", "us", 3),
    ("BM_LookUp/real_time/threads:1", "engine: find the model, 1 thread", "lookups/s", 0),
    ("BM_LookUp/real_time/threads:8", "engine: find the model, 8 threads", "lookups/s", 0),
    ("BM_Submit/manual_time", "engine: find, permit and push, without a wake-up", "jobs/s", 0),
    ("BM_Refuse", "engine: refuse, on one core", "refusals/s", 0),
    ("BM_Tokenizer/words:15", "tokenizer: 15 words", "us", 1),
    ("BM_Tokenizer/words:300", "tokenizer: 300 words", "us", 1),
]

GOALS = {
    "BM_EngineWindow/batched:0/open:64/real_time": Goal(">=", 300_000),
    "BM_EngineWindow/batched:1/open:64/real_time": Goal(">=", 1_000_000),
    "BM_LookUp/real_time/threads:1": Goal(">=", 3_300_000),
    "BM_LookUp/real_time/threads:8": Goal(">=", 3_300_000),
    "BM_Submit/manual_time": Goal(">=", 1_000_000),
    "BM_Refuse": Goal(">=", 200_000),
}


def run_once(context: Context) -> dict[str, dict[str, float]]:
    """All of weir_bench once; by name."""
    least = f"--benchmark_min_time={context.seconds / len(ROWS):.3f}"
    command = [str(context.tool("weir_bench")), "--benchmark_format=json", least]
    environment = os.environ | {"WEIR_BENCH_TOKENIZER": str(context.root / "models/minilm/tokenizer.json")}
    limit = 60 + 20 * context.seconds
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=limit, check=False)
    if ended.returncode != 0:
        raise BenchError(f"weir_bench failed: {ended.stderr}")
    results = {item["name"]: item for item in json.loads(ended.stdout)["benchmarks"]}
    for name, result in results.items():
        if result.get("error_occurred"):
            raise BenchError(f"{name}: {result['error_message']}")
    return results


def measure(context: Context) -> Work:
    """Every round runs each benchmark once."""
    work = Work("engine")
    rounds = []
    for number in range(1, context.rounds + 1):
        context.progress.show(f"engine: round {number} of {context.rounds}")
        rounds.append(run_once(context))
    for name, what, unit, digits in ROWS:
        figure = "items_per_second" if unit.endswith("/s") else "real_time"
        work.add(what, unit, [results[name][figure] for results in rounds], GOALS.get(name), digits=digits)
    return work
