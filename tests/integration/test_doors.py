"""Every door: what it answers when all is well, and what each answer carries."""

from __future__ import annotations

import json
import re
import shlex
import time

import pytest
from wire import Client, head_of

TASKS = {"identity": "tensor", "minilm": "embedding", "sentiment": "classification", "simple": "tensor"}

ROUTES = [
    "GET /", "GET /livez", "GET /readyz", "GET /metrics",
    "GET /openapi.json", "GET /docs", "GET /redoc", "GET /docs/{file}", "GET /v1/models", "GET /v1/models/{model}",
    "POST /v1/embeddings", "POST /v1/classify", "POST /rerank", "POST /v1/rerank",
    "POST /v1/forecast", "POST /v1/timeseries/forecast", "GET /v1/timeseries/models", "GET /v1/models/{model}/status", "POST /v1/models/{model}/load",
    "POST /v1/models/{model}/unload", "POST /v1/models/{model}/reload", "POST /v1/models/{model}/cancel",
    "PATCH /v1/models/{model}/settings",
    "POST /v2/repository/index", "POST /v2/repository/models/{model}/load",
    "POST /v2/repository/models/{model}/unload", "GET /model/status", "POST /model/reload",
    "GET /v2", "GET /v2/health/live", "GET /v2/health/ready",
    "GET /v2/models/stats", "GET /v2/models/{model}/stats", "GET /v2/models/{model}/versions/{version}/stats",
    "GET /v2/models/{model}", "GET /v2/models/{model}/config", "GET /v2/models/{model}/versions/{version}/config",
    "GET /v2/models/{model}/ready", "POST /v2/models/{model}/infer",
    "GET /v2/models/{model}/versions/{version}", "GET /v2/models/{model}/versions/{version}/ready",
    "POST /v2/models/{model}/versions/{version}/infer",
    "GET /v2/logging", "POST /v2/logging", "GET /v2/trace/setting", "POST /v2/trace/setting",
    "GET /v2/models/{model}/trace/setting", "POST /v2/models/{model}/trace/setting",
]


def path_of(route: str) -> str:
    """A path that the route takes."""
    return route.split(" ")[1].replace("{model}", "simple").replace("{version}", "1").replace("{file}", "start.js")


def test_the_root_lists_models_and_routes(client: Client):
    answer = client.get("/").json()
    assert list(answer) == ["name", "version", "models", "routes"]
    assert answer["name"] == "weir"
    assert answer["models"] == [{"name": n, "state": "ready", "task": t} for n, t in TASKS.items()]
    assert answer["routes"] == ROUTES


def test_a_live_server_says_so(client: Client):
    reply = client.get("/livez")
    assert (reply.status, reply.json()) == (200, {"status": "alive"})
    assert reply.headers["content-type"] == "application/json"


def test_a_server_with_its_models_loaded_is_ready(client: Client):
    reply = client.get("/readyz")
    assert (reply.status, reply.json()) == (200, {"status": "ready"})


