"""What every measurement is given."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path


class BenchError(Exception):
    """A measurement that cannot be trusted, or cannot be made; says why."""


class Progress:
    """One line on a terminal that says what runs now; silent elsewhere."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Replaces the line."""
        if self._on:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Removes the line, before something else is printed."""
        if self._on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@dataclass(frozen=True)
class Context:
    """Where things are and how long to measure."""

    root: Path  # of the checkout
    scratch: Path  # a temporary folder, removed at the end
    rounds: int
    seconds: float  # for each side of each round
    progress: Progress
    weir: Path  # the program that users run
    tools: Path  # the folder of the programs that bench/CMakeLists.txt builds
    cells: str = "*"  # of the grid: those whose name fits this pattern
    cell_rounds: int = 2
    cell_seconds: float = 3
    peers: tuple[str, ...] = ()  # those whose name fits one of these patterns; all, when empty

    def tool(self, name: str) -> Path:
        """One of those programs."""
        return self.tools / name

    def lua(self, name: str) -> Path:
        """A script for wrk."""
        return self.root / "bench/lua" / name

    def models(self, name: str, *folders: str) -> Path:
        """A fresh folder of models, each a link to a folder of the checkout ("models/minilm")."""
        place = self.scratch / f"models-{name}"
        place.mkdir()
        for folder in folders:
            source = self.root / folder
            if not (source / "model.onnx").exists():
                raise BenchError(f"{folder} is missing; `make models` makes the demo models")
            (place / source.name).symlink_to(source, target_is_directory=True)
        return place
