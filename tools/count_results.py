"""Adds up JUnit files: prints "N passed, N failed", exits with 1 when anything failed or nothing ran."""

import argparse
import pathlib
import sys
import xml.etree.ElementTree as xml


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--failed-steps", type=int, default=0, help="steps that failed; at least so many failures")
    arguments = parser.parse_args()
    passed = failed = 0
    for file in sorted(arguments.folder.glob("*.xml")):
        for case in xml.parse(file).getroot().iter("testcase"):
            bad = any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
            failed += bad
            passed += not bad
    failed = max(failed, arguments.failed_steps)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
