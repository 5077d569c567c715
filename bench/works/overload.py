"""What is answered in time when more is asked than the server can do: `weir bench overload` on three models."""

from __future__ import annotations

import json
import subprocess
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.context import BenchError, Context
from harness.figures import Goal, Work
from harness.programs import ADDRESS, Server, Weir, free_port, measured_once

ABOUT = "answers in time at 1.5, 3 and 10 times the capacity, and with clients that ask again, on three models"

FACTORS = (1.5, 3, 10)
DEADLINE_MS = 500
CLIENTS = 200
WARM_UP_S = 2
MODEL = "models/sentiment"
BUSIEST = (f"{max(FACTORS):g} C", "impatient")
STAND_INS = ("batch", "varied")

IN_TIME = Goal(">=", 95)
IN_TIME_IMPATIENT = Goal(">=", 90)
ANSWERS = Goal("<=", DEADLINE_MS)
REFUSALS = Goal("<=", 2)
PROBES = Goal("<=", 10)
OWN_COST = Goal("<=", 30)


class StandIn(Server):
    """The server with a model that sleeps."""

    def __init__(self, context: Context, model: str) -> None:
        port = free_port()
        super().__init__(context, f"standin-{model}", [str(context.tool("weir_standin")), model, f"server.port={port}"],
                         port)


@dataclass
class Part:
    """One load, in every round."""

    good: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    own_us: list[float] = field(default_factory=list)
    own_percent: list[float] = field(default_factory=list)

    def add(self, part: dict[str, Any]) -> None:
        """One round's figures."""
        self.good.append(part["good_percent"])
        self.answers.append(part["answered_ms"]["p99"])
        if part["refused_ms"]["count"]:
            self.refusals.append(part["refused_ms"]["p99"])
        self.probes.append(max((probe["ms"]["p99"] for probe in part["probes"]), default=0))
        self.own_us.append(part["cpu"]["own_us_per_request"])
        self.own_percent.append(part["cpu"]["own_percent"])

    def report(self, work: Work, name: str) -> None:
        """Its rows."""
        polite = name.endswith("polite")
        impatient = name.endswith("impatient")
        work.add(f"{name}: in time, of the capacity", "%", self.good, IN_TIME_IMPATIENT if impatient else IN_TIME)
        work.add("  answers p99", "ms", self.answers, ANSWERS)
        if self.refusals:
            # Answers to repeated refusals of one connection may be held back, and polite ones are few.
            work.add("  refusals p99, at the client", "ms", self.refusals, None if impatient or polite else REFUSALS, 2)
        work.add("  health and metrics, the slowest p99", "ms", self.probes, PROBES, 2)
        # At a few hundred requests a second each one wakes the load, and what wakes it anyway is shared by few.
        work.add("  load: CPU a request", "us", self.own_us, OWN_COST if name.endswith(BUSIEST) else None)
        work.add("  load: of the machine", "%", self.own_percent)


def overload(context: Context, server: Server, *arguments: str) -> dict[str, Any]:
    """One run of `weir bench overload`."""
    file = context.scratch / "overload.json"
    command = [str(context.weir), "bench", "overload", f"http://{ADDRESS}:{server.port}", "--json", str(file),
               "--factors", ",".join(f"{factor:g}" for factor in FACTORS), "--deadline", f"{DEADLINE_MS}ms",
               "--clients", str(CLIENTS), "--duration", f"{context.seconds:g}s", "--warmup", f"{WARM_UP_S}s",
               "--pid", str(server.process.pid), *arguments]
    most = 30 + (len(FACTORS) + 7) * (context.seconds + WARM_UP_S) + 60 * len(FACTORS)
    done = subprocess.run(command, capture_output=True, text=True, timeout=most, check=False)
    if done.returncode != 0:
        raise server.fail(f"weir bench overload ended with {done.returncode}: {done.stderr}")
    return json.loads(file.read_text())


def check(report: dict[str, Any], name: str) -> None:
    """Every request has one fate, and none was lost."""
    fates = ("good", "late", "refused", "expired", "failed", "lost", "given_up", "dropped", "unfinished")
    for part in report["parts"]:
        if part["requests"] != sum(part[fate] for fate in fates):
            raise BenchError(f"overload: {name}, {part['name']}: the fates do not add up: {part}")
        if part["failed"] or part["lost"] or part["unfinished"]:
            raise BenchError(f"overload: {name}, {part['name']}: {part['reasons']}")


def begin(context: Context, name: str, models: Path) -> AbstractContextManager[Server]:
    """The server of this model."""
    return StandIn(context, name) if name in STAND_INS else Weir(context, models)


def measure(context: Context) -> Work:
    """Each model on a fresh server in each round."""
    work = Work("overload")
    models = context.models("overload", MODEL)
    context.progress.show("overload: measuring what runs cost")
    measured_once(context, models)
    parts: dict[str, Part] = {}
    capacities: dict[str, list[float]] = {}
    for number in range(1, context.rounds + 1):
        for name in (*STAND_INS, Path(MODEL).name):
            context.progress.show(f"overload: round {number} of {context.rounds}, {name}")
            with begin(context, name, models) as server:
                server.wait_for("/readyz")
                report = overload(context, server, "--seed", str(number))
            check(report, name)
            capacities.setdefault(name, []).append(report["capacity"]["per_s"])
            for part in report["parts"]:
                parts.setdefault(f"{name}, {part['name']}", Part()).add(part)
            work.notes.setdefault(name, []).append(report)
    for name, values in capacities.items():
        work.add(f"{name}: capacity", "/s", values)
        for full_name, part in parts.items():
            if full_name.startswith(f"{name}, "):
                part.report(work, full_name)
    return work
