"""Bodies damaged at random (always in the same way): never a 5xx, never a hang."""

from __future__ import annotations

import json
import random

import pytest
from weir_process import Weir
from wire import post_of

ROUNDS = 300
SEEDS = {
    "/v1/embeddings": [
        {"model": "minilm", "input": "The kettle is whistling.", "encoding_format": "float", "dimensions": 4},
        {"input": ["one", "two", "\u00fcber", "\U0001f680"], "truncate": True, "user": "me", "encoding_format": "base64"},
    ],
    "/v1/classify": [
        {"model": "sentiment", "input": "What a day.", "top_k": 1},
        {"input": ["good", "bad", "neither \\ nor"], "truncate": False, "top_k": 2},
    ],
    "/v2/models/identity/infer": [
        {"id": "7", "inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [2, 2], "data": [1.5, -2, 3e3, 0]}]},
        {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [2, 1], "data": [[1], [2]]}],
         "outputs": [{"name": "OUTPUT0"}], "parameters": {"a": 1}},
    ],
}
TOKENS = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"null", b"true", b"-1", b"1e400", b"9223372036854775808",
          b"\\ud800", b"\\u0000", b"\xff", b"\x00", b"[[", b'"":', b"0.1e-400", b"18446744073709551616", b"{}"]


def damage(chance: random.Random, body: bytes) -> bytes:
    """One to four small changes."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(body) + 1)
        to = min(len(body), at + chance.randint(1, 12))
        piece = body[at:to]
        body = chance.choice([
            body[:at] + body[to:],
            body[:at] + piece * chance.randint(2, 5) + body[to:],
            body[:at] + chance.choice(TOKENS) + body[at:],
            body[:at] + chance.choice(TOKENS) + body[to:],
            body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :],
            body[:at] + bytes(byte ^ (1 << chance.randrange(8)) for byte in piece) + body[to:],
            body[:at] if chance.random() < 0.3 else body,
        ])
    return body


@pytest.mark.parametrize("path", SEEDS)
def test_a_damaged_body_never_costs_more_than_an_error(weir: Weir, path: str):
    chance = random.Random(path)
    statuses = set()
    with weir.raw() as connection:  # one connection: every answer must leave it usable
        for _ in range(ROUNDS):
            body = damage(chance, json.dumps(chance.choice(SEEDS[path])).encode())
            reply = connection.send(post_of(path, body)).reply()
            assert reply.status in (200, 400, 404, 413, 422), (body, reply.body)
            reply.json()
            statuses.add(reply.status)
        for seed in SEEDS[path]:
            assert connection.send(post_of(path, seed)).reply().status == 200
    assert {200, 400} <= statuses
    assert weir.process.poll() is None
