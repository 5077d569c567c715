"""Completions, manual page and help are made from the command line itself, and hold what they say."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from hub_server import Hub
from tiny_models import make_tiny_embedder
from weir_process import BINARY, DEMO_MODELS, EXAMPLE_MODELS, ROOT, environment, run, sanitized, until
from wire import PATIENCE

COMMAND = re.compile(r"^  ([a-z]+) {2,}\S", re.MULTILINE)
FLAG = re.compile(r"^  (?:-\w,)?(--[a-z-]+)", re.MULTILINE)
EXAMPLE = re.compile(r"^  (.*\bweir .*)$", re.MULTILINE)


def every_command() -> dict[tuple[str, ...], str]:
    """Words of a command -> its help, found by asking for help all the way down."""
    found: dict[tuple[str, ...], str] = {}
    todo: list[tuple[str, ...]] = [()]
    while todo:
        words = todo.pop()
        done = run(*words, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        found[words] = done.stdout
        if "\nSubcommands:\n" in done.stdout:
            listed = done.stdout.split("\nSubcommands:\n")[1].split("\n\n")[0]
            todo += [(*words, name) for name in COMMAND.findall(listed)]
    return found


HELP = every_command() if BINARY.exists() else {}


def test_every_command_is_found():
    assert {("serve",), ("predict",), ("embed",), ("config", "show"), ("doctor",), ("man",),
            ("completion", "bash")} <= set(HELP)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_knows_every_command_and_flag(shell: str):
    script = run("completion", shell).stdout
    for words, text in HELP.items():
        for word in words:
            assert re.search(rf"\b{word}\b", script), word
        for flag in FLAG.findall(text):
            assert flag in script or f"-l {flag[2:]}" in script, flag


def completed(*words: str) -> list[str]:
    """What bash offers for the last word."""
    script = ('source <("$0" completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weir; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, str(BINARY), "weir", *words], capture_output=True, text=True,
                          timeout=PATIENCE, check=True, env=environment())
    return done.stdout.split()


def test_bash_completes_commands_flags_and_values():
    assert completed("con") == ["config"]
    assert completed("config", "") [:3] == ["show", "check", "init"]
    assert completed("config", "show", "--or") == ["--origin"]
    assert completed("predict", "--format", "") == ["ndjson", "csv", "npy"]
    assert completed("predict", "m", "--format", "n") == ["ndjson", "npy"]
    assert completed("predict", "m", "--res") == ["--resume"]
    assert completed("predict", "m", "") == [], "names of files are the shell's part"
    assert completed("predict", "-o", "") == []


def test_the_manual_page_has_every_command_flag_variable_and_exit_code():
    page = run("man").stdout
    assert page.startswith(".TH WEIR 1") and page.isascii()
    plain = page.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "")
    for words, text in HELP.items():
        assert f"weir {' '.join(words)}".strip() in plain
        for flag in FLAG.findall(text):
            assert flag in plain, flag
    for name in ("WEIR_SERVER_PORT", "WEIR_LOG_LEVEL", "NO_COLOR", "128 + N"):
        assert name in plain
    for line in page.splitlines():
        assert not line.startswith("'") and (not line.startswith(".") or line.split()[0] in (
            ".TH", ".SH", ".SS", ".TP", ".PP", ".br", ".nf", ".fi", ".RS", ".RE")), line


def test_help_and_the_page_tell_every_exit_code():
    codes = re.findall(r"^  (\d+(?: \+ N)?) +\S", HELP[()].split("Exit codes:")[1], re.MULTILINE)
    assert codes == ["0", "1", "2", "3", "4", "5", "6", "128 + N"]
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    for code in codes:
        assert f"| {code} |" in page


def examples() -> list:
    """Every example of every help."""
    found = []
    for words, text in HELP.items():
        for line in EXAMPLE.findall(text.split("Example", 1)[-1]):
            found.append(pytest.param(line, id=f"{' '.join(words)}: {line}"))
    return found


def test_every_command_has_an_example():
    for words in HELP:
        # Those of `models`, `config` and `completion` may stand one level higher.
        assert "Example" in HELP[words] or (len(words) > 1 and "Example" in HELP[words[:-1]]), words


@pytest.fixture(scope="module", name="hub")
def hub_with_the_model_of_the_examples(tmp_path_factory):
    """It has a tiny model under the name that the examples use."""
    model = make_tiny_embedder(tmp_path_factory.mktemp("hub") / "model")
    hub = Hub()
    hub.add("sentence-transformers/all-MiniLM-L6-v2", {file.name: file.read_bytes() for file in model.iterdir()})
    yield hub
    hub.close()


@pytest.fixture(name="place")
def where_examples_are_typed(tmp_path: Path, hub: Hub) -> tuple[Path, dict[str, str]]:
    """A folder as the examples think of it, and the environment: models, ./my-model, the program on the path."""
    (tmp_path / "models").mkdir()
    for name in ("minilm", "sentiment"):
        (tmp_path / "models" / name).symlink_to(DEMO_MODELS / name)
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/models").symlink_to(EXAMPLE_MODELS)
    model = make_tiny_embedder(tmp_path / "my-model")
    (model / "onnx").mkdir()
    shutil.copy(model / "model.onnx", model / "onnx/model_quantized.onnx")
    for name, source in (("Kronos-small", "tests/kronos/tiny/model"), ("Kronos-Tokenizer-base", "tests/kronos/tiny/tokenizer"),
                         ("candles.csv", "examples/candles.csv")):
        (tmp_path / name).symlink_to(ROOT / source)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/weir").symlink_to(BINARY)
    surroundings = environment({"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HOME": str(tmp_path)})
    surroundings["PATH"] = f"{tmp_path / 'bin'}:{surroundings['PATH']}"
    return tmp_path, surroundings


def typed(place: tuple[Path, dict[str, str]], line: str) -> subprocess.CompletedProcess[str]:
    """What a shell does with the line."""
    folder, surroundings = place
    return subprocess.run(["bash", "-eo", "pipefail", "-c", line], cwd=folder, env=surroundings, timeout=PATIENCE,
                          capture_output=True, text=True, check=False)


# What must have been typed before, by what the example needs.
BEFORE = [("mine", "models add ", "weir models add ./my-model --name mine"),
          ("keys_file=keys.yaml", "", "rm -f keys.yaml; weir keys new web --file keys.yaml"),
          ("keys new web", "", "rm -f keys.yaml"),
          ("models/kronos", "models convert ", "weir models convert kronos --model Kronos-small "
           "--tokenizer Kronos-Tokenizer-base --out models/kronos"),
          ("--compare", "", "for name in a b; do weir bench models/mine --duration 100ms --json $name.json; done")]


@pytest.mark.parametrize("line", examples())
def test_examples_of_help_run(place, weir, line: str):
    folder, surroundings = place
    line = line.replace("127.0.0.1:8000", f"127.0.0.1:{weir.port}").replace("--port 8000", "--port 0")
    if "weir bench" in line and "--compare" not in line:
        short = "2s" if sanitized() else "200ms"
        line += f" --duration {short}" if "--duration" not in line else ""
        line = line.replace("--duration 30s", f"--duration {short}")
    if "--compare" in line:
        assert typed(place, BEFORE[0][2]).returncode == 0
    for part, unless, before in BEFORE:
        if part in line and not (unless and unless in line):
            done = typed(place, before)
            assert done.returncode == 0, done.stderr
    if "--name minilm" in line:  # a name is given once
        (folder / "models/minilm").unlink()
    known = set(folder.rglob("*"))
    if not line.startswith("weir serve"):
        done = typed(place, line)
        assert done.returncode == 0, done.stderr
        assert done.stdout or set(folder.rglob("*")) != known, "it has shown or changed something"
        return
    with (folder / "out").open("wb") as out:
        server = subprocess.Popen(["bash", "-c", f"exec {line} --set server.port=0"], cwd=folder, env=surroundings,
                                  stdout=out, stderr=subprocess.DEVNULL)
    until(lambda: b"Ready." in (folder / "out").read_bytes() or server.poll() is not None, "the server")
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=PATIENCE) == 0


@pytest.mark.parametrize(("arguments", "words"), [
    (["serv"], ["'serv'", "'serve'", "weir --help"]),
    (["config", "shw"], ["'shw'", "'show'", "weir config --help"]),
    (["predict", "--modls", "x"], ["'--modls'", "'--models'", "weir predict --help"]),
    (["predict", "m", "t", "--format", "xml"], ["--format", "xml", "ndjson"]),
    (["predict"], ["model is required"]),
    ([], ["--help"]),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_wrong_use_is_one_line_with_the_nearest_and_ends_with_2(arguments: list, words: list):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("weir: ") and done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def test_colours_are_for_terminals_and_not_for_those_who_refuse_them(tmp_path):
    """`script` gives the program a terminal."""
    assert shutil.which("script"), "util-linux has it"

    def shown(**extra: str) -> str:
        command = f"{BINARY} doctor --set server.port=0"
        done = subprocess.run(["script", "-qec", command, str(tmp_path / "typescript")], capture_output=True, text=True,
                              timeout=PATIENCE, check=False, env=environment({"TERM": "xterm", **extra}))
        assert "ONNX Runtime" in done.stdout
        return done.stdout

    assert "\033[32mok" in shown()
    assert "\033[" not in shown(NO_COLOR="1") and "\033[" not in shown(TERM="dumb")
    assert "\033[" not in run("doctor", "--set", "server.port=0").stdout