def test_metrics_are_prometheus_text(client: Client):
    reply = client.get("/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    for line in reply.body.decode().splitlines():
        assert line.startswith("# ") or re.fullmatch(r'[a-z_]+(\{.*\})? [-+.0-9eInfNa]+', line), line


def test_the_list_of_models_has_the_shape_of_openai(client: Client):
    answer = client.get("/v1/models").json()
    assert list(answer) == ["object", "data"]
    assert answer["object"] == "list"
    created = {model.pop("created") for model in answer["data"]}
    assert len(created) == 1
    assert 0 <= time.time() - created.pop() < 3600
    assert answer["data"] == [
        {"id": name, "object": "model", "owned_by": "weir", "state": "ready", "task": task}
        for name, task in TASKS.items()
    ]


def test_one_model_is_shown_as_in_the_list(client: Client):
    assert client.get("/v1/models/minilm").json() in client.get("/v1/models").json()["data"]


def test_an_unknown_model_is_not_found_and_the_nearest_is_named(client: Client):
    reply = client.get("/v1/models/sentimant")
    assert reply.status == 404
    assert reply.json()["error"]["code"] == "model_not_found"
    assert "'sentiment'" in reply.message()


def test_the_printed_curl_line_works_as_it_stands(weir):
    (line,) = [line.strip() for line in weir.stdout().splitlines() if line.strip().startswith("curl ")]
    _, url, flag, body = shlex.split(line)
    assert flag == "-d"
    assert url.startswith(f"http://127.0.0.1:{weir.port}/")
    reply = weir.client.post(url.removeprefix(f"http://127.0.0.1:{weir.port}"), json.loads(body))
    assert reply.status == 200


def test_the_start_tells_every_model_and_every_door(weir):
    told = weir.stdout()
    for name, task in TASKS.items():
        assert re.search(rf"^  {name} +{task}$", told, re.MULTILINE)
    for route in ROUTES:
        method, pattern = route.split(" ")
        assert re.search(rf"^  {method} +{re.escape(pattern)}$", told, re.MULTILINE)


@pytest.mark.parametrize("path", ["/livez", "/v1/models", "/v2/models/simple", "/no/such/door"])
def test_the_clients_request_id_comes_back(client: Client, path: str):
    assert client.get(path, x_request_id="order-66/a").headers["x-request-id"] == "order-66/a"


def test_a_request_without_an_id_gets_a_fresh_one(client: Client):
    ids = {client.get("/livez").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    assert all(re.fullmatch("[0-9a-f]{32}", made) for made in ids)


@pytest.mark.parametrize("given", ["a" * 129, "two words", "caf\u00e9"])
def test_an_unusable_request_id_is_replaced(client: Client, given: str):
    assert re.fullmatch("[0-9a-f]{32}", client.get("/livez", x_request_id=given).headers["x-request-id"])


def test_answers_tell_where_the_time_went_and_the_stages_add_up(client: Client):
    tensor = {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 1], "data": [1]}]}
    infer = client.infer("identity", tensor)
    for reply in (client.embed("a kite"), client.embed(["a kite", "two kites"]), client.classify("a kite"), infer):
        timing = reply.headers["server-timing"]
        stages = {name: float(time) for name, time in re.findall(r"(\w+);dur=(\d+\.\d{3})", timing)}
        assert list(stages) == ["tokenize", "queue", "run", "post", "total"]
        assert sum(stages.values()) - stages["total"] == pytest.approx(stages["total"], abs=0.005)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.startswith("GET")])
def test_head_is_get_without_the_body(weir, route: str):
    with weir.raw() as connection:
        seen = connection.send(head_of("HEAD", path_of(route))).reply(head=True)
        whole = connection.send(head_of("GET", path_of(route))).reply()
    assert (seen.status, seen.headers["content-type"]) == (whole.status, whole.headers["content-type"])
    if route != "GET /metrics":  # grows from one request to the next
        assert seen.headers["content-length"] == whole.headers["content-length"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_wrong_method_is_told_the_right_ones(client: Client, route: str):
    _, pattern = route.split(" ")
    taken = [method for method, _, same in (one.partition(" ") for one in ROUTES) if same == pattern]
    reply = client.request("DELETE", path_of(route))
    assert reply.status == 405
    assert reply.headers["allow"] == ", ".join("GET, HEAD" if method == "GET" else method for method in taken)
    assert reply.headers["allow"] in reply.message()


@pytest.mark.parametrize("path", ["/v1/embedding", "/v1/embeddings/", "/v1/Classify", "/v2/model/simple/infer"])
def test_an_unknown_route_is_not_found_and_the_nearest_is_named(client: Client, path: str):
    reply = client.post(path, {})
    assert reply.status == 404
    assert path in reply.message()
    assert "did you mean" in reply.message()


def test_a_query_does_not_change_the_door(client: Client):
    assert client.get("/livez?verbose=1").status == 200


def test_errors_have_the_shape_of_their_protocol(client: Client):
    ours = client.get("/v1/nothing").json()
    assert list(ours) == ["error"]
    assert list(ours["error"]) == ["message", "type", "param", "code"]
    theirs = client.get("/v2/nothing").json()
    assert list(theirs) == ["error"]
    assert isinstance(theirs["error"], str)


def test_a_request_line_as_proxies_write_it_is_understood(weir):
    with weir.raw() as connection:
        assert connection.send(head_of("GET", f"http://127.0.0.1:{weir.port}/livez")).reply().status == 200


def test_a_path_without_its_slash_is_no_door(weir):
    with weir.raw() as connection:
        assert connection.send(head_of("GET", "Xlivez")).reply().status in (400, 404)
