"""What is not HTTP, or too much of it: refused before it is read, and no neighbour notices."""

from __future__ import annotations

import json

import pytest
from weir_process import Weir, until
from wire import head_of, post_of

LIMIT = 64 << 20
GOOD = post_of("/v1/classify", {"input": "still here"})


@pytest.fixture(autouse=True)
def a_neighbour_keeps_its_connection(weir: Weir):
    with weir.raw() as neighbour:
        assert neighbour.send(GOOD).reply().status == 200
        yield
        assert neighbour.send(GOOD).reply().status == 200


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/classify", "/v2/models/simple/infer", "/nowhere"])
@pytest.mark.parametrize("length", [LIMIT + 1, 99999999999])
def test_a_body_over_the_limit_is_refused_before_it_is_read(weir: Weir, path: str, length: int):
    with weir.raw() as connection:
        reply = connection.send(head_of("POST", path, length)).reply()  # not one byte of it was sent
        assert reply.status == 413
        assert str(LIMIT) in reply.message()
        assert reply.headers["connection"] == "close"
        assert connection.ended()


def test_a_chunked_body_is_refused_as_soon_as_it_is_over_the_limit(start):
    server = start("--models", "examples/models", "--set", "server.max_body=1KiB")
    with server.raw() as connection:
        connection.send(head_of("POST", "/v1/embeddings", None, "Transfer-Encoding: chunked"))
        for _ in range(17):  # never ends by itself
            connection.send(b"40\r\n" + b"x" * 64 + b"\r\n")
        reply = connection.reply()
        assert reply.status == 413
        assert "1024 bytes" in reply.message()
    with server.raw() as connection:
        connection.send(head_of("POST", "/v1/embeddings", None, "Transfer-Encoding: chunked") + b"ffffffff\r\n")
        assert connection.reply().status == 413


def test_a_body_of_just_the_limit_is_read(start):
    server = start("--models", "examples/models", "--set", "server.max_body=1000")
    assert server.client.post("/v1/classify", b" " * 1000).status == 400
    assert server.client.post("/v1/classify", b" " * 1001).status == 413


def test_bodies_of_all_clients_together_are_bounded(start):
    server = start("--models", "examples/models", "--set", "server.max_body=1MiB", "--set", "server.max_bodies=2MiB")
    head = head_of("POST", "/v1/classify", 1 << 20, "Expect: 100-continue")
    with server.raw() as first, server.raw() as second:
        for connection in (first, second):
            assert connection.send(head).line() == b"HTTP/1.1 100 Continue"
        reply = server.client.post("/v1/classify", b" " * 1000)
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert server.client.get("/livez").status == 200
    until(lambda: server.client.post("/v1/classify", b" " * 1000).status == 400, "the room to be given back")


