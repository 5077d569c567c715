"""How batching is decided, over lengths and loads: the default policy against always and never batching."""

from __future__ import annotations

import fnmatch
import json
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from harness.context import BenchError, Context
from harness.embedding import MODEL, PATH, SEED, load, mixed_texts, weir_body, write_texts
from harness.figures import Goal, Work
from harness.lengths import Lengths
from harness.open_loop import percentile, run_open_loop
from harness.programs import Weir

ABOUT = "three batch policies on a grid of lengths and loads (about 15 minutes: by name only)"
THROUGHPUT_GOAL = Goal(">=", 97, each=True)
LATENCY_GOAL = Goal("<=", 110, each=True)
BETTER_GOAL = Goal(">=", 100, each=True)

# The sides: what the policy under test is called, then the two that it has to keep up with.
CONFIGURATIONS = {
    "default": [],
    "always": ["batch.policy=always", "batch.max_jobs=32", "batch.max_tokens=16384"],  # whatever the padding
    "never": ["batch.policy=never"],
}
TESTED, *OTHERS = CONFIGURATIONS

LENGTHS = {"16": 16, "64": 64, "128": 128, "256": 256, "mixed": 0}  # tokens
CONNECTIONS = (1, 4, 16, 64)
OPEN_PERCENT = (50, 80, 95)  # of the best closed-loop throughput at the most connections
TEXTS = 600
ANSWERS_FOR_P99 = 3000  # a cell with fewer is compared by its median
MIXED_CONNECTIONS = (16, 64)  # where the policy has to be better than both


@dataclass
class Side:
    """One configuration in one cell: a figure each round."""

    speeds: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    answers: int = 0
    refused: int = 0

    @property
    def speed(self) -> float:
        """The middle round's texts per second."""
        return statistics.median(self.speeds)


@dataclass
class Cell:
    """One length under one load."""

    name: str
    length: str
    connections: int = 0  # 0: open loop
    sides: dict[str, Side] = field(default_factory=lambda: {name: Side() for name in CONFIGURATIONS})

    def latency(self, side: Side) -> float:
        """In ms: the 99th percentile where there are enough answers, else the median."""
        return statistics.median(side.p99_ms if self.has_p99 else side.p50_ms)

    @property
    def has_p99(self) -> bool:
        """Whether each configuration had enough answers."""
        return min(side.answers for side in self.sides.values()) >= ANSWERS_FOR_P99

    @property
    def throughput_percent(self) -> float:
        """Of the better of the two others."""
        return 100 * self.sides[TESTED].speed / max(self.sides[name].speed for name in OTHERS)

    @property
    def latency_percent(self) -> float:
        """Of the one with the higher throughput of the two others; below 3 % difference, of the quicker one."""
        speeds = [self.sides[name].speed for name in OTHERS]
        latencies = [self.latency(self.sides[name]) for name in OTHERS]
        close = min(speeds) >= 0.97 * max(speeds)
        against = min(latencies) if close else latencies[speeds.index(max(speeds))]
        return 100 * self.latency(self.sides[TESTED]) / against


