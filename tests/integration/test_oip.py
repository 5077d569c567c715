"""The Open Inference Protocol: metadata, health and tensors."""

from __future__ import annotations

import json

import numpy as np
import pytest
import reference
from weir_process import until
from wire import Client, post_of


def tensor(name: str, datatype: str, values: np.ndarray, nested: bool = False) -> dict:
    """One input as the protocol writes it."""
    data = values.tolist() if nested else values.ravel().tolist()
    return {"name": name, "datatype": datatype, "shape": list(values.shape), "data": data}


def simple_request(rows: int = 1, nested: bool = False) -> dict:
    """Two inputs of [rows, 16]."""
    first = np.arange(rows * 16).reshape(rows, 16)
    second = first[::-1] * 3 - 7
    return {"inputs": [tensor("INPUT0", "INT32", first, nested), tensor("INPUT1", "INT32", second, nested)]}


def array(output: dict) -> np.ndarray:
    """An output's values in its shape."""
    return np.array(output["data"]).reshape(output["shape"])


def test_the_server_tells_its_name_and_version(client: Client):
    answer = client.get("/v2").json()
    assert list(answer) == ["name", "version", "extensions"]
    assert answer["name"] == "weir"
    assert answer["version"] == client.get("/").json()["version"]


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/v2/models/simple/ready"])
def test_health_is_an_empty_200(client: Client, path: str):
    reply = client.get(path)
    assert (reply.status, reply.body) == (200, b"")


def test_metadata_is_read_from_the_graph(client: Client):
    sides = [{"datatype": "INT32", "shape": [-1, 16]}] * 2
    assert client.get("/v2/models/simple").json() == {
        "name": "simple",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": f"INPUT{index}", **side} for index, side in enumerate(sides)],
        "outputs": [{"name": f"OUTPUT{index}", **side} for index, side in enumerate(sides)],
    }


def test_metadata_of_a_text_model_shows_texts_and_that_of_its_encoder_the_graph(client: Client):
    answer = client.get("/v2/models/minilm").json()
    assert answer["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1, 1]}]
    assert answer["outputs"] == [{"name": "embedding", "datatype": "FP32", "shape": [-1, 384]}]
    answer = client.get("/v2/models/minilm.encoder").json()
    assert [spec["name"] for spec in answer["inputs"]] == ["input_ids", "attention_mask", "token_type_ids"]
    assert answer["outputs"] == [{"name": "last_hidden_state", "datatype": "FP32", "shape": [-1, -1, 384]}]


@pytest.mark.parametrize("path", ["/v2/models/simpel", "/v2/models/simpel/ready"])
def test_an_unknown_model_is_not_found_and_the_nearest_is_named(client: Client, path: str):
    reply = client.get(path)
    assert reply.status == 404
    assert "'simpel'" in reply.message() and "'simple'" in reply.message()


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("rows", [1, 3])
def test_simple_adds_and_subtracts(client: Client, rows: int, nested: bool):
    request = simple_request(rows, nested)
    first, second = (np.array(i["data"]).reshape(rows, 16) for i in request["inputs"])
    answer = client.infer("simple", request).json()
    assert list(answer) == ["model_name", "model_version", "outputs"]
    assert (answer["model_name"], answer["model_version"]) == ("simple", "1")
    assert [list(output) for output in answer["outputs"]] == [["name", "datatype", "shape", "data"]] * 2
    assert [output["name"] for output in answer["outputs"]] == ["OUTPUT0", "OUTPUT1"]
    assert {output["datatype"] for output in answer["outputs"]} == {"INT32"}
    assert np.array_equal(array(answer["outputs"][0]), first + second)
    assert np.array_equal(array(answer["outputs"][1]), first - second)


def test_the_order_of_inputs_does_not_matter(client: Client):
    request = simple_request()
    turned = {"inputs": request["inputs"][::-1]}
    assert client.infer("simple", turned).json() == client.infer("simple", request).json()


@pytest.mark.parametrize("name", ["", "a", "\u00fc\u4e16\U0001f680 \"quoted\" \\ \u0001"])
def test_the_id_comes_back(client: Client, name: str):
    answer = client.infer("simple", {"id": name, **simple_request()}).json()
    assert answer.get("id", "") == name


def test_only_the_requested_outputs_are_sent(client: Client):
    whole = client.infer("simple", simple_request()).json()["outputs"]
    for wanted in (["OUTPUT1"], ["OUTPUT1", "OUTPUT0"]):
        request = {**simple_request(), "outputs": [{"name": name} for name in wanted]}
        found = client.infer("simple", request).json()["outputs"]
        assert found == [output for name in wanted for output in whole if output["name"] == name]


def test_parameters_of_other_servers_are_tolerated(client: Client):
    request = simple_request()
    request["parameters"] = {"priority": 1}
    request["inputs"][0]["parameters"] = {"note": "x"}
    request["outputs"] = [{"name": "OUTPUT0", "parameters": {"binary_data": False}}]
    assert client.infer("simple", request).status == 200


EXTREMES = [0.0, -0.0, 1.5, -1e-3, 3.4028234663852886e38, -3.4028234663852886e38, 1e-45, 0.1, 16777217, 1 / 3]


def test_floats_come_back_as_they_went(client: Client):
    sent = np.array([EXTREMES])
    reply = client.infer("identity", {"inputs": [tensor("INPUT0", "FP32", sent)]})
    answer = json.loads(reply.body, parse_int=float)  # -0 is a float here
    found = np.array([answer["outputs"][0]["data"]], np.float32)
    assert np.array_equal(found, sent.astype(np.float32))
    assert np.array_equal(np.signbit(found), np.signbit(sent))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_empty_tensors_come_back_empty(client: Client, shape: tuple):
    answer = client.infer("identity", {"inputs": [tensor("INPUT0", "FP32", np.zeros(shape))]}).json()
    assert (answer["outputs"][0]["shape"], answer["outputs"][0]["data"]) == (list(shape), [])


@pytest.mark.parametrize("nested", [False, True])
def test_big_tensors_come_back_whole(client: Client, nested: bool):
    sent = np.random.default_rng(7).standard_normal((500, 400)).astype(np.float32)
    request = {"inputs": [tensor("INPUT0", "FP32", sent, nested)]}
    answer = client.infer("identity", request).json()
    assert np.array_equal(array(answer["outputs"][0]).astype(np.float32), sent)


def test_a_text_model_answers_raw_tensors(client: Client):
    ids = reference.token_ids("The tide comes in twice a day.")
    inputs = [tensor(name, "INT64", values) for name, values in reference.tensors_of(ids).items()]
    (output,) = client.infer("minilm", {"inputs": inputs}).json()["outputs"]
    assert output["shape"] == [1, len(ids), 384]
    assert np.abs(array(output) - reference.hidden_state(ids)).max() < 1e-4


def test_raw_tensors_do_not_make_texts_look_slow(start):
    """A tensor request's size must not be taken for the price of one token of text."""
    server = start("--models", reference.DEMO_MODELS, "--set", "workers=1")
    ids = [101, *[2314] * 254, 102]
    inputs = [tensor(name, "INT64", np.repeat(row, 4, axis=0)) for name, row in reference.tensors_of(ids).items()]
    for _ in range(3):
        assert server.client.infer("minilm", {"inputs": inputs}).status == 200
    with server.raw() as busy:
        busy.send(post_of("/v1/embeddings", {"model": "minilm", "input": ["river " * 500] * 8}))
        until(lambda: server.metric("weir_jobs_in_flight", model="minilm") > 0, "the first request to be let in")
        assert server.client.embed("A kite.").status == 200
        assert busy.reply().status == 200
