"""Compressed bodies, both ways."""

from __future__ import annotations

import gzip
import json
import zlib

import numpy as np
import pytest
import tritonclient.http
import zstandard

from weir_process import EXAMPLE_MODELS, Weir
from wire import Client, head_of

PACK = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}
UNPACK = {"gzip": gzip.decompress, "deflate": zlib.decompress, "zstd": zstandard.decompress}
BODY = {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 20_000], "data": list(range(20_000))}]}
SMALL = {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}
INFER = "/v2/models/identity/infer"


@pytest.mark.parametrize("coding", PACK)
def test_a_compressed_body_is_as_good_as_another(client: Client, coding: str):
    plain = client.post(INFER, SMALL)
    packed = client.post(INFER, PACK[coding](json.dumps(SMALL).encode()), content_encoding=coding)
    assert packed.status == 200 and packed.json() == plain.json()


@pytest.mark.parametrize("accepted, coding", [
    ("gzip", "gzip"), ("gzip, deflate, br", "gzip"), ("deflate;q=0.9, gzip;q=0.1", "deflate"), ("br", None), ("zstd", "zstd"), ("gzip;q=0.5, zstd", "zstd"),
    ("gzip;q=0", None), ("identity", None)])
def test_a_large_answer_is_compressed_for_who_takes_it_so(client: Client, accepted: str, coding: str | None):
    plain = client.post(INFER, BODY)
    assert "content-encoding" not in plain.headers
    packed = client.post(INFER, BODY, accept_encoding=accepted)
    assert packed.status == 200 and packed.headers.get("content-encoding") == coding
    assert (UNPACK[coding](packed.body) if coding else packed.body) == plain.body
    if coding:
        assert packed.headers["vary"] == "Accept-Encoding" and len(packed.body) < len(plain.body) / 2
    assert "content-encoding" not in client.post(INFER, SMALL, accept_encoding=accepted).headers  # too small


def test_caches_are_told_of_all_that_an_answer_depends_on(start):
    server = start("--models", EXAMPLE_MODELS, "--set", "cors.origins=http://a.example")
    content = json.dumps(BODY).encode()
    fields = "Accept-Encoding: gzip\r\nOrigin: http://a.example\r\n"
    with server.raw() as connection:
        connection.send(f"POST {INFER} HTTP/1.1\r\nHost: weir\r\n{fields}"
                        f"Content-Length: {len(content)}\r\n\r\n".encode() + content)
        head = []
        while line := connection.line():
            head.append(line)
    assert b"Content-Encoding: gzip" in head
    assert {line for line in head if line.startswith(b"Vary")} == {b"Vary: Origin", b"Vary: Accept-Encoding"}


def test_what_is_not_compressed_as_it_says_is_refused(client: Client):
    body = gzip.compress(json.dumps(SMALL).encode())
    for wrong in (body[:-3], body + b"x", b"{}", b"", zlib.compress(b"{}")[:4]):
        reply = client.post(INFER, wrong, content_encoding="gzip")
        assert reply.status == 400, wrong
    body = zstandard.compress(json.dumps(SMALL).encode())
    for wrong in (body[:-3], body + b"x", b"{}", b"", gzip.compress(b"{}"), body[:6] + bytes(len(body) - 6)):
        reply = client.post(INFER, wrong, content_encoding="zstd")
        assert reply.status == 400, wrong
    for unknown in ("br", "lz4", "gzip, gzip", "no"):
        reply = client.post(INFER, body, content_encoding=unknown)
        assert reply.status == 415 and unknown in reply.message() and "gzip" in reply.message()


def test_a_bomb_is_unpacked_to_the_limit_and_no_further(start):
    server = start("--models", EXAMPLE_MODELS, "--set", "server.max_body=1MiB")
    bomb = gzip.compress(b"\0" * (1 << 29))
    assert len(bomb) < 1 << 20
    for _ in range(3):
        reply = server.client.post(INFER, bomb, content_encoding="gzip")
        assert reply.status == 413 and "1048576" in reply.message()
    assert server.client.post(INFER, SMALL).status == 200


def test_no_room_is_taken_for_ever(start):
    server = start("--models", EXAMPLE_MODELS, "--set", "server.max_body=1MiB", "--set", "server.max_bodies=1MiB")
    large = {"inputs": SMALL["inputs"], "id": "x" * 900_000}
    packed = gzip.compress(json.dumps(large).encode())
    for _ in range(300):
        assert server.client.post(INFER, packed, content_encoding="gzip").status == 200


def test_a_bomb_without_a_key_is_not_unpacked(start):
    server = start("--models", EXAMPLE_MODELS, env={"WEIR_API_KEYS": "0123456789abcdef"})
    bomb = gzip.compress(b"\0" * (1 << 24))
    assert server.client.post(INFER, bomb, content_encoding="gzip").status == 401


def test_pipelined_requests_are_answered_in_order_however_they_are_packed(weir: Weir):
    packed = gzip.compress(json.dumps(SMALL).encode())
    with weir.raw() as connection:
        request = head_of("POST", INFER, len(packed), "Content-Encoding: gzip") + packed
        connection.send(request + head_of("GET", "/livez") + request)
        bodies = [connection.reply().body for _ in range(3)]
    assert b"INPUT0" not in bodies[1] and b"alive" in bodies[1] and bodies[0] == bodies[2]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_tritons_client_compresses(weir: Weir, coding: str):
    values = np.arange(20_000, dtype=np.float32).reshape(1, -1)
    given = tritonclient.http.InferInput("INPUT0", values.shape, "FP32")
    given.set_data_from_numpy(values)
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{weir.port}") as triton:
        answer = triton.infer("identity", [given], request_compression_algorithm=coding,
                              response_compression_algorithm=coding)
        np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), values)
