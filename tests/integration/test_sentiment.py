"""The sentiment service: its routes, payloads, headers, metrics, variables and key rules; each of its old defects, gone."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from folder_expectations import EXPECTED
from tiny_models import make_tiny_classifier
from weir_process import DEMO_MODELS, Weir, run
from wire import Client

PREFIXES = ["", "/api/v1"]
ID = str(uuid.uuid4())
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Weir:
    """With one model, and feedback in a file of its own."""
    folder = tmp_path_factory.mktemp("sentiment")
    server = Weir(folder, "--profile", "sentiment", DEMO_MODELS / "sentiment", "--set",
                  f"sentiment.feedback={folder}/deep/feedback.db", "--set", "deadline.default=120s", "--set", "deadline.max=120s")
    yield server
    server.stop()


@pytest.fixture
def client(service: Weir) -> Client:
    return service.client


@pytest.fixture
def begin(start, tmp_path):
    """begin(arguments…): a server of the test's own with the profile."""

    def of(*arguments, **options) -> Weir:
        return start("--profile", "sentiment", *arguments, "--set", f"sentiment.feedback={tmp_path}/feedback.db", **options)

    return of


def predict(client: Client, text, prefix: str = "/api/v1", **headers):
    return client.post(f"{prefix}/predict", {"text": text}, **headers)


# Answers.


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_text_is_answered_with_its_label(client: Client, prefix: str):
    reply = predict(client, "  What a lovely day 🦜  ", prefix, x_correlation_id="mine")
    assert reply.status == 200
    answer = reply.json()
    assert list(answer) == ["label", "score", "inference_time_ms", "model_name", "text_length", "backend", "cached",
                            "prediction_id", "features"]
    assert answer["label"] == "POSITIVE" and 0.5 < answer["score"] <= 1 and answer["text_length"] == 19
    assert answer["backend"] == "onnx" and answer["model_name"] == "sentiment" and answer["features"] is None
    assert uuid.UUID(answer["prediction_id"]).version == 4 and answer["inference_time_ms"] > 0
    assert reply.headers["x-correlation-id"] == "mine" and reply.headers["x-model-backend"] == "onnx"
    assert float(reply.headers["x-inference-time-ms"]) == pytest.approx(answer["inference_time_ms"], abs=0.001)
    assert predict(client, "a").headers["x-correlation-id"]


@pytest.mark.parametrize("query, status", [("?backend=onnx", 200), ("?backend=pytorch", 200), ("?backend=tf", 422), ("?x=1", 200)])
def test_a_backend_may_be_named(client: Client, query: str, status: int):
    assert client.post(f"/predict{query}", {"text": "a kite"}).status == status


@pytest.mark.parametrize("body, field", [
    ({}, "text"), ({"text": None}, "text"), ({"text": 5}, "text"), ({"text": ""}, "text"), ({"text": " \n\u3000"}, "text"),
    ({"text": "a" * 10_001}, "text"), ([], None), ("{", None)])
def test_a_body_that_is_none_is_unprocessable(client: Client, body, field: str | None):
    reply = client.post("/api/v1/predict", body.encode() if isinstance(body, str) else body, x_correlation_id="mine")
    assert reply.status == 422
    error = reply.json()
    assert list(error) == ["error_code", "error_message", "detail", "validation_errors", "correlation_id", "timestamp"]
    assert error["error_code"] == "E1001" and error["error_message"] == "Request validation failed"
    (found,) = error["validation_errors"]
    assert found["loc"] == ["body"] + ([field] if field else []) and found["msg"] and found["type"]
    assert error["correlation_id"] == "mine" and TIMESTAMP.fullmatch(error["timestamp"])


@pytest.mark.parametrize("length, status", [(512, 200), (513, 400), (10_000, 400), (10_001, 422)])
def test_a_text_over_the_limit_is_refused_and_not_an_error_of_the_server(client: Client, length: int, status: int):
    """Defect b: these texts passed the schema and then gave 500."""
    reply = predict(client, "ü" * length)
    assert reply.status == status, reply.body
    if status == 400:
        error = reply.json()
        assert list(error) == ["error_code", "error_message", "status_code", "correlation_id", "timestamp", "context"]
        assert (error["error_code"], error["status_code"]) == ("E1002", 400) and str(length) in error["error_message"]


