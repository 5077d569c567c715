"""The measurements, one module each, in the order in which they run."""

from __future__ import annotations

from works import engine, identity, minilm, shared, start

WORKS = {
    "identity": identity,
    "minilm": minilm,
    "start": start,
    "shared": shared,
    "engine": engine,
}
