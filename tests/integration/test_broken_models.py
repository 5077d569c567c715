"""Model folders that cannot be served: refused with the reason, while the others serve."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from weir_process import DEMO_MODELS, EXAMPLE_MODELS, Weir
from wire import Client

ONE = {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 1], "data": [1]}]}
IDENTITY = EXAMPLE_MODELS / "identity/model.onnx"
ENCODER = DEMO_MODELS / "minilm/model.onnx"
TOKENIZER = DEMO_MODELS / "minilm/tokenizer.json"
HEAD = DEMO_MODELS / "sentiment/head.onnx"

LABELS = {"id2label": {"0": "NEGATIVE", "1": "POSITIVE"}}

# name -> (files by name: bytes, a path to link to, or JSON; words that the reason has)
BROKEN = {
    "empty": ({}, "no model.onnx"),
    "no-graph": ({"tokenizer.json": TOKENIZER}, "no model.onnx"),
    "truncated": ({"model.onnx": IDENTITY.read_bytes()[:100]}, "not a graph"),
    "garbage": ({"model.onnx": b"\x00\xff garbage" * 100}, "not a graph"),
    "blank": ({"model.onnx": b""}, "not a graph"),
    "no-tokenizer": ({"model.onnx": ENCODER, "tokenizer.json": {}}, "not a tokenizer"),
    "half-tokenizer": ({"model.onnx": ENCODER, "tokenizer.json": TOKENIZER.read_bytes()[:5000]}, "not a tokenizer"),
    "not-text": ({"model.onnx": IDENTITY, "tokenizer.json": TOKENIZER}, "INPUT0"),
    "three-labels": ({"model.onnx": ENCODER, "tokenizer.json": TOKENIZER, "head.onnx": HEAD,
                      "config.json": {"id2label": {"0": "a", "1": "b", "2": "c"}}}, "3 labels"),
    "no-labels": ({"model.onnx": ENCODER, "tokenizer.json": TOKENIZER, "head.onnx": HEAD}, "id2label"),
    "a-gap": ({"model.onnx": ENCODER, "tokenizer.json": TOKENIZER, "head.onnx": HEAD,
               "config.json": {"id2label": {"0": "a", "2": "b"}}}, "id2label"),
    "bad-config": ({"model.onnx": ENCODER, "tokenizer.json": TOKENIZER, "config.json": b"{"}, "config.json"),
    "bad-limit": ({"model.onnx": ENCODER, "tokenizer.json": TOKENIZER,
                   "config.json": {"max_position_embeddings": "many"}}, "max_position_embeddings"),
    "bad-modules": ({"model.onnx": ENCODER, "tokenizer.json": TOKENIZER, "modules.json": [{"type": "x.Dense"}]},
                    "x.Dense"),
    "bad-head": ({"model.onnx": ENCODER, "tokenizer.json": TOKENIZER, "head.onnx": HEAD.read_bytes()[:500],
                  "config.json": LABELS}, "head.onnx"),
    "other-head": ({"model.onnx": ENCODER, "tokenizer.json": TOKENIZER, "head.onnx": IDENTITY,
                    "config.json": LABELS}, "head.onnx"),
    "bad name": ({"model.onnx": IDENTITY}, "no name for a model"),
    "a-folder": ({"model.onnx": EXAMPLE_MODELS}, "not a regular file"),
    "dangling": ({"model.onnx": Path("nowhere.onnx")}, "no model.onnx"),
}


def make(folder: Path, files: dict) -> None:
    """One model folder."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        if isinstance(content, Path):
            (folder / name).symlink_to(content.resolve() if content.exists() else content)
        else:
            (folder / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


@pytest.fixture(scope="module")
def ward(tmp_path_factory) -> Weir:
    """A server with every broken folder and two sound ones."""
    models = tmp_path_factory.mktemp("ward")
    for name, (files, _) in BROKEN.items():
        make(models / name, files)
    make(models / "sound", {"model.onnx": IDENTITY})
    make(models / "words", {"model.onnx": ENCODER, "tokenizer.json": TOKENIZER})
    make(models / ".hidden", {"model.onnx": b"not looked at"})
    (models / "README.txt").write_text("not a folder")
    server = Weir(tmp_path_factory.mktemp("weir"), "--models", models)
    yield server
    server.stop()


@pytest.fixture
def client(ward: Weir) -> Client:
    """Of that server."""
    return ward.client


def test_the_sound_models_serve(client: Client):
    assert client.get("/readyz").status == 200
    assert client.infer("sound", ONE).status == 200
    assert client.post("/v1/embeddings", {"model": "words", "input": "hello"}).status == 200
    assert client.post("/v1/embeddings", {"input": "hello"}).json()["model"] == "words"


def test_the_list_shows_each_state_with_its_reason(client: Client):
    found = {model["id"]: model for model in client.get("/v1/models").json()["data"]}
    assert set(found) == {*BROKEN, "sound", "words"}
    for name, (_, words) in BROKEN.items():
        assert found[name]["state"] == "failed"
        assert words in found[name]["reason"], name
        assert "task" not in found[name]
    for name in ("sound", "words"):
        assert found[name]["state"] == "ready"
        assert "reason" not in found[name]


def test_the_root_shows_the_reasons_too(client: Client):
    found = {model["name"]: model for model in client.get("/").json()["models"]}
    assert all(words in found[name]["reason"] for name, (_, words) in BROKEN.items())


@pytest.mark.parametrize("name", BROKEN)
def test_a_request_to_a_broken_model_gets_503_with_the_reason(client: Client, name: str):
    words = BROKEN[name][1]
    for path in ("/v1/embeddings", "/v1/classify"):
        reply = client.post(path, {"model": name, "input": "hello"})
        assert reply.status == 503
        assert name in reply.message() and words in reply.message()
    if " " not in name:
        for reply in (client.infer(name, ONE), client.get(f"/v2/models/{name}"), client.get(f"/v2/models/{name}/ready")):
            assert reply.status == 503
            assert name in reply.message() and words in reply.message()


def test_the_start_tells_what_is_not_served(ward: Weir):
    for name, (_, words) in BROKEN.items():
        assert any(name in line and words in line for line in ward.stdout().splitlines()), name
        assert any(name in line and words in line for line in ward.stderr().splitlines()), name


def test_loads_are_counted_by_result(ward: Weir):
    assert ward.metric("weir_model_loads_total", result="failed") == len(BROKEN)
    assert ward.metric("weir_model_loads_total", result="ok") == 2
    assert ward.metric("weir_model_ready") == 2


def test_a_folder_name_that_is_not_utf8_does_not_break_the_list(start, tmp_path):
    folder = os.fsencode(tmp_path / "models") + b"/bad\xff"
    os.makedirs(folder)
    make(tmp_path / "models/sound", {"model.onnx": IDENTITY})
    server = start("--models", tmp_path / "models")
    assert len(server.client.get("/v1/models").json()["data"]) == 2
    server.client.get("/metrics").body.decode("utf-8")


def test_two_folders_of_one_name_are_refused_at_start(start, tmp_path):
    make(tmp_path / "other/identity", {"model.onnx": IDENTITY})
    server = start("--models", EXAMPLE_MODELS, "--models", tmp_path / "other", wait=False)
    assert server.wait() == 2
    assert "two models 'identity'" in server.stderr()


def test_a_model_that_goes_after_the_start_is_still_served(start, tmp_path):
    make(tmp_path / "models/sound", {"model.onnx": IDENTITY.read_bytes()})
    server = start("--models", tmp_path / "models")
    shutil.rmtree(tmp_path / "models")
    assert server.client.infer("sound", ONE).status == 200
    server.signal(signal.SIGINT)
    assert server.wait() == 0
