"""The code blocks of README.md and docs/*.md run as they stand.

A ```sh block runs with bash in a copy of its surroundings: the checkout, with `weir` from build/release on the
path and, when the block talks to port 8000, a server with the demo models behind a port of its own. A comment
line `# -> text` asks for that text in the output of the command before it. Blocks in other languages, and
```console blocks (what a person sees), are not run, but ```yaml blocks must be configurations that load.
"""

import os
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(os.environ.get("WEIR_BINARY", SOURCE / "build/release/weir")).resolve()
PAGES = [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md")), SOURCE / "CONTRIBUTING.md"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What a test cannot run inside itself: the two commands and their like are run by CI around it.
NOT_INSIDE = re.compile(r"^\s*(make |git clone|cd weir|SUITE=)", re.MULTILINE)


def blocks(language: str) -> list:
    """Every block of that language, as pytest parameters named page:line."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in BLOCK.finditer(text):
            if match.group(1) == language:
                line = text[: match.start()].count("\n") + 1
                found.append(pytest.param(match.group(2), id=f"{page.name}:{line}"))
    return found


@pytest.fixture(scope="module")
def server():
    """A server with the demo models on a free port; yields the port."""
    process = subprocess.Popen(
        [BINARY, "serve", "--models", "models", "--models", "examples/models", "--port", "0"],
        cwd=SOURCE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    port = None
    for line in process.stdout:
        if match := re.search(r"Doors at http://127.0.0.1:(\d+)", line):
            port = match.group(1)
        if line.startswith("Ready."):
            break
    assert port, "the server did not get ready"
    yield port
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("block", blocks("sh"))
def test_shell_blocks_run_as_they_stand(block: str, server: str) -> None:
    if NOT_INSIDE.search(block):
        targets = re.findall(r"^\s*(?:\w+=\S+ )?make (\w+)", block, re.MULTILINE)
        known = re.findall(r"^([a-z-]+):.*## ", (SOURCE / "Makefile").read_text(), re.MULTILINE)
        assert set(targets) <= set(known)
        return
    script = block.replace("127.0.0.1:8000", f"127.0.0.1:{server}").replace("localhost:8000", f"localhost:{server}")
    environment = {**os.environ, "PATH": f"{BINARY.parent}:{os.environ['PATH']}"}
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=SOURCE, env=environment, capture_output=True, text=True, timeout=120,
    )
    assert run.returncode == 0, run.stderr
    for wanted in re.findall(r"^# -> (.*)$", block, re.MULTILINE):
        assert wanted in run.stdout, run.stdout


@pytest.mark.parametrize("block", blocks("yaml"))
def test_configuration_blocks_load(block: str, tmp_path: pathlib.Path) -> None:
    config = tmp_path / "weir.yaml"
    config.write_text(block)
    # No models folder exists there: reaching that message means that every setting was understood.
    run = subprocess.run(
        [BINARY, "serve", "--config", config, "--models", tmp_path / "none"],
        cwd=SOURCE, capture_output=True, text=True, timeout=60,
    )
    assert "none cannot be read" in run.stderr, run.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: pathlib.Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
