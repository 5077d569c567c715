"""The measurements, one module each, in the order in which they run."""

from __future__ import annotations

from works import (
    candles,
    candles_load,
    cycles,
    doors,
    engine,
    grid,
    grpc,
    identity,
    idle,
    large,
    memory_text,
    mixed,
    overload,
    peers,
    pinned,
    predict,
    reload,
    several,
    shared,
    simple,
    short,
    stages,
    start,
    workers,
)

WORKS = {
    "identity": identity,
    "pinned": pinned,
    "simple": simple,
    "grpc": grpc,
    "idle": idle,
    "large": large,
    "doors": doors,
    "mixed": mixed,
    "short": short,
    "start": start,
    "several": several,
    "shared": shared,
    "memory_text": memory_text,
    "engine": engine,
    "peers": peers,
    "grid": grid,
    "predict": predict,
    "overload": overload,
    "reload": reload,
    "workers": workers,
    "cycles": cycles,
    "stages": stages,
    "candles": candles,
    "candles_load": candles_load,
}

# Run only when they are named: each takes many minutes.
SLOW = ("peers", "grid", "predict", "overload", "reload", "workers", "cycles", "stages", "candles", "candles_load")
