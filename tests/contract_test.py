"""Every test that docs/contract-proof.md names is there."""

import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parent.parent


def all_tests() -> set[str]:
    """Names of all C++ and Python tests."""
    found: set[str] = set()
    for file in (SOURCE / "src").rglob("*_test.cc"):
        found |= set(re.findall(r"^TEST(?:_F|_P)?\(\s*\w+,\s*(\w+)\s*\)", file.read_text(), re.MULTILINE))
    for file in (SOURCE / "tests/integration").glob("test_*.py"):
        found |= set(re.findall(r"^def (test_\w+)\(", file.read_text(), re.MULTILINE))
    return found


def test_every_proof_is_a_test() -> None:
    text = (SOURCE / "docs/contract-proof.md").read_text()
    tables = re.findall(r"<!-- proofs -->(.*?)<!-- /proofs -->", text, re.DOTALL)
    rows = [line for table in tables for line in table.strip().splitlines()[2:]]
    named = [re.findall(r"`(\w+)`", row) for row in rows]
    assert len(rows) >= 31 and all(named), "a row names no test"
    missing = {name for names in named for name in names} - all_tests()
    assert not missing, "\n".join(sorted(missing))
