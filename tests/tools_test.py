"""The committed artefacts are what their tools make."""

import pathlib
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("tool", ["examples/models/make_models.py", "tools/train_head/train_head.py",
                                  "tests/make_texts.py"])
def test_what_is_committed_is_what_the_tool_makes(tool: str) -> None:
    run = subprocess.run([sys.executable, SOURCE / tool, "--check"], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_example_program_embeds_without_a_server() -> None:
    run = subprocess.run([SOURCE / "build/release/embed", SOURCE / "models/minilm", "a cat", "a kitten"],
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) == 2
    assert len((SOURCE / "examples/embed.cc").read_text().splitlines()) <= 25


def test_an_installed_tree_works_where_it_is_moved(tmp_path: pathlib.Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    subprocess.run(["cmake", "--install", SOURCE / "build/release", "--prefix", first], check=True, capture_output=True)
    first.rename(second)
    libraries = subprocess.run(["ldd", second / "bin/weir"], check=True, capture_output=True, text=True).stdout
    assert f"{second}/bin/../lib/weir/libonnxruntime.so.1" in libraries
    assert "not found" not in libraries
    licences = {file.stem for file in (second / "share/doc/weir/licenses").iterdir()}
    assert {"libfmt", "libyaml-cpp", "libcsv", "tokenizers-and-crates"} <= licences
    version = subprocess.run([second / "bin/weir", "--version"], check=True, capture_output=True, text=True).stdout
    assert version.startswith("weir ")
    for name in ("man/man1/weir.1", "bash-completion/completions/weir", "zsh/site-functions/_weir",
                 "fish/vendor_completions.d/weir.fish"):
        assert "doctor" in (second / "share" / name).read_text(encoding="utf-8"), name
    assert (second / "share/doc/weir/LICENSE").read_text().lstrip().startswith("Apache License")
