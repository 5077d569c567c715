"""`weir models pull` against a hub that works, and beside the hub's own Python package."""

from __future__ import annotations

import json
import os
import pty
import shutil
from pathlib import Path

import numpy
import onnx
import pytest
from hub_home import CONFIG, IDENTITY, Home
from hub_server import Hub
from weir_process import DEMO_MODELS, run, until

SMALL = {"config.json": CONFIG, "model.onnx": IDENTITY, "README.md": b"# not needed", "model.safetensors": b"x" * 5000,
         "pytorch_model.bin": b"y" * 5000}


@pytest.fixture
def hub():
    """A hub of the test's own."""
    served = Hub()
    yield served
    served.close()


@pytest.fixture
def home(tmp_path, hub: Hub) -> Home:
    """An empty home."""
    return Home(tmp_path, hub)


def demo_files(name: str) -> dict[str, bytes]:
    """The files of a demo model."""
    root = DEMO_MODELS / name
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*")
            if path.is_file() and not path.name.startswith(".")}


def test_a_pulled_model_answers_as_the_same_folder_does(hub: Hub, home: Home, start):
    hub.add("org/minilm", demo_files("minilm") | {"README.md": b"# not needed"})
    told = home.pull("org/minilm").stdout
    assert "graph model.onnx (model.onnx comes first)" in told
    server = start("--models", home.models)
    reply = server.client.post("/v1/embeddings", {"model": "minilm", "input": "hello"})
    expected = json.loads(run("predict", "models/minilm", "hello").stdout)["data"][0]["embedding"]
    assert reply.status == 200
    assert reply.json()["data"][0]["embedding"] == pytest.approx(expected, abs=1e-5)
    assert not hub.gets("README.md")


def test_only_the_files_that_are_needed_come(hub: Hub, home: Home):
    files = SMALL | {
        "tokenizer.json": b"{}", "tokenizer_config.json": b"{}", "special_tokens_map.json": b"{}", "vocab.txt": b"a",
        "modules.json": b"[]", "sentence_bert_config.json": b"{}", "config_sentence_transformers.json": b"{}",
        "1_Pooling/config.json": b"{}", "2_Dense/config.json": b"{}", "2_Dense/model.safetensors": b"dense",
        "2_Dense/pytorch_model.bin": b"dense", "onnx/model.onnx": b"other", "onnx/model_O4.onnx": b"other",
        "model.onnx_data": b"weights", "onnx/model.onnx_data": b"other", "openvino/openvino_model.xml": b"<x/>"}
    hub.add("org/whole", files)
    home.pull("org/whole")
    there = {str(path.relative_to(home.models / "whole")) for path in (home.models / "whole").rglob("*")
             if not path.is_dir()}
    assert there == {"config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "modules.json",
                     "sentence_bert_config.json", "config_sentence_transformers.json", "1_Pooling/config.json",
                     "2_Dense/config.json", "2_Dense/model.safetensors", "model.onnx", "model.onnx_data"}
    assert len(hub.gets("/resolve/")) == len({files[path] for path in there})  # equal contents come once


def test_a_second_pull_fetches_nothing(hub: Hub, home: Home):
    hub.add("org/small", SMALL)
    home.pull("org/small")
    hub.requests.clear()
    assert "everything was in the cache already" in home.pull("org/small").stdout
    assert [(seen.method, seen.path) for seen in hub.requests] == [("GET", "/api/models/org/small/revision/main")]


def test_the_hubs_own_package_finds_what_weir_pulled(hub: Hub, home: Home):
    repository = hub.add("org/small", SMALL)
    home.pull("org/small")
    hub.requests.clear()
    folder = home.python("print(snapshot_download('org/small', local_files_only=True))")
    assert Path(folder) == home.repository("org/small") / "snapshots" / repository.commit
    graph = home.python("print(hf_hub_download('org/small', 'model.onnx', local_files_only=True))")
    assert Path(graph).read_bytes() == IDENTITY
    assert not [seen for seen in hub.requests if "org/small" in seen.path]
    home.python("hf_hub_download('org/small', 'model.onnx')")
    assert not hub.gets("model.onnx") and not hub.gets("/store/")


