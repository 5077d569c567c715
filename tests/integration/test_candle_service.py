"""The candle forecasting service as its clients know it: routes, payloads, headers, variables, and what was wrong there."""

from __future__ import annotations

import concurrent.futures
import copy
import datetime
import json
import re
import time

import numpy as np
import pytest
from candle_models import CASES, KRONOS, assert_original
from weir_process import EXAMPLE_MODELS, run, until
from wire import head_of

COLUMNS = ("open", "high", "low", "close", "volume", "amount")
SINGLE, BATCH = "/v1/predict/single", "/v1/predict/batch"


def times(count: int, first: int = 0, step: int = 5) -> list[str]:
    """Every five minutes of a day and after."""
    return [(datetime.datetime(2025, 1, 1) + datetime.timedelta(minutes=step * (first + i))).isoformat()
            for i in range(count)]


def series(candles: int = 12, steps: int = 3, **fields) -> dict:
    """A request."""
    rows = [{"open": 10 + i % 3, "high": 13 + i % 3, "low": 9, "close": 11 + i % 2, "volume": 5 + i, "amount": 50}
            for i in range(candles)]
    return {"candles": rows, "timestamps": times(candles), "prediction_timestamps": times(steps, candles),
            "overrides": {"top_k": 1}} | fields


def of_case(case: dict, **fields) -> dict:
    """A case of the original, whose prices this service would take."""
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in case["candles"]]
    return {"candles": rows, "timestamps": case["timestamps"], "prediction_timestamps": case["prediction_timestamps"],
            "overrides": {"top_k": 1, "temperature": case["params"]["temperature"],
                          "sample_count": case["params"]["sample_count"]}} | fields


def takes(case: dict) -> bool:
    """Prices above 0, the low one the lowest."""
    rows = np.array(case["candles"], float)
    low, high, ends = rows[:, 2], rows[:, 1], rows[:, [0, 3]]
    return bool((rows[:, :4] > 0).all() and (rows[:, 4:] >= 0).all() and (low <= ends.min(1)).all()
                and (high >= ends.max(1)).all())


def values(forecast: dict) -> np.ndarray:
    """The candles of an answer."""
    return np.array([[row[column] for column in COLUMNS] for row in forecast["prediction"]])


@pytest.fixture
def serve(start, candle_models):
    """A server of the service, with these variables and arguments."""
    def begin(*arguments, **variables):
        env = {f"KRONOS_{key}": value for key, value in variables.items()}
        return start("--profile", "candles", "--models", candle_models, *arguments, env=env)
    return begin


@pytest.fixture(scope="module")
def service(tmp_path_factory, candle_models):
    """One without a bound on requests, shared."""
    from weir_process import Weir
    process = Weir(tmp_path_factory.mktemp("candles"), "--profile", "candles", "--models", candle_models,
                   env={"KRONOS_RATE_LIMIT_ENABLED": "false"})
    yield process
    process.stop()


def refusal(server, path: str, body, status: int = 422, **headers) -> dict:
    """The body of an answer that is one."""
    reply = server.client.post(path, body, **headers)
    assert reply.status == status, reply.body
    told = reply.json()
    assert {"error", "message", "details", "request_id", "timestamp", "detail"} == set(told)
    assert told["request_id"] == reply.headers["x-request-id"]
    return told


def test_a_forecast_is_the_originals(service):
    fitting = [case for case in CASES if takes(case)]
    assert len(fitting) >= 8
    for case in fitting:
        reply = service.client.post(SINGLE, of_case(case, series_id=case["name"]))
        assert reply.status == 200, reply.body
        answer = reply.json()
        assert set(answer) == {"series_id", "prediction", "model_version", "tokenizer_version", "seed"}
        assert (answer["series_id"], answer["model_version"], answer["tokenizer_version"]) == (case["name"], None, None)
        assert len(answer["prediction"]) == len(case["prediction_timestamps"])
        assert_original(values(answer), case)


