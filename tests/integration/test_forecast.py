"""POST /v1/forecast, and forecasts as KServe has them."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from candle_models import CASES, assert_original
from weir_process import Weir

COLUMNS = ("open", "high", "low", "close", "volume", "amount")


@pytest.fixture(name="server")
def shared_server(candle_server: Weir) -> Weir:
    """Which one is asked here."""
    return candle_server


def times(count: int, first: int = 0) -> list[str]:
    """Every hour."""
    return [(datetime.datetime(2025, 1, 1) + datetime.timedelta(hours=first + i)).isoformat() for i in range(count)]


def series(count: int = 10, **fields) -> dict:
    """A series."""
    rows = [{"open": 10 + i % 3, "high": 13 + i % 3, "low": 9, "close": 11 + i % 2} for i in range(count)]
    return {"candles": rows, "timestamps": times(count)} | fields


def values(rows: list[dict]) -> np.ndarray:
    """Candles as an array."""
    return np.array([[row[column] for column in COLUMNS] for row in rows])


def forecast(server: Weir, **body) -> list[dict]:
    """The forecasts of an answer."""
    reply = server.client.post("/v1/forecast", body)
    assert reply.status == 200, reply.body
    assert reply.json()["model"] == "kronos"
    return reply.json()["forecasts"]


def refused(server: Weir, path: str, body) -> tuple[str, str]:
    """Message and field."""
    reply = server.client.post(path, body)
    assert reply.status in (400, 404, 422), reply.body
    error = reply.json()["error"]
    return error["message"], error["param"]


def plausible(case: dict) -> bool:
    """Prices that this door takes."""
    rows = np.array(case["candles"], float)
    return bool((rows[:, :4] > 0).all() and (rows[:, 4:] >= 0).all() and (rows[:, 2] <= rows[:, [0, 3]].min(1)).all()
                and (rows[:, 1] >= rows[:, [0, 3]].max(1)).all())


def test_many_series_are_each_what_the_original_gives(server):
    cases = [case for case in CASES if plausible(case)]
    asked = [{"id": case["name"], "candles": [dict(zip(COLUMNS, row, strict=True)) for row in case["candles"]],
              "timestamps": case["timestamps"], "prediction_timestamps": case["prediction_timestamps"],
              "temperature": case["params"]["temperature"], "sample_count": case["params"]["sample_count"]}
             for case in cases]
    made = forecast(server, model="kronos", series=asked, top_k=1)
    assert [one["id"] for one in made] == [case["name"] for case in cases]
    for one, case in zip(made, cases, strict=True):
        assert_original(values(one["prediction"]), case)


def test_a_horizon_goes_on_as_the_candles_do(server):
    (made,) = forecast(server, series=[series(horizon=3)])
    assert [row["timestamp"] for row in made["prediction"]] == times(3, 10)
    weekend = series() | {"timestamps": times(5) + times(5, 48)}
    (made,) = forecast(server, series=[weekend], horizon=2)
    assert [row["timestamp"] for row in made["prediction"]] == times(2, 53)


def test_quantiles_are_those_of_the_samples(server):
    (made,) = forecast(server, series=[series()], horizon=4, sample_count=9, seed=5, quantiles=[0, 0.1, 0.5, 1],
                       samples=True)
    samples = np.array([values(sample) for sample in made["samples"]])
    assert samples.shape == (9, 4, 6)
    assert set(made["quantiles"]) == {"0", "0.1", "0.5", "1"}
    for name, rows in made["quantiles"].items():
        np.testing.assert_allclose(values(rows), np.quantile(samples, float(name), axis=0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(values(made["prediction"]), samples.mean(0), rtol=1e-5, atol=1e-5)


def test_what_stands_beside_the_series_holds_for_all_that_do_not_say_otherwise(server):
    both = forecast(server, series=[series(), series(horizon=1, seed=2)], horizon=3, seed=1)
    assert [(len(one["prediction"]), one["seed"]) for one in both] == [(3, 1), (1, 2)]
    (alone,) = forecast(server, series=[series(seed=2)], horizon=1)
    assert alone == both[1]


def test_one_that_need_not_be_exact_is_so_until_its_window_slides(server):
    def ask(count: int, steps: int, exact: bool) -> np.ndarray:
        (made,) = forecast(server, series=[series(count)], horizon=steps, top_k=1, exact=exact)
        return values(made["prediction"])

    assert (ask(32, 32, True) == ask(32, 32, False)).all()
    exact, quick = ask(40, 40, True), ask(40, 40, False)
    assert (exact[:24] == quick[:24]).all()
    assert np.isfinite(quick).all() and quick.shape == exact.shape
    assert np.isfinite(ask(500, 64, False)).all()


@pytest.mark.parametrize(("body", "field", "said"), [
    ({}, "series", "missing"),
    ({"series": []}, "series", "at least one"),
    ({"series": [series()]}, "series[0].horizon", "missing"),
    ({"series": [series()], "horizon": 65}, "series[0].pred_len", "1 to 64 candles"),
    ({"series": [series(), series() | {"timestamps": times(9)}], "horizon": 1}, "series[1].timestamps", "10 candles and 9"),
    ({"series": [series() | {"candles": series(9)["candles"] + [{"open": 1}]}], "horizon": 1},
     "series[0].candles[9].high", "missing"),
    ({"series": [series(1)], "horizon": 1}, "series[0].timestamps", "one candle does not tell"),
    ({"series": [series(horizon=2, prediction_timestamps=times(1, 10))]}, "series[0].horizon", "1 prediction_timestamps"),
    ({"series": [series()], "horizon": 1, "quantiles": [2]}, "quantiles", "from 0 to 1"),
    ({"series": [series()], "horizont": 1}, "horizont", "did you mean 'horizon'"),
    ({"series": [series()], "horizon": 1, "model": "identity"}, "model", "forecasts no candles"),
    ({"series": [series()], "horizon": 1, "model": "kronoss"}, None, "'kronos'"),
])
def test_what_is_wrong_is_told_by_its_place(server, body, field, said):
    message, param = refused(server, "/v1/forecast", body)
    assert said in message and (field is None or param == field)


def time_series(**fields) -> dict:
    """A request of KServe's documentation."""
    one = {"type": "univariate_time_series", "name": "stock_price", "series": [120, 122, 125, 127, 130, 133, 135],
           "frequency": "D", "start_timestamp": "2025-06-05T13:10:00Z"}
    return {"model": "kronos", "inputs": [one | fields], "options": {"horizon": 4, "quantiles": [0.1, 0.5, 0.9]},
            "metadata": {"request_id": "mine"}}


