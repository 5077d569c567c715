"""Bad input on the tensor door: shapes, types and numbers that do not fit."""

from __future__ import annotations

import copy
import json

import pytest
from wire import Client

GOOD = {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]}]}


@pytest.fixture(autouse=True)
def afterwards_a_good_request_still_works(client: Client):
    yield
    answer = client.infer("identity", GOOD)
    assert (answer.status, answer.json()["outputs"][0]["data"]) == (200, [1, 2, 3, 4])


def refused(client: Client, body, *words: str, model: str = "identity", status: int = 400) -> str:
    """The message, once it was checked to have these words."""
    reply = client.infer(model, body)
    assert reply.status == status, reply.body
    assert list(reply.json()) == ["error"]
    message = reply.message()
    for word in words:
        assert word in message
    return message


def changed(**fields) -> dict:
    """The good request with other fields in its input; `None` drops one."""
    body = copy.deepcopy(GOOD)
    body["inputs"][0] |= fields
    body["inputs"][0] = {key: value for key, value in body["inputs"][0].items() if value is not None}
    return body


@pytest.mark.parametrize(("body", "word"), [
    ({}, "'inputs'"), ({"inputs": None}, "'inputs'"), ({"inputs": 5}, "'inputs'"), ({"inputs": {}}, "'inputs'"),
    ({"inputs": []}, "'INPUT0'"), ({"inputs": [5]}, "inputs[0]"), ([], "object"), ("text", "object"),
    ({**GOOD, "id": 5}, "'id'"), ({**GOOD, "outputs": 5}, "'outputs'"), ({**GOOD, "outputs": [5]}, "outputs[0]"),
    ({**GOOD, "outputs": [{}]}, "outputs[0].name"), ({**GOOD, "outputs": [{"name": "OUTPUT"}]}, "'OUTPUT0'"),
    ({**GOOD, "outputs": [{"name": "OUTPUT0"}, {"name": 5}]}, "outputs[1].name"),
])
def test_a_wrong_request_is_refused_and_the_field_named(client: Client, body, word: str):
    refused(client, json.dumps(body).encode(), word)


@pytest.mark.parametrize("field", ["name", "datatype", "shape", "data"])
def test_a_missing_field_is_named(client: Client, field: str):
    refused(client, changed(**{field: None}), f"'inputs[0].{field}'", "missing")


@pytest.mark.parametrize(("field", "value"), [("name", 5), ("datatype", 5), ("shape", 4), ("shape", "2x2"), ("data", 5),
                                              ("data", "1 2 3 4"), ("data", {})])
def test_a_wrong_type_is_refused_and_the_field_named(client: Client, field: str, value):
    refused(client, changed(**{field: value}), f"'inputs[0].{field}'")


@pytest.mark.parametrize("datatype", ["FP64", "FP16", "BF16", "INT32", "UINT8"])
def test_a_wrong_datatype_is_refused_with_the_right_one(client: Client, datatype: str):
    refused(client, changed(datatype=datatype), "'INPUT0'", datatype, "FP32")


@pytest.mark.parametrize(("datatype", "hint"), [("fp32", "'FP32'"), ("FP320", "'FP32'"), ("", ""), ("STRING", "")])
def test_an_unknown_datatype_is_refused_with_the_nearest_one(client: Client, datatype: str, hint: str):
    refused(client, changed(datatype=datatype), "'INPUT0'", f"'{datatype}'", hint)


def test_numbers_are_no_bytes(client: Client):
    refused(client, changed(datatype="BYTES"), "'inputs[0].data' value 0 is not a string")
    refused(client, changed(datatype="BYTES", data=list("abcd")), "'INPUT0'", "BYTES", "FP32")


@pytest.mark.parametrize("shape", [[4], [2, 2, 1], [], [1] * 32, [2, 2] * 40])
def test_a_wrong_rank_is_refused(client: Client, shape: list):
    refused(client, changed(shape=shape), "shape")


@pytest.mark.parametrize("shape", [[-2, 2], [2, -1], [2.5, 2], ["2", 2], [None, 4], [2**63, 1], [-(2**63), 1]])
def test_a_size_that_is_none_is_refused(client: Client, shape: list):
    refused(client, changed(shape=shape), "'inputs[0].shape'")


@pytest.mark.parametrize("shape", [
    [2**32, 2**32], [2**62, 2], [2**31, 2**32], [2**63 - 1, 2**63 - 1], [2**61, 1], [10**9, 10**6], [1, 10**12], [3, 2],
])
def test_a_shape_that_asks_for_more_than_was_sent_is_refused(client: Client, shape: list):
    refused(client, changed(shape=shape), "inputs[0].data")


