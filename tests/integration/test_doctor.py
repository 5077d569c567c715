"""`weir doctor`: says what fails before a server does."""

from __future__ import annotations

import json
import socket

import pytest
from weir_process import DEMO_MODELS, EXAMPLE_MODELS, run

ANY_PORT = ["--set", "server.port=0"]


def examined(*arguments, code: int = 0, env=None, program=()) -> dict[str, dict]:
    """Subject -> check; of several with one subject the last."""
    done = run("doctor", "--json", *arguments, env=env, program=program)
    assert (done.returncode, done.stderr) == (code, ""), done
    checks = json.loads(done.stdout)["checks"]
    for check in checks:
        assert check["health"] in ("ok", "warn", "fail") and check["text"]
        assert (check["health"] == "ok") != ("advice" in check), check
    return {check["subject"]: check for check in checks}


def test_a_machine_that_runs_the_tests_is_fit():
    found = examined(*ANY_PORT, "--models", DEMO_MODELS, "--models", EXAMPLE_MODELS)
    for subject in ("settings", "processor", "cores", "memory", "open files", "clock", "ONNX Runtime", "providers",
                    "address", "cache", "model minilm", "model sentiment", "model identity"):
        assert found[subject]["health"] in ("ok", "warn"), found[subject]
    assert "CPUExecutionProvider" in found["providers"]["text"]
    assert found["model minilm"]["text"].startswith("texts") and found["model identity"]["text"].startswith("tensors")


def test_cores_are_those_that_the_process_may_use():
    assert examined(*ANY_PORT, program=["taskset", "-c", "0"])["cores"]["text"] == "1"
    check = examined(*ANY_PORT, "--set", "workers=9", program=["taskset", "-c", "0"])["cores"]
    assert check["health"] == "warn" and "set workers to 1" in check["advice"]


def test_few_open_files_are_warned_of():
    check = examined(*ANY_PORT, program=["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"])["open files"]
    assert check["health"] == "warn" and "16448" in check["advice"] and "256" in check["text"]


def test_a_port_that_is_taken_fails():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        check = examined("--set", f"server.port={port}", code=1)["address"]
    assert check["health"] == "fail" and str(port) in check["text"]


def test_wrong_settings_fail(config_file):
    found = examined("--config", config_file("server:\n  adress: x\n"), *ANY_PORT, code=1,
                     env={"WEIR_SERVER_PORT": "0"})
    assert found["settings"]["health"] == "fail" and "'server.address'" in found["settings"]["text"]


def broken_folder(root, kind: str):
    """One model folder that is broken in this way."""
    folder = root / "models" / "broken"
    folder.mkdir(parents=True)
    if kind == "empty graph":
        (folder / "model.onnx").touch()
    elif kind == "lost link":
        (folder / "model.onnx").symlink_to(EXAMPLE_MODELS / "identity/model.onnx")
        (folder / "tokenizer.json").symlink_to(root / "nowhere")
    elif kind == "truncated":
        (folder / "model.onnx").write_bytes((EXAMPLE_MODELS / "identity/model.onnx").read_bytes()[:60])
    return root / "models"


@pytest.mark.parametrize("kind", ["no graph", "empty graph", "lost link"])
def test_a_folder_that_cannot_be_served_fails_at_a_glance(tmp_path, kind: str):
    check = examined(*ANY_PORT, "--models", broken_folder(tmp_path, kind), code=1)["model broken"]
    assert check["health"] == "fail" and "broken" in check["text"]


def test_a_deep_look_loads_each_model(tmp_path):
    models = broken_folder(tmp_path, "truncated")
    (models / "good").mkdir()
    (models / "good/model.onnx").symlink_to(EXAMPLE_MODELS / "identity/model.onnx")
    assert examined(*ANY_PORT, "--models", models)["model broken"]["health"] == "ok"
    found = examined(*ANY_PORT, "--models", models, "--deep", code=1)
    assert found["model broken"]["health"] == "fail"
    assert found["model good"]["health"] == "ok" and "tensor" in found["model good"]["text"]


def test_a_folder_of_models_that_is_not_there_fails(tmp_path):
    assert examined(*ANY_PORT, "--models", tmp_path / "gone", code=1)[f"models {tmp_path}/gone"]["health"] == "fail"
    assert examined(*ANY_PORT)["models"]["health"] == "warn"


def test_a_cache_that_cannot_be_written_is_warned_of(tmp_path):
    found = examined(*ANY_PORT, env={"HF_HOME": "/proc/here"})
    assert found["cache"]["health"] == "warn" and "HF_HOME" in found["cache"]["advice"]
    assert examined(*ANY_PORT, env={"HF_HUB_CACHE": str(tmp_path / "a/b")})["cache"]["health"] == "ok"


def test_for_people_it_is_lines_without_colours_in_a_pipe():
    done = run("doctor", *ANY_PORT)
    assert done.returncode == 0 and "\033" not in done.stdout
    assert "ok    ONNX Runtime" in done.stdout
    assert "-> name one: --models DIR" in done.stdout
