"""The server against other model servers: the same model, the same texts, the same machine, in turns."""

from __future__ import annotations

import fnmatch
import statistics
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.context import BenchError, Context
from harness.embedding import (MODEL, bare_loop, largest_difference, load, mixed_texts, per_second, reference, some_of,
                               write_round, write_texts)
from harness.figures import Goal, Work, ratios
from harness.load import Load
from harness.memory import memory_of
from harness.peers import PEERS, Peer, PeerServer
from harness.programs import Weir
from harness.texts import summary_of

ABOUT = "MiniLM, mixed lengths, 16 and 64 connections, against other model servers (slow: by name only)"
SPEED_GOALS = {16: Goal(">=", 103), 64: Goal(">=", 110)}
LATENCY_GOAL = Goal("<=", 50)
MEMORY_GOAL = Goal("<=", 40)

LIKENESS = 1e-4  # most that two values of a vector may differ
COMPARED = 24
LEAST_TEXTS = 128  # of a round, however slow a peer is
LIMIT_S = 150.0  # for one side of a round


@dataclass
class Side:
    """One server's rounds beside a peer's, with one number of connections."""

    speeds: list[float] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    pss: list[float] = field(default_factory=list)

    def add(self, speed: float, run: Load, pss: float) -> None:
        """A round."""
        self.speeds.append(speed)
        self.loads.append(run)
        self.pss.append(pss)

    def p(self, percent: int) -> list[float]:
        """A percentile of each round, 50 or 99."""
        return [run.p50_ms if percent == 50 else run.p99_ms for run in self.loads]


@dataclass
class Pair:
    """Weir and a peer in turns."""

    peer: str
    connections: int
    ours: Side = field(default_factory=Side)
    theirs: Side = field(default_factory=Side)

    @property
    def strength(self) -> float:
        """The peer's texts per second in percent of Weir's beside it, which other programs slow down alike."""
        return statistics.median(ratios(self.theirs.speeds, self.ours.speeds))


def chosen_peers(context: Context) -> list[Peer]:
    """Those that were asked for."""
    chosen = [peer for peer in PEERS
              if not context.peers or any(fnmatch.fnmatch(peer.name, pattern) for pattern in context.peers)]
    if not chosen:
        raise BenchError(f"no peer is called like that; there are {'; '.join(peer.name for peer in PEERS)}")
    return chosen


def check_answers(context: Context, server: PeerServer, texts: list[str]) -> float:
    """The peer has to answer what the bare loop does; returns the largest difference."""
    chosen = some_of(texts, COMPARED)
    worst = largest_difference([server.vector(text) for text in chosen], reference(context, chosen)[0])
    if worst > LIKENESS:
        raise server.fail(f"its vectors differ by up to {worst:.2e}, more than {LIKENESS:.0e}")
    return worst


def measure_peer(context: Context, weir: Weir, peer: Peer, texts: list[str], notes: dict[str, Any]) -> list[Pair]:
    """All rounds beside one peer, which is started for them and ended after them."""
    pairs = []
    with PeerServer(context, peer) as server:
        context.progress.show(f"peers: starting {peer.name}")
        notes["ready_s"] = round(server.wait_ready(), 2)
        notes["largest_difference"] = check_answers(context, server, texts)
        trial = write_texts(context, texts[:96], peer.body)
        load(context, server, trial, 16, peer.path, LIMIT_S)  # warms up
        speed, _ = load(context, server, trial, 16, peer.path, LIMIT_S)
        count = min(len(texts), max(LEAST_TEXTS, round(speed * context.seconds)))
        for connections in SPEED_GOALS:
            pair = Pair(peer.name, connections)
            for number in range(1, context.rounds + 1):
                context.progress.show(f"peers: {peer.name}, {connections} connections, round {number}, {count} texts")
                order = write_round(context, texts, number).lines.read_text().splitlines()[:count]
                pair.ours.add(*load(context, weir, write_texts(context, order), connections, most_seconds=LIMIT_S),
                              memory_of(weir.process.pid).pss)
                pair.theirs.add(*load(context, server, write_texts(context, order, peer.body), connections, peer.path,
                                      LIMIT_S), server.memory().pss)
            pairs.append(pair)
        notes["processes"] = len(server.pids())
    return pairs


