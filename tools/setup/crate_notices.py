"""Writes the licence texts of all crates that the tokenizer library is built of into one file.

usage: crate_notices.py OUT < `cargo metadata --format-version 1`
"""

import json
import pathlib
import sys

NAMES = ("LICENSE*", "LICENCE*", "COPYING*", "NOTICE*", "UNLICENSE*")


def main() -> None:
    packages = json.load(sys.stdin)["packages"]
    parts = []
    for package in sorted(packages, key=lambda package: package["name"]):
        folder = pathlib.Path(package["manifest_path"]).parent
        texts = sorted({file for name in NAMES for file in folder.glob(name) if file.is_file()})
        parts.append(f"==== {package['name']} {package['version']} ({package.get('license') or 'see below'})\n")
        parts += [file.read_text(errors="replace").strip() + "\n" for file in texts]
    pathlib.Path(sys.argv[1]).write_text("\n".join(parts))


if __name__ == "__main__":
    main()
