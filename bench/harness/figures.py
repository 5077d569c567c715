"""Figures with their spread, and the goals they are held against."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A bound for the median, or (`each`) for every single round."""

    sign: str  # ">=" or "<="
    bound: float
    each: bool = False

    def met(self, values: list[float]) -> bool:
        """Whether the rounds keep the bound."""
        looked_at = values if self.each else [statistics.median(values)]
        return all(value >= self.bound if self.sign == ">=" else value <= self.bound for value in looked_at)

    def text(self, unit: str) -> str:
        """As the report shows it."""
        return f"{self.sign} {self.bound:g} {unit}{', each time' if self.each else ''}"


@dataclass(frozen=True)
class Row:
    """One line of the report: what was measured in each round."""

    what: str
    unit: str
    values: list[float]
    goal: Goal | None = None
    digits: int = 1

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """None when there is no goal."""
        return None if self.goal is None else self.goal.met(self.values)

    def number(self, value: float) -> str:
        """A value in this row's precision."""
        return f"{value:,.{self.digits}f}"

    def columns(self) -> tuple[str, str, str, str]:
        """The line's cells, as text."""
        goal = "" if self.goal is None else self.goal.text(self.unit)
        spread = f"({self.number(min(self.values))} .. {self.number(max(self.values))})"
        met = {None: "", True: "yes", False: "NO"}[self.met]
        return self.what, goal, f"{self.number(self.median)} {self.unit} {spread}", met

    def as_json(self) -> dict[str, Any]:
        """Everything, unrounded."""
        return {
            "what": self.what,
            "unit": self.unit,
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "rounds": self.values,
            "goal": None if self.goal is None else self.goal.text(self.unit),
            "met": self.met,
        }


@dataclass
class Work:
    """The outcome of one measurement."""

    name: str
    rows: list[Row] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)  # for the JSON file

    def add(self, what: str, unit: str, values: list[float], goal: Goal | None = None, digits: int = 1) -> None:
        """Appends a row."""
        self.rows.append(Row(what, unit, values, goal, digits))


def ratios(ours: list[float], theirs: list[float]) -> list[float]:
    """Per round, in percent."""
    return [100 * a / b for a, b in zip(ours, theirs, strict=True)]


def table(rows: list[Row]) -> str:
    """The rows under a heading, in columns."""
    cells = [("work", "goal", "measured: median (min .. max)", "met"), *(row.columns() for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(3)]
    lines = ["  ".join([*(line[i].ljust(widths[i]) for i in range(3)), line[3]]).rstrip() for line in cells]
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join(lines)
