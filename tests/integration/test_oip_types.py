"""Every datatype of the Open Inference Protocol, as JSON and as binary data; classes; texts as tensors."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import tritonclient.http
from tritonclient.utils import InferenceServerException

from tiny_models import DATATYPES, make_identities
from weir_process import Weir
from wire import Client

VALUES = {
    "BOOL": [[True, False], [False, True]],
    "UINT8": [[0, 255], [1, 2]], "UINT16": [[0, 65535], [1, 2]], "UINT32": [[0, 2**32 - 1], [1, 2]],
    "UINT64": [[0, 2**64 - 1], [2**53 + 1, 2]],
    "INT8": [[-128, 127], [1, 2]], "INT16": [[-(2**15), 2**15 - 1], [1, 2]],
    "INT32": [[-(2**31), 2**31 - 1], [1, 2]], "INT64": [[-(2**63), 2**63 - 1], [2**53 + 1, 2]],
    "FP16": [[0.5, -65504.0], [2**-24, 0.0]], "BF16": [[0.5, -1.0], [256.0, 0.0]],
    "FP32": [[0.1, -3.0e38], [1e-45, 0.0]], "FP64": [[0.1, -1.7e308], [5e-324, 0.0]],
    "BYTES": [["", "a\u0000ü"], ["🦜", "\"\\\n"]],
}
WIDE = {"BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h", "INT32": "i",
        "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d"}


def as_bytes(datatype: str, values: list) -> bytes:
    """As the binary tensor data extension has them."""
    flat = [value for row in values for value in row]
    if datatype == "BYTES":
        coded = [value if isinstance(value, bytes) else value.encode() for value in flat]
        return b"".join(struct.pack("<I", len(value)) + value for value in coded)
    if datatype == "BF16":
        return b"".join(struct.pack("<f", value)[2:] for value in flat)
    return struct.pack(f"<{len(flat)}{WIDE[datatype]}", *flat)


@pytest.fixture(scope="module")
def types(tmp_path_factory):
    server = Weir(tmp_path_factory.mktemp("weir"), "--models", make_identities(tmp_path_factory.mktemp("types")))
    yield server
    server.stop()


@pytest.fixture
def client(types: Weir) -> Client:
    return types.client


def ask(datatype: str, **more) -> dict:
    return {"inputs": [{"name": "IN", "shape": [2, 2], "datatype": datatype, **more}]}


@pytest.mark.parametrize("datatype", DATATYPES)
def test_values_go_through_json(client: Client, datatype: str):
    reply = client.infer(datatype.lower(), ask(datatype, data=VALUES[datatype]))
    assert reply.status == 200, reply.body
    (output,) = reply.json()["outputs"]
    assert output["datatype"] == datatype and output["shape"] == [2, 2]
    flat = [value for row in VALUES[datatype] for value in row]
    if datatype in ("FP16", "BF16", "FP32", "FP64"):
        width = np.float64 if datatype == "FP64" else np.float32
        assert np.array(output["data"], width).tobytes() == np.array(flat, width).tobytes()
    else:
        assert output["data"] == flat


@pytest.mark.parametrize("datatype", DATATYPES)
def test_values_go_through_as_binary_data_bit_by_bit(client: Client, datatype: str):
    data = as_bytes(datatype, VALUES[datatype])
    head = json.dumps({**ask(datatype, parameters={"binary_data_size": len(data)}),
                       "parameters": {"binary_data_output": True}}).encode()
    reply = client.post(f"/v2/models/{datatype.lower()}/infer", head + data,
                        inference_header_content_length=str(len(head)))
    assert reply.status == 200, reply.body
    length = int(reply.headers["inference-header-content-length"])
    assert json.loads(reply.body[:length])["outputs"][0]["parameters"] == {"binary_data_size": len(data)}
    assert reply.body[length:] == data


@pytest.mark.parametrize("datatype", DATATYPES)
def test_metadata_and_configuration_name_the_datatype(client: Client, datatype: str):
    (told,) = client.get(f"/v2/models/{datatype.lower()}").json()["inputs"]
    assert told["datatype"] == datatype
    (told,) = client.get(f"/v2/models/{datatype.lower()}/config").json()["input"]
    assert told["data_type"] == ("TYPE_STRING" if datatype == "BYTES" else f"TYPE_{datatype}")


def test_bytes_that_are_no_text_are_given_as_binary_data_alone(client: Client):
    data = as_bytes("BYTES", [[b"\xff\xfe", b""], [b"\x00", b"ok"]])
    head = json.dumps(ask("BYTES", parameters={"binary_data_size": len(data)})).encode()
    reply = client.post("/v2/models/bytes/infer", head + data, inference_header_content_length=str(len(head)))
    assert reply.status == 422 and "binary_data" in reply.message()
    head = json.dumps({**ask("BYTES", parameters={"binary_data_size": len(data)}),
                       "parameters": {"binary_data_output": True}}).encode()
    reply = client.post("/v2/models/bytes/infer", head + data, inference_header_content_length=str(len(head)))
    assert reply.body.endswith(data)


@pytest.mark.parametrize("data, words", [
    (b"\xff\xff\xff\xff" + b"x" * 12, "past the end"), (b"\0" * 15, "too few"), (b"\0" * 17, "1 bytes follow"),
    (b"", "too few"), (b"\x01\0\0\0a\0\0\0\0\0\0\0\0\0\0\0", "past the end")])
def test_bytes_whose_lengths_do_not_fit_are_refused(client: Client, data: bytes, words: str):
    head = json.dumps(ask("BYTES", parameters={"binary_data_size": len(data)})).encode()
    reply = client.post("/v2/models/bytes/infer", head + data, inference_header_content_length=str(len(head)))
    assert reply.status == 400 and words in reply.message(), reply.body


def test_triton_takes_the_largest_values_as_classes(types: Weir):
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{types.port}") as triton:
        for datatype in ("FP32", "INT64", "FP16"):
            width = {"FP32": np.float32, "INT64": np.int64, "FP16": np.float16}[datatype]
            values = np.array([[1, 5], [7, -2]], width)
            given = tritonclient.http.InferInput("IN", [2, 2], datatype)
            given.set_data_from_numpy(values)
            for binary in (True, False):
                wanted = tritonclient.http.InferRequestedOutput("OUT", binary_data=binary, class_count=1)
                answer = triton.infer(datatype.lower(), [given], outputs=[wanted]).as_numpy("OUT")
                assert answer.shape == (2, 1)
                top = [value.decode() if isinstance(value, bytes) else value for value in answer.flatten()]
                assert [text.split(":") for text in top] == [["5", "1"], ["7", "0"]]
        given = tritonclient.http.InferInput("IN", [1, 2], "BYTES")
        given.set_data_from_numpy(np.array([[b"a", b"b"]], object))
        with pytest.raises(InferenceServerException, match="no largest values"):
            triton.infer("bytes", [given], outputs=[tritonclient.http.InferRequestedOutput("OUT", class_count=1)])


# Texts as tensors, at the shared server.

TEXTS = ["What a lovely day.", "This is awful 🦜."]


@pytest.fixture
def triton(weir: Weir):
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{weir.port}") as client:
        yield client


@pytest.mark.parametrize("shape", [[2], [2, 1]])
@pytest.mark.parametrize("binary", [True, False])
def test_texts_are_embedded(triton, weir: Weir, shape: list, binary: bool):
    given = tritonclient.http.InferInput("text", shape, "BYTES")
    given.set_data_from_numpy(np.array([text.encode() for text in TEXTS], object).reshape(shape), binary_data=binary)
    vectors = triton.infer("minilm", [given]).as_numpy("embedding")
    told = weir.client.post("/v1/embeddings", {"model": "minilm", "input": TEXTS}).json()["data"]
    assert vectors.shape == (2, 384)
    np.testing.assert_allclose(vectors, np.array([one["embedding"] for one in told], np.float32), atol=1e-6)


def test_texts_are_classified(triton, weir: Weir):
    given = tritonclient.http.InferInput("text", [2, 1], "BYTES")
    given.set_data_from_numpy(np.array([[text] for text in TEXTS], object))
    answer = triton.infer("sentiment", [given])
    told = weir.client.post("/v1/classify", {"model": "sentiment", "input": TEXTS}).json()["data"]
    best = [one["labels"][0] for one in told]
    assert [label.decode() for label in answer.as_numpy("label").flatten()] == [one["label"] for one in best]
    np.testing.assert_allclose(answer.as_numpy("score").flatten(), [one["score"] for one in best], atol=1e-6)
    np.testing.assert_allclose(answer.as_numpy("scores").sum(axis=1), 1, atol=1e-5)
    wanted = [tritonclient.http.InferRequestedOutput("scores", class_count=1)]
    top = triton.infer("sentiment", [given], outputs=wanted).as_numpy("scores").flatten()
    assert [text.decode().split(":")[2] for text in top] == [one["label"] for one in best]


def test_the_graph_of_a_text_model_answers_under_a_name_of_its_own(triton):
    names = [one["name"] for one in triton.get_model_metadata("minilm.encoder")["inputs"]]
    given = []
    for name in names:
        given.append(tritonclient.http.InferInput(name, [1, 3], "INT64"))
        given[-1].set_data_from_numpy(np.array([[101, 102, 0]] if name == "input_ids" else [[1, 1, 0]], np.int64))
    for model in ("minilm.encoder", "minilm"):
        assert triton.infer(model, given).as_numpy("last_hidden_state").shape == (1, 3, 384)
    assert triton.is_model_ready("minilm.encoder") and not triton.is_model_ready("simple.encoder.encoder")
    with pytest.raises(InferenceServerException, match="no text model"):
        triton.infer("simple.encoder", given)


@pytest.mark.parametrize("texts, words", [
    ([""], "empty text"), (["ok", " \n"], "empty text"), (["a " * 5000], "tokens"), ([b"\xff\xfe"], "UTF-8")])
def test_a_text_that_cannot_be_answered_is_refused(triton, texts: list, words: str):
    given = tritonclient.http.InferInput("text", [len(texts)], "BYTES")
    given.set_data_from_numpy(np.array(texts, object))
    with pytest.raises(InferenceServerException, match=words):
        triton.infer("minilm", [given])


@pytest.mark.parametrize("shape", [[], [0], [1, 2], [2, 2], [1, 1, 1], [1025]])
def test_texts_of_another_shape_are_refused(weir: Weir, shape: list):
    count = int(np.prod(shape, dtype=int))
    reply = weir.client.infer("minilm", {"inputs": [{"name": "text", "shape": shape, "datatype": "BYTES",
                                                     "data": ["a"] * count}]})
    assert reply.status in (400, 413) and "text" in reply.message()
