"""What a reader has to know of the machine, to make sense of the figures."""

from __future__ import annotations

import os
import platform
import re
import resource
import subprocess
from pathlib import Path
from typing import Any

from harness.context import Context
from harness.programs import find_program


def said_by(command: list[str], stdin: str = "") -> str:
    """All that a short command prints; empty when it cannot be run."""
    try:
        ended = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return ""
    return ended.stdout + ended.stderr


def first(pattern: str, text: str) -> str:
    """The first group of the first match, or "unknown"."""
    found = re.search(pattern, text, re.MULTILINE)
    return found[1].strip() if found else "unknown"


def compiler(context: Context) -> str:
    """Name and version of what built the server."""
    for file in (context.root / "build/release/CMakeFiles").glob("*/CMakeCXXCompiler.cmake"):
        text = file.read_text()
        name = first(r'CMAKE_CXX_COMPILER_ID "(.*?)"', text)
        version = first(r'CMAKE_CXX_COMPILER_VERSION "(.*?)"', text)
        return f"{name} {version}"
    return "unknown"


def commit(context: Context) -> str:
    """The checkout's commit, with a mark when files differ from it."""
    git = ["git", "-C", str(context.root)]
    changed = said_by([*git, "status", "--porcelain", "--untracked-files=no"]).strip()
    return first(r"^([0-9a-f]{7,})$", said_by([*git, "rev-parse", "--short", "HEAD"])) + ("+changes" if changed else "")


def machine(context: Context) -> dict[str, Any]:
    """Processor, system and versions."""
    model = context.root / "examples/models/identity/model.onnx"
    memory = int(first(r"^MemTotal: +(\d+) kB", Path("/proc/meminfo").read_text()))
    return {
        "processor": first(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text()),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**20, 1),
        "kernel": platform.release(),
        "system": first(r'^PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text()),
        "load_average_before": os.getloadavg()[0],
        "versions": {
            "weir": first(r"([0-9][0-9a-z.+-]*)", said_by([str(context.weir), "--version"])),
            "commit": commit(context),
            "compiler": compiler(context),
            "onnxruntime": first(r"^ready (.*)$", said_by([str(context.tool("bare_session")), str(model)])),
            "nginx": first(r"nginx/(\S+)", said_by([find_program("nginx"), "-v"])),
            "wrk": first(r"wrk (?:debian/)?(\S+)", said_by([find_program("wrk"), "-v"])),
            "python": platform.python_version(),
        },
    }


class Neighbours:
    """How busy the machine was with other things than this program and its children, since it was made."""

    def __init__(self) -> None:
        self._start = self._sample()

    @staticmethod
    def _sample() -> tuple[float, float, float, float]:
        ticks = os.sysconf("SC_CLK_TCK")
        fields = [int(field) / ticks for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        user, nice, system, idle, iowait, irq, softirq, steal = fields
        own = sum(
            usage.ru_utime + usage.ru_stime
            for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        busy = user + nice + system + irq + softirq
        return busy, busy + idle + iowait + steal, own, steal

    def share(self) -> dict[str, float]:
        """In percent of all processors; `stolen` is what a host gave to other machines. All children have ended."""
        busy, total, own, stolen = (now - then for now, then in zip(self._sample(), self._start, strict=True))
        whole = max(total, 1e-9)
        return {"others": round(100 * max(busy - own, 0) / whole, 2), "stolen": round(100 * stolen / whole, 2)}