def test_what_the_service_says_of_itself(client: Client):
    for prefix in PREFIXES:
        root = client.get(prefix + "/").json()
        assert root["status"] == "operational" and root["health_url"] == "/api/v1/health"
        health = client.get(prefix + "/health").json()
        assert (health["status"], health["model_status"], health["backend"]) == ("healthy", "available", "onnx")
        assert health["version"] and TIMESTAMP.fullmatch(health["timestamp"])
        details = client.get(prefix + "/health/details").json()
        parts = {one["component_name"]: one["details"] for one in details["dependencies"]}
        assert set(parts) >= {"model", "system", "secrets_backend", "kafka", "async_batch"}
        assert parts["model"] == {"status": "healthy", "error": None}
        assert client.get(prefix + "/ready").json() == {"status": "ready"}
        model = client.get(prefix + "/model-info").json()
        assert model["model_name"] == "sentiment" and model["providers"] == ["CPUExecutionProvider"]
        assert model["cache_stats"]["enabled"] and model["is_ready"]


def test_without_its_model_the_service_says_so_and_answers_503(begin, tmp_path):
    shutil.copytree(DEMO_MODELS / "sentiment", tmp_path / "models/sentiment", symlinks=False)
    make_tiny_classifier(tmp_path / "models/other")
    server = begin("--models", tmp_path / "models", "--set", "sentiment.model=sentiment")
    server.client.post("/v1/models/sentiment/unload", b"")
    reply = predict(server.client, "a kite")
    assert reply.status == 503 and reply.json()["error_code"] == "E2001"
    assert server.client.get("/health").json()["model_status"] == "unavailable"
    assert server.client.get("/ready").status == 503 and server.metric("sentiment_model_loaded") == 0


# The cache.


def test_cached_is_true_exactly_when_the_answer_was_there(begin):
    """Defect d: it was never true, and read from counters that all requests shared."""
    server = begin(DEMO_MODELS / "sentiment")
    texts = [f"kite number {number}" for number in range(20)]
    with ThreadPoolExecutor(16) as pool:
        first = list(pool.map(lambda text: predict(server.client, text).json(), texts))
        second = list(pool.map(lambda text: predict(server.client, text).json(), texts * 5))
    assert not any(answer["cached"] for answer in first) and all(answer["cached"] for answer in second)
    for answer, again in zip(first * 5, second):
        assert (answer["label"], answer["score"]) == (again["label"], again["score"])
        assert answer["prediction_id"] != again["prediction_id"]
    assert server.metric("weir_cache_jobs_total", result="hit") == 100
    assert server.metric("weir_cache_jobs_total", result="miss") == 20
    assert server.metric("sentiment_requests_total", status_code="200", endpoint="/api/v1/predict") == 120
    told = server.client.get("/metrics-json").json()
    assert (told["sentiment_predictions_total"], told["sentiment_predictions_cached_total"]) == (120, 100)
    stats = server.client.get("/v2/models/sentiment/stats").json()["model_stats"][0]["inference_stats"]
    assert stats["cache_hit"]["count"] == 100 and stats["cache_miss"]["count"] == 20 and stats["success"]["count"] == 120


def test_a_hundred_equal_requests_at_once_run_once(begin):
    server = begin(DEMO_MODELS / "sentiment", "--set", "queue.max_jobs=200")
    text = "word " * 100
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: predict(server.client, text).json(), range(100)))
    assert len({answer["score"] for answer in answers}) == 1
    assert sum(not answer["cached"] for answer in answers) == 1
    assert server.metric("weir_run_seconds_count", model="sentiment") == server.metric("weir_jobs_queued_total", model="sentiment") == 1