def test_a_batch_may_mix_lengths_horizons_and_overrides(service):
    fitting = [case for case in CASES if takes(case)]
    items = [of_case(case, series_id=str(number)) for number, case in enumerate(fitting)]
    items.append(series(5, 1, series_id="drawn", overrides={"sample_count": 3, "temperature": 0.5, "seed": 4}))
    reply = service.client.post(BATCH, {"items": items})
    assert reply.status == 200, reply.body
    answers = reply.json()
    assert [answer["series_id"] for answer in answers] == [item["series_id"] for item in items]
    for answer, case in zip(answers, fitting, strict=False):
        assert_original(values(answer), case)
    alone = service.client.post(SINGLE, items[-1]).json()
    assert alone == answers[-1]


def test_the_seed_that_is_told_gives_the_same_again(service):
    drawn = series(overrides={"sample_count": 2})
    first, second = (service.client.post(SINGLE, drawn).json() for _ in range(2))
    assert first["seed"] != second["seed"] and first["prediction"] != second["prediction"]
    again = service.client.post(SINGLE, series(overrides={"sample_count": 2, "seed": first["seed"]})).json()
    assert again == first


def test_more_samples_than_rows_are_drawn_in_turns(serve):
    one_row = serve(POOL_SIZE="1")
    many = serve()
    drawn = series(overrides={"sample_count": 7, "seed": 3})
    few, all_at_once = (server.client.post(SINGLE, drawn).json() for server in (one_row, many))
    assert few == all_at_once


@pytest.mark.parametrize("overrides", [None, {}, {"top_k": 1}, {"temperature": 0.7}, {"top_p": 0.5}, {"sample_count": 2},
                                       {"pred_len": 3}, {"pred_len": None, "temperature": None, "top_k": None,
                                                         "top_p": None, "sample_count": None}])
def test_each_override_may_be_left_out_or_null(service, overrides):
    reply = service.client.post(SINGLE, series(overrides=overrides))
    assert reply.status == 200, reply.body


def test_times_come_back_as_they_were_written(service):
    for ask, expected in ((["2025-01-01", "2025-01-02"], "2025-01-03T00:00:00"),
                          ([1735689600, 1735693200], "2025-01-01T02:00:00Z"),
                          (["1735689600000", "1735693200000"], "2025-01-01T02:00:00Z"),
                          (["2025-01-01T09:00:00+09:00", "2025-01-01T10:00:00+09:00"], "2025-01-01T11:00:00+09:00")):
        later = {"2025-01-03T00:00:00": "2025-01-03", "2025-01-01T02:00:00Z": 1735696800}.get(expected, expected)
        reply = service.client.post(SINGLE, series(2, 1, timestamps=ask, prediction_timestamps=[later]))
        assert reply.status == 200, reply.body
        assert reply.json()["prediction"][0]["timestamp"] == expected


def change(path: str, value):
    """Sets a place like "candles.3.low" of a request; a value of ... takes it away."""
    def apply(body: dict) -> dict:
        body = copy.deepcopy(body)
        *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        place = body
        for part in way:
            place = place[part]
        if value is ...:
            del place[last]
        else:
            place[last] = value
        return body
    return apply


