"""memory.budget, the device and per-model loading, over HTTP on real models."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_model_life import TENSOR, call, put, status
from tiny_models import make_tiny_embedder
from weir_process import DEMO_MODELS, EXAMPLE_MODELS, Weir, run, sanitized, until

MIB = 1 << 20
# Room for two of three. A sanitizer keeps freed memory for a while, and what a load takes is measured.
FOR_SOME = "500MiB" if sanitized() else "270MiB"


@pytest.fixture
def encoders(tmp_path: Path) -> Path:
    """Three copies of MiniLM, which share nothing."""
    for name in ("a", "b", "c"):
        shutil.copytree(DEMO_MODELS / "minilm", tmp_path / "models" / name)
    return tmp_path / "models"


def embed(server: Weir, model: str) -> int:
    """The status of a small request."""
    return server.client.post("/v1/embeddings", {"model": model, "input": "A kite."}).status


def ready(server: Weir) -> list[str]:
    """Models that are ready."""
    return [one["name"] for one in server.client.get("/").json()["models"] if one["state"] == "ready"]


def test_idle_models_leave_for_others_and_come_back_when_they_are_asked_for(start, encoders: Path):
    server = start("--models", encoders, "--load", "on-demand", "--set", f"memory.budget={FOR_SOME}", "--set",
                   "load.optimized_copies=false", "--set", "batch.measure=false")
    for model in ("a", "b", "a"):
        assert embed(server, model) == 200
    told = status(server, "a")
    assert told["load"] == "on-demand"
    if sanitized():  # which models fit is then a matter of what the sanitizer holds
        assert [embed(server, model) for model in ("c", "b", "a")] == [200] * 3
        return
    assert ready(server) == ["a", "b"]
    assert 80 * MIB < told["memory_bytes"] < 135 * MIB
    assert told["load_steps"]["build_seconds"] > 0 and told["load_steps"]["memory_seconds"] >= 0
    assert embed(server, "c") == 200
    assert ready(server) == ["a", "c"]  # b was used least recently
    until(lambda: status(server, "b")["state"] == "absent", "b to have left")
    assert status(server, "b")["loads"]["evictions"] == 1
    assert server.metric("weir_model_loads_total", model="b", result="evicted") == 1
    assert embed(server, "b") == 200
    assert ready(server) == ["b", "c"]


def test_no_request_fails_while_models_take_turns(start, encoders: Path):
    server = start("--models", encoders, "--load", "on-demand", "--set", f"memory.budget={FOR_SOME}", "--set",
                   "load.optimized_copies=false", "--set", "batch.measure=false", "--set", "load.threads=1")
    with ThreadPoolExecutor(1) as pool:
        statuses = list(pool.map(lambda number: embed(server, "abc"[number % 3]), range(12)))
    assert set(statuses) == {200}


def test_what_does_not_fit_is_refused_with_both_numbers_and_the_others_serve(start, encoders: Path):
    server = start("--models", encoders, "--set", "memory.budget=150MiB", "--set", "load.threads=1", "--set",
                   "load.optimized_copies=false", "--set", "batch.measure=false")
    assert ready(server) == ["a"]
    refused = call(server, "b", "load")
    assert refused.status == 503
    assert "needs about" in refused.message() and "of memory.budget 150 MiB are free" in refused.message()
    assert status(server, "b")["tries"] == 1
    assert call(server, "a", "unload").status == 200
    assert call(server, "b", "load").status == 200


def test_models_of_the_same_files_share_their_room(start):
    server = start("--models", DEMO_MODELS, "--set", "memory.budget=150MiB")
    assert ready(server) == ["minilm", "sentiment"]


def test_each_model_may_load_at_the_start_or_on_demand(start, config_file):
    settings = config_file(f"models: [{EXAMPLE_MODELS}]\nserver: {{port: 0}}\n"
                           "model_settings:\n  identity:\n    load: on-demand\n")
    server = start("--config", settings)
    assert server.client.get("/readyz").status == 200
    assert status(server, "simple")["state"] == "ready" and status(server, "simple")["load"] == "startup"
    assert status(server, "identity")["state"] == "absent" and status(server, "identity")["load"] == "on-demand"
    assert server.client.infer("identity", TENSOR).status == 200
    other = start("--models", EXAMPLE_MODELS, "--load", "on-demand", "--set", "model_settings=simple.load=startup")
    assert status(other, "simple")["state"] == "ready" and status(other, "identity")["state"] == "absent"


def test_a_server_with_only_on_demand_models_is_ready_once_the_folders_are_read(start, tmp_path: Path):
    make_tiny_embedder(tmp_path / "models/m")
    broken = tmp_path / "models/broken/model.onnx"
    broken.parent.mkdir()
    put(broken, b"no graph at all")
    server = start("--models", tmp_path / "models", "--load", "on-demand")
    assert server.client.get("/readyz").status == 200 and server.client.get("/v2/health/ready").status == 200
    assert server.client.post("/v1/embeddings", {"model": "m", "input": "w1"}).status == 200
    assert server.client.infer("broken", TENSOR).status == 503


def test_a_device_that_is_not_there_is_replaced_by_the_cpu_unless_that_is_switched_off(start):
    server = start("--models", EXAMPLE_MODELS, "--set", "model_settings=identity.device=cuda:1")
    told = status(server, "identity")
    assert told["device"] == "cpu" and told["fallback_used"] is True
    assert told["reason"].startswith("it runs on the CPU: there is no device cuda:1: this ONNX Runtime")
    assert server.client.infer("identity", TENSOR).status == 200
    assert status(server, "simple")["fallback_used"] is False and status(server, "simple")["device"] == "cpu"
    strict = start("--models", EXAMPLE_MODELS, "--set", "model_settings=identity.device=cuda", "--set",
                   "load.fallback=false")
    told = status(strict, "identity")
    assert told["state"] == "failed" and "there is no device cuda:0" in told["reason"] and told["tries"] == 1
    assert "device" not in told


def test_the_load_once_service_tells_device_and_fall_back(start):
    server = start("--models", DEMO_MODELS, "--set", "default_model=minilm", "--set", "device=cuda:0")
    told = server.client.get("/model/status").json()
    assert told["status"] == "loaded" and told["device"] == "cpu" and told["fallback_used"] is True
    assert told["retry_count"] == 0 and "there is no device cuda:0" in told["error_message"]
    assert told["memory_usage_mb"] > 10


def test_wrong_settings_name_what_is_wrong():
    wrong = {"device=gpu": "none of auto, cpu, cuda", "memory.budget=much": "is not a value",
             "model_settings=m.devise=cpu": "did you mean 'device'?", "versions=some": "latest 1"}
    for setting, expected in wrong.items():
        refused = run("config", "show", "--set", setting)
        assert refused.returncode != 0 and expected in refused.stderr, refused.stderr
