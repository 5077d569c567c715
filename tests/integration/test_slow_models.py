"""Models that are slow to load or to run, and what must not wait for them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from test_model_life import status
from tiny_models import make_loop, make_tiny_embedder
from weir_process import EXAMPLE_MODELS, Weir, refusal, run, sanitized, until
from wire import post_of

# The program promises a second; one that was built to be examined needs more.
A_SECOND = 30 if sanitized() else 1
SOON = "1000"
PATIENT = "290000"


def turns(count: int) -> dict:
    """A request for so many turns of a loop."""
    return {"inputs": [{"name": "COUNT", "shape": [1], "datatype": "INT64", "data": [count]}]}


FOR_EVER = turns(2**40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A models folder with two that load for ever, two that run as long as one likes, and a quick one."""
    for name in ("endless1", "endless2", "endless3"):
        make_loop(tmp_path / "models" / name, at_load=True)
    for name in ("busy1", "busy2", "busy3"):
        make_loop(tmp_path / "models" / name, at_load=False)
    make_tiny_embedder(tmp_path / "models/quick")
    return tmp_path / "models"


def serve(start, folder: Path, *more) -> Weir:
    return start("--models", folder, "--load", "on-demand", "--set", "batch.measure=false", "--set", "workers=1", *more)


def post(server: Weir, path: str, patience: str = SOON):
    return server.client.request("POST", path, {}, {"X-Request-Timeout-Ms": patience})


def begin(server: Weir, path: str, body=None, patience: str = PATIENT):
    """A request whose answer nobody waits for yet."""
    return server.raw().send(post_of(path, body or {}, f"X-Request-Timeout-Ms: {patience}"))


@pytest.mark.parametrize("deadline, signals", [("1s", 1), ("60s", 2)])
def test_the_end_does_not_wait_for_a_model_that_is_being_loaded(start, folder: Path, deadline: str, signals: int):
    server = serve(start, folder, "--set", f"drain.deadline={deadline}")
    waiting = begin(server, "/v1/models/endless1/load")
    until(lambda: status(server, "endless1")["state"] == "loading", "the load to begin")
    began = time.monotonic()
    server.signal(signal.SIGTERM)
    if signals == 2:
        until(lambda: "stopping" in server.stderr(), "the first signal to be taken")
        server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert time.monotonic() - began < A_SECOND + (1 if signals == 1 else 0)
    assert waiting.reply().status == 503


def test_loads_that_were_given_up_do_not_hold_up_others(start, folder: Path):
    server = serve(start, folder, "--set", "load.threads=2")
    for name in ("endless1", "endless2", "endless3"):
        loading = begin(server, f"/v1/models/{name}/load")
        until(lambda name=name: status(server, name)["state"] == "loading", "the load to begin")
        assert post(server, f"/v1/models/{name}/cancel").json()["cancelled"] is True
        assert loading.reply().status == 503
        assert status(server, name)["loads"]["cancelled"] == 1
    assert post(server, "/v1/models/quick/load", PATIENT).json()["state"] == "ready"


def test_a_load_that_takes_too_long_is_told_with_its_time(start, folder: Path):
    server = serve(start, folder, "--set", "load.timeout=300ms", "--set", "load.tries=1")
    failed = post(server, "/v1/models/endless1/load", PATIENT)
    assert failed.status == 503 and "longer than 0.3 s" in failed.message()
    told = status(server, "endless1")
    assert (told["state"], told["failure"]) == ("failed", "deadline_exceeded")
    assert told["loads"]["timed_out"] == 1 and told["loads"]["failed"] == told["loads"]["cancelled"] == 0


def test_an_unload_that_waits_for_its_jobs_does_not_hold_up_another(start, folder: Path):
    server = serve(start, folder)
    calls = []  # a client that lets go of its connection cancels
    for name in ("busy1", "busy2", "busy3"):
        assert post(server, f"/v1/models/{name}/load", PATIENT).status == 200
        calls.append(begin(server, f"/v2/models/{name}/infer", FOR_EVER))
        until(lambda name=name: status(server, name)["jobs"]["admitted"] == 1, "the job to be let in")
        calls.append(begin(server, f"/v1/models/{name}/unload"))
        until(lambda name=name: status(server, name)["state"] == "draining", "the unload to wait")
    assert post(server, "/v1/models/quick/load", PATIENT).status == 200
    assert post(server, "/v1/models/quick/unload", PATIENT).json()["state"] == "absent"
    assert status(server, "busy1")["state"] == "draining"