def report(work: Work, pairs: list[Pair]) -> None:
    """The goals against the best peer for each number of connections, then all of them."""
    for connections, goal in SPEED_GOALS.items():
        best = max((pair for pair in pairs if pair.connections == connections), key=lambda pair: pair.strength)
        against = f"{connections} connections, Weir / {best.peer}"
        work.add(f"peers: texts/s, {against}", "%", ratios(best.ours.speeds, best.theirs.speeds), goal)
        work.add(f"peers: latency p99, {against}", "%", ratios(best.ours.p(99), best.theirs.p(99)), LATENCY_GOAL)
        work.add(f"peers: memory (PSS), {against}", "%", ratios(best.ours.pss, best.theirs.pss), MEMORY_GOAL)
    for pair in pairs:
        work.add(f"  {pair.peer}, {pair.connections} connections: Weir's texts/s / its", "%",
                 ratios(pair.ours.speeds, pair.theirs.speeds))


def markdown(pairs: list[Pair], notes: dict[str, Any]) -> str:
    """Every peer's middle rounds, and Weir's beside it."""
    heads = ["server", "connections", "texts/s", "p50 ms", "p99 ms", "PSS MB", "ready s", "processes",
             "Weir beside it: texts/s", "p50 ms", "p99 ms", "PSS MB", "Weir / it: texts/s", "p99", "PSS"]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for pair in pairs:
        both = [[f"{statistics.median(values):.{digits}f}" for values, digits in
                 ((side.speeds, 1), (side.p(50), 1), (side.p(99), 1), (side.pss, 0))]
                for side in (pair.theirs, pair.ours)]
        compared = [f"{statistics.median(ratios(ours, theirs)) / 100:.2f}" for ours, theirs in
                    ((pair.ours.speeds, pair.theirs.speeds), (pair.ours.p(99), pair.theirs.p(99)),
                     (pair.ours.pss, pair.theirs.pss))]
        started = notes[pair.peer]
        columns = [pair.peer, str(pair.connections), *both[0], str(started["ready_s"]), str(started["processes"]),
                   *both[1], *compared]
        lines.append("| " + " | ".join(columns) + " |")
    return "\n".join(lines) + "\n"


def measure(context: Context) -> Work:
    """One peer after the other; one that cannot be installed or measured is named, and the others go on."""
    work = Work("peers")
    peers = chosen_peers(context)
    trial = bare_loop(context, write_round(context, mixed_texts(2000), 0).lines, "--seconds", "1.5")
    texts = mixed_texts(max(round(per_second(trial) * context.seconds), LEAST_TEXTS))
    work.notes["texts"] = summary_of(texts)
    pairs: list[Pair] = []
    with Weir(context, context.models("peers", MODEL)) as weir:
        weir.wait_ready()
        weir.wait_idle()
        load(context, weir, write_texts(context, texts[:96]), 16)  # warm up
        for peer in peers:
            notes: dict[str, Any] = {}
            work.notes[peer.name] = notes
            try:
                pairs += measure_peer(context, weir, peer, texts, notes)
            except BenchError as error:
                notes["failed"] = str(error)
                context.progress.clear()
                print(f"peers: {peer.name} is left out: {error}", flush=True)
    if not pairs:
        raise BenchError("not one peer could be measured")
    file = context.root / "bench/results" / time.strftime("%Y%m%d-%H%M%S-peers.md", time.gmtime())
    file.parent.mkdir(exist_ok=True)
    file.write_text(markdown(pairs, work.notes))
    context.progress.clear()
    print(f"\n{file.read_text()}\nThis table: {file.relative_to(context.root)}")
    report(work, pairs)
    work.notes["rounds"] = [asdict(pair) for pair in pairs]
    return work
