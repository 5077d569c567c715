"""How much memory a process holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

KB = 1024 / 1e6  # /proc counts in units of 1024 bytes; the figures are in MB of 10^6 bytes


@dataclass(frozen=True)
class Memory:
    """In MB: all that is resident, what of it no file stands behind, and all with shared pages divided."""

    rss: float
    anonymous: float
    pss: float


def memory_of(pid: int) -> Memory:
    """Reads /proc/PID/smaps_rollup."""
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, size = line.partition(":")
        sizes[name] = int(size.split()[0]) * KB
    return Memory(sizes["Rss"], sizes["Anonymous"], sizes["Pss"])


def memory_of_all(pids: list[int]) -> Memory:
    """The sums over processes; only `pss` counts a page that they share once."""
    each = []
    for pid in pids:
        try:
            each.append(memory_of(pid))
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended meanwhile
    return Memory(sum(m.rss for m in each), sum(m.anonymous for m in each), sum(m.pss for m in each))