def test_the_cache_serves_every_door_and_can_be_off(begin):
    server = begin(DEMO_MODELS / "sentiment")
    assert not predict(server.client, "a red kite").json()["cached"]
    server.client.post("/v1/classify", {"model": "sentiment", "input": "a red kite"})
    server.client.infer("sentiment", {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a red kite"]}]})
    assert server.metric("weir_cache_jobs_total", result="hit") == 2
    server = begin(DEMO_MODELS / "sentiment", env={"MLOPS_PREDICTION_CACHE_ENABLED": "false"})
    assert not any(predict(server.client, "a red kite").json()["cached"] for _ in range(3))
    assert server.client.get("/model-info").json()["cache_stats"]["enabled"] is False


def test_a_reloaded_model_begins_with_an_empty_cache(begin):
    server = begin(DEMO_MODELS / "sentiment")
    assert [predict(server.client, "a kite").json()["cached"] for _ in range(2)] == [False, True]
    assert server.client.post("/v1/models/sentiment/reload", b"").status == 200
    assert [predict(server.client, "a kite").json()["cached"] for _ in range(2)] == [False, True]


# Feedback.


def test_feedback_is_kept_and_found(client: Client):
    whole = {"prediction_id": ID, "text": "a text", "corrected_label": "NEUTRAL", "score": 0.5, "user_id": "me", "comments": "🦜"}
    reply = client.post("/api/v1/feedback", whole)
    assert reply.status == 201
    assert reply.json() == {"status": "success", "message": "Feedback received", "prediction_id": ID}
    (found,) = client.get(f"/feedback?prediction_id={ID}").json()["feedback"]
    assert {key: found[key] for key in whole} == whole and TIMESTAMP.fullmatch(found["received_at"])
    assert client.get(f"/feedback?prediction_id={uuid.uuid4()}").json() == {"feedback": []}


@pytest.mark.parametrize("change, field", [
    ({"prediction_id": None}, "prediction_id"), ({"prediction_id": "7"}, "prediction_id"), ({"corrected_label": "GOOD"}, "corrected_label"),
    ({"corrected_label": None}, "corrected_label"), ({"score": 1.5}, "score"), ({"score": "high"}, "score"), ({"comments": "a" * 10_001}, "comments"),
    ({"user_id": 5}, "user_id")])
def test_feedback_that_is_none_is_unprocessable(client: Client, change: dict, field: str):
    reply = client.post("/feedback", {"prediction_id": ID, "corrected_label": "POSITIVE", **change})
    assert reply.status == 422 and reply.json()["validation_errors"][0]["loc"] == ["body", field]


@pytest.mark.parametrize("limit", ["0", "1001", "x", "-1", ""])
def test_a_wrong_limit_is_unprocessable(client: Client, limit: str):
    assert client.get(f"/feedback?limit={limit}").status == 422


def test_feedback_survives_the_server_and_is_bounded(start, tmp_path):
    arguments = ["--profile", "sentiment", DEMO_MODELS / "sentiment", "--set", f"sentiment.feedback={tmp_path}/f.db", "--set",
                 "sentiment.max_feedback=3"]
    server = start(*arguments)
    ids = [str(uuid.uuid4()) for _ in range(5)]
    for one in ids:
        assert server.client.post("/feedback", {"prediction_id": one, "corrected_label": "POSITIVE"}).status == 201
    server.process.kill()
    server.process.wait()
    Weir.running.remove(server)
    again = start(*arguments)
    found = [one["prediction_id"] for one in again.client.get("/feedback").json()["feedback"]]
    assert found == ids[:1:-1]


def test_feedback_can_be_off(start):
    server = start("--profile", "sentiment", DEMO_MODELS / "sentiment", "--set", "sentiment.feedback=")
    reply = server.client.post("/feedback", {"prediction_id": ID, "corrected_label": "POSITIVE"})
    assert reply.status == 503 and reply.json()["error_message"] == "Feedback system unavailable"


# Keys and pages.


def test_a_key_is_asked_for_but_not_where_probes_ask(begin):
    """Defect j: /api/v1/health asked for the key."""
    server = begin(DEMO_MODELS / "sentiment", env={"MLOPS_API_KEY": "secret"})
    client = server.client
    for path in ("/metrics", "/health", "/api/v1/metrics", "/api/v1/health", "/ready"):
        assert client.get(path).status == 200, path
    for headers in ({}, {"x_api_key": "wrong"}):
        reply = predict(client, "a kite", **headers)
        assert reply.status == 401 and reply.json() == {"detail": "Unauthorized"}
    assert client.get("/model-info").status == 401
    assert predict(client, "a kite", x_api_key="secret").status == 200
    assert "secret" not in server.stderr() + server.stdout()


def test_pages_of_named_origins_may_ask_and_no_others(begin):
    server = begin(DEMO_MODELS / "sentiment", env={"MLOPS_ALLOWED_ORIGINS": '["https://a.example", "http://b.example:3000"]',
                                                   "MLOPS_API_KEY": "secret"})
    for origin, allowed in (("https://a.example", True), ("http://b.example:3000", True), ("https://c.example", False)):
        with server.raw() as connection:
            asked = connection.send((f"OPTIONS /api/v1/predict HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\n"
                                     "Access-Control-Request-Method: POST\r\n\r\n").encode()).reply()
        assert (asked.status == 204) == allowed
        assert asked.headers.get("access-control-allow-origin") == (origin if allowed else None)
        reply = predict(server.client, "a kite", origin=origin, x_api_key="secret")
        assert reply.status == 200 and reply.headers["vary"] == "Origin"
        assert reply.headers.get("access-control-allow-origin") == (origin if allowed else None)
    done = run("serve", "--profile", "sentiment", str(DEMO_MODELS / "sentiment"), env={"MLOPS_ALLOWED_ORIGINS": "*"})
    assert done.returncode == 2 and "MLOPS_ALLOWED_ORIGINS: '*' is no origin" in done.stderr


def test_it_listens_to_this_machine_alone_unless_it_has_keys(begin):
    done = run("serve", "--profile", "sentiment", str(DEMO_MODELS / "sentiment"), "--port", "0", env={"MLOPS_HOST": "0.0.0.0"})
    assert done.returncode == 2 and "auth: none" in done.stderr


# Metrics and variables.


NAMES = ["sentiment_requests_total", "sentiment_request_duration_seconds", "sentiment_active_requests", "sentiment_model_loaded",
         "sentiment_inference_duration_seconds", "sentiment_prediction_score", "sentiment_text_length_characters",
         "sentiment_torch_version", "sentiment_cuda_available", "sentiment_cuda_device_count",
         "sentiment_cuda_memory_allocated_bytes", "sentiment_cuda_memory_reserved_bytes"]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_metrics_have_the_names_that_dashboards_ask_for(client: Client, prefix: str):
    assert predict(client, "a kite").status == 200
    page = client.get(f"{prefix}/metrics").body.decode()
    families = set(re.findall(r"^# TYPE (\w+) ", page, re.MULTILINE))
    assert families >= set(NAMES) | {"weir_jobs_queued_total"}
    assert re.search(r'^sentiment_requests_total\{endpoint="/api/v1/predict",method="POST",status_code="200"\} \d', page, re.MULTILINE)


def test_variables_of_the_service_are_read_with_its_profile_alone(tmp_path):
    env = {"MLOPS_MAX_TEXT_LENGTH": "64", "MLOPS_PREDICTION_CACHE_MAX_SIZE": "10000", "MLOPS_MAX_REQUEST_TIMEOUT": "7",
           "MLOPS_WORKERS": "3", "MLOPS_DEBUG": "TRUE", "MLOPS_MODEL_NAME": "org/my-model", "MLOPS_LOG_LEVEL": "WARNING",
           "MLOPS_ENABLE_METRICS": "0", "MLOPS_PROFILE": "development"}
    told = run("config", "show", "--origin", "--profile", "sentiment", env=env).stdout
    for line in ("sentiment.max_text_length: 64", "cache.bytes: 40000KiB", "deadline.default: 7s", "workers: 3",
                 "sentiment.debug: true", "sentiment.model: my-model", "log.level: warn", "sentiment.metrics: false"):
        assert re.search(rf"^{line} +# environment MLOPS_", told, re.MULTILINE), (line, told)
    assert re.search(r"^drain.deadline: 2s +# profile development", told, re.MULTILINE)
    plain = run("config", "show", "--origin", env=env).stdout
    assert "MLOPS" not in plain
    own = run("config", "show", "--profile", "sentiment", env={**env, "WEIR_SENTIMENT_MAX_TEXT_LENGTH": "65"}).stdout
    assert "sentiment.max_text_length: 65" in own


@pytest.mark.parametrize("name, value, words", [
    ("MLOPS_PORT", "many", "'many'"), ("MLOPS_WORKERS", "17", "1 to 16"), ("MLOPS_PREDICTION_CACHE_MAX_SIZE", "9", "10"),
    ("MLOPS_DEBUG", "perhaps", "neither true nor false"), ("MLOPS_PROFILE", "prod", "production"),
    ("MLOPS_MAX_TEXT_LENGTH", "0", "1 to 10000")])
def test_a_wrong_value_names_its_variable(name: str, value: str, words: str):
    done = run("serve", "--profile", "sentiment", str(DEMO_MODELS / "sentiment"), env={name: value})
    assert done.returncode == 2 and done.stderr.startswith(f"weir: {name}: ") and words in done.stderr, done.stderr


def test_debug_tells_paths_without_the_prefix(begin):
    server = begin(DEMO_MODELS / "sentiment", env={"MLOPS_DEBUG": "true"})
    assert server.client.get("/").json()["health_url"] == "/health"


# The other defects.


def test_it_serves_at_all_and_every_answer_has_its_fields(client: Client):
    """Defect a."""
    assert all(value is not None or key == "features" for key, value in predict(client, "a").json().items())


def test_the_model_is_loaded_once_however_many_ask(begin):
    """Defect c."""
    server = begin(DEMO_MODELS / "sentiment", "--load", "on-demand")
    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(lambda n: predict(server.client, f"kite {n}").status, range(32))) == {200}
    assert server.metric("weir_model_loads_total", model="sentiment", result="ok") == 1


def test_other_requests_are_answered_while_a_long_one_runs(service: Weir):
    """Defect e: a running model stalled every request."""
    with ThreadPoolExecutor(4) as pool:
        long = [pool.submit(predict, service.client, f"{n} " + "w " * 250) for n in range(4)]
        assert service.client.get("/health").status == 200
        assert all(one.result().status == 200 for one in long)


@pytest.mark.parametrize("name", ["distilbert-seven-labels", "roberta-five-labels", "bert-multi-label", "modernbert-three-labels"])
def test_each_model_answers_with_its_own_labels(begin, folders: Path, name: str):
    """Defect i: other models' labels were forced through POSITIVE and NEGATIVE."""
    server = begin(folders / "served" / name)
    item = next(one for one in EXPECTED[name]["items"] if "text_pair" not in one and 0 < len(one["text"].strip()) <= 100)
    answer = predict(server.client, item["text"]).json()
    told = server.client.post("/v1/classify", {"model": name, "input": item["text"].strip()}).json()["data"][0]["labels"]
    assert (answer["label"], answer["score"]) == (told[0]["label"], pytest.approx(told[0]["score"], abs=1e-6))
    labels = set(json.loads((folders / "served" / name / "config.json").read_text())["id2label"].values())
    assert answer["label"] in labels and labels.isdisjoint({"POSITIVE", "NEGATIVE"})


def test_an_overload_is_refused_at_once_in_the_services_words(begin):
    server = begin(DEMO_MODELS / "sentiment", "--set", "queue.max_jobs=1", "--set", "workers=1")
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda n: predict(server.client, f"{n} " + "word " * 80), range(64)))
    assert {reply.status for reply in replies} == {200, 503}
    refused = next(reply for reply in replies if reply.status == 503)
    assert refused.json()["error_code"] == "E4005" and int(refused.headers["retry-after"]) >= 1
