"""Bad input on the text doors: one clear error that names the field, and the next request is served."""

from __future__ import annotations

import json

import pytest
from sample_texts import TOO_LONG
from wire import Client, named

BOTH = ["/v1/embeddings", "/v1/classify"]
MODEL = {"/v1/embeddings": "minilm", "/v1/classify": "sentiment"}


@pytest.fixture(autouse=True)
def afterwards_a_good_request_still_works(client: Client):
    yield
    assert client.embed("still here").status == 200
    assert client.classify("still here").status == 200


def refused(client: Client, path: str, body, status: int = 400, **headers: str):
    """The reply, once it was checked to be that error, in the right shape."""
    reply = client.request("POST", path, body, named(headers))
    assert reply.status == status, reply.body
    error = reply.json()["error"]
    assert list(error)[:4] == ["message", "type", "param", "code"]
    assert error["type"] == ("invalid_request_error" if status < 500 and status != 429 else error["type"])
    return reply


BROKEN_JSON = [
    (b"", None),
    (b"{", 1),
    (b"{\"input\": \"a\"", 13),
    (b"{\"input\": \"a\",}", 14),
    (b"{\"input\" \"a\"}", 9),
    (b"{'input': 'a'}", 1),
    (b"{\"input\": nul}", 13),
    (b"{\"input\": \"a\"} {}", 15),
    (b"{\"input\": \"a", 12),
    (b"{\"input\": \"tab\there\"}", 14),
    (b"{\"input\": 01}", 10),
    (b"{\"input\": 1e999}", 10),
    (b"not json at all", 0),
]


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize(("body", "byte"), BROKEN_JSON)
def test_malformed_json_is_refused_with_the_byte(client: Client, path: str, body: bytes, byte: int | None):
    message = refused(client, path, body).message()
    assert "JSON" in message
    if byte is not None:
        (at,) = [int(word.rstrip(":")) for before, word in zip(message.split(), message.split()[1:]) if before == "byte"]
        assert abs(at - byte) <= 2, message


STRANGE_JSON = {
    "a NUL at the end": b'{"input": "a"}\x00',
    "a byte order mark": b'\xef\xbb\xbf{"input": "a"}',
    "too deep": b"[" * 2000 + b"]" * 2000,
}


@pytest.mark.parametrize("kind", STRANGE_JSON)
def test_whatever_is_not_json_is_refused_in_a_clear_sentence(client: Client, kind: str):
    message = refused(client, "/v1/embeddings", STRANGE_JSON[kind]).message()
    assert message.startswith("the body is not valid JSON")
    assert " :" not in message


