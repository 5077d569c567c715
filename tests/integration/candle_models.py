"""Small models of candles, and what the original gave for some series."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from weir_process import run

KRONOS = Path(__file__).resolve().parents[1] / "kronos"
CASES = json.loads((KRONOS / "tiny/cases.json").read_text(encoding="utf-8"))["cases"]


def convert(name: str, out: Path, *arguments: str) -> Path:
    """One of tests/kronos, converted."""
    done = run("models", "convert", "kronos", "--model", KRONOS / name / "model", "--tokenizer",
               KRONOS / name / "tokenizer", "--out", out, *arguments)
    assert done.returncode == 0, done.stderr
    return out


def assert_original(made: np.ndarray, case: dict) -> None:
    """Within what floats allow of what the original gave."""
    expected = np.array(case["expected"]["prediction"])
    bound = 1e-4 * (np.array(case["expected"]["std"]) + 1e-5) + 1e-6 * np.abs(expected)
    assert (np.abs(made - expected) <= bound).all()
