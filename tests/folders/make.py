#!/usr/bin/env python3
"""Writes small Hugging Face model folders with random weights, one of each kind, and some that cannot be served.

  python3 make.py --out DIR [--only NAME,NAME…]

DIR/served/NAME and DIR/refused/NAME. The same call gives the same bytes; it takes a second or two, so that tests make
the folders when they need them and only their recorded answers are kept (expectations/, made by record.py).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from broken import REFUSED
from kinds import SERVED


def write_all(out: Path, only: set[str] | None = None) -> None:
    """All folders, or those named. A folder must not be there yet."""
    for group, kinds in (("served", SERVED), ("refused", REFUSED)):
        for name, kind in kinds.items():
            if only is None or name in only:
                folder = out / group / name
                folder.mkdir(parents=True)
                kind.make(folder)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description="Writes small model folders for the tests.")
    parser.add_argument("--out", type=Path, help="where to write served/ and refused/")
    parser.add_argument("--only", help="names of folders, with commas between them")
    parser.add_argument("--list", action="store_true", help="show the folders, a line each, and write nothing")
    chosen = parser.parse_args()
    if chosen.list:
        for group, kinds in (("served", SERVED), ("refused", REFUSED)):
            for name, kind in kinds.items():
                print(f"{group:8} {name:24} {kind.about}")
        return
    if chosen.out is None:
        parser.error("--out DIR is missing")
    write_all(chosen.out, set(chosen.only.split(",")) if chosen.only else None)


if __name__ == "__main__":
    main()