def test_time_series_are_forecast_as_kserve_has_it(server):
    assert server.client.get("/v1/timeseries/models").json() == ["kronos"]
    reply = server.client.post("/v1/timeseries/forecast", time_series())
    assert reply.status == 200, reply.body
    answer = reply.json()
    assert (answer["status"], answer["error"], answer["model"]) == ("completed", None, "kronos")
    (output,) = answer["outputs"]
    assert (output["type"], output["status"]) == ("time_series_forecast", "completed")
    (content,) = output["content"]
    assert (content["type"], content["name"], content["frequency"]) == ("univariate_time_series", "stock_price", "D")
    assert content["start_timestamp"] == "2025-06-12T13:10:00Z"
    assert len(content["mean_forecast"]) == 4
    low, middle, high = (np.array(content["quantiles"][name]) for name in ("0.1", "0.5", "0.9"))
    assert (low <= middle).all() and (middle <= high).all()
    assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 80, "total_tokens": 87}


def test_a_multivariate_series_is_one_of_candles(server):
    rows = [[10, 13, 9, 11], [11, 14, 10, 12], [12, 15, 11, 13]]
    body = time_series(type="multivariate_time_series", series=rows, frequency="month", start_timestamp="2025-01-31")
    body["options"] = {"horizon": 2, "sample_count": 1, "top_k": 1}
    reply = server.client.post("/v1/timeseries/forecast", body)
    assert reply.status == 200, reply.body
    (content,) = reply.json()["outputs"][0]["content"]
    assert np.array(content["mean_forecast"]).shape == (2, 4)
    assert (content["start_timestamp"], content["quantiles"]) == ("2025-04-30T00:00:00", None)


@pytest.mark.parametrize(("fields", "field"), [
    ({"frequency": "X"}, "inputs[0].frequency"),
    ({"type": "series"}, "inputs[0].type"),
    ({"series": []}, "inputs[0].series"),
    ({"series": [1, "x"]}, "inputs[0].series[1]"),
    ({"series": [[1, 2]]}, "inputs[0].series[0]"),
    ({"start_timestamp": "noon"}, "inputs[0].start_timestamp"),
    ({"name": None}, "inputs[0].name"),
])
def test_a_wrong_time_series_is_told_by_its_place(server, fields, field):
    assert refused(server, "/v1/timeseries/forecast", time_series(**fields))[1] == field


def test_the_pool_tells_its_rows(server):
    forecast(server, series=[series()], horizon=2)
    assert server.metric("weir_rows", model="kronos") == 32
    assert server.metric("weir_rows", model="kronos", state="busy") == 0
    assert server.metric("weir_rows_bytes", model="kronos", state="free") > 0
    assert server.metric("weir_first_step_seconds_count", model="kronos") > 0
    assert server.metric("weir_batch_jobs_count", model="kronos") > 0
