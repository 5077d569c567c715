"""The committed artefacts are what their tools make."""

import pathlib
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("tool", ["examples/models/make_models.py", "tools/train_head/train_head.py"])
def test_what_is_committed_is_what_the_tool_makes(tool: str) -> None:
    run = subprocess.run([sys.executable, SOURCE / tool, "--check"], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
