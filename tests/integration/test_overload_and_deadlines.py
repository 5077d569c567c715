"""Too much work, too little time, and callers who leave: every one gets an answer, and no work is done in vain."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import reference
from sample_texts import LONG
from weir_process import DEMO_MODELS, Weir, sanitized, until
from wire import Client, post_of

PATIENT = {"X-Request-Timeout-Ms": "290000"}


def post_many(client: Client, texts: int, **headers: str):
    """One request of so many long texts."""
    return client.request("POST", "/v1/embeddings", {"model": "minilm", "input": [LONG] * texts}, headers or PATIENT)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory) -> Weir:
    """One worker, and room for two jobs."""
    server = Weir(tmp_path_factory.mktemp("weir"), "--models", DEMO_MODELS, "--set", "queue.max_jobs=1",
                  "--set", "workers=1")
    yield server
    server.stop()


def wait_until_idle(server: Weir) -> None:
    """A text is let in only when nothing else is there."""
    until(lambda: server.client.embed("one").status == 200, "the queue to be empty")
    until(lambda: server.metric("weir_jobs_in_flight") == 0, "the last job to have given its place back")


@pytest.fixture
def client(narrow: Weir) -> Client:
    """Of that server; a test leaves nothing under way to the next."""
    yield narrow.client
    wait_until_idle(narrow)


class Busy:
    """A request that fills the queue for some seconds (however many texts: a queue of one place is full)."""

    def __init__(self, server: Weir, texts: int = 30):
        self.server, self.texts = server, texts

    def __enter__(self) -> Busy:
        before = self.admitted()
        body = {"model": "minilm", "input": [LONG] * self.texts}
        self.connection = self.server.raw()
        self.connection.send(post_of("/v1/embeddings", body, "X-Request-Timeout-Ms: 290000"))
        until(lambda: self.admitted() > before, "the queue to be full")
        self.next_answer()  # then all of its texts are tokens, and in the queue
        return self

    def admitted(self) -> float:
        """Jobs so far."""
        return self.server.metric("weir_jobs_queued_total", model="minilm")

    def next_answer(self) -> None:
        """Waits until the model has run once more."""
        runs = self.server.metric("weir_run_seconds_count", model="minilm")
        until(lambda: self.server.metric("weir_run_seconds_count", model="minilm") > runs, "a run of the model")

    def __exit__(self, *_) -> None:
        self.connection.close()


def test_of_many_requests_some_are_answered_and_the_rest_refused_none_lost(client: Client):
    together = threading.Barrier(16)

    def ask(_):
        together.wait()
        return post_many(client, 2)

    with ThreadPoolExecutor(16) as threads:
        replies = list(threads.map(ask, range(16)))
    assert {reply.status for reply in replies} == {200, 429}
    for reply in replies:
        if reply.status == 200:
            assert len(reply.json()["data"]) == 2


def test_a_full_queue_refuses_at_once_and_says_when_to_return(narrow: Weir, client: Client):
    refused = narrow.metric("weir_requests_refused_total", model="minilm", reason="max_jobs")
    with Busy(narrow) as busy:
        for _ in range(5):
            reply = client.embed("A kite.")
            assert reply.status == 429
            error = reply.json()["error"]
            assert (error["type"], error["code"]) == ("rate_limit_error", "resource_exhausted")
            assert "queue is full" in error["message"]
            assert error["limit"] == "max_jobs"
            assert error["retry_after_ms"] > 0
            assert int(reply.headers["retry-after"]) == -(-error["retry_after_ms"] // 1000)
        row = [[101, 102]]
        raw = [{"name": name, "datatype": "INT64", "shape": [1, 2], "data": row}
               for name in ("input_ids", "attention_mask", "token_type_ids")]
        reply = client.infer("minilm", {"inputs": raw})
        assert reply.status == 429
        assert reply.json()["limit"] == "max_jobs"
        assert int(reply.headers["retry-after"]) == -(-reply.json()["retry_after_ms"] // 1000)
        assert narrow.metric("weir_requests_refused_total", model="minilm", reason="max_jobs") == refused + 6
        busy.connection.socket.setblocking(False)  # all of this came before the first request was done
        with pytest.raises(BlockingIOError):
            busy.connection.socket.recv(1)


def test_a_bulk_flood_leaves_room_for_the_other_classes(start):
    server = start("--models", DEMO_MODELS, "--set", "queue.max_jobs=8", "--set", "workers=1")

    def ask(priority: str, **headers: str):
        return server.client.post("/v1/embeddings", {"model": "minilm", "input": LONG, "priority": priority}, **headers)

    with Busy(server, texts=1), ThreadPoolExecutor(12) as threads:
        flood = [threads.submit(ask, "bulk") for _ in range(12)]
        until(lambda: server.metric("weir_requests_refused_total", model="minilm", reason="max_jobs") > 0, "a flood")
        assert ask("interactive").status == 200
        waiting = [one for one in flood if not one.done()]
        assert waiting  # those that came before it are still in line
        assert {one.result().status for one in flood} == {200, 429}


def test_a_priority_is_one_of_three_whoever_says_it(client: Client):
    raw = {"inputs": [{"name": name, "datatype": "INT64", "shape": [1, 2], "data": [[1, 1]]}
                      for name in ("input_ids", "attention_mask", "token_type_ids")]}
    for priority in (0, 1, 2, 3, "bulk"):
        assert client.infer("minilm", {**raw, "parameters": {"priority": priority}}).status == 200
    assert client.embed("A kite.", priority="bulk").status == 200
    assert client.get("/v1/models", x_request_priority="interactive").status == 200
    wrong = client.embed("A kite.", priority="urgent")
    assert (wrong.status, wrong.param()) == (400, "priority")
    assert "interactive, normal, bulk" in wrong.message()
    for priority in (4, "urgent"):
        assert client.infer("minilm", {**raw, "parameters": {"priority": priority}}).status == 400
    wrong = client.get("/v1/models", x_request_priority="urgent")
    assert wrong.status == 400
    assert "X-Request-Priority" in wrong.message()


def test_one_client_after_the_other_is_never_too_many(start):
    server = start("--models", DEMO_MODELS, "--set", "queue.max_jobs=1")
    body = {"model": "minilm", "input": "A kite."}
    with server.raw() as connection:
        statuses = [connection.send(post_of("/v1/embeddings", body)).reply().status for _ in range(300)]
    assert statuses.count(200) == 300


def test_health_doors_and_other_models_answer_while_one_is_overloaded(narrow: Weir, client: Client):
    with Busy(narrow):
        for path in ("/livez", "/readyz", "/metrics", "/v1/models", "/v2/health/live", "/v2/models/minilm/ready"):
            assert client.get(path).status == 200
        assert client.classify("A kite.").status == 200


def test_a_refused_client_is_served_once_there_is_room(narrow: Weir, client: Client):
    with Busy(narrow, texts=4):
        until(lambda: client.embed("A kite.").status == 200, "room in the queue")


def test_work_that_does_not_end_in_time_is_given_up_with_504(narrow: Weir, client: Client):
    late = narrow.metric("weir_jobs_answered_total", model="minilm", outcome="deadline_exceeded")
    # Time enough to tokenize all of it, not to run it.
    texts, patience = (600, "10000") if sanitized() else (300, "2500")
    reply = post_many(client, texts, **{"X-Request-Timeout-Ms": patience})
    assert reply.status == 504
    assert reply.json()["error"]["code"] == "deadline_exceeded"
    assert "deadline" in reply.message()
    assert narrow.metric("weir_jobs_answered_total", model="minilm", outcome="deadline_exceeded") > late


def test_a_deadline_too_short_for_anything_is_an_error_at_once(client: Client):
    for _ in range(10):
        reply = client.request("POST", "/v1/embeddings", {"model": "minilm", "input": LONG}, {"X-Request-Timeout-Ms": "1"})
        assert reply.status in (429, 504), reply.body
    # A run that was told to stop keeps its place until it has.
    until(lambda: client.embed("A kite.").status == 200, "the last run to have stopped")


def test_the_timeout_of_an_infer_request_is_in_microseconds_and_shortens_its_deadline(weir: Weir):
    tensor = {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 1], "data": [1]}]}

    def infer(timeout):
        return weir.client.infer("identity", tensor | {"parameters": {"timeout": timeout}})

    assert infer(1).status == 504
    assert infer(60_000_000).status == 200
    assert infer(0).status == 200  # none
    assert infer(10**15).status == 200  # cut to the server's longest
    for wrong in (-1, "soon", 2**62):
        assert infer(wrong).status == 400 and "parameters.timeout" in infer(wrong).message()


def test_a_wait_that_is_predicted_to_be_too_long_is_refused_now(start):
    server = start("--models", DEMO_MODELS, "--set", "workers=1")
    assert server.client.embed(LONG).status == 200  # measures the speed
    with Busy(server, texts=100):
        headers = {"X-Request-Timeout-Ms": "60"}
        reply = server.client.request("POST", "/v1/embeddings", {"model": "minilm", "input": "A kite."}, headers)
        assert reply.status in (429, 504)
        if reply.status == 429:
            assert "predicted" in reply.message()
        patient = server.client.request("POST", "/v1/classify", {"input": "A kite."}, headers)
        assert patient.status in (200, 504)  # the other model has a queue of its own


def test_the_servers_longest_deadline_bounds_the_clients(start):
    server = start("--models", DEMO_MODELS, "--set", "workers=1", "--set", "deadline.max=200ms",
                   "--set", "deadline.default=100ms")
    assert post_many(server.client, 60, **{"X-Request-Timeout-Ms": "600000"}).status == 504
    # What the first one left behind may still be running: then the wait is predicted to be too long.
    assert post_many(server.client, 60, **{"X-None": ""}).status in (429, 504)


def test_a_client_that_leaves_has_its_work_cancelled(narrow: Weir, client: Client):
    def cancelled() -> float:
        return narrow.metric("weir_jobs_answered_total", model="minilm", outcome="cancelled")

    before = cancelled()
    answered = narrow.metric("weir_jobs_answered_total", model="minilm", outcome="ok")
    with Busy(narrow, texts=100):
        until(lambda: narrow.metric("weir_jobs_answered_total", model="minilm", outcome="ok") > answered, "a first answer")
    until(lambda: cancelled() > before, "the rest to be cancelled")
    wait_until_idle(narrow)
    assert narrow.metric("weir_jobs_answered_total", model="minilm", outcome="ok") < answered + 100


def test_of_a_hundred_queued_requests_whose_clients_leave_none_is_run(start):
    server = start("--models", DEMO_MODELS, "--set", "workers=1", "--set", "batch.policy=never")
    request = post_of("/v1/embeddings", {"model": "minilm", "input": LONG}, "X-Request-Timeout-Ms: 290000")

    def count(outcome: str) -> float:
        return server.metric("weir_jobs_answered_total", model="minilm", outcome=outcome)

    def queued(jobs: int) -> bool:
        return server.metric("weir_jobs_queued_total", model="minilm") == jobs

    staying = [server.raw().send(request) for _ in range(20)]  # before all others in the line
    until(lambda: queued(20), "those that stay to be let in")
    # Whatever they have sent behind it: nothing, a stray line, another request, more of them than are read ahead.
    behind = [b"", b"\r\n", request, b"GET /livez HTTP/1.1\r\nHost: weir\r\n\r\n" * 5_000]
    leaving = [server.raw().send(request + behind[number % len(behind)]) for number in range(100)]
    until(lambda: queued(120), "all to be let in")
    for connection in leaving:
        connection.close()
    until(lambda: count("cancelled") == 100, "those that left to be dropped")
    for connection in staying:
        assert connection.reply().status == 200
    assert count("ok") == 20
    assert server.client.embed("A kite.").status == 200


def test_the_end_of_a_clients_sending_side_cancels_unless_it_is_said_to_wait_for_the_answer(start):
    request = post_of("/v1/embeddings", {"model": "minilm", "input": [LONG] * 4})
    for half_close in ("cancel", "answer"):
        server = start("--models", DEMO_MODELS, "--set", f"server.half_close={half_close}")
        connection = server.raw().send(request)
        connection.socket.shutdown(socket.SHUT_WR)
        if half_close == "answer":
            assert connection.reply().status == 200
        assert connection.ended()


def test_a_failed_text_gives_its_place_in_the_queue_back(start):
    server = start("--models", DEMO_MODELS)
    for _ in range(3):
        assert server.client.embed(["fine", "river " * 600]).status == 422
    until(lambda: server.metric("weir_jobs_in_flight", model="minilm") == 0, "the place to be given back", patience=10)


def test_every_job_let_in_is_counted_out_again(start):
    server = start("--models", DEMO_MODELS)
    assert server.client.embed(["one", "two", "three"]).status == 200
    assert server.client.embed(["fine", "river " * 600]).status == 422
    assert server.client.classify("four").status == 200
    server.client.request("POST", "/v1/embeddings", {"model": "minilm", "input": LONG}, {"X-Request-Timeout-Ms": "1"})

    def balanced() -> bool:
        return server.metric("weir_jobs_queued_total") == server.metric("weir_jobs_answered_total")

    until(balanced, "as many answers as jobs", patience=10)


def test_after_all_this_the_numbers_are_still_right(client: Client):
    (found,) = client.embed("The tide comes in twice a day.").json()["data"]
    assert found["embedding"] == pytest.approx(reference.embedding("The tide comes in twice a day."), abs=1e-5)


def test_a_big_request_does_not_hold_up_a_small_one_behind_it(start):
    server = start("--models", DEMO_MODELS, "--set", "workers=1")
    small = {"model": "minilm", "input": "A kite."}
    with Busy(server, texts=400) as busy:
        for _ in range(3):  # with as long a deadline as the big one, however slow this server is
            assert server.client.post("/v1/embeddings", small, x_request_timeout_ms="290000").status == 200
        assert server.metric("weir_jobs_in_flight", model="minilm") > 100
        busy.connection.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            busy.connection.socket.recv(1)
