"""How much memory a process holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

KB = 1024 / 1e6  # /proc counts in units of 1024 bytes; the figures are in MB of 10^6 bytes


@dataclass(frozen=True)
class Memory:
    """In MB: all that is resident, and what of it no file stands behind."""

    rss: float
    anonymous: float


def memory_of(pid: int) -> Memory:
    """Reads /proc/PID/smaps_rollup."""
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, size = line.partition(":")
        sizes[name] = int(size.split()[0]) * KB
    return Memory(sizes["Rss"], sizes["Anonymous"])