def test_weir_fetches_nothing_that_the_hubs_own_package_has(hub: Hub, home: Home):
    hub.add("org/small", SMALL)
    home.python("snapshot_download('org/small', allow_patterns=['*.json', '*.onnx'])")
    hub.requests.clear()
    assert "everything was in the cache already" in home.pull("org/small").stdout
    assert len(hub.requests) == 1
    offline = home.pull("org/small", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in offline.stdout
    assert len(hub.requests) == 1


def test_both_write_the_same_cache(hub: Hub, home: Home, tmp_path):
    hub.add("org/small", {"config.json": CONFIG, "onnx/model.onnx": IDENTITY, "1_Pooling/config.json": b"{}"})
    other = Home(tmp_path / "other", hub)
    home.pull("org/small")
    other.python("snapshot_download('org/small')")
    theirs = {place: what for place, what in other.outline("org/small").items() if not place.startswith("trees")}
    assert home.outline("org/small") == theirs


def test_weir_goes_on_with_a_file_that_another_left_incomplete(hub: Hub, home: Home):
    repository = hub.add("org/small", SMALL)
    blobs = home.repository("org/small") / "blobs"
    blobs.mkdir(parents=True)
    (blobs / (repository.etag("model.onnx") + ".incomplete")).write_bytes(IDENTITY[:100])
    home.pull("org/small")
    assert [seen.range for seen in hub.gets("/store/")] == ["bytes=100-"]


def test_branches_tags_and_commits(hub: Hub, home: Home):
    repository = hub.add("org/small", SMALL)
    repository.branches |= {"v1.0", "refs/pr/1"}
    home.pull("org/small", "--revision", "v1.0")
    home.pull("org/small@refs/pr/1")
    home.pull(f"org/small@{repository.commit}")
    refs = home.repository("org/small") / "refs"
    found = {str(path.relative_to(refs)): path.read_text() for path in refs.rglob("*") if path.is_file()}
    assert found == {"v1.0": repository.commit, "refs/pr/1": repository.commit}
    assert len(hub.gets("/store/")) == 1
    assert "no such revision" in home.refused("org/small@v2.0", code=2)
    assert "given twice" in home.refused("org/small@v1.0", "--revision", "main", code=2)


def test_a_new_commit_replaces_the_old_one_and_shares_what_is_equal(hub: Hub, home: Home):
    hub.add("org/small", SMALL)
    home.pull("org/small")
    new = hub.add("org/small", SMALL | {"config.json": b'{"new": 1}'})
    home.pull("org/small")
    assert len(hub.gets("/store/")) == 1
    assert (home.models / "small/config.json").read_bytes() == b'{"new": 1}'
    assert os.readlink(home.models / "small/model.onnx").count(new.commit) == 1


def test_the_token_goes_to_the_hub_alone(hub: Hub, home: Home):
    hub.add("org/secret", SMALL, token="hf_abc")
    done = home.pull("org/secret", HF_TOKEN="hf_abc")
    assert "hf_abc" not in done.stdout + done.stderr
    assert {seen.token for seen in hub.requests if seen.host == "hub"} == {"hf_abc"}
    assert {seen.token for seen in hub.requests if seen.host == "store"} == {""}


def test_the_token_is_read_from_the_file_that_the_hubs_tools_write(hub: Hub, home: Home):
    hub.add("org/secret", SMALL, token="hf_abc")
    (home.folder / "hf").mkdir()
    (home.folder / "hf/token").write_text("hf_abc\n")
    home.pull("org/secret")
    assert {seen.token for seen in hub.requests if seen.host == "store"} == {""}


def test_a_graph_with_external_data_is_pulled_whole_and_runs_from_links(hub: Hub, home: Home, start, tmp_path):
    weights = onnx.numpy_helper.from_array(numpy.arange(4096, dtype=numpy.float32).reshape(1, 4096), "w")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "w"], ["y"])], "g",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 4096])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 4096])], [weights])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="model.onnx_data", size_threshold=0)
    hub.add("org/wide", {f"onnx/{name}": (tmp_path / name).read_bytes() for name in ("model.onnx", "model.onnx_data")})
    home.pull("org/wide")
    server = start("--models", home.models)
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4096], "data": [1] * 4096}]}
    reply = server.client.infer("wide", body)
    assert reply.status == 200, reply.body
    assert reply.json()["outputs"][0]["data"][:3] == [1, 2, 3]
    assert home.models_command("ls").stdout.count("16.4 kB") + home.models_command("ls").stdout.count("16.5 kB") > 0


def test_serve_and_predict_take_a_model_of_the_hub(hub: Hub, home: Home, start):
    hub.add("org/minilm", demo_files("minilm"))
    hub.add("org/identity", SMALL)
    server = start("hf:org/minilm", "hf:org/identity@main", env=home.env)
    assert {model["id"] for model in server.client.get("/v1/models").json()["data"]} == {"minilm", "identity"}
    assert server.client.post("/v1/embeddings", {"model": "minilm", "input": "hello"}).status == 200
    # What Weir measures of the model is kept, but not among the hub's files.
    profiles = home.folder / ".cache/weir/profiles"
    until(lambda: profiles.exists() and list(profiles.glob("*.json")), "the measured costs to be kept")
    assert not list(home.cache.rglob("weir-profile.json"))
    done = home.weir("predict", "hf:org/minilm", "hello")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"embedding"' in done.stdout


def test_without_a_hub_the_cache_answers_and_says_so(hub: Hub, home: Home):
    hub.add("org/small", SMALL)
    home.pull("org/small")
    hub.close()
    shutil.rmtree(home.models / "small")
    told = home.pull("org/small").stdout
    assert "taken from the cache, the hub was not reached: " in told
    assert (home.models / "small/model.onnx").read_bytes() == IDENTITY
    done = home.weir("predict", "hf:org/small", "hello")  # it takes tensors, not texts
    assert "hf:org/small is taken from the cache, the hub was not reached: " in done.stderr


def test_without_a_hub_and_without_the_model_it_says_both(hub: Hub, home: Home):
    hub.close()
    told = home.refused("org/small", HF_HUB_OFFLINE="1")
    assert "is not in the cache" in told and "HF_HUB_OFFLINE is set" in told
    hub_gone = home.refused("org/small")
    assert "trying again in 0.25 s" in hub_gone and "trying again in 2 s" in hub_gone


def test_a_cache_without_the_graph_is_not_enough(hub: Hub, home: Home):
    hub.add("org/small", SMALL)
    home.python("hf_hub_download('org/small', 'config.json')")
    told = home.refused("org/small", HF_HUB_OFFLINE="1")
    assert "org/small has no model.onnx" in told and "only the cache was looked at" in told


def test_a_terminal_sees_one_line_that_moves(hub: Hub, home: Home):
    hub.add("org/minilm", demo_files("minilm"))
    ours, theirs = pty.openpty()
    process = home.begin("org/minilm", stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    assert process.wait() == 0
    text = seen.decode()
    assert text.count("\r\033[K") > 3 and text.count("\n") == 1
    assert "model.onnx  " in text and "MB/s" in text and " left" in text
    assert "of 91.0 MB" in text
