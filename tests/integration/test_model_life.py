"""Loading, unloading, replacing: over HTTP and from the command line, on real models, while others use them."""

from __future__ import annotations

import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from weir_process import DEMO_MODELS, EXAMPLE_MODELS, Weir, run, sanitized, until

TENSOR = {"inputs": [{"name": "INPUT0", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A models folder with a copy of `identity`, whose files a test may change."""
    place = tmp_path / "models"
    shutil.copytree(EXAMPLE_MODELS / "identity", place / "identity")
    return place


def status(server: Weir, model: str) -> dict:
    """What the server tells of a model."""
    reply = server.client.get(f"/v1/models/{model}/status")
    assert reply.status == 200, reply.body
    return reply.json()


def call(server: Weir, model: str, what: str):
    """POST /v1/models/MODEL/WHAT."""
    return server.client.request("POST", f"/v1/models/{model}/{what}")


def put(file: Path, content: bytes) -> None:
    """Puts another file in its place, as a careful writer does."""
    part = file.with_suffix(".part")
    part.write_bytes(content)
    part.rename(file)


def test_the_status_tells_how_a_model_was_loaded(start):
    server = start("--models", DEMO_MODELS)
    told = status(server, "minilm")
    assert told["name"] == "minilm" and told["state"] == "ready" and told["task"] == "embedding"
    assert told["loading"] is False and told["tries"] == 1 and told["waiting"] == 0
    assert 0 < told["load_steps"]["build_seconds"] <= told["load_seconds"]
    assert told["weight_bytes"] > 80_000_000
    assert told["loads"] == {"ok": 1, "replaced": 0, "failed": 0, "timed_out": 0, "cancelled": 0, "unloads": 0,
                            "evictions": 0}
    assert told["jobs"]["running"] == 0 and told["jobs"]["max"] >= 1


def test_an_unloaded_model_answers_503_until_it_is_loaded_again(start):
    server = start("--models", EXAMPLE_MODELS)
    assert call(server, "identity", "unload").json()["state"] == "absent"
    assert call(server, "identity", "unload").status == 200  # once more is no error
    refused = server.client.infer("identity", TENSOR)
    assert refused.status == 503 and "is not loaded" in refused.message()
    assert server.client.get("/v2/models/identity/ready").status == 503
    assert server.client.get("/readyz").status == 200  # another one is ready
    assert call(server, "identity", "load").json()["state"] == "ready"
    assert server.client.infer("identity", TENSOR).status == 200


def test_a_model_is_replaced_while_it_is_used_and_no_request_fails(start):
    server = start("--models", DEMO_MODELS)
    over = threading.Event()

    def use() -> list[int]:
        statuses = []
        while not over.is_set():
            statuses.append(server.client.embed("A kite.").status)
        return statuses

    rounds = 5 if sanitized() else 20
    with ThreadPoolExecutor(4) as pool:
        users = [pool.submit(use) for _ in range(4)]
        for _ in range(rounds):
            assert call(server, "minilm", "reload").status == 200
        over.set()
        statuses = [one for user in users for one in user.result()]
    assert set(statuses) == {200}
    assert status(server, "minilm")["loads"]["replaced"] == rounds
    assert server.metric("weir_model_loads_total", model="minilm", result="replaced") == rounds
    until(lambda: server.metric("weir_jobs_in_flight") == 0, "no job to be under way")


def test_a_reload_takes_what_lies_in_the_folder_now(start, folder: Path):
    server = start("--models", folder, "--set", "watch.models=false")
    put(folder / "identity/model.onnx", (EXAMPLE_MODELS / "simple/model.onnx").read_bytes())
    assert call(server, "identity", "reload").status == 200
    names = [one["name"] for one in server.client.get("/v2/models/identity").json()["inputs"]]
    assert names == [one["name"] for one in start("--models", EXAMPLE_MODELS).client.get("/v2/models/simple").json()["inputs"]]


def test_a_reload_that_fails_leaves_the_old_one_serving_and_tells_why(start, folder: Path):
    server = start("--models", folder, "--set", "watch.models=false")
    put(folder / "identity/model.onnx", b"no graph at all")
    failed = call(server, "identity", "reload")
    assert failed.status == 422 and "is not a graph" in failed.message()
    assert server.client.infer("identity", TENSOR).status == 200
    told = status(server, "identity")
    assert told["state"] == "ready" and "is not a graph" in told["reason"] and told["loads"]["failed"] == 1


def is_served(server: Weir, model: str) -> bool:
    """Whether the model is ready."""
    return server.client.get(f"/v2/models/{model}/ready").status == 200


@pytest.mark.parametrize("how", ["watching", "SIGHUP"])
def test_folders_that_come_change_and_go_are_picked_up(start, folder: Path, how: str):
    watch = "true" if how == "watching" else "false"
    server = start("--models", folder, "--set", f"watch.models={watch}", "--set", "watch.settle=50ms")

    def look() -> None:
        if how == "SIGHUP":
            server.signal(signal.SIGHUP)

    shutil.copytree(EXAMPLE_MODELS / "simple", folder / "simple")
    look()
    until(lambda: is_served(server, "simple"), "the new model to be ready")
    put(folder / "identity/model.onnx", (EXAMPLE_MODELS / "simple/model.onnx").read_bytes())
    look()
    until(lambda: status(server, "identity")["loads"]["replaced"] == 1, "the changed model to be replaced")
    shutil.rmtree(folder / "simple")
    look()
    until(lambda: server.client.get("/v1/models/simple/status").status == 404, "the model to be forgotten")
    assert is_served(server, "identity")


def test_without_watching_nothing_is_picked_up_by_itself(start, folder: Path):
    server = start("--models", folder, "--set", "watch.models=false", "--set", "watch.settle=10ms")
    shutil.copytree(EXAMPLE_MODELS / "simple", folder / "simple")
    for _ in range(50):
        assert server.client.get("/v1/models/simple/status").status == 404


def test_on_demand_a_model_is_loaded_once_with_the_first_requests_for_it(start):
    server = start("--models", DEMO_MODELS, "--load", "on-demand")
    assert server.client.get("/readyz").status == 200
    assert status(server, "minilm")["state"] == "absent"
    with ThreadPoolExecutor(30) as pool:
        statuses = list(pool.map(lambda _: server.client.embed("A kite.").status, range(30)))
    assert set(statuses) == {200}
    assert status(server, "minilm")["loads"]["ok"] == 1
    assert status(server, "sentiment")["state"] == "absent"
    assert call(server, "minilm", "unload").status == 200
    assert server.client.embed("A kite.").status == 503  # a request does not undo an unload


def test_a_request_that_names_no_model_loads_the_only_one(start, tmp_path: Path):
    (tmp_path / "minilm").symlink_to((DEMO_MODELS / "minilm").resolve(), target_is_directory=True)
    server = start("--models", tmp_path, "--load", "on-demand")
    assert server.client.post("/v1/embeddings", {"input": "A kite."}).status == 200


def test_nothing_is_there_to_cancel_and_nobody_is_made_by_a_path(start):
    server = start("--models", EXAMPLE_MODELS)
    assert call(server, "identity", "cancel").json() == {"name": "identity", "cancelled": False}
    for what in ("load", "unload", "reload", "cancel"):
        missing = call(server, "identty", what)
        assert missing.status == 404 and "did you mean 'identity'" in missing.message()
    assert server.client.get("/v1/models/identty/status").status == 404
    assert len(server.client.get("/v1/models").json()["data"]) == 2


def test_the_repository_of_the_open_inference_protocol(start):
    server = start("--models", EXAMPLE_MODELS)
    client = server.client
    assert client.post("/v2/repository/models/simple/unload", {"parameters": {"unload_dependents": False}}).status == 200
    index = {one["name"]: one for one in client.request("POST", "/v2/repository/index").json()}
    assert index["identity"] == {"name": "identity", "version": "1", "state": "READY", "reason": ""}
    assert index["simple"]["state"] == "UNAVAILABLE" and index["simple"]["reason"] == "absent"
    assert [one["name"] for one in client.post("/v2/repository/index", {"ready": True}).json()] == ["identity"]
    refused = client.post("/v2/repository/models/simple/load", {"parameters": {"config": "{}"}})
    assert refused.status == 400 and "config" in refused.message()
    assert client.request("POST", "/v2/repository/models/simple/load").status == 200
    assert client.get("/v2/models/simple/ready").status == 200
    assert client.post("/v2/repository/models/nothing/load", {}).status == 404


def test_the_load_once_service_has_its_two_paths(start):
    server = start("--models", DEMO_MODELS, "--set", "default_model=minilm")
    told = server.client.get("/model/status").json()
    assert told["status"] == "loaded" and told["model_name"] == "minilm" and told["error_message"] is None
    assert set(told) == {"status", "model_name", "load_time", "memory_usage_mb", "device", "fallback_used", "retry_count",
                         "error_message", "error_type", "config"}
    reloaded = server.client.request("POST", "/model/reload")
    assert reloaded.status == 200
    assert reloaded.json()["status"] == "success"
    assert set(reloaded.json()["model_info"]) == {"name", "load_time", "device"}
    assert call(server, "minilm", "unload").status == 200
    assert server.client.get("/model/status").json()["status"] == "not_loaded"


def test_settings_are_changed_while_a_model_serves_and_a_reload_keeps_them(start):
    server = start("--models", EXAMPLE_MODELS)

    def change(**settings):
        return server.client.request("PATCH", "/v1/models/identity/settings", settings)

    changed = change(workers=1, max_jobs=7)
    assert changed.status == 200 and changed.json()["jobs"]["max"] == 7 and changed.json()["jobs"]["workers"] == 1
    assert server.client.infer("identity", TENSOR).status == 200
    for wrong in ({"workers": 0}, {"max_jobs": 10**9}, {"max_bytes": "much"}, {"max_job": 3}, {"deadline_ms": 0},
                  {"load_tries": 0}, {"load_timeout_ms": -1}, {"fallback": "yes"}, {"workers": 3, "load_pause_ms": -1}):
        refused = change(**wrong)
        assert refused.status == 400, wrong
    assert "1 to 1024" in change(workers=5000).message() or "from 1 to 1024" in change(workers=5000).message()
    assert call(server, "identity", "reload").json()["jobs"]["max"] == 7
    assert status(server, "identity")["jobs"]["workers"] == 1  # a wrong value changes nothing
    assert status(server, "simple")["jobs"]["max"] == 256
    assert server.client.request("PATCH", "/v1/models/identty/settings", {"workers": 1}).status == 404


def test_a_models_deadline_and_its_loads_are_changed_while_the_server_runs(start):
    server = start("--models", DEMO_MODELS, "--set", "workers=1")

    def change(**settings):
        return server.client.request("PATCH", "/v1/models/minilm/settings", settings)

    body = {"model": "minilm", "input": ["word " * 100] * 200}
    assert change(deadline_ms=300).json()["jobs"]["deadline_ms"] == 300
    assert server.client.post("/v1/embeddings", body, x_request_timeout_ms="60000").status == 504
    assert change(deadline_ms=60000).status == 200
    assert server.client.embed("A kite.").status == 200
    assert change(load_timeout_ms=1).status == 200
    assert call(server, "minilm", "unload").status == 200
    late = call(server, "minilm", "load")
    assert late.status == 503 and "longer" in late.message()
    assert change(load_timeout_ms=60000, load_tries=1, load_pause_ms=0, fallback=False).status == 200
    assert call(server, "minilm", "load").status == 200


def test_the_same_from_the_command_line(start):
    server = start("--models", EXAMPLE_MODELS)
    url = ("--url", f"http://127.0.0.1:{server.port}")
    assert "state: ready" in run("models", "status", "identity", *url).stdout
    assert "state: absent" in run("models", "unload", "identity", *url).stdout
    assert "state: ready" in run("models", "load", "identity", *url).stdout
    assert "replaced: 1" in run("models", "reload", "identity", *url).stdout
    assert run("models", "cancel", "identity", *url).stdout == "nothing was loading\n"
    missing = run("models", "status", "identty", *url)
    assert missing.returncode == 1 and "did you mean 'identity'" in missing.stderr
    nobody = run("models", "status", "identity", "--url", "http://127.0.0.1:1")
    assert nobody.returncode == 1 and nobody.stderr.startswith("weir: ")


def test_memory_is_back_after_many_loads_and_unloads(start):
    server = start("--models", EXAMPLE_MODELS)

    def resident() -> int:
        return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])

    def churn(times: int) -> None:
        for _ in range(times):
            assert call(server, "identity", "unload").status == 200
            assert call(server, "identity", "load").status == 200

    churn(50)
    before = resident()
    churn(50 if sanitized() else 300)
    assert sanitized() or resident() <= before * 1.05
