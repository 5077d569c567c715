"""The candle forecasting service under its users: ten, thirty, twenty for two minutes, and more than it can do."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import time
from dataclasses import dataclass, field

from harness.context import BenchError, Context
from harness.figures import Goal, Work
from harness.open_loop import percentile, run_open_loop
from harness.peers import install
from harness.programs import ADDRESS, Weir
from works.candles import body, make_model, moments

ABOUT = "Kronos-small behind the service's route: 10, 30 and 20 users, then 1.5 and 3 times the capacity"
PATH = "/v1/predict/single"
HISTORY, STEPS = 100, 24
BODIES = 50
USERS = ((10, 20), (30, 20), (20, 120))  # how many, for how many seconds
FULL = 32  # at once, where the capacity is looked for
FACTORS = (1.5, 3)
OPEN_S = 25
PATIENCE = "3s"
CLIENT_LIMIT_S = 60


def single(seed: int) -> str:
    """A request of the service: five-minute candles, and the times of those to come."""
    candles = body("", HISTORY, seed)["series"][0]["candles"]
    times = moments(HISTORY + STEPS)
    return json.dumps({"series_id": str(seed), "candles": candles, "timestamps": times[:HISTORY],
                       "prediction_timestamps": times[HISTORY:]})


@dataclass
class Answers:
    """What some users got."""

    wrong: int = 0
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Forecasts in a second."""
        return len(self.latencies_ms) / self.seconds


def user(weir: Weir, bodies: list[str], first: int, until: float) -> Answers:
    """Asks, and asks again when the answer is there."""
    answers = Answers()
    number = first
    connection = http.client.HTTPConnection(ADDRESS, weir.port, timeout=CLIENT_LIMIT_S)
    while time.monotonic() < until:
        begin = time.monotonic()
        connection.request("POST", PATH, bodies[number % len(bodies)], {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            answers.latencies_ms.append((time.monotonic() - begin) * 1e3)
        else:
            answers.wrong += 1
        number += 1
    connection.close()
    return answers


def users(weir: Weir, bodies: list[str], count: int, seconds: float) -> Answers:
    """So many at once."""
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        each = list(pool.map(lambda first: user(weir, bodies, first, begin + seconds), range(count)))
    return Answers(sum(one.wrong for one in each), time.monotonic() - begin,
                   [latency for one in each for latency in one.latencies_ms])


def measure(context: Context) -> Work:
    """Each round: all users, the capacity, and what is more than that."""
    work = Work("candles_load")
    python = install(context, "kronos") / "python"
    models = make_model(context, python, context.scratch / "weights", "small")
    bodies = [single(seed) for seed in range(BODIES)]
    rows: dict[tuple[str, str, Goal | None], list[float]] = {}

    def note(what: str, unit: str, value: float, goal: Goal | None = None) -> None:
        rows.setdefault((what, unit, goal), []).append(value)

    with Weir(context, models, "profile=candles", "candles.rate_limit=0", f"candles.inference_timeout={PATIENCE}") as weir:
        weir.wait_ready()
        users(weir, bodies, 4, 5)
        for number in range(1, context.rounds + 1):
            context.progress.show(f"candles_load: round {number} of {context.rounds}")
            for count, seconds in USERS:
                answers = users(weir, bodies, count, seconds)
                name = f"candles: {count} users for {seconds} s"
                note(f"{name}, not answered", "", answers.wrong, Goal("<=", 0, each=True))
                note(f"  {name}", "/s", answers.per_second)
                note(f"  {name}, p95", "ms", percentile(answers.latencies_ms, 95))
            capacity = users(weir, bodies, FULL, OPEN_S).per_second
            note("  candles: capacity", "/s", capacity)
            for factor in FACTORS:
                load = run_open_loop(weir, PATH, bodies, capacity * factor, OPEN_S, number)
                if not load.refusals_ms:
                    raise BenchError(f"nothing was refused at {factor:g} times the capacity")
                name = f"candles: {factor:g} x capacity"
                note(f"{name}, answered in time", "% of it", 100 * load.per_second / capacity, Goal(">=", 95))
                note(f"  {name}, refusals, p99", "ms", percentile(load.refusals_ms, 99))
    for (what, unit, goal), values in rows.items():
        work.add(what, unit, values, goal)
    return work