def test_a_models_deadline_bounds_loading_queueing_and_running_together(start, folder: Path):
    server = serve(start, folder, "--set", "deadline.max=200s")
    client = server.client

    def change(model: str, milliseconds: int):
        return client.request("PATCH", f"/v1/models/{model}/settings", {"deadline_ms": milliseconds})

    assert post(server, "/v1/models/busy1/load", PATIENT).status == 200
    for model in ("endless1", "busy1"):
        assert change(model, 300).status == 200
    began = time.monotonic()
    still = client.infer("endless1", turns(1))
    assert still.status == 503 and "still loading" in still.message() and int(still.headers["retry-after"]) >= 1
    assert client.infer("busy1", FOR_EVER).status == 504
    assert time.monotonic() - began < 10 * A_SECOND
    # Of requests that name none, it is the deadline, also when the server's is shorter.
    refused = change("busy1", 200_001)
    assert refused.status == 400 and "200000" in refused.message()


def test_the_timeout_of_an_inference_request_bounds_the_wait_for_its_model_too(start, folder: Path):
    server = serve(start, folder)
    still = server.client.infer("endless1", turns(1) | {"parameters": {"timeout": 300_000}})
    assert still.status == 503 and "still loading" in still.message()
    wrong = server.client.infer("endless2", turns(1) | {"parameters": {"timeout": "soon"}})
    assert wrong.status == 400 and "parameters.timeout" in wrong.message()


def test_jobs_that_finish_on_a_copy_that_was_replaced_are_in_the_status(start, folder: Path):
    server = serve(start, folder)
    assert post(server, "/v1/models/busy1/load", PATIENT).status == 200
    job = begin(server, "/v2/models/busy1/infer", FOR_EVER)
    until(lambda: status(server, "busy1")["jobs"]["running"] == 1, "the job to run")
    assert post(server, "/v1/models/busy1/reload", PATIENT).json()["jobs"]["running"] == 1
    job.close()
    until(lambda: status(server, "busy1")["jobs"]["admitted"] == 0, "the job to end with its client")


def test_without_a_queue_what_cannot_run_at_once_is_refused_at_once(start, folder: Path):
    server = serve(start, folder, "--set", "queue.max_waiting=0")
    assert post(server, "/v1/models/busy1/load", PATIENT).status == 200
    job = begin(server, "/v2/models/busy1/infer", FOR_EVER)
    until(lambda: status(server, "busy1")["jobs"]["running"] == 1, "the job to run")
    for _ in range(2):
        refused = server.client.infer("busy1", turns(1))
        assert refused.status == 429 and refused.json()["limit"] == "max_jobs"
    changed = server.client.request("PATCH", "/v1/models/busy1/settings", {"max_waiting": 1})
    assert changed.json()["jobs"]["max"] == 2
    waiting = begin(server, "/v2/models/busy1/infer", turns(1))
    until(lambda: status(server, "busy1")["jobs"]["queued"] == 1, "the next one to wait")
    job.close()
    assert waiting.reply().status == 200
    refused = server.client.request("PATCH", "/v1/models/busy1/settings", {"max_waiting": -1})
    assert refused.status == 400 and "0 to 1000000" in refused.message()


def test_the_profile_of_the_load_once_service_has_its_limits(start, folder: Path):
    server = serve(start, folder, "--profile", "load-once")
    told = status(server, "quick")
    assert told["jobs"]["max"] == 10 and told["load_settings"] == {
        "load_tries": 3, "load_pause_ms": 1000, "load_timeout_ms": 300_000, "fallback": True}


def test_readiness_does_not_go_while_another_model_is_loaded(start, folder: Path):
    server = start("--models", folder, "--set", "model_settings=endless1.load=on-demand",
                   "--set", "model_settings=endless2.load=on-demand", "--set", "model_settings=endless3.load=on-demand")
    loading = begin(server, "/v1/models/endless1/load")
    until(lambda: status(server, "endless1")["state"] == "loading", "the load to begin")
    assert loading and server.client.get("/readyz").status == 200


def test_a_server_whose_models_all_fail_ends_with_a_code_of_its_own(tmp_path: Path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/model.onnx").write_bytes(b"no graph")
    done = run("serve", "--models", tmp_path, "--port", "0")
    assert done.returncode == 4 and done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("weir: no model could be loaded: broken: ") and "not a graph" in last


def test_what_the_system_does_not_permit_has_a_code_of_its_own(tmp_path: Path):
    if os.getuid() == 0:
        done = run("serve", "--models", EXAMPLE_MODELS, "--port", "0", "--address", "192.0.2.1", "--set", "auth=none")
        assert done.returncode == 5 and "192.0.2.1" in done.stderr
        return
    tmp_path.chmod(0)
    try:
        done = run("serve", "--models", tmp_path, "--port", "0")
    finally:
        tmp_path.chmod(0o700)
    assert done.returncode == 6 and "permission" in done.stderr.lower() and done.stderr.count("\n") == 1


def test_settings_that_are_wrong_are_told_before_anything_is_loaded(folder: Path):
    assert "'workers'" in refusal("--models", folder, "--set", "workrs=1")