INVALID_UTF8 = [b"\xff", b"\xc3", b"\xc3(", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"]


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize("bad", INVALID_UTF8)
def test_invalid_utf8_is_refused_with_the_byte(client: Client, path: str, bad: bytes):
    assert "byte" in refused(client, path, b"{\"input\": \"caf" + bad + b"\"}").message()


@pytest.mark.parametrize("bad", [r"\ud800", r"\udc00", r"\ud800x", r"\ud800A", r"\ud800\ud800"])
def test_lone_surrogates_are_refused(client: Client, bad: str):
    assert "not valid JSON" in refused(client, "/v1/embeddings", f'{{"input": "a{bad}"}}'.encode()).message()
    for options in ("", '"on_error": "partial", '):
        body = f'{{{options}"input": ["good", "a{bad}", "fine"]}}'.encode()
        assert refused(client, "/v1/embeddings", body).param() == "input[1]"


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("closed", [False, True])
def test_deep_json_is_refused(client: Client, path: str, opening: bytes, closing: bytes, closed: bool):
    depth = 100_000
    body = opening * depth + (b"1" + closing * depth if closed else b"")
    refused(client, path, body)
    refused(client, path, b'{"input": ' + body + b"}")


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize("body", [[], "text", 5, None, True])
def test_a_body_that_is_no_object_is_refused(client: Client, path: str, body):
    assert "object" in refused(client, path, json.dumps(body).encode()).message()


WRONG_FIELDS = [
    ("input", 5), ("input", None), ("input", True), ("input", []), ("input[0]", [True]),
    ("input[1]", ["a", None]), ("input[2]", ["a", "b", ["c"]]), ("input[0]", [[1.5, 2, 3]]), ("input[1]", ["a", 5]),
    ("model", 5), ("model", []), ("truncate", "yes"), ("truncate", 1),
]


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize(("field", "value"), WRONG_FIELDS)
def test_a_wrong_type_is_refused_and_the_field_named(client: Client, path: str, field: str, value):
    body = {"model": MODEL[path], "input": "a"} | {field.split("[")[0]: value}
    reply = refused(client, path, body)
    assert reply.param() == field
    assert f"'{field}'" in reply.message()


def test_an_object_is_no_text_and_half_a_pair_no_pair(client: Client):
    assert refused(client, "/v1/embeddings", {"model": "minilm", "input": {}}).param() == "input"
    assert refused(client, "/v1/classify", {"model": "sentiment", "input": {}}).param() == "input.text"
    assert refused(client, "/v1/classify", {"model": "sentiment", "input": [{"text_pair": "a"}]}).param() == "input[0].text"


WRONG_VALUES = [
    ("/v1/embeddings", "encoding_format", "int8"), ("/v1/embeddings", "encoding_format", 5),
    ("/v1/embeddings", "dimensions", 0), ("/v1/embeddings", "dimensions", -1), ("/v1/embeddings", "dimensions", 385),
    ("/v1/embeddings", "dimensions", 1.5), ("/v1/embeddings", "dimensions", "64"),
    ("/v1/embeddings", "dimensions", 2**63), ("/v1/classify", "top_k", 0), ("/v1/classify", "top_k", -1),
    ("/v1/classify", "top_k", 1.5), ("/v1/classify", "top_k", "all"), ("/v1/classify", "top_k", 2**63),
]


@pytest.mark.parametrize(("path", "field", "value"), WRONG_VALUES)
def test_a_value_out_of_range_is_refused_and_the_field_named(client: Client, path: str, field: str, value):
    reply = refused(client, path, {"model": MODEL[path], "input": "a", field: value})
    assert reply.param() == field
    assert f"'{field}'" in reply.message()


@pytest.mark.parametrize("path", BOTH)
def test_a_missing_field_is_named(client: Client, path: str):
    reply = refused(client, path, {"model": MODEL[path]})
    assert (reply.param(), reply.message()) == ("input", "'input' is missing")


@pytest.mark.parametrize(("path", "field", "nearest"), [
    ("/v1/embeddings", "inputs", "input"), ("/v1/embeddings", "dimension", "dimensions"),
    ("/v1/embeddings", "trunctae", "truncate"), ("/v1/classify", "topk", "top_k"), ("/v1/classify", "Model", "model"),
])
def test_an_unknown_field_is_refused_with_the_nearest_name(client: Client, path: str, field: str, nearest: str):
    reply = refused(client, path, {"input": "a", field: 1})
    assert reply.param() == field
    assert f"'{field}'" in reply.message() and f"'{nearest}'" in reply.message()


def test_a_field_of_another_door_is_unknown(client: Client):
    assert refused(client, "/v1/classify", {"input": "a", "dimensions": 3}).param() == "dimensions"
    assert refused(client, "/v1/embeddings", {"input": "a", "top_k": 3}).param() == "top_k"


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize("blank", ["", " ", "\t\r\n\v\f "])
def test_a_blank_text_is_refused_and_named(client: Client, path: str, blank: str):
    reply = refused(client, path, {"input": ["a", blank, "b"]})
    assert reply.param() == "input[1]"
    assert refused(client, path, {"input": blank}).param() in ("input", "input[0]")


def test_the_message_about_a_blank_text_says_which(client: Client):
    message = refused(client, "/v1/embeddings", {"input": ["a", "", "b"]}).message()
    assert "input[1]" in message or "text 1" in message


@pytest.mark.parametrize("path", BOTH)
def test_an_unknown_model_is_not_found_and_the_nearest_is_named(client: Client, path: str):
    reply = refused(client, path, {"model": MODEL[path] + "x", "input": "a"}, status=404)
    assert (reply.param(), reply.json()["error"]["code"]) == ("model", "model_not_found")
    assert f"'{MODEL[path]}'" in reply.message()


@pytest.mark.parametrize("model", ["", "x" * 10_000, "../minilm", "minilm\u0000", "\u6a21\u578b"])
def test_a_strange_model_name_is_not_found(client: Client, model: str):
    assert refused(client, "/v1/embeddings", {"model": model, "input": "a"}, status=404).param() == "model"


@pytest.mark.parametrize("path", BOTH)
def test_an_overlong_text_is_refused_with_both_lengths(client: Client, path: str):
    reply = refused(client, path, {"model": MODEL[path], "input": TOO_LONG}, status=422)
    assert "602" in reply.message() and "512" in reply.message() and "truncate" in reply.message()
    reply = refused(client, path, {"model": MODEL[path], "input": ["short", TOO_LONG, "short"]}, status=422)
    assert reply.param() == "input[1]"
    assert client.post(path, {"model": MODEL[path], "input": TOO_LONG, "truncate": True}).status == 200


@pytest.mark.parametrize("path", BOTH)
def test_more_than_1024_texts_are_refused(client: Client, path: str):
    reply = refused(client, path, {"model": MODEL[path], "input": ["a"] * 1025}, status=413)
    assert reply.param() == "input"
    assert "1025" in reply.message() and "1024" in reply.message()


@pytest.mark.parametrize("value", ["0", "-5", "soon", "1.5", "1s", "-99999999999999999999", "99999999999999999999s", "", " ", "5 5"])
def test_a_bad_timeout_or_priority_header_is_refused_by_name(client: Client, value: str):
    reply = client.request("POST", "/v1/embeddings", {"input": "a"}, {"X-Request-Timeout-Ms": value})
    assert reply.status == 400
    assert "X-Request-Timeout-Ms" in reply.message()
    reply = client.request("POST", "/v1/embeddings", {"input": "a"}, {"X-Request-Priority": value})
    assert reply.status == 400
    assert "X-Request-Priority" in reply.message()


@pytest.mark.parametrize("number", ["99999999999999999999", "-99999999999999999999"])
def test_a_number_beyond_all_numbers_names_its_field(client: Client, number: str):
    body = b'{"model": "minilm", "input": "a", "dimensions": %s}' % number.encode()
    reply = client.post("/v1/embeddings", body)
    assert reply.status == 400 and "'dimensions'" in reply.message() and "64 bits" in reply.message()
    reply = client.request("PATCH", "/v1/models/minilm/settings", b'{"workers": %s}' % number.encode())
    assert reply.status == 400 and "'workers'" in reply.message()


def test_a_timeout_beyond_all_numbers_is_cut_to_the_longest(client: Client):
    reply = client.request("POST", "/v1/embeddings", {"input": "a"}, {"X-Request-Timeout-Ms": "9" * 40})
    assert reply.status == 200


def test_what_is_not_utf8_in_a_header_does_not_break_the_answer(client: Client):
    reply = client.request("GET", "/livez", None, {"X-Request-Timeout-Ms": b"\xff\xfe"})
    assert reply.status == 400
    assert "X-Request-Timeout-Ms" in reply.message()  # reads the body as UTF-8