@pytest.mark.parametrize("shape", [[0, 2**62], [2**62, 0]])
def test_an_endless_shape_without_elements_does_no_harm(client: Client, shape: list):
    reply = client.infer("identity", changed(shape=shape, data=[]))
    assert reply.status in (200, 400, 422)


@pytest.mark.parametrize("data", [[], [1], [1, 2, 3], [1, 2, 3, 4, 5], [[1, 2], [3]], [[1, 2, 3], [4]], [[1, 2]],
                                  [[1, 2], [3, 4], [5, 6]], [[[1], [2]], [[3], [4]]], [[1, 2], 3, 4], [1, 2, [3, 4]],
                                  [[], []], [[[[[1]]]]]])
def test_data_that_does_not_fit_its_shape_is_refused(client: Client, data: list):
    refused(client, changed(data=data), "inputs[0].data")


@pytest.mark.parametrize("value", ["1", None, True, {}, 1e39, -1e39, 2**200])
def test_a_value_that_is_no_fp32_is_refused(client: Client, value):
    message = refused(client, changed(data=[1, 2, value, 4]))
    assert "inputs[0].data" in message or "JSON" in message


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 2**63, 2**64, 1.5, 1e3, "1", True])
def test_a_value_that_is_no_int32_is_refused(client: Client, value):
    numbers = {"datatype": "INT32", "shape": [1, 16], "data": [value] + [0] * 15}
    body = {"inputs": [{"name": "INPUT0", **numbers}, {"name": "INPUT1", **numbers}]}
    message = refused(client, body, model="simple")
    assert "inputs[0].data" in message or "JSON" in message


@pytest.mark.parametrize("shape", [[1, 15], [1, 17], [16, 1], [16]])
def test_a_fixed_size_is_kept(client: Client, shape: list):
    values = {"datatype": "INT32", "shape": shape, "data": [0] * max(shape)}
    body = {"inputs": [{"name": "INPUT0", **values}, {"name": "INPUT1", **values}]}
    refused(client, body, "'INPUT0'", "[-1, 16]", model="simple")


def test_inputs_that_do_not_fit_each_other_are_refused(client: Client):
    body = {"inputs": [{"name": f"INPUT{index}", "datatype": "INT32", "shape": [rows, 16], "data": [0] * 16 * rows}
                       for index, rows in enumerate([2, 3])]}
    refused(client, body, model="simple", status=422)


def test_duplicate_missing_and_unknown_inputs_are_refused(client: Client):
    refused(client, {"inputs": GOOD["inputs"] * 2}, "'INPUT0'", "twice")
    zeros = {"datatype": "INT32", "shape": [1, 16], "data": [0] * 16}
    refused(client, {"inputs": [{"name": "INPUT1", **zeros}]}, "'INPUT0'", "missing", model="simple")
    refused(client, changed(name="INPUT"), "'INPUT'", "'INPUT0'")
    refused(client, {"inputs": [*GOOD["inputs"], {**GOOD["inputs"][0], "name": "INPUT9"}]}, "'INPUT9'")


def test_deep_data_is_refused(client: Client):
    depth = 100_000
    deep = b"[" * depth + b"1" + b"]" * depth
    body = json.dumps(changed(data="HERE")).encode().replace(b'"HERE"', deep)
    refused(client, body)
    refused(client, b"[" * depth)


def test_malformed_json_is_refused_with_the_byte(client: Client):
    refused(client, b'{"inputs": [', "JSON", "byte 12")


def test_an_unknown_model_is_not_found_and_the_nearest_is_named(client: Client):
    refused(client, GOOD, "'identiti'", "'identity'", model="identiti", status=404)


def encoder_request(ids: list, mask: list | None = None, types: list | None = None) -> dict:
    """Raw tensors for minilm; each argument is a list of rows."""
    rows = {"input_ids": ids, "attention_mask": mask or [[1] * len(ids[0])] * len(ids),
            "token_type_ids": types or [[0] * len(ids[0])] * len(ids)}
    return {"inputs": [{"name": name, "datatype": "INT64", "shape": [len(value), len(value[0])], "data": value}
                       for name, value in rows.items()]}


@pytest.mark.parametrize("body", [
    encoder_request([[101, 10**9, 102]]), encoder_request([[101, -(2**62), 102]]), encoder_request([[1] * 513]),
    encoder_request([[101, 102]], mask=[[1, 1, 1]]), encoder_request([[101, 102]], types=[[0, 7]]),
])
def test_tensors_that_a_graph_cannot_take_are_unprocessable(client: Client, body: dict):
    refused(client, body, model="minilm", status=422)
    assert client.embed("still here").status == 200
