"""The statistics extension of the Open Inference Protocol: every number is what happened."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from weir_process import DEMO_MODELS, Weir, until

ROW = {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}
STAGES = ("queue", "compute_input", "compute_infer", "compute_output")


def stats(server: Weir, model: str, version: str = "") -> dict:
    """Of one model."""
    path = f"/v2/models/{model}{'/versions/' + version if version else ''}/stats"
    (only,) = server.client.get(path).json()["model_stats"]
    assert (only["name"], only["version"]) == (model, version or "1")
    return only


def test_the_protocol_is_told_that_there_are_statistics(start):
    server = start("--models", "examples/models")
    assert {"statistics", "model_repository"} <= set(server.client.get("/v2").json()["extensions"])
    every = server.client.get("/v2/models/stats").json()["model_stats"]
    assert "identity" in {one["name"] for one in every}
    assert server.client.get("/v2/models/identitty/stats").status == 404


def test_every_request_is_counted_once_at_every_stage(start):
    server = start("--models", "examples/models")
    assert stats(server, "identity")["last_inference"] == 0
    with ThreadPoolExecutor(8) as threads:
        assert {reply.status for reply in threads.map(lambda _: server.client.infer("identity", ROW), range(100))} == {200}
    until(lambda: stats(server, "identity")["inference_stats"]["success"]["count"] == 100, "the last to be counted")
    now = stats(server, "identity", "1")
    assert now["inference_count"] == 100
    assert now["inference_stats"]["fail"] == {"count": 0, "ns": 0}
    for stage in STAGES:
        assert now["inference_stats"][stage]["count"] == 100
    times = {stage: now["inference_stats"][stage]["ns"] for stage in STAGES}
    assert 0 < times["compute_infer"] < now["inference_stats"]["success"]["ns"]
    assert times["compute_input"] > 0 and times["compute_output"] > 0
    assert sum(times.values()) <= now["inference_stats"]["success"]["ns"]
    assert sum(size["batch_size"] * size["compute_infer"]["count"] for size in now["batch_stats"]) == 100
    assert sum(size["compute_infer"]["count"] for size in now["batch_stats"]) == now["execution_count"]
    assert now["last_inference"] > 1_700_000_000_000


def test_batches_failures_and_a_reload_leave_the_numbers_true(start):
    server = start("--models", DEMO_MODELS, "--set", "workers=1")
    texts = [f"Kite number {number}." for number in range(40)]
    assert server.client.embed(texts).status == 200
    assert server.client.post("/v1/models/minilm/reload", b"").status == 200
    assert server.client.embed("A kite.").status == 200
    until(lambda: stats(server, "minilm")["inference_stats"]["success"]["count"] == 41, "all to be counted")
    now = stats(server, "minilm")
    assert now["inference_count"] == 41
    assert sum(size["batch_size"] * size["compute_infer"]["count"] for size in now["batch_stats"]) == 41
    assert now["execution_count"] == sum(size["compute_infer"]["count"] for size in now["batch_stats"])
    reply = server.client.post("/v1/embeddings", {"model": "minilm", "input": ["word " * 100] * 300},
                               x_request_timeout_ms="700")
    assert reply.status == 504
    until(lambda: server.metric("weir_jobs_in_flight", model="minilm") == 0, "the last job to end")
    then = stats(server, "minilm")["inference_stats"]
    failed = sum(server.metric("weir_jobs_answered_total", model="minilm", outcome=outcome)
                 for outcome in ("deadline_exceeded", "cancelled"))
    assert then["fail"]["count"] == failed > 0
    assert then["fail"]["ns"] > 0
