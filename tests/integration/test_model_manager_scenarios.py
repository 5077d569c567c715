"""The scenarios of the load-once service that Weir replaces, through HTTP on a real model: docs/contract-proof.md."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sample_texts import LONG
from weir_process import DEMO_MODELS, Weir, until

MANY = {"model": "minilm", "input": [LONG] * 30}  # some seconds of work


def status(server: Weir) -> dict:
    """What the server tells of the model."""
    return server.client.get("/v1/models/minilm/status").json()


def call(server: Weir, what: str):
    """POST /v1/models/minilm/WHAT."""
    return server.client.request("POST", f"/v1/models/minilm/{what}")


def change(server: Weir, **settings):
    """PATCH of the model's settings."""
    return server.client.request("PATCH", "/v1/models/minilm/settings", settings)


def together(callers: int, ask) -> list:
    """What `ask` returns to so many threads that begin at the same moment."""
    all_there = threading.Barrier(callers)

    def begin(_):
        all_there.wait()
        return ask()

    with ThreadPoolExecutor(callers) as threads:
        return list(threads.map(begin, range(callers)))


@pytest.fixture
def on_demand(start) -> Weir:
    """Nothing is loaded yet."""
    return start("--models", DEMO_MODELS, "--load", "on-demand", "--set", "deadline.default=120s")


@pytest.fixture
def loaded(start) -> Weir:
    """The model serves."""
    return start("--models", DEMO_MODELS, "--set", "deadline.default=120s")


def test_three_threads_within_the_limit_all_succeed(loaded: Weir):
    assert change(loaded, max_jobs=3).status == 200
    assert [reply.status for reply in together(3, lambda: loaded.client.embed("A kite."))] == [200] * 3


def test_with_a_limit_of_one_a_thread_is_served_and_the_others_are_refused(loaded: Weir):
    assert change(loaded, max_jobs=1, workers=1).status == 200
    with ThreadPoolExecutor(1) as first:
        served = first.submit(loaded.client.post, "/v1/embeddings", MANY)
        until(lambda: status(loaded)["jobs"]["admitted"] > 0, "the first to have the only place")
        refused = together(2, lambda: loaded.client.embed("A kite."))
        assert not served.done()  # nobody waited for it
        assert served.result().status == 200
    for reply in refused:
        assert reply.status == 429 and "retry-after" in reply.headers


def test_the_counter_is_back_at_zero_after_success_and_failure(loaded: Weir):
    assert loaded.client.embed("A kite.").status == 200
    assert loaded.client.embed([]).status in (400, 422)
    assert loaded.client.post("/v1/embeddings", MANY, **{"X-Request-Timeout-Ms": "50"}).status in (429, 504)
    until(lambda: status(loaded)["jobs"]["admitted"] == 0, "every place to be free")


def test_three_who_wait_during_a_load_all_succeed_with_one_load(on_demand: Weir):
    assert [reply.status for reply in together(3, lambda: on_demand.client.embed("A kite."))] == [200] * 3
    assert status(on_demand)["loads"]["ok"] == 1


def test_an_access_timeout_is_kept_while_the_model_loads_and_the_load_goes_on(on_demand: Weir):
    hasty = on_demand.client.request("POST", "/v1/embeddings", {"model": "minilm", "input": "A kite."},
                                     {"X-Request-Timeout-Ms": "20"})
    assert hasty.status == 503 and "is still loading" in hasty.message()
    assert on_demand.client.embed("A kite.").status == 200
    assert status(on_demand)["loads"] == {"ok": 1, "replaced": 0, "failed": 0, "timed_out": 0, "cancelled": 0, "unloads": 0,
                                                 "evictions": 0}


def test_a_load_timeout_is_kept_and_nothing_is_published_later(start):
    server = start("--models", DEMO_MODELS, "--load", "on-demand", "--set", "load.timeout=10ms")
    late = server.client.embed("A kite.")
    assert late.status == 503 and "was given up" in late.message()
    assert status(server)["state"] == "failed"
    # The second load comes behind the first on one of the loaders' threads, or beside it: neither is published.
    assert "was given up" in call(server, "load").message()
    assert status(server)["loads"]["ok"] == 0


def test_the_statistics_are_there_before_and_after_the_first_load(on_demand: Weir):
    before = status(on_demand)
    assert before["state"] == "absent" and before["waiting"] == 0 and before["tries"] == 0
    assert on_demand.client.embed("A kite.").status == 200
    after = status(on_demand)
    assert set(before) < set(after)
    assert after["state"] == "ready" and after["load_seconds"] > 0 and after["tries"] == 1
    assert after["jobs"]["max"] == 256 and after["jobs"]["admitted"] == 0


def test_after_a_cancel_nothing_is_loading(on_demand: Weir):
    def cancelled() -> bool:
        with ThreadPoolExecutor(1) as waiting:
            load = waiting.submit(call, on_demand, "load")
            until(lambda: load.done() or status(on_demand)["loading"], "the load to begin")
            told = call(on_demand, "cancel").json()["cancelled"]
            if told:
                assert status(on_demand)["loading"] is False
                assert load.result().status == 503 and "was cancelled" in load.result().message()
                return True
            assert load.result().status == 200  # it was quicker
            return call(on_demand, "unload").status != 200

    until(cancelled, "a load that was cancelled")
    assert status(on_demand)["state"] == "absent"


def test_twenty_threads_with_five_calls_each_are_all_served(on_demand: Weir):
    def five() -> set[int]:
        return {on_demand.client.embed("A kite.").status for _ in range(5)}

    assert together(20, five) == [{200}] * 20
    assert status(on_demand)["loads"]["ok"] == 1


def test_settings_hold_and_wrong_ones_are_refused_with_the_range(loaded: Weir):
    assert change(loaded, workers=1, max_jobs=7).status == 200
    for wrong in ({"workers": 0}, {"max_jobs": 0}, {"max_bytes": -1}):
        refused = change(loaded, **wrong)
        assert refused.status == 400 and "from" in refused.message(), wrong
    jobs = status(loaded)["jobs"]
    assert jobs["max"] == 7 and jobs["workers"] == 1


def test_the_real_model_is_one_for_all_callers_and_their_answers_are_the_same(on_demand: Weir):
    answers = together(5, lambda: on_demand.client.embed("A kite.").json()["data"])
    assert all(answer == answers[0] for answer in answers)
    assert status(on_demand)["loads"]["ok"] == 1
    assert on_demand.metric("weir_model_loads_total", model="minilm", result="ok") == 1
