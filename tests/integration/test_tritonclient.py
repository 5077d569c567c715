"""Triton's own client, from PyPI, for what it can ask over HTTP."""

from __future__ import annotations

import asyncio
import json
import struct

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
import tritonclient.http.aio
from tritonclient.utils import InferenceServerException

from weir_process import EXAMPLE_MODELS, Weir
from wire import Client, head_of

A, B = np.arange(16, dtype=np.int32).reshape(1, 16), np.full((1, 16), 3, np.int32)


@pytest.fixture
def triton(weir: Weir):
    """A client of the shared server."""
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{weir.port}") as client:
        yield client


def tensor(name: str, values: np.ndarray, binary: bool = True) -> tritonclient.http.InferInput:
    given = tritonclient.http.InferInput(name, values.shape, "INT32")
    given.set_data_from_numpy(values, binary_data=binary)
    return given


def wanted(name: str, binary: bool) -> tritonclient.http.InferRequestedOutput:
    return tritonclient.http.InferRequestedOutput(name, binary_data=binary)


def test_it_sees_server_and_models(triton):
    assert triton.is_server_live() and triton.is_server_ready()
    assert triton.is_model_ready("simple") and not triton.is_model_ready("none")
    assert triton.get_server_metadata()["extensions"] == [
        "binary_tensor_data", "classification", "logging", "model_configuration", "model_repository", "statistics", "trace"]
    assert triton.get_model_metadata("simple", "1")["inputs"][0] == {
        "name": "INPUT0", "datatype": "INT32", "shape": [-1, 16]}
    config = triton.get_model_config("simple")
    assert config["max_batch_size"] > 0 and config["backend"] == "onnxruntime"
    assert config["input"] == [{"name": name, "data_type": "TYPE_INT32", "dims": [16]} for name in ("INPUT0", "INPUT1")]
    assert {model["name"] for model in triton.get_model_repository_index()} >= {"simple", "identity", "minilm"}
    with pytest.raises(InferenceServerException, match="no model 'none'"):
        triton.get_model_metadata("none")


@pytest.mark.parametrize("given_binary", [True, False])
@pytest.mark.parametrize("wanted_binary", [True, False, None])
def test_it_infers_with_json_and_with_binary_data(triton, given_binary: bool, wanted_binary: bool | None):
    outputs = None if wanted_binary is None else [wanted(name, wanted_binary) for name in ("OUTPUT0", "OUTPUT1")]
    answer = triton.infer("simple", [tensor("INPUT0", A, given_binary), tensor("INPUT1", B, given_binary)],
                          outputs=outputs, request_id="7", model_version="1")
    assert answer.get_response()["id"] == "7"
    np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), A + B)
    np.testing.assert_array_equal(answer.as_numpy("OUTPUT1"), A - B)


def test_it_mixes_json_and_binary_data(triton):
    answer = triton.infer("simple", [tensor("INPUT0", A, False), tensor("INPUT1", B, True)],
                          outputs=[wanted("OUTPUT1", True), wanted("OUTPUT0", False)])
    np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), A + B)
    np.testing.assert_array_equal(answer.as_numpy("OUTPUT1"), A - B)


def test_its_statistics_count_what_it_asked(start):
    server = start("--models", EXAMPLE_MODELS)
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as triton:
        for _ in range(3):
            triton.infer("simple", [tensor("INPUT0", A), tensor("INPUT1", B)])
        (told,) = triton.get_inference_statistics("simple")["model_stats"]
        assert told["inference_count"] == told["inference_stats"]["success"]["count"] == 3
        triton.unload_model("simple")
        assert not triton.is_model_ready("simple")
        with pytest.raises(InferenceServerException, match="is not loaded"):
            triton.infer("simple", [tensor("INPUT0", A), tensor("INPUT1", B)])
        triton.load_model("simple")
        assert triton.is_model_ready("simple")


def test_it_shows_the_reason_of_a_refusal(triton):
    with pytest.raises(InferenceServerException, match="input 'INPUT1' is missing"):
        triton.infer("simple", [tensor("INPUT0", A)])
    with pytest.raises(InferenceServerException, match="takes INT32"):
        wrong = tritonclient.http.InferInput("INPUT0", [1, 16], "FP32")
        wrong.set_data_from_numpy(A.astype(np.float32))
        triton.infer("simple", [wrong, tensor("INPUT1", B)])


def binary_body(size: int, data: bytes) -> tuple[bytes, bytes]:
    """JSON that announces so many bytes for INPUT0 of identity, and what follows it."""
    announced = {"inputs": [{"name": "INPUT0", "shape": [1, 4], "datatype": "FP32",
                             "parameters": {"binary_data_size": size}}]}
    return json.dumps(announced).encode(), data


@pytest.mark.parametrize("header", ["99999999999", "-1", "99999999999999999999999", "x", "1.5", "0x10", "10 10"])
def test_a_wrong_length_of_the_json_is_refused_by_name(client: Client, header: str):
    reply = client.post("/v2/models/identity/infer", b"{}", inference_header_content_length=header)
    assert reply.status == 400 and "Inference-Header-Content-Length" in reply.message()