def test_what_a_client_leaves_unread_counts_as_a_body(start):
    server = start("--models", "examples/models", "--set", "server.max_body=32MiB", "--set", "server.max_bodies=32MiB")
    length = 24 << 20  # more than the socket's buffers take
    tensor = {"name": "INPUT0", "shape": [1, length // 4], "datatype": "FP32"}
    binary = [{"name": "OUTPUT0", "parameters": {"binary_data": True}}]
    header = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": length}}], "outputs": binary}).encode()
    sizes = f"Inference-Header-Content-Length: {len(header)}"
    body = b" " * (16 << 20)
    with server.raw() as slow:
        slow.send(head_of("POST", "/v2/models/identity/infer", len(header) + length, sizes) + header + bytes(length))
        assert slow.line() == b"HTTP/1.1 200 OK"
        until(lambda: server.client.post("/v1/classify", body).status == 503, "the answer to fill the room")
        assert len(slow.input.read(length)) == length
        until(lambda: server.client.post("/v1/classify", body).status == 400, "the room to be given back")


def test_an_overlong_header_is_refused(weir: Weir):
    for more in ("X-Long: " + "a" * 20_000, "\r\n".join(f"X-{n}: {'b' * 50}" for n in range(400))):
        with weir.raw() as connection:
            reply = connection.send(head_of("GET", "/livez", None, more)).reply()
            assert reply.status == 431
            assert "16384" in reply.message()


def test_an_overlong_request_line_is_refused(weir: Weir):
    with weir.raw() as connection:
        assert connection.send(b"GET /" + b"a" * 20_000).reply().status in (414, 431)


GARBAGE = [
    b"hello there\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 64, b"\xff\xfe\xfd\xfc\r\n\r\n",
    b"GET /livez\r\n\r\n", b"GET /livez HTTP/9.9\r\n\r\n", b"GET /livez HTCPCP/1.0\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n",
    b"GET /a b HTTP/1.1\r\n\r\n", b"GET /livez HTTP/1.1\r\nno colon here\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nbad name: x\r\n\r\n", b"GET /livez HTTP/1.1\r\n: nameless\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_gets_one_400_and_the_end(weir: Weir, garbage: bytes):
    with weir.raw() as connection:
        reply = connection.send(garbage).reply()
        assert (reply.status, reply.headers["connection"]) == (400, "close")
        assert reply.json()["error"]["type"] == "invalid_request_error"
        assert connection.ended()


@pytest.mark.parametrize("length", ["-1", "abc", "5x", "0x10", "1 2", "99999999999999999999999999", "+5"])
def test_a_bad_content_length_is_refused(weir: Weir, length: str):
    with weir.raw() as connection:
        reply = connection.send(head_of("POST", "/v1/classify", None, f"Content-Length: {length}")).reply()
        assert reply.status in (400, 413)
        assert "Content-Length" in reply.message() or reply.status == 413


def test_two_different_lengths_are_refused(weir: Weir):
    with weir.raw() as connection:
        connection.send(head_of("POST", "/v1/classify", 5, "Content-Length: 6") + b"12345")
        assert connection.reply().status == 400


@pytest.mark.parametrize("first", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_length_beside_chunks_is_refused(weir: Weir, first: str):
    second = {"Content-Length: 5": "Transfer-Encoding: chunked", "Transfer-Encoding: chunked": "Content-Length: 5"}
    with weir.raw() as connection:
        connection.send(head_of("POST", "/v1/classify", None, first, second[first]) + b"0\r\n\r\n")
        assert connection.reply().status == 400
        assert connection.ended()


@pytest.mark.parametrize("coding", ["gzip", "identity", "gzip, chunked", "chunked, chunked", "xchunked"])
def test_an_unknown_transfer_coding_is_refused_and_its_body_never_taken_for_a_request(weir: Weir, coding: str):
    inside = head_of("GET", "/livez")
    with weir.raw() as connection:
        connection.send(head_of("POST", "/v1/classify", None, f"Transfer-Encoding: {coding}") + inside)
        reply = connection.reply()
        assert reply.status in (400, 501), reply.body
        assert connection.ended()


@pytest.mark.parametrize("pieces", [b"x\r\nabc\r\n", b"-1\r\nabc\r\n", b"3\r\nabcdef\r\n0\r\n\r\n", b"10000000000000000\r\n"])
def test_bad_chunks_are_refused(weir: Weir, pieces: bytes):
    with weir.raw() as connection:
        connection.send(head_of("POST", "/v1/classify", None, "Transfer-Encoding: chunked") + pieces)
        assert connection.reply().status in (400, 413)


def test_a_client_that_goes_in_the_middle_of_its_body_is_forgotten(weir: Weir):
    for _ in range(10):
        with weir.raw() as connection:
            connection.send(head_of("POST", "/v1/embeddings", 1000) + b'{"input": "never fin')
    with weir.raw() as connection:
        assert connection.send(GOOD).reply().status == 200


def test_what_is_not_utf8_in_a_path_does_not_break_the_answer(weir: Weir):
    for path in (b"/\xff\xfe", b"/v1/models/\xff", b"/v2/models/\xc3/infer"):
        with weir.raw() as connection:
            reply = connection.send(b"GET " + path + b" HTTP/1.1\r\nHost: weir\r\n\r\n").reply()
            assert reply.status in (400, 404, 405)
            reply.message()  # reads the body as UTF-8


def test_a_refusal_carries_the_clients_request_id(weir: Weir):
    with weir.raw() as connection:
        reply = connection.send(head_of("POST", "/v1/embeddings", LIMIT + 1, "X-Request-Id: mine-1")).reply()
        assert reply.headers["x-request-id"] == "mine-1"


def test_errors_of_the_tensor_door_keep_its_shape_also_when_the_body_is_too_large(weir: Weir):
    with weir.raw() as connection:
        error = connection.send(head_of("POST", "/v2/models/simple/infer", LIMIT + 1)).reply().json()["error"]
        assert isinstance(error, str)


def test_a_last_chunk_that_comes_byte_by_byte_ends_the_body(weir: Weir):
    with weir.raw() as connection:
        connection.send(b"POST /v2/models/simple/infer HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n")
        for byte in b"0\r\n\r\n":
            connection.send(bytes([byte]))
        reply = connection.reply()
    assert reply.status == 400 and "the body is empty" in reply.json()["error"]
