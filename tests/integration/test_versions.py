"""Versions of a model: folders with numbers, over HTTP, while others use them."""

from __future__ import annotations

import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_model_life import call, put, status
from tiny_models import make_tiny_embedder
from weir_process import EXAMPLE_MODELS, Weir, run, until


def put_version(folder: Path, version: int, seed: int) -> None:
    """A whole version, moved into its place."""
    part = folder / f".{version}.part"
    make_tiny_embedder(part, seed)
    part.rename(folder / str(version))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A models folder with one model of one version."""
    place = tmp_path / "models"
    (place / "m").mkdir(parents=True)
    put_version(place / "m", 1, 1)
    return place


QUICK = ("--set", "watch.settle=50ms", "--set", "batch.measure=false")
IDS = {"inputs": [{"name": name, "shape": [1, 2], "datatype": "INT64", "data": [5, 6]} for name in
                  ("input_ids", "attention_mask")]}


def vector(server: Weir) -> list[float]:
    """What the model makes of a text."""
    reply = server.client.post("/v1/embeddings", {"model": "m", "input": "w1 w2"})
    assert reply.status == 200, reply.body
    return reply.json()["data"][0]["embedding"]


def served(server: Weir, model: str = "m") -> dict[str, str]:
    """The versions and their states."""
    return status(server, model)["versions"]


def test_a_request_may_name_a_version_and_gets_the_newest_otherwise(start, folder: Path):
    put_version(folder / "m", 2, 2)
    put_version(folder / "m", 10, 3)
    server = start("--models", folder, "--set", "versions=latest 2", *QUICK)
    client = server.client
    assert served(server) == {"10": "ready", "2": "ready"}
    assert client.get("/v2/models/m").json()["versions"] == ["2", "10"]
    assert client.get("/v2/models/m/versions/2").json()["versions"] == ["2"]
    newest = client.post("/v2/models/m/infer", IDS)
    assert newest.status == 200 and newest.json()["model_version"] == "10", newest.body
    answers = {}
    for version in ("2", "10"):
        assert client.get(f"/v2/models/m/versions/{version}/ready").status == 200
        reply = client.post(f"/v2/models/m/versions/{version}/infer", IDS)
        assert reply.status == 200 and reply.json()["model_version"] == version
        answers[version] = reply.json()["outputs"][0]["data"]
    assert answers["10"] == newest.json()["outputs"][0]["data"] != answers["2"]
    for path in ("/v2/models/m/versions/1", "/v2/models/m/versions/1/ready", "/v2/models/m/versions/x"):
        assert client.get(path).status == 404, path
    assert "it has 10, 2" in client.get("/v2/models/m/versions/1").message()
    index = client.request("POST", "/v2/repository/index").json()
    assert [(one["version"], one["state"]) for one in index] == [("10", "READY"), ("2", "READY")]


def test_a_model_without_versions_has_version_1(start):
    server = start("--models", EXAMPLE_MODELS, "--set", "versions=all")
    assert server.client.get("/v2/models/simple").json()["versions"] == ["1"]
    assert server.client.get("/v2/models/simple/versions/1").status == 200
    assert server.client.get("/v2/models/simple/versions/2").status == 404
    assert served(server, "simple") == {"1": "ready"}


@pytest.mark.parametrize(("policy", "expected"), [("latest 1", ["3"]), ("latest 2", ["3", "2"]), ("listed 1 3", ["3", "1"]),
                                                  ("all", ["3", "2", "1"])])
def test_the_policy_says_which_versions_are_served(start, folder: Path, policy: str, expected: list[str]):
    for version in (2, 3):
        put_version(folder / "m", version, version)
    shutil.copytree(EXAMPLE_MODELS / "simple", folder / "other/5")
    server = start("--models", folder, "--set", f"model_settings=m.versions={policy}", *QUICK)
    assert list(served(server)) == expected
    assert list(served(server, "other")) == ["5"]


@pytest.mark.parametrize("how", ["watching", "SIGHUP"])
def test_a_version_that_comes_or_goes_is_picked_up_without_one_failed_request(start, folder: Path, how: str):
    watch = "true" if how == "watching" else "false"
    server = start("--models", folder, "--set", f"watch.models={watch}", *QUICK)
    over = threading.Event()

    def use() -> list[int]:
        statuses = []
        while not over.is_set():
            statuses.append(server.client.post("/v1/embeddings", {"model": "m", "input": "w1 w2"}).status)
        return statuses

    def look() -> None:
        if how == "SIGHUP":
            server.signal(signal.SIGHUP)

    first = vector(server)
    with ThreadPoolExecutor(2) as pool:
        users = [pool.submit(use) for _ in range(2)]
        for version in range(2, 6):
            put_version(folder / "m", version, version)
            look()
            until(lambda v=version: served(server) == {str(v): "ready"}, f"version {version} to serve alone")
        assert vector(server) != first
        for version in (5, 4, 3, 2):
            shutil.rmtree(folder / "m" / str(version))
            look()
            until(lambda v=version: served(server) == {str(v - 1): "ready"}, f"version {version - 1} to serve again")
        over.set()
        statuses = [one for user in users for one in user.result()]
    assert set(statuses) == {200}
    assert vector(server) == first


def test_a_version_that_cannot_be_loaded_leaves_the_one_before_serving(start, folder: Path):
    server = start("--models", folder, *QUICK)
    first = vector(server)
    (folder / "m/2").mkdir()
    put(folder / "m/2/model.onnx", b"no graph at all")
    until(lambda: status(server, "m")["fallback_used"], "the new version to have failed")
    told = status(server, "m")
    assert told["state"] == "ready" and told["version"] == "1" and told["versions"] == {"2": "failed", "1": "ready"}
    assert told["reason"].startswith("version 1 stands in for version 2: ")
    assert vector(server) == first
    index = {one["version"]: one for one in server.client.request("POST", "/v2/repository/index").json()}
    assert index["2"]["state"] == "UNAVAILABLE" and "is not a graph" in index["2"]["reason"]
    shutil.rmtree(folder / "m/2")
    put_version(folder / "m", 2, 2)
    until(lambda: served(server) == {"2": "ready"}, "the repaired version to serve")
    assert not status(server, "m")["fallback_used"] and "reason" not in status(server, "m")


def test_at_the_start_the_version_before_stands_in_unless_that_is_switched_off(start, folder: Path):
    (folder / "m/2").mkdir()
    put(folder / "m/2/model.onnx", b"no graph at all")
    server = start("--models", folder, *QUICK)
    assert status(server, "m")["version"] == "1" and status(server, "m")["fallback_used"]
    assert vector(server)
    shutil.copytree(EXAMPLE_MODELS / "simple", folder / "simple")
    strict = start("--models", folder, "--set", "load.fallback=false", *QUICK)
    assert status(strict, "m")["state"] == "failed" and served(strict) == {"2": "failed"}


def test_files_beside_the_versions_are_those_of_all(start, folder: Path):
    put_version(folder / "m", 2, 2)
    for name in ("tokenizer.json", "config.json"):
        (folder / "m/1" / name).unlink()
        (folder / "m/2" / name).rename(folder / "m" / name)
    server = start("--models", folder, "--set", "versions=all", *QUICK)
    assert served(server) == {"2": "ready", "1": "ready"}
    before = vector(server)
    config = (folder / "m/config.json").read_text()
    put(folder / "m/config.json", config.encode() + b"\n")
    until(lambda: status(server, "m")["loads"]["replaced"] == 2, "both versions to be loaded again")
    assert vector(server) == before


def test_the_calls_mean_all_versions(start, folder: Path):
    put_version(folder / "m", 2, 2)
    server = start("--models", folder, "--set", "versions=all", *QUICK)
    assert call(server, "m", "unload").status == 200
    assert served(server) == {"2": "absent", "1": "absent"}
    assert server.client.get("/v2/models/m/versions/1/ready").status == 503
    assert call(server, "m", "load").json()["state"] == "ready"
    until(lambda: served(server) == {"2": "ready", "1": "ready"}, "both to be ready")


def test_the_command_line_takes_the_newest_version(folder: Path):
    put_version(folder / "m", 12, 2)
    listed = run("models", "ls", "--models", folder, "--json").stdout
    assert '"12/model.onnx"' in listed and "embedding" in listed
    assert run("predict", folder / "m", "w1 w2").returncode == 0
    assert run("models", "inspect", folder / "m").returncode == 0


def test_a_load_that_is_asked_for_looks_at_the_folder_when_nobody_watches_it(start, folder: Path):
    server = start("--models", folder, "--set", "watch.models=false", "--set", "versions=latest 2", *QUICK)
    old = vector(server)
    put_version(folder / "m", 2, 2)
    assert server.client.request("POST", "/v1/models/m/reload").status == 200
    assert served(server) == {"2": "ready", "1": "ready"} and vector(server) != old
    shutil.rmtree(folder / "m/2")
    assert server.client.request("POST", "/v1/models/m/reload").status == 200
    until(lambda: served(server) == {"1": "ready"}, "the version that is gone to go")
    assert vector(server) == old
    shutil.copytree(EXAMPLE_MODELS / "simple", folder / "late")
    assert server.client.request("POST", "/v2/repository/models/late/load").status == 200
    assert server.client.get("/v2/models/late/ready").status == 200
    for name in ("none", "..", ".git"):
        assert server.client.request("POST", f"/v1/models/{name}/load").status == 404, name


def test_a_reload_that_is_asked_for_is_not_done_again_by_the_watch(start, folder: Path):
    server = start("--models", folder, *QUICK)
    put_version(folder / "m", 2, 2)
    assert server.client.request("POST", "/v1/models/m/reload").status == 200
    loads = status(server, "m")["loads"]
    put_version(folder / "m", 3, 3)
    until(lambda: "3" in served(server), "the watch to have seen the next one")
    until(lambda: status(server, "m")["version"] == "3", "it to serve")
    assert status(server, "m")["loads"]["ok"] == loads["ok"] + 1


def test_a_graph_in_the_onnx_folder_of_a_version_is_watched(start, folder: Path):
    (folder / "m/1/onnx").mkdir()
    (folder / "m/1/model.onnx").rename(folder / "m/1/onnx/model.onnx")
    server = start("--models", folder, *QUICK)
    old = vector(server)
    make_tiny_embedder(folder.parent / "other", 7)
    put(folder / "m/1/onnx/model.onnx", (folder.parent / "other/model.onnx").read_bytes())
    until(lambda: vector(server) != old, "the new graph to serve")


def test_statistics_are_those_of_each_version(start, folder: Path):
    put_version(folder / "m", 2, 2)
    server = start("--models", folder, "--set", "versions=all", *QUICK)
    for version, count in (("1", 2), ("2", 3)):
        for _ in range(count):
            assert server.client.post(f"/v2/models/m/versions/{version}/infer", IDS).status == 200
    for path in ("/v2/models/stats", "/v2/models/m/stats"):
        told = server.client.get(path).json()["model_stats"]
        assert {one["version"]: one["inference_count"] for one in told} == {"1": 2, "2": 3}, path


def test_changes_are_picked_up_without_the_kernel_telling(start, folder: Path):
    server = start("--models", folder, "--set", "watch.poll=true", *QUICK)
    assert "does not tell" in server.stderr()
    old = vector(server)
    put_version(folder / "m", 2, 2)
    until(lambda: status(server, "m")["version"] == "2", "the new version to serve")
    assert vector(server) != old
    shutil.copytree(EXAMPLE_MODELS / "simple", folder / "late")
    until(lambda: server.client.get("/v2/models/late/ready").status == 200, "the new model to serve")
    shutil.rmtree(folder / "late")
    until(lambda: server.client.get("/v2/models/late/ready").status == 404, "it to go with its folder")