@pytest.mark.parametrize("size, data, words", [
    (16, b"x" * 15, "15 bytes"), (16, b"x" * 17, "1 bytes"), (15, b"x" * 15, "shape [1, 4]"), (2**40, b"", "shape [1, 4]"), (2**62, b"", "binary_data_size"),
    (2**63, b"", "binary_data_size"), (0, b"", "shape [1, 4]"), (-1, b"", "binary_data_size")])
def test_binary_data_that_do_not_fit_are_refused(client: Client, size: int, data: bytes, words: str):
    head, tail = binary_body(size, data)
    reply = client.post("/v2/models/identity/infer", head + tail, inference_header_content_length=str(len(head)))
    assert reply.status == 400 and words in reply.message(), reply.body


def test_values_go_through_bit_by_bit_at_any_alignment(client: Client):
    values = struct.pack("<4f", float("nan"), float("-inf"), -0.0, 1e-45)
    for padding in range(8):
        head, _ = binary_body(16, b"")
        head = head[:-1] + b" " * padding + b"}"
        ask = json.dumps({"outputs": [{"name": "OUTPUT0", "parameters": {"binary_data": True}}]}).encode()
        head = head[:-1] + b"," + ask[1:]
        reply = client.post("/v2/models/identity/infer", head + values, inference_header_content_length=str(len(head)))
        assert reply.status == 200, reply.body
        length = int(reply.headers["inference-header-content-length"])
        assert reply.headers["content-type"] == "application/octet-stream"
        assert reply.body[length:] == values
        assert json.loads(reply.body[:length])["outputs"][0]["parameters"] == {"binary_data_size": 16}


def test_a_client_that_sends_less_than_it_announced_hurts_nobody(weir: Weir):
    head, _ = binary_body(16, b"")
    with weir.raw() as connection:
        connection.send(head_of("POST", "/v2/models/identity/infer", len(head) + 16,
                                f"Inference-Header-Content-Length: {len(head)}") + head + b"xy")
    assert weir.client.get("/livez").status == 200


def test_the_log_level_is_read_and_changed_by_both_clients(start):
    server = start(EXAMPLE_MODELS / "identity", "--grpc-port", "0")
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as client, \
            tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as other:
        before = client.get_log_settings()
        assert before == {"log_file": "", "log_info": True, "log_warning": True, "log_error": True, "log_verbose_level": 0,
                          "log_format": "default"}
        assert client.update_log_settings({"log_verbose_level": 1})["log_verbose_level"] == 1
        assert other.get_log_settings(as_json=True)["settings"]["log_verbose_level"]["uint32_param"] == 1
        server.client.infer("identity", {"inputs": [{"name": "INPUT0", "shape": [1, 1], "datatype": "FP32", "data": [1]}]})
        assert " debug " in server.stderr()
        told = other.update_log_settings({"log_verbose_level": 0, "log_info": False}, as_json=True)["settings"]
        assert not told["log_info"].get("bool_param") and client.get_log_settings()["log_info"] is False
        for refusing in (client, other):
            with pytest.raises(InferenceServerException, match="stderr"):
                refusing.update_log_settings({"log_file": "/tmp/log"})


def test_tracing_is_off_and_says_so(weir: Weir):
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{weir.port}") as client, \
            tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{weir.grpc_port}") as other:
        assert client.get_trace_settings()["trace_level"] == client.get_trace_settings("simple")["trace_level"] == ["OFF"]
        assert other.get_trace_settings(as_json=True)["settings"]["trace_level"]["value"] == ["OFF"]
        assert client.update_trace_settings(settings={"trace_level": ["OFF"]})["trace_level"] == ["OFF"]
        for refusing in (client, other):
            with pytest.raises(InferenceServerException, match="tracing is off"):
                refusing.update_trace_settings(settings={"trace_level": ["TIMESTAMPS"]})
        with pytest.raises(InferenceServerException, match="no model 'none'"):
            client.get_trace_settings("none")


def test_the_asyncio_client_works_too(weir: Weir):
    client = tritonclient.http.aio

    def given(name: str, values: np.ndarray):
        made = client.InferInput(name, values.shape, "INT32")
        made.set_data_from_numpy(values)
        return made

    async def ask():
        async with client.InferenceServerClient(f"127.0.0.1:{weir.port}") as triton:
            assert await triton.is_server_live() and await triton.is_server_ready() and await triton.is_model_ready("simple")
            assert (await triton.get_model_metadata("simple"))["name"] == "simple"
            assert (await triton.get_model_config("simple"))["max_batch_size"] > 0
            assert (await triton.get_inference_statistics("simple"))["model_stats"]
            assert {one["name"] for one in await triton.get_model_repository_index()} >= {"simple"}
            answers = await asyncio.gather(*(triton.infer("simple", [given("INPUT0", A), given("INPUT1", B)]) for _ in range(20)))
            for answer in answers:
                np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), A + B)

    asyncio.run(asyncio.wait_for(ask(), 60))
