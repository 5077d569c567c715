"""POST /v1/forecast with "stream": candles as they are drawn, in server-sent events."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import numpy as np
import pytest
from test_forecast import refused, series, times, values
from test_keys import new_key
from weir_process import Weir, until
from wire import PATIENCE, head_of

PATH = "/v1/forecast"


@pytest.fixture(name="server")
def shared_server(candle_server: Weir) -> Weir:
    """Which one is asked here."""
    return candle_server


class Stream:
    """An answer in events, as it comes."""

    def __init__(self, server: Weir, **body):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        self.connection.request("POST", PATH, json.dumps(body | {"stream": True}), {"X-Request-Timeout-Ms": "300000"})
        self.response = self.connection.getresponse()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_) -> None:
        self.response.close()  # which has the socket, too
        self.connection.close()

    def events(self) -> Iterator[tuple[str, dict]]:
        """Name and data of each."""
        while line := self.response.readline():
            name, data = line.decode(), self.response.readline().decode()
            assert name.startswith("event: ") and data.startswith("data: ") and self.response.readline() == b"\n"
            yield name.removeprefix("event: ").strip(), json.loads(data.removeprefix("data: "))


def streamed(server: Weir, **body) -> tuple[list[dict], dict]:
    """All candles, and the whole answer."""
    with Stream(server, **body) as stream:
        assert stream.response.status == 200
        assert stream.response.headers["content-type"] == "text/event-stream"
        *candles, (name, answer) = stream.events()
    assert name == "done" and all(name == "candle" for name, _ in candles)
    return [candle for _, candle in candles], answer


def cancelled(server: Weir) -> float:
    """Jobs that nobody waited for any more."""
    return server.metric("weir_jobs_answered_total", model="kronos", outcome="cancelled")


def assert_the_same(drawn: np.ndarray, whole: np.ndarray) -> None:
    """But for what is added in another order."""
    np.testing.assert_allclose(drawn, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("history", "steps"), [(10, 5), (2, 1), (40, 40), (64, 64), (200, 64), (63, 1)])
def test_each_candle_is_that_of_the_whole_answer(server, history, steps):
    body = {"series": [series(history, id="BTC")], "horizon": steps, "seed": 4}
    candles, answer = streamed(server, **body)
    (made,) = answer["forecasts"]
    assert [(one["series"], one["id"], one["sample"], one["step"]) for one in candles] == [
        (0, "BTC", 0, step) for step in range(steps)]
    assert [one["candle"]["timestamp"] for one in candles] == times(steps, history)
    assert_the_same(values([one["candle"] for one in candles]), values(made["prediction"]))
    assert answer == server.client.post(PATH, body).json()


@pytest.mark.parametrize("exact", [True, False])
def test_series_and_samples_are_told_apart(server, exact):
    asked = [series(20, id="a", sample_count=3), series(50, id="b", sample_count=2, horizon=30)]
    candles, answer = streamed(server, series=asked, horizon=4, seed=1, samples=True, exact=exact)
    assert len(candles) == 3 * 4 + 2 * 30
    for index, made in enumerate(answer["forecasts"]):
        for number, sample in enumerate(made["samples"]):
            own = [one["candle"] for one in candles if (one["series"], one["sample"]) == (index, number)]
            assert_the_same(values(own), values(sample))


def test_more_samples_than_there_are_rows_come_too(server):
    candles, answer = streamed(server, series=[series()], horizon=2, sample_count=100, samples=True)
    (made,) = answer["forecasts"]
    places = sorted((one["sample"], one["step"], list(one["candle"].values())[1:]) for one in candles)
    assert [place[:2] for place in places] == [(sample, step) for sample in range(100) for step in range(2)]
    assert_the_same(np.array([place[2] for place in places]), values(sum(made["samples"], [])))


def test_the_first_candle_comes_while_the_others_are_drawn(server):
    # So many that the server cannot have drawn them all before this client reads the first.
    asked = [series(64, sample_count=8) for _ in range(20)]
    with Stream(server, series=asked, horizon=64) as stream:
        name, candle = next(stream.events())
        assert (name, candle["step"]) == ("candle", 0)
        until(lambda: server.metric("weir_rows", model="kronos", state="busy") > 0, "the rows to be busy")


def test_a_client_that_goes_away_ends_the_work(server):
    before = cancelled(server)
    asked = [series(64, sample_count=8) for _ in range(20)]
    with Stream(server, series=asked, horizon=64) as stream:
        next(stream.events())
    until(lambda: cancelled(server) > before, "the jobs to be cancelled")
    until(lambda: server.metric("weir_rows", model="kronos", state="busy") == 0, "the rows to be free")


def test_the_connection_serves_on(server):
    body = {"series": [series()], "horizon": 2, "stream": True}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    for _ in range(3):
        connection.request("POST", PATH, json.dumps(body))
        response = connection.getresponse()
        text = response.read()
        assert (response.status, text.count(b"event: done")) == (200, 1), text
    connection.close()


def test_without_chunks_the_end_of_the_connection_ends_it(server):
    text = json.dumps({"series": [series()], "horizon": 2, "stream": True}).encode()
    head = head_of("POST", PATH, len(text)).replace(b"HTTP/1.1", b"HTTP/1.0")
    with server.raw() as connection:
        answer = connection.send(head + text).input.read()
    fields, _, events = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in fields and b"Content-Length" not in fields
    assert events.count(b"event: candle\n") == 2 and events.endswith(b"}\n\n")


def test_an_error_before_the_first_candle_is_a_plain_one(server):
    assert refused(server, PATH, {"series": [series()], "horizon": 65, "stream": True})[1] == "series[0].pred_len"
    assert refused(server, PATH, {"series": [series()], "horizon": 1, "stream": 1})[1] == "stream"
    reply = server.client.post(PATH, {"series": [series()], "horizon": 1, "stream": True}, x_request_timeout_ms="0")
    assert reply.status == 400


def test_a_deadline_in_the_middle_is_an_event(start, candle_models):
    server = start("--models", candle_models)  # it has not learned yet that this takes longer
    asked = [series(64, sample_count=100) for _ in range(40)]
    reply = server.client.post(PATH, {"series": asked, "horizon": 64, "stream": True}, x_request_timeout_ms="3000")
    assert reply.status == 200
    candles, _, error = reply.body.rpartition(b"event: error\n")
    assert candles.startswith(b"event: candle\n") and b"event: done" not in candles and b"deadline" in error


@pytest.mark.parametrize("seed", [{"seed": 3}, {}])
def test_what_is_in_the_cache_is_drawn_all_the_same(start, candle_models, seed):
    server = start("--models", candle_models, "--set", "cache.bytes=4MiB")
    for _ in range(2):
        candles, answer = streamed(server, series=[series(), series()], horizon=3, **seed)
        assert len(candles) == 6 and len(answer["forecasts"]) == 2


def test_a_key_is_free_again_with_the_end(start, candle_models, tmp_path):
    key = new_key(tmp_path / "keys.yaml", "web", "--concurrent", "1")
    server = start("--models", candle_models, "--set", f"keys_file={tmp_path / 'keys.yaml'}")
    body = json.dumps({"series": [series()], "horizon": 2, "stream": True})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    for _ in range(50):
        connection.request("POST", PATH, body, {"X-API-Key": key})
        response = connection.getresponse()
        assert (response.status, response.read().count(b"event: candle\n")) == (200, 2)
    connection.close()


def test_a_client_that_does_not_read_costs_its_connection_and_nothing_else(start, candle_models):
    server = start("--models", candle_models, "--set", "server.max_body=1MiB", "--set", "server.max_bodies=1MiB")
    asked = [series(1, sample_count=1024, prediction_timestamps=times(64, 1)) for _ in range(4)]
    text = json.dumps({"series": asked, "stream": True}).encode()
    with server.raw() as connection:
        connection.send(head_of("POST", PATH, len(text), "X-Request-Timeout-Ms: 300000") + text)
        assert connection.line() == b"HTTP/1.1 200 OK"
        until(lambda: cancelled(server) > 0, "the jobs to be cancelled")
    reply = server.client.post(PATH, {"series": [series()], "horizon": 1})
    assert reply.status == 200
