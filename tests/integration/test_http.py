"""HTTP itself: connections that live on, requests in a row, in pieces and of older versions."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import time

import pytest
from weir_process import EXAMPLE_MODELS, Weir, refusal, sanitized, until
from wire import PATIENCE, chunked, head_of, post_of, take

ONE = {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 1], "data": [1]}]}
INFER = "/v2/models/identity/infer"


def identity(value: float, name: str = "") -> dict:
    """A request whose answer tells it from others."""
    return {"id": name, "inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 1], "data": [value]}]}


def value_of(reply) -> float:
    """What came back."""
    assert reply.status == 200, reply.body
    return reply.json()["outputs"][0]["data"][0]


def test_one_connection_serves_many_requests(weir: Weir):
    connection = http.client.HTTPConnection("127.0.0.1", weir.port, timeout=PATIENCE)
    connection.connect()
    socket = connection.sock
    for value in range(50):
        connection.request("POST", INFER, json.dumps(identity(value)))
        assert value_of(take(connection.getresponse())) == value
        assert connection.sock is socket
    connection.close()


def test_an_error_does_not_end_the_connection(weir: Weir):
    with weir.raw() as connection:
        for body in (b"{", b"[]", b""):
            assert connection.send(post_of("/v1/classify", body)).reply().status == 400
        assert connection.send(post_of(INFER, ONE)).reply().status == 200


def test_pipelined_requests_are_answered_in_their_order(weir: Weir):
    requests = [post_of(INFER, identity(value, f"number {value}")) for value in range(40)]
    requests[7] = head_of("GET", "/nowhere")
    requests[23] = post_of("/v1/embeddings", {"input": "A slow one among the quick."})
    with weir.raw() as connection:
        connection.send(b"".join(requests))
        for value in range(40):
            reply = connection.reply()
            if value in (7, 23):
                assert reply.status == {7: 404, 23: 200}[value]
            else:
                assert (value_of(reply), reply.json()["id"]) == (value, f"number {value}")


def test_many_clients_may_send_much_ahead_at_once(start):
    server = start(EXAMPLE_MODELS / "identity", "--set", "server.threads=1")
    count = 200 if sanitized() else 1000
    asked = head_of("GET", "/livez") * (count - 1) + head_of("GET", "/livez", None, "Connection: close")
    with contextlib.ExitStack() as clients:
        connections = [clients.enter_context(server.raw()) for _ in range(100)]
        for connection in connections:
            connection.send(asked)
        for connection in connections:
            assert connection.input.read().count(b"HTTP/1.1 200 OK") == count


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_chunked_body_is_put_together(weir: Weir, size: int):
    body = json.dumps(identity(5)).encode()
    with weir.raw() as connection:
        for _ in range(2):  # the connection is still usable
            connection.send(head_of("POST", INFER, None, "Transfer-Encoding: chunked") + chunked(body, size))
            assert value_of(connection.reply()) == 5


def test_chunk_extensions_and_trailers_are_ignored(weir: Weir):
    body = json.dumps(identity(6)).encode()
    pieces = b"%x;name=value\r\n%s\r\n0\r\nX-Trailer: done\r\n\r\n" % (len(body), body)
    with weir.raw() as connection:
        connection.send(head_of("POST", INFER, None, "Transfer-Encoding: chunked") + pieces)
        assert value_of(connection.reply()) == 6
        assert connection.send(post_of(INFER, ONE)).reply().status == 200


def test_a_request_may_come_byte_by_byte(weir: Weir):
    with weir.raw() as connection:
        for byte in post_of(INFER, identity(7)):
            connection.send(bytes([byte]))
        assert value_of(connection.reply()) == 7


def test_a_client_that_asks_first_is_told_to_continue(weir: Weir):
    body = json.dumps(identity(8)).encode()
    with weir.raw() as connection:
        connection.send(head_of("POST", INFER, len(body), "Expect: 100-continue"))
        assert connection.line() == b"HTTP/1.1 100 Continue"
        assert connection.line() == b""
        assert value_of(connection.send(body).reply()) == 8


def test_a_client_that_asks_first_about_too_much_is_refused(weir: Weir):
    with weir.raw() as connection:
        connection.send(head_of("POST", INFER, 10**9, "Expect: 100-continue"))
        assert connection.reply().status == 413
        assert connection.ended()


def test_an_old_client_gets_its_answer_and_the_end(weir: Weir):
    with weir.raw() as connection:
        reply = connection.send(b"GET /livez HTTP/1.0\r\n\r\n").reply()
        assert (reply.status, reply.version) == (200, 10)
        assert connection.ended()


def test_an_old_client_may_ask_to_stay(weir: Weir):
    with weir.raw() as connection:
        for _ in range(2):
            reply = connection.send(b"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").reply()
            assert reply.headers["connection"].lower() == "keep-alive"


def test_a_client_may_ask_for_the_end(weir: Weir):
    with weir.raw() as connection:
        reply = connection.send(head_of("GET", "/livez", None, "Connection: close")).reply()
        assert reply.headers["connection"] == "close"
        assert connection.ended()


def test_a_large_answer_reaches_a_client_that_reads_late(weir: Weir):
    data = [0.5] * 300_000
    request = {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, len(data)], "data": data}]}
    with weir.raw() as connection, weir.raw() as other:
        for _ in range(3):
            connection.send(post_of(INFER, request))
        assert other.send(post_of(INFER, ONE)).reply().status == 200  # nobody waits for the slow reader
        for _ in range(3):
            assert len(connection.reply().json()["outputs"][0]["data"]) == len(data)


def test_every_connection_that_ends_is_forgotten(start):
    server = start("--models", "examples/models")
    connections = [server.raw() for _ in range(20)]
    until(lambda: server.metric("weir_http_connections") >= 21, "the connections to be counted")
    for index, connection in enumerate(connections):
        connection.send([b"", b"GET", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"][index % 3]).close()
    until(lambda: server.metric("weir_http_connections") == 1, "the connections to be forgotten")


def test_a_client_over_the_connection_limit_is_turned_away(start):
    server = start("--models", "examples/models", "--set", "server.max_connections=2")
    with server.raw() as first, server.raw() as second:
        for connection in (first, second):
            assert connection.send(head_of("GET", "/livez")).reply().status == 200
        with server.raw() as third:
            assert third.ended()
        assert first.send(head_of("GET", "/livez")).reply().status == 200

    def served_again():
        with server.raw() as again:
            try:
                return again.send(head_of("GET", "/livez")).line()
            except ConnectionError:
                return b""

    until(served_again, "a place to be free again")


def test_an_address_over_its_connection_limit_is_turned_away_and_others_are_not(start):
    server = start("--models", "examples/models", "--set", "server.max_connections_per_address=2")
    with server.raw() as first, server.raw() as second:
        for connection in (first, second):
            assert connection.send(head_of("GET", "/livez")).reply().status == 200
        with server.raw() as third:
            assert third.ended()
        with server.raw("127.0.0.2") as other:
            assert other.send(head_of("GET", "/livez")).reply().status == 200
            page = other.send(head_of("GET", "/metrics")).reply().body.decode()
    assert 'weir_http_connections_refused_total{bound="address"} 1\n' in page
    assert 'weir_http_connections_refused_total{bound="total"} 0\n' in page

    def served_again():
        with server.raw() as again:
            try:
                return again.send(head_of("GET", "/livez")).line()
            except ConnectionError:
                return b""

    until(served_again, "a place to be free again")


def test_a_header_of_too_many_fields_is_refused(start):
    server = start("--models", "examples/models", "--set", "server.max_header_fields=5")
    fields = [f"X-{number}: 1" for number in range(5)]
    with server.raw() as connection:
        assert connection.send(head_of("GET", "/livez", None, *fields[:4])).reply().status == 200
        reply = connection.send(head_of("GET", "/livez", None, *fields)).reply()
        assert reply.status == 431
        assert "6 fields" in reply.message() and "5" in reply.message()


@pytest.mark.parametrize("how", ["announced", "chunked", "compressed", "with the header"])
def test_a_route_may_have_a_body_limit_of_its_own(start, how):
    server = start("--models", "examples/models", "--set", "server.body_limits=/v2/models/{model}/infer=100,/v2/logging=1KiB")
    assert server.client.post("/v2/models/identity/infer", {"inputs": []}).status == 400, "small enough to be read"
    large = json.dumps({"inputs": [], "id": "a" * 100}).encode()
    with server.raw() as connection:
        if how == "announced":
            connection.send(head_of("POST", INFER, len(large)))
        elif how == "chunked":
            connection.send(head_of("POST", INFER, None, "Transfer-Encoding: chunked") + chunked(large, 40))
        elif how == "compressed":
            packed = gzip.compress(large)
            assert len(packed) < 100
            connection.send(head_of("POST", INFER, len(packed), "Content-Encoding: gzip") + packed)
        else:
            connection.send(post_of(INFER, large))
        reply = connection.reply()
    assert reply.status == 413
    assert "100 bytes" in reply.message()
    assert server.client.post("/v1/embeddings", large).status == 400, "other routes have their own"


def test_a_body_limit_of_no_route_names_the_nearest(start):
    line = refusal("--models", "examples/models", "--set", "server.body_limits=/v1/embedding=1KiB")
    assert "server.body_limits" in line and "did you mean '/v1/embeddings'" in line
    assert "/PATH=SIZE" in refusal("--models", "examples/models", "--set", "server.body_limits=1KiB")


@pytest.mark.parametrize("wait, setting, sent", [
    ("first_byte", "server.first_byte_timeout", b""),
    ("header", "server.header_timeout", b"GET /livez HTTP/1.1\r\nX-Slow: "),
    ("body", "server.read_timeout", b"POST /v1/embeddings HTTP/1.1\r\nContent-Length: 10\r\n\r\n{"),
])
def test_each_wait_for_a_client_has_its_bound_and_is_counted(start, wait, setting, sent):
    server = start("--models", "examples/models", "--set", f"{setting}=200ms")
    with server.raw() as connection:
        connection.send(sent)
        assert connection.ended()
    assert server.metric("weir_http_timeouts_total", wait=wait) == 1


def test_a_connection_between_requests_has_its_bound_and_is_counted(start):
    server = start("--models", "examples/models", "--set", "server.idle_timeout=200ms")
    with server.raw() as connection:
        assert connection.send(head_of("GET", "/livez")).reply().status == 200
        assert connection.ended()
    assert server.metric("weir_http_timeouts_total", wait="idle") == 1


def test_a_client_that_sends_its_header_byte_by_byte_is_cut_off(start):
    server = start("--models", "examples/models", "--set", "server.header_timeout=1s")
    began = time.monotonic()
    with server.raw() as connection:
        try:
            while time.monotonic() - began < 20:
                connection.send(b"X")
                time.sleep(0.05)  # slower than any real client
        except OSError:
            pass
    assert time.monotonic() - began < 10


def test_a_client_that_stops_in_the_middle_is_cut_off(start):
    limits = ("server.first_byte_timeout=300ms", "server.read_timeout=300ms")
    server = start("--models", "examples/models", *(part for limit in limits for part in ("--set", limit)))
    whole = post_of(INFER, ONE)
    for beginning in (b"", whole[:10], whole[:-1]):
        with server.raw() as connection:
            assert connection.send(beginning).ended()
    assert server.client.infer("identity", ONE).status == 200


def test_several_io_threads_serve_as_one(start):
    server = start("--models", "examples/models", "--set", "server.threads=3")
    connections = [server.raw() for _ in range(9)]
    for turn in range(5):
        for index, connection in enumerate(connections):
            connection.send(post_of(INFER, identity(turn * 10 + index)))
        for index, connection in enumerate(connections):
            assert value_of(connection.reply()) == turn * 10 + index
    for connection in connections:
        connection.close()
