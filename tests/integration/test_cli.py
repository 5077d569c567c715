"""The command line: `weir predict` answers as HTTP does, and every command explains itself."""

from __future__ import annotations

import json

import pytest
from sample_texts import TOO_LONG
from weir_process import DEMO_MODELS, run
from wire import Client

TEXTS = ["What a lovely day.", "Never again."]


def predicted(*arguments) -> dict:
    """What it prints."""
    done = run("predict", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def close(found, expected) -> bool:
    """Equal, but for the last digits of floats: batches may differ there."""
    if isinstance(expected, float):
        return found == pytest.approx(expected, abs=1e-5)
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(close(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return found == expected


def test_predict_by_name_prints_what_http_answers(client: Client):
    assert close(predicted("sentiment", *TEXTS), client.classify(TEXTS).json())
    assert close(predicted("minilm", *TEXTS), client.embed(TEXTS).json())


@pytest.mark.parametrize("path", [DEMO_MODELS / "sentiment", f"{DEMO_MODELS}/sentiment/", "models/sentiment"])
def test_predict_by_path_prints_what_http_answers(client: Client, path):
    assert close(predicted(path, TEXTS[0]), client.classify(TEXTS[0]).json())


def test_predict_takes_the_options_of_the_request(client: Client):
    assert close(predicted("sentiment", TEXTS[0], "--top-k", "1"), client.classify(TEXTS[0], top_k=1).json())
    found = predicted("sentiment", TOO_LONG, "--truncate")
    assert close(found, client.classify(TOO_LONG, truncate=True).json())
    assert close(predicted("--models", DEMO_MODELS, "sentiment", TEXTS[0]), client.classify(TEXTS[0]).json())


def failed(code: int, *arguments) -> str:
    """Its one line of complaint."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_predict_with_an_unknown_model_suggests_the_nearest():
    told = failed(2, "predict", "sentimant", "a")
    assert "'sentimant'" in told and "'sentiment'" in told


def test_predict_with_a_bad_text_says_what_is_wrong():
    assert "empty" in failed(2, "predict", "sentiment", " ")
    told = failed(1, "predict", "sentiment", TOO_LONG)
    assert "602" in told and "512" in told


def test_predict_with_bytes_that_are_no_text_says_so():
    assert "UTF-8" in failed(2, "predict", "sentiment", "caf\udce9")  # the lone byte E9


def test_predict_with_a_tensor_model_says_what_to_use():
    assert "infer" in failed(2, "predict", "examples/models/identity", "a")


def test_predict_without_a_models_folder_says_so(tmp_path):
    assert str(tmp_path / "gone") in failed(2, "predict", "--models", tmp_path / "gone", "minilm", "a")


def test_predict_with_a_broken_model_gives_the_reason(tmp_path):
    (tmp_path / "lost").mkdir()
    assert "no model.onnx" in failed(1, "predict", tmp_path / "lost", "a")


@pytest.mark.parametrize("arguments", [["predict"], ["predict", "minilm"], ["predict", "minilm", "a", "--top-k", "-1"],
                                       ["predict", "minilm", "a", "--nothing"], ["dance"], [],
                                       ["serve", "--nothing"]])
def test_a_wrong_command_line_is_refused(arguments: list):
    done = run(*arguments)
    assert done.returncode not in (0, 1, 134, 139)
    assert done.stderr


def test_help_shows_every_command_and_an_example():
    whole = run("--help")
    assert whole.returncode == 0
    for command in ("serve", "predict", "bench", "options"):
        assert command in whole.stdout
        own = run(command, "--help")
        assert own.returncode == 0
        assert own.stdout
    for flag in ("--models", "--port", "--address", "--config", "--set", "Example"):
        assert flag in run("serve", "--help").stdout
    assert "weir predict" in run("predict", "--help").stdout


def test_version_tells_ours_and_the_runtimes(client: Client):
    told = run("--version")
    assert told.returncode == 0
    assert told.stdout.startswith(f"weir {client.get('/').json()['version']} (ONNX Runtime 1.")