class Grid:
    """Three servers, one of them under load at a time."""

    def __init__(self, context: Context, servers: dict[str, Weir]) -> None:
        self._context = context
        self._servers = servers
        self._lengths = Lengths(context.root / MODEL / "tokenizer.json")
        self._cells = [cell for length in LENGTHS for cell in self._cells_of(length)]
        if not self._cells:
            raise BenchError(f"no cell of the grid is called like {context.cells}")

    def _cells_of(self, length: str) -> list[Cell]:
        closed = [Cell(f"{length}/c{connections}", length, connections) for connections in CONNECTIONS]
        open_loop = [Cell(f"{length}/open{percent}", length) for percent in OPEN_PERCENT]
        return [cell for cell in closed + open_loop if fnmatch.fnmatch(cell.name, self._context.cells)]

    def run(self) -> list[Cell]:
        """All cells, length by length."""
        for length, tokens in LENGTHS.items():
            cells = [cell for cell in self._cells if cell.length == length]
            if cells:
                texts = self._lengths.make(TEXTS, SEED, tokens) if tokens else mixed_texts(TEXTS)
                self._run_length(cells, texts)
        return self._cells

    def _run_length(self, cells: list[Cell], texts: list[str]) -> None:
        for server in self._servers.values():  # warm up
            load(self._context, server, write_texts(self._context, texts[:64]), 16)
        for cell in cells:
            if cell.connections:
                self._run_closed(cell, texts)
        open_cells = [cell for cell in cells if not cell.connections]
        capacity = self._capacity(cells, texts) if open_cells else 0.0
        for cell in open_cells:
            self._run_open(cell, texts, capacity * int(cell.name.rpartition("open")[2]) / 100)

    def _capacity(self, cells: list[Cell], texts: list[str]) -> float:
        most = max(CONNECTIONS)
        for cell in cells:
            if cell.connections == most:
                return max(side.speed for side in cell.sides.values())
        return max(self._trial(server, texts, most) for server in self._servers.values())

    def _trial(self, server: Weir, texts: list[str], connections: int) -> float:
        speed, _ = load(self._context, server, write_texts(self._context, texts[:96]), connections)
        return speed

    def _run_closed(self, cell: Cell, texts: list[str]) -> None:
        speed = self._trial(self._servers[TESTED], texts, cell.connections)
        count = max(round(speed * self._context.cell_seconds), cell.connections)
        asked = write_texts(self._context, (texts * (count // len(texts) + 1))[:count])
        for number in range(self._context.cell_rounds):
            for name, side in cell.sides.items():
                self._context.progress.show(f"grid: {cell.name}, round {number + 1}, {name}, {count} texts")
                speed, run = load(self._context, self._servers[name], asked, cell.connections, most_seconds=60)
                side.speeds.append(speed)
                side.p50_ms.append(run.p50_ms)
                side.p99_ms.append(run.p99_ms)
                side.answers += run.requests

    def _run_open(self, cell: Cell, texts: list[str], rate: float) -> None:
        bodies = [json.dumps(weir_body(text)) for text in texts]
        for number in range(self._context.cell_rounds):
            for name, side in cell.sides.items():
                self._context.progress.show(f"grid: {cell.name}, round {number + 1}, {name}, {rate:.0f}/s")
                run = run_open_loop(self._servers[name], PATH, bodies, rate, self._context.cell_seconds, SEED + number)
                if not run.latencies_ms:
                    raise self._servers[name].fail(f"{cell.name}: no request was answered well")
                side.speeds.append(run.per_second)
                side.p50_ms.append(percentile(run.latencies_ms, 50))
                side.p99_ms.append(percentile(run.latencies_ms, 99))
                side.answers += len(run.latencies_ms)
                side.refused += run.refused


def markdown(cells: list[Cell]) -> str:
    """The grid as a table."""
    names = list(CONFIGURATIONS)
    heads = ["cell", *(f"{name}, texts/s" for name in names), f"{TESTED} / better",
             *(f"{name}, p50 ms" for name in names), *(f"{name}, p99 ms" for name in names), "latency / better",
             "refused"]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for cell in cells:
        sides = list(cell.sides.values())
        columns = [cell.name, *(f"{side.speed:.1f}" for side in sides), f"{cell.throughput_percent:.1f} %",
                   *(f"{statistics.median(side.p50_ms):.1f}" for side in sides),
                   *(f"{statistics.median(side.p99_ms):.1f}" for side in sides),
                   f"{cell.latency_percent:.1f} % ({'p99' if cell.has_p99 else 'p50'})",
                   " ".join(str(side.refused) for side in sides)]
        lines.append("| " + " | ".join(columns) + " |")
    return "\n".join(lines) + "\n"


def measure(context: Context) -> Work:
    """Each cell: the three configurations in turn, as many rounds as asked for."""
    work = Work("grid")
    models = context.models("grid", MODEL)
    with ExitStack() as stack:
        servers = {}
        for name, settings in CONFIGURATIONS.items():
            servers[name] = stack.enter_context(Weir(context, models, *settings))
            servers[name].wait_ready()
            servers[name].wait_idle()
        cells = Grid(context, servers).run()
    file = context.root / "bench/results" / time.strftime("%Y%m%d-%H%M%S-grid.md", time.gmtime())
    file.parent.mkdir(exist_ok=True)
    file.write_text(markdown(cells))
    context.progress.clear()
    print(f"The grid: {file.relative_to(context.root)}")

    work.add(f"grid: texts/s in each of {len(cells)} cells, {TESTED} / better of {' and '.join(OTHERS)}", "%",
             [cell.throughput_percent for cell in cells], THROUGHPUT_GOAL)
    work.add("grid: latency in each cell (p99 or p50), the same", "%", [cell.latency_percent for cell in cells],
             LATENCY_GOAL)
    mixed = [cell.throughput_percent for cell in cells
             if cell.length == "mixed" and cell.connections in MIXED_CONNECTIONS]
    if mixed:
        work.add("grid: texts/s of mixed lengths, 16 and 64 connections, the same", "%", mixed, BETTER_GOAL)
    work.notes = {
        cell.name: {name: vars(side) for name, side in cell.sides.items()} for cell in cells
    }
    return work
