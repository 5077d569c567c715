"""Every family that /metrics shows moves when the thing that it counts happens."""

from __future__ import annotations

import json
import re
from pathlib import Path

import tritonclient.grpc
from sample_texts import LONG
from weir_process import DEMO_MODELS, EXAMPLE_MODELS, Weir, until
from wire import head_of, post_of

FAMILIES = {
    "weir_http_connections": "gauge",
    "weir_http_connections_total": "counter",
    "weir_http_connections_refused_total": "counter",
    "weir_http_timeouts_total": "counter",
    "weir_http_requests_total": "counter",
    "weir_http_request_seconds": "histogram",
    "weir_grpc_requests_total": "counter",
    "weir_grpc_request_seconds": "histogram",
    "weir_jobs_queued_total": "counter",
    "weir_jobs_answered_total": "counter",
    "weir_jobs_in_flight": "gauge",
    "weir_requests_refused_total": "counter",
    "weir_queue_seconds": "histogram",
    "weir_run_seconds": "histogram",
    "weir_batch_jobs": "histogram",
    "weir_run_tokens_total": "counter",
    "weir_run_padding_tokens_total": "counter",
    "weir_cost_error_ratio": "gauge",
    "weir_cache_jobs_total": "counter",
    "weir_cache_bytes": "gauge",
    "weir_request_stage_seconds": "histogram",
    "weir_model_loads_total": "counter",
    "weir_model_load_seconds": "gauge",
    "weir_model_ready": "gauge",
}


def families(server: Weir) -> dict[str, str]:
    """Name and type of each."""
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", server.client.get("/metrics").body.decode(), re.MULTILINE))


def test_every_family_moves_from_zero(start):
    server = start("--models", DEMO_MODELS, "--models", EXAMPLE_MODELS, "--set", "queue.max_jobs=1",
                   "--set", "workers=1", "--set", "batch.policy=always", "--grpc-port", "0", "--set", "cache.bytes=1MiB")
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as triton:
        assert triton.is_model_ready("minilm")
    with server.raw() as busy:
        busy.send(post_of("/v1/embeddings", {"model": "minilm", "input": [LONG] * 20}, "X-Request-Timeout-Ms: 290000"))
        until(lambda: server.metric("weir_jobs_in_flight", model="minilm") > 0, "a job to be under way")
        assert server.client.embed("no room").status == 429
        assert server.metric("weir_jobs_in_flight", model="minilm") > 0
        assert busy.reply().status == 200
    assert server.client.classify("A kite.").status == 200
    # Of two lengths, and no two the same: a run of more than one has padding.
    texts = [f"{number} kites." if number % 2 else f"{number} kites over the sea." for number in range(64)]
    assert server.client.embed(texts).status == 200
    found = families(server)
    assert found == FAMILIES
    for name, kind in found.items():
        # Zero again, or looked at below.
        if name not in ("weir_jobs_in_flight", "weir_http_connections_refused_total", "weir_http_timeouts_total"):
            assert server.metric(f"{name}_count" if kind == "histogram" else name) > 0, name


def test_connections_that_are_one_too_many_are_counted(start):
    server = start("--models", EXAMPLE_MODELS, "--set", "server.max_connections=2")
    with server.raw() as first, server.raw() as second:
        assert first.send(head_of("GET", "/livez")).reply().status == second.send(head_of("GET", "/livez")).reply().status == 200
        with server.raw() as third:
            assert third.ended()
        page = first.send(head_of("GET", "/metrics")).reply().body.decode()
    assert '\nweir_http_connections_refused_total{bound="total"} 1\n' in page


def test_requests_are_counted_by_route_and_status(start):
    server = start("--models", EXAMPLE_MODELS)
    client = server.client
    for _ in range(3):
        client.get("/v1/models/simple")
    client.get("/v1/models/nothing")
    client.post("/v2/models/simple/infer", {})
    client.get("/no/such/route")

    def count(route: str, status: int) -> float:
        return server.metric("weir_http_requests_total", route=route, status=str(status))

    assert count("/v1/models/{model}", 200) == 3
    assert count("/v1/models/{model}", 404) == 1
    assert count("/v2/models/{model}/infer", 400) == 1
    assert count("unmatched", 404) == 1
    assert server.metric("weir_http_request_seconds_count", route="/v1/models/{model}") == 4


def test_paths_of_strangers_make_no_new_series(start):
    server = start("--models", EXAMPLE_MODELS)
    server.client.get("/a")
    before = server.client.get("/metrics").body.decode().count("\n")
    for number in range(50):
        server.client.get(f"/stranger/{number}")
        server.client.get(f"/v2/models/stranger{number}")
    assert server.client.get("/metrics").body.decode().count("\n") < before + 60


def test_runs_and_batches_are_counted(start):
    server = start("--models", DEMO_MODELS, "--set", "workers=1")
    assert server.client.embed(["a short text"] * 30).status == 200
    runs = server.metric("weir_run_seconds_count", model="minilm")
    assert 1 <= runs <= 30
    assert server.metric("weir_batch_jobs_count", model="minilm") == runs
    assert server.metric("weir_batch_jobs_sum", model="minilm") == 30
    assert server.metric("weir_queue_seconds_count", model="minilm") == 30
    assert server.metric("weir_jobs_answered_total", model="minilm", outcome="ok") == 30
    assert server.metric("weir_jobs_answered_total", model="sentiment") == 0


def test_each_model_that_is_ready_says_so(weir: Weir):
    for model in ("identity", "minilm", "sentiment", "simple"):
        assert weir.metric("weir_model_ready", model=model) == 1
        assert weir.metric("weir_model_load_seconds", model=model) > 0


DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "weir.json"
PARTS_OF_A_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")


def expressions() -> list[str]:
    """Every query of the dashboard."""
    board = json.loads(DASHBOARD.read_text())
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]] + \
        [variable["query"] for variable in board["templating"]["list"]]


def test_the_dashboard_shows_every_metric_and_none_that_is_not_there():
    shown = {name for text in expressions() for name in re.findall(r"\bweir_\w+", text)}
    plain = {name if name in FAMILIES else PARTS_OF_A_HISTOGRAM.sub("", name) for name in shown}
    assert plain == set(FAMILIES)


def test_the_dashboard_asks_only_for_labels_that_the_metrics_have(weir: Weir):
    assert weir.client.embed("A kite.").status == 200
    page = weir.client.get("/metrics").body.decode()
    for text in expressions():
        for name, labels in re.findall(r"\b(weir_\w+)\{([^}]*)\}", text):
            lines = [line for line in page.splitlines() if line.startswith(name)]
            for label in re.findall(r"(\w+)\s*[=!]~?", labels):
                assert any(f'{label}="' in line for line in lines), f"{name} has no label {label}"