WRONG = {
    "no candles": (change("candles", ...), "candles", "'candles' is missing"),
    "none at all": (change("candles", []), "candles", "at least one candle"),
    "too many": (lambda body: series(2049, 1), "candles", "1 to 2048 candles"),
    "no price": (change("candles.3.close", ...), "candles[3].close", "is missing"),
    "a price of 0": (change("candles.3.open", 0), "candles[3].open", "greater than 0"),
    "below 0": (change("candles.3.low", -1), "candles[3].low", "greater than 0"),
    "a word": (change("candles.3.low", "x"), "candles[3].low", "must be a number"),
    "volume null": (change("candles.3.volume", None), "candles[3].volume", "not null"),
    "amount null": (change("candles.3.amount", None), "candles[3].amount", "not null"),
    "volume below 0": (change("candles.3.volume", -1), "candles[3].volume", "at least 0"),
    "low over open": (change("candles.3.low", 12.5), "candles[3].low",
                      "Low (12.5) cannot be greater than open (10.0) or close (12.0)"),
    "high under close": (change("candles.3.high", 11), "candles[3].high",
                         "High (11.0) cannot be less than open (10.0) or close (12.0)"),
    "one time less": (change("timestamps.11", ...), "timestamps",
                      "candles and timestamps length mismatch: 12 candles but 11 timestamps"),
    "times that repeat": (change("timestamps.4", times(12)[3]), "timestamps", "timestamps must be in ascending order: "),
    "steps that repeat": (change("prediction_timestamps.1", times(1, 12)[0]), "prediction_timestamps",
                          "prediction_timestamps must be in ascending order: "),
    "steps too early": (change("prediction_timestamps", times(1)), "prediction_timestamps",
                        "prediction_timestamps must be after input timestamps: "),
    "no steps": (change("prediction_timestamps", []), "prediction_timestamps", "at least one time"),
    "too many steps": (change("prediction_timestamps", times(513, 12)), "prediction_timestamps", "1 to 512"),
    "more than the context": (change("prediction_timestamps", times(65, 12)), "pred_len", "1 to 64 candles"),
    "pred_len": (change("overrides", {"pred_len": 2}), "overrides.pred_len", "there are 3 prediction_timestamps"),
    "pred_len 0": (change("overrides", {"pred_len": 0}), "overrides.pred_len", "from 1 to"),
    "temperature": (change("overrides", {"temperature": 0}), "overrides.temperature", "above 0"),
    "samples": (change("overrides", {"sample_count": 0}), "overrides.sample_count", "from 1 to 1024"),
    "top_k": (change("overrides", {"top_k": 1.5}), "overrides.top_k", "whole number"),
    "a time that is none": (change("timestamps.2", "noon"), "timestamps[2]", "noon"),
    "naive and aware": (change("timestamps.2", "2025-01-01T00:10:00Z"), "timestamps[2]", "time zone"),
    "two offsets": (change("prediction_timestamps", ["2025-01-02T00:00:00+02:00"]), "prediction_timestamps[0]", "time zone"),
    "before all time": (change("timestamps.0", "1600-01-01"), "timestamps[0]", "1677"),
    "no object": (lambda body: [body], "", "must be an object"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_by_its_place(service, name):
    make, field, said = WRONG[name]
    body = make(series())
    told = refusal(service, SINGLE, body)
    assert said in told["message"]
    assert told["details"].get("field", "") == field
    (detail,) = told["detail"]
    assert detail["msg"] == told["message"] and detail["loc"][0] == "body"


def test_a_batch_names_the_series(service):
    def batch(*items):
        return {"items": list(items)}

    good = series(series_id="good")
    for changed, said in (
            (change("timestamps.4", times(12)[3])(series(series_id="ETH")),
             "[ETH] timestamps must be in ascending order at index 4"),
            (change("prediction_timestamps.2", times(1, 12)[0])(series(series_id="ETH")),
             "[ETH] prediction_timestamps must be in ascending order at index 2"),
            (change("prediction_timestamps", times(1))(series(series_id="ETH")),
             "[ETH] prediction_timestamps must be after input timestamps"),
            (change("timestamps.11", ...)(series(series_id="ETH")),
             "[ETH] candles and timestamps length mismatch: 12 candles but 11 timestamps")):
        assert refusal(service, BATCH, batch(good, changed))["message"] == said
    told = refusal(service, BATCH, batch(good, change("prediction_timestamps", times(65, 12))(series(series_id="ETH"))))
    assert told["message"].startswith("[ETH] 1 to 64") and told["details"]["field"] == "items[1].pred_len"
    assert "'items[0].series_id' is missing" in refusal(service, BATCH, batch(series()))["message"]


def test_an_empty_batch_and_no_json_are_the_callers_fault(service):
    assert "at least one series" in refusal(service, BATCH, {"items": []})["message"]
    assert "items" in refusal(service, BATCH, {})["message"]
    assert "not valid JSON" in refusal(service, BATCH, b"{")["message"]


def test_constant_single_and_long_series_are_forecast(service):
    flat = {"open": 7, "high": 7, "low": 7, "close": 7}
    for body in (series(1, 1), series(20, 2) | {"candles": [flat] * 20}, series(2048, 2), series(12, 64)):
        reply = service.client.post(SINGLE, body)
        assert reply.status == 200, reply.body
        assert np.isfinite(values(reply.json())).all()


def test_the_service_tells_how_it_is(service):
    client = service.client
    assert client.get("/v1/healthz").json() == {"status": "ok"}
    assert client.get("/").json() == {"message": "weir"}
    ready = client.get("/v1/readyz")
    assert (ready.status, ready.json()) == (200, {"status": "ok", "model_loaded": True, "device": "cpu",
                                                  "device_warning": None})
    health = client.get("/v1/healthz/detailed").json()
    assert health["status"] in ("healthy", "degraded") and health["uptime_seconds"] > 0
    assert health["checks"]["model"] == {"status": "healthy", "loaded": True, "version": "kronos"}
    memory, disk = health["checks"]["memory"], health["checks"]["disk"]
    assert 0 < memory["process_mb"] < memory["system_total_mb"] >= memory["system_available_mb"] > 0
    assert 0 <= disk["percent"] <= 100 and disk["free_gb"] <= disk["total_gb"]


def test_its_variables_count_where_they_are_set(serve):
    server = serve(APP_NAME="forecasts", DEVICE="cuda:1", MODEL_ID="NeoQuasar/kronos", MAX_CONTEXT="32",
                   DEFAULT_SAMPLE_COUNT="2", DEFAULT_TEMPERATURE="0.5", DEFAULT_TOP_P="0.8", DEFAULT_TOP_K="3",
                   CONTAINER_WHITELIST='["alpha", "beta"]', RATE_LIMIT_PER_MINUTE="7", MAX_REQUEST_SIZE_MB="1",
                   LOG_LEVEL="WARNING", CLIP_VALUE="4", INFERENCE_TIMEOUT="20", REQUEST_TIMEOUT="30")
    shown = run("config", "show", "--profile", "candles", env={
        "KRONOS_POOL_SIZE": "5", "KRONOS_CONTAINER_WHITELIST": "alpha,beta", "KRONOS_RATE_LIMIT_ENABLED": "true",
        "KRONOS_INFERENCE_TIMEOUT": "20", "KRONOS_MAX_REQUEST_SIZE_MB": "3"}).stdout
    for line in ("forecast.rows: 5", "candles.rate_limit: 100", "candles.inference_timeout: 20s", "candles.max_request: 3MiB"):
        assert line in shown, shown
    alpha = {"x_container_name": "alpha"}
    assert server.client.get("/", **alpha).json() == {"message": "forecasts"}
    assert "cuda:1" in server.client.get("/v1/readyz").json()["device_warning"]
    assert "1 to 32 candles" in refusal(server, SINGLE, series(12, 33), **alpha)["message"]
    reply = server.client.post(SINGLE, series(), **alpha)
    assert (reply.status, reply.headers["x-ratelimit-limit"]) == (200, "7")
    refusal(server, SINGLE, series(), 403)


def test_without_variables_the_models_own_manifest_counts(serve):
    server = serve(MAX_CONTEXT="4096")
    assert server.client.post(SINGLE, series(12, 64)).status == 200
    assert "1 to 64 candles" in refusal(server, SINGLE, series(12, 65))["message"]


def test_containers_that_are_not_listed_are_refused(serve):
    server = serve()
    for name in ("frontend-app", "worker-service", "scheduler", "localhost", ""):
        assert server.client.post(SINGLE, series(2, 1), x_container_name=name).status == 200
    assert server.client.post(SINGLE, series(2, 1)).status == 200
    told = refusal(server, SINGLE, series(2, 1), 403, x_container_name="stranger")
    assert (told["error"], told["message"]) == ("Forbidden", "Container not whitelisted")
    for path in ("/v1/healthz", "/v1/healthz/detailed", "/v1/readyz", "/v1/metrics"):
        assert server.client.get(path, x_container_name="stranger").status == 200
    assert server.metric("kronos_security_events_total", container="stranger") == 1
    off = serve(SECURITY_ENABLED="false")
    assert off.client.post(SINGLE, series(2, 1), x_container_name="stranger").status == 200


def test_the_rate_of_a_container_is_limited_and_told(serve):
    server = serve(RATE_LIMIT_PER_MINUTE="3")
    replies = [server.client.post(SINGLE, series(2, 1), x_container_name="scheduler") for _ in range(5)]
    assert [reply.status for reply in replies] == [200] * 3 + [429] * 2
    assert [reply.headers["x-ratelimit-remaining"] for reply in replies] == ["2", "1", "0", "0", "0"]
    assert 0 < int(replies[-1].headers["retry-after"]) <= 60 >= int(replies[-1].headers["x-ratelimit-reset"]) > 0
    assert replies[-1].json()["message"] == "Rate limit exceeded: 3 per 1 minute"
    assert server.client.post(SINGLE, series(2, 1), x_container_name="frontend-app").status == 200
    assert all(server.client.get("/v1/healthz", x_container_name="scheduler").status == 200 for _ in range(5))
    assert server.metric("kronos_rate_limit_hits_total", container="scheduler") == 2


def test_names_that_clients_make_up_do_not_fill_the_metrics(serve):
    server = serve()
    for number in range(150):
        assert server.client.post(SINGLE, b"", x_container_name=f"made-up-{number}").status == 403
    page = server.client.get("/v1/metrics").body.decode()
    assert len(re.findall(r"^kronos_security_events_total\{", page, re.M)) == 101
    assert server.metric("kronos_security_events_total") == 150


def test_a_body_over_the_limit_is_refused_before_it_is_sent(serve):
    server = serve(MAX_REQUEST_SIZE_MB="1")
    told = refusal(server, SINGLE, b" " * (2**20 + 1), 413)
    assert told["error"] == "Payload Too Large"
    with server.raw() as connection:
        connection.send(head_of("POST", SINGLE, 2**24))
        assert connection.reply().status == 413
    assert server.metric("kronos_request_size_rejections_total") == 2


def test_the_request_id_comes_back_or_is_made(service):
    assert service.client.post(SINGLE, series(2, 1), x_request_id="mine").headers["x-request-id"] == "mine"
    assert service.client.post(SINGLE, series(2, 1)).headers["x-request-id"]


def test_a_time_out_is_told_and_stops_the_work(serve):
    server = serve("--set", "workers=1", INFERENCE_TIMEOUT="1")
    slow = series(2000, 64, overrides={"sample_count": 1024})
    begin = time.monotonic()
    told = refusal(server, SINGLE, slow, 504)
    assert 1 <= time.monotonic() - begin < 5
    assert told["message"] == "Prediction timeout after 1 seconds"
    until(lambda: server.metric("weir_jobs_in_flight", model="kronos") == 0, "nobody to compute for nobody")
    assert server.client.post(SINGLE, series(2, 1)).status == 200
    assert server.metric("kronos_timeouts_total", endpoint=SINGLE) == 1
    assert server.metric("kronos_requests_total", route=SINGLE, status="timeout") == 1


def test_thirty_clients_at_once_are_all_answered(service):
    fitting = [case for case in CASES if takes(case)]
    cases = [fitting[number % len(fitting)] for number in range(90)]
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        replies = list(pool.map(lambda case: service.client.post(SINGLE, of_case(case)), cases))
    for reply, case in zip(replies, cases, strict=True):
        assert reply.status == 200, reply.body
        assert_original(values(reply.json()), case)
    until(lambda: service.metric("kronos_concurrent_requests") <= 1, "all to be counted")


def test_it_is_not_ready_while_its_model_is_not(serve, candle_models, tmp_path):
    broken = tmp_path / "models" / "broken"
    broken.mkdir(parents=True)
    for file in (candle_models / "kronos").iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "dep.onnx").write_bytes(b"x")
    arguments = ("--models", EXAMPLE_MODELS, "--set", "candles.model=broken")
    server, strict = (serve("--models", tmp_path / "models", *arguments, **variables)
                      for variables in ({}, {"STRICT_COMPAT": "true"}))
    until(lambda: server.client.get("/v1/models/broken").json()["state"] == "failed", "the load to fail")
    ready = server.client.get("/v1/readyz")
    assert (ready.status, ready.json()["status"], ready.json()["model_loaded"]) == (503, "loading", False)
    assert "dep.onnx" in ready.json()["reason"]
    assert strict.client.get("/v1/readyz").status == 200
    told = refusal(server, SINGLE, series(2, 1), 503)
    assert told["message"] == "Model not ready" and "dep.onnx" in told["details"]["reason"]
    assert server.client.get("/v1/healthz/detailed").json()["status"] == "degraded"


def test_its_metrics_have_their_names_and_are_observed(serve):
    server = serve()
    server.client.post(SINGLE, series(100, 2))
    server.client.post(BATCH, {"items": [series(20, 2, series_id="a"), series(30, 2, series_id="b")]})
    server.client.post(SINGLE, {})
    metric = server.metric
    assert metric("kronos_requests_total", route=SINGLE, status="success") == 1
    assert metric("kronos_requests_total", route=BATCH, status="success") == 1
    assert metric("kronos_requests_total", route=SINGLE, status="error") == 1
    assert metric("kronos_request_duration_seconds_count", route=SINGLE) == 2
    assert metric("kronos_model_inference_seconds_count", endpoint=BATCH) == 1
    assert metric("kronos_model_inference_seconds_sum", endpoint=BATCH) > 0
    assert metric("kronos_prediction_input_size_sum") == 150
    assert metric("kronos_prediction_input_size_bucket", le="50") == 2
    assert metric("kronos_timeouts_total") == 0
    page = server.client.get("/v1/metrics")
    assert page.headers["content-type"].startswith("text/plain") and b"kronos_concurrent_requests 1" in page.body
    off = serve(ENABLE_METRICS="false")
    assert off.client.get("/v1/metrics").status == 403


def test_published_weights_are_told_how_to_become_a_model(candle_models):
    published = KRONOS / "tiny/model"
    done = run("serve", "--profile", "candles", "--port", "0", env={"KRONOS_MODEL_PATH": str(published)})
    assert done.returncode != 0
    assert f"weir models convert kronos --model {published} --tokenizer" in done.stderr


def test_keys_guard_it_where_there_are_some(serve):
    server = serve("--set", "api_keys=a-secret-of-the-test")
    assert server.client.post(SINGLE, series(2, 1)).status == 401
    assert server.client.post(SINGLE, series(2, 1), x_api_key="a-secret-of-the-test").status == 200
    assert server.client.get("/v1/healthz").status == 200


def test_beside_other_models_it_takes_the_one_of_candles(serve):
    server = serve("--models", EXAMPLE_MODELS)
    assert server.client.post(SINGLE, series(2, 1)).status == 200


def test_answers_are_json_that_javascript_reads(service):
    body = service.client.post(SINGLE, series(2, 1, overrides={})).body
    seed = int(json.loads(body)["seed"])
    assert float(seed) == seed and seed < 2**53
