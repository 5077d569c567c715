"""The gRPC door, asked by Triton's own client, by its asyncio one, and message by message."""

from __future__ import annotations

import asyncio
import queue
import socket
import struct
import threading
import time

import grpc
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from test_oip_types import VALUES, as_bytes
from tiny_models import DATATYPES, make_identities, make_loop
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException
from weir_process import EXAMPLE_MODELS, Weir, run, sanitized, until

A, B = np.arange(16, dtype=np.int32).reshape(1, 16), np.full((1, 16), 3, np.int32)
PATIENCE = 60


@pytest.fixture
def triton(weir: Weir):
    """A client of the shared server."""
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{weir.grpc_port}") as client:
        yield client


@pytest.fixture
def stub(weir: Weir):
    """The service itself."""
    with grpc.insecure_channel(f"127.0.0.1:{weir.grpc_port}") as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)


def tensor(name: str, values: np.ndarray, client=tritonclient.grpc):
    given = client.InferInput(name, values.shape, "INT32")
    given.set_data_from_numpy(values)
    return given


def simple_inputs(client=tritonclient.grpc) -> list:
    return [tensor("INPUT0", A, client), tensor("INPUT1", B, client)]


def refused(call, code: grpc.StatusCode, *words: str) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as error:
        call()
    assert error.value.code() == code, error.value
    for word in words:
        assert word in error.value.details(), error.value.details()
    return error.value


# Triton's client.


def test_it_sees_server_and_models(triton):
    assert triton.is_server_live() and triton.is_server_ready()
    assert triton.is_model_ready("simple") and triton.is_model_ready("simple", "1")
    assert not triton.is_model_ready("none") and not triton.is_model_ready("simple", "9")
    assert "statistics" in triton.get_server_metadata().extensions
    metadata = triton.get_model_metadata("simple", as_json=True)
    assert metadata["inputs"][0] == {"name": "INPUT0", "datatype": "INT32", "shape": ["-1", "16"]}
    config = triton.get_model_config("simple").config
    assert config.max_batch_size > 0 and config.backend == "onnxruntime" and list(config.input[0].dims) == [16]
    assert {model.name for model in triton.get_model_repository_index().models} >= {"simple", "identity", "minilm"}
    with pytest.raises(InferenceServerException, match="no model 'none'"):
        triton.get_model_metadata("none")


def test_it_infers(triton):
    wanted = [tritonclient.grpc.InferRequestedOutput("OUTPUT1")]
    answer = triton.infer("simple", simple_inputs(), outputs=wanted, request_id="7", model_version="1")
    assert answer.get_response().id == "7" and answer.get_response().model_version == "1"
    np.testing.assert_array_equal(answer.as_numpy("OUTPUT1"), A - B)
    assert answer.as_numpy("OUTPUT0") is None


def test_it_infers_with_compressed_messages(triton):
    for algorithm in ("gzip", "deflate"):
        answer = triton.infer("simple", simple_inputs(), compression_algorithm=algorithm)
        np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), A + B)


def test_it_infers_without_waiting(triton):
    answers: queue.Queue = queue.Queue()
    for number in range(50):
        triton.async_infer("simple", simple_inputs(), lambda result, error: answers.put(error or result),
                           request_id=str(number))
    seen = {answers.get(timeout=PATIENCE).get_response().id for _ in range(50)}
    assert seen == {str(number) for number in range(50)}


def test_a_stream_answers_each_request_and_outlives_a_bad_one(triton):
    answers: queue.Queue = queue.Queue()
    triton.start_stream(lambda result, error: answers.put((result, error)))
    for number in range(40):
        triton.async_stream_infer("simple" if number % 4 else "none", simple_inputs(), request_id=str(number))
    seen, errors = set(), 0
    for _ in range(40):
        result, error = answers.get(timeout=PATIENCE)
        if error:
            assert "no model 'none'" in str(error)
            errors += 1
        else:
            np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), A + B)
            seen.add(int(result.get_response().id))
    triton.stop_stream()
    assert errors == 10 and seen == {number for number in range(40) if number % 4}


def test_a_stream_marks_the_only_answer_as_the_last_where_that_is_asked_for(triton):
    answers: queue.Queue = queue.Queue()
    triton.start_stream(lambda result, error: answers.put((result, error)))
    triton.async_stream_infer("simple", simple_inputs(), enable_empty_final_response=True)
    result, error = answers.get(timeout=PATIENCE)
    assert error is None and result.get_response().parameters["triton_final_response"].bool_param
    triton.stop_stream()


def test_texts_go_in_and_labels_come_out(triton):
    given = tritonclient.grpc.InferInput("text", [2, 1], "BYTES")
    given.set_data_from_numpy(np.array([[b"What a lovely day."], ["Awful 🦜.".encode()]], object))
    answer = triton.infer("sentiment", [given])
    assert answer.as_numpy("label").tolist() == [[b"POSITIVE"], [b"NEGATIVE"]]
    wanted = [tritonclient.grpc.InferRequestedOutput("scores", class_count=1)]
    top = triton.infer("sentiment", [given], outputs=wanted).as_numpy("scores").flatten()
    assert [text.decode().split(":")[2] for text in top] == ["POSITIVE", "NEGATIVE"]
    np.testing.assert_allclose([float(text.decode().split(":")[0]) for text in top],
                               answer.as_numpy("score").flatten(), rtol=1e-6)


def test_it_shows_the_reason_of_a_refusal(triton):
    with pytest.raises(InferenceServerException, match="input 'INPUT1' is missing"):
        triton.infer("simple", simple_inputs()[:1])
    with pytest.raises(InferenceServerException, match="no output 'NONE'"):
        triton.infer("simple", simple_inputs(), outputs=[tritonclient.grpc.InferRequestedOutput("NONE")])


def test_statistics_loading_and_unloading(start):
    server = start("--models", EXAMPLE_MODELS, "--grpc-port", "0")
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as triton:
        for _ in range(3):
            triton.infer("simple", simple_inputs())
        (told,) = triton.get_inference_statistics("simple").model_stats
        assert told.inference_count == told.inference_stats.success.count == 3
        assert {one.name for one in triton.get_inference_statistics().model_stats} == {"simple", "identity"}
        triton.unload_model("simple")
        assert not triton.is_model_ready("simple")
        ready = triton.get_model_repository_index(as_json=True)["models"]
        assert {one["name"]: one["state"] for one in ready} == {"identity": "READY", "simple": "UNAVAILABLE"}
        with pytest.raises(InferenceServerException, match="is not loaded"):
            triton.infer("simple", simple_inputs())
        for settings in ({"config": "{}"}, {"config": "{}", "files": {"file:1/model.onnx": b"x"}}):
            with pytest.raises(InferenceServerException, match="is not taken"):
                triton.load_model("simple", **settings)
        with pytest.raises(InferenceServerException, match="no model 'none'"):
            triton.load_model("none")
        triton.load_model("simple")
        assert triton.is_model_ready("simple")
    assert server.metric("weir_grpc_requests_total", route="/inference.GRPCInferenceService/ModelInfer") == 4


def test_shared_memory_is_not_offered_and_says_so(triton):
    assert not triton.get_system_shared_memory_status().regions
    assert not triton.get_cuda_shared_memory_status().regions
    triton.unregister_system_shared_memory()
    triton.unregister_cuda_shared_memory()
    with pytest.raises(InferenceServerException, match="shared memory is not offered"):
        triton.register_system_shared_memory("name", "/key", 64)


def test_the_asyncio_client_works_too(weir: Weir):
    client = tritonclient.grpc.aio

    async def ask():
        async with client.InferenceServerClient(f"127.0.0.1:{weir.grpc_port}") as triton:
            assert await triton.is_server_ready() and await triton.is_model_ready("simple")
            answers = await asyncio.gather(*(triton.infer("simple", simple_inputs(client)) for _ in range(20)))
            for answer in answers:
                np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), A + B)

            async def requests():
                for number in range(10):
                    yield {"model_name": "simple" if number != 3 else "none", "inputs": simple_inputs(client),
                           "request_id": str(number)}

            seen = []
            async for result, error in triton.stream_infer(requests()):
                seen.append("error" if error else result.get_response().id)
            assert sorted(seen) == sorted(["0", "1", "2", "4", "5", "6", "7", "8", "9", "error"])

    asyncio.run(asyncio.wait_for(ask(), PATIENCE))


# Message by message.


@pytest.fixture(scope="module")
def types(tmp_path_factory):
    models = make_identities(tmp_path_factory.mktemp("types"))
    server = Weir(tmp_path_factory.mktemp("weir"), "--models", models, "--grpc-port", "0")
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)
    server.stop()


CONTENTS = {"BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents",
            "INT64": "int64_contents", "UINT8": "uint_contents", "UINT16": "uint_contents", "UINT32": "uint_contents",
            "UINT64": "uint64_contents", "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents"}


def identity_request(datatype: str, shape=(2, 2)) -> service_pb2.ModelInferRequest:
    request = service_pb2.ModelInferRequest(model_name=datatype.lower())
    request.inputs.add(name="IN", datatype=datatype, shape=shape)
    return request


@pytest.mark.parametrize("datatype", DATATYPES)
def test_raw_contents_go_through_bit_by_bit(types, datatype: str):
    request = identity_request(datatype)
    data = as_bytes(datatype, VALUES[datatype])
    request.raw_input_contents.append(data)
    answer = types.ModelInfer(request)
    assert answer.outputs[0].datatype == datatype and list(answer.outputs[0].shape) == [2, 2]
    assert list(answer.raw_output_contents) == [data]


@pytest.mark.parametrize("datatype", CONTENTS)
def test_typed_contents_go_through(types, datatype: str):
    request = identity_request(datatype)
    flat = [value.encode() if isinstance(value, str) else value for row in VALUES[datatype] for value in row]
    getattr(request.inputs[0].contents, CONTENTS[datatype]).extend(flat)
    assert list(types.ModelInfer(request).raw_output_contents) == [as_bytes(datatype, VALUES[datatype])]


@pytest.mark.parametrize("datatype, field, values, words", [
    ("FP32", "fp32_contents", [1, 2, 3], "3 values"), ("FP32", "int_contents", [1, 2, 3, 4], "0 values"),
    ("INT8", "int_contents", [1, 2, 3, 128], "range of INT8"), ("UINT8", "uint_contents", [256, 2, 3, 4], "range of UINT8"),
    ("UINT16", "uint_contents", [65536, 2, 3, 4], "range of UINT16"), ("FP16", "fp32_contents", [1, 2, 3, 4], "raw_input")])
def test_typed_contents_that_do_not_fit_are_refused(types, datatype: str, field: str, values: list, words: str):
    request = identity_request(datatype)
    getattr(request.inputs[0].contents, field).extend(values)
    refused(lambda: types.ModelInfer(request), grpc.StatusCode.INVALID_ARGUMENT, "inputs[0].contents", words)


@pytest.mark.parametrize("shape, data, words", [
    ([2, 2], b"x" * 15, "15 bytes"), ([2, 2], b"x" * 17, "17 bytes"), ([-1, 2], b"x" * 16, "inputs[0].shape"),
    ([2**62, 2**62], b"x" * 16, "inputs[0].shape"), ([2**40, 2], b"x" * 16, "values of 4 bytes"), ([1] * 40, b"x" * 4, "inputs[0].shape"),
    ([4], b"x" * 16, "shape [4]"), ([2, 3], b"x" * 24, "shape [2, 3]")])
def test_raw_contents_that_do_not_fit_are_refused(types, shape: list, data: bytes, words: str):
    request = identity_request("FP32", shape)
    request.raw_input_contents.append(data)
    refused(lambda: types.ModelInfer(request), grpc.StatusCode.INVALID_ARGUMENT, words)


def test_what_the_message_lacks_or_has_too_much_is_named(stub):
    ask = service_pb2.ModelInferRequest
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    refused(lambda: stub.ModelInfer(ask()), invalid, "model_name")
    refused(lambda: stub.ModelInfer(ask(model_name="simple")), invalid, "input 'INPUT0' is missing")
    refused(lambda: stub.ModelInfer(ask(model_name="none")), grpc.StatusCode.NOT_FOUND, "no model 'none'")
    refused(lambda: stub.ModelInfer(ask(model_name="simple", model_version="7")), grpc.StatusCode.NOT_FOUND, "7")
    request = ask(model_name="identity", raw_input_contents=[b"x" * 16, b"more"])
    request.inputs.add(name="INPUT0", datatype="FP32", shape=[1, 4])
    refused(lambda: stub.ModelInfer(request), invalid, "2 entries for 1 inputs")
    del request.raw_input_contents[1]
    request.inputs[0].contents.fp32_contents.extend([1, 2, 3, 4])
    refused(lambda: stub.ModelInfer(request), invalid, "exclude each other")
    request.inputs[0].ClearField("contents")
    request.inputs[0].datatype = "FLOAT"
    refused(lambda: stub.ModelInfer(request), invalid, "'FLOAT'")
    request.inputs[0].datatype = "FP32"
    request.parameters["timeout"].string_param = "soon"
    refused(lambda: stub.ModelInfer(request), invalid, "parameters.timeout")
    del request.parameters["timeout"]
    request.parameters["priority"].int64_param = 9
    refused(lambda: stub.ModelInfer(request), invalid, "parameters.priority")
    request.parameters["priority"].int64_param = 1
    assert stub.ModelInfer(request).model_version == "1"


def test_a_message_over_the_limit_is_refused(start):
    server = start(EXAMPLE_MODELS / "identity", "--grpc-port", "0", "--set", "server.max_body=64KiB")
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = service_pb2.ModelInferRequest(model_name="identity", raw_input_contents=[bytes(65536)])
        request.inputs.add(name="INPUT0", datatype="FP32", shape=[1, 16384])
        refused(lambda: stub.ModelInfer(request), grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert stub.ServerReady(service_pb2.ServerReadyRequest()).ready


def test_garbage_on_the_port_ends_one_connection_alone(weir: Weir, triton):
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 200, bytes(500)):
        with socket.create_connection(("127.0.0.1", weir.grpc_port), timeout=PATIENCE) as connection:
            connection.sendall(garbage)
    assert triton.is_server_ready()


def test_metadata_name_the_request_and_answers_tell_where_its_time_went(stub):
    request = service_pb2.ModelInferRequest(model_name="identity", raw_input_contents=[struct.pack("<4f", 1, 2, 3, 4)])
    request.inputs.add(name="INPUT0", datatype="FP32", shape=[1, 4])
    _, call = stub.ModelInfer.with_call(request, metadata=[("x-request-id", "mine")])
    told = dict(call.trailing_metadata())
    assert told["x-request-id"] == "mine" and "total;dur=" in told["server-timing"]
    _, call = stub.ModelInfer.with_call(request)
    assert not dict(call.trailing_metadata())
    unknown = service_pb2.ModelInferRequest(model_name="none")
    error = refused(lambda: stub.ModelInfer(unknown), grpc.StatusCode.NOT_FOUND)
    assert dict(error.trailing_metadata())["x-request-id"]
    refused(lambda: stub.ModelInfer(request, metadata=[("x-request-timeout-ms", "soon")]),
            grpc.StatusCode.INVALID_ARGUMENT, "X-Request-Timeout-Ms")


@pytest.fixture
def slow(start, tmp_path):
    """A model whose runs last as long as they are asked to."""
    make_loop(tmp_path / "models/loop", at_load=False)
    server = start("--models", tmp_path / "models", "--grpc-port", "0", "--set", "workers=1")
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield server, service_pb2_grpc.GRPCInferenceServiceStub(channel)


def loop_request(turns: int) -> service_pb2.ModelInferRequest:
    request = service_pb2.ModelInferRequest(model_name="loop", raw_input_contents=[struct.pack("<q", turns)])
    request.inputs.add(name="COUNT", datatype="INT64", shape=[1])
    return request


FOR_EVER = 2**40


def idle(server: Weir) -> bool:
    return server.metric("weir_jobs_in_flight", model="loop") == 0


def test_the_deadline_is_kept_and_stops_the_run(slow):
    server, stub = slow
    refused(lambda: stub.ModelInfer(loop_request(FOR_EVER), timeout=0.3), grpc.StatusCode.DEADLINE_EXCEEDED)
    until(lambda: idle(server), "the run to be stopped")
    late = loop_request(FOR_EVER)
    late.parameters["timeout"].int64_param = 200_000
    refused(lambda: stub.ModelInfer(late), grpc.StatusCode.DEADLINE_EXCEEDED)
    assert stub.ModelInfer(loop_request(10)).model_name == "loop"


def test_a_call_that_is_cancelled_stops_its_run(slow):
    server, stub = slow
    call = stub.ModelInfer.future(loop_request(FOR_EVER))
    until(lambda: not idle(server), "the run to begin")
    call.cancel()
    until(lambda: idle(server), "the run to be stopped")
    assert stub.ModelInfer(loop_request(10)).model_name == "loop"


def test_a_stream_that_is_cancelled_stops_its_runs(slow):
    server, stub = slow
    waiting = threading.Event()

    def requests():
        for _ in range(3):
            yield loop_request(FOR_EVER)
        waiting.wait(PATIENCE)

    call = stub.ModelStreamInfer(requests())
    until(lambda: server.metric("weir_jobs_in_flight", model="loop") == 3, "the requests to come")
    call.cancel()
    until(lambda: idle(server), "the runs to be stopped")
    waiting.set()


def test_answers_of_a_stream_come_as_they_finish(weir: Weir, slow):
    server, stub = slow
    waiting = threading.Event()

    def requests():
        slow_one = loop_request(FOR_EVER)
        slow_one.id = "slow"
        slow_one.parameters["timeout"].int64_param = 1_500_000
        yield slow_one
        bad = loop_request(1)
        bad.id, bad.model_name = "bad", "none"
        yield bad
        waiting.wait(PATIENCE)

    answers = stub.ModelStreamInfer(requests())
    first, second = next(answers), next(answers)
    assert (first.infer_response.id, second.infer_response.id) == ("bad", "slow")
    assert "deadline" in second.error_message
    waiting.set()
    assert list(answers) == []


def test_an_overload_is_refused_at_once_and_says_when_to_come_again(start, tmp_path):
    make_loop(tmp_path / "models/loop", at_load=False)
    server = start("--models", tmp_path / "models", "--grpc-port", "0", "--set", "workers=1", "--set",
                   "queue.max_jobs=1")
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        running = stub.ModelInfer.future(loop_request(FOR_EVER))
        until(lambda: not idle(server), "the run to begin")
        begun = time.monotonic()
        error = refused(lambda: stub.ModelInfer(loop_request(1)), grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert time.monotonic() - begun < 5
        assert int(dict(error.trailing_metadata())["grpc-retry-pushback-ms"]) > 0
        running.cancel()


def test_keys_are_asked_for(start):
    server = start(EXAMPLE_MODELS / "identity", "--grpc-port", "0", env={"WEIR_API_KEYS": "a-long-enough-secret-key"})
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        ask = service_pb2.ModelMetadataRequest(name="identity")
        denied = grpc.StatusCode.UNAUTHENTICATED
        refused(lambda: stub.ModelMetadata(ask), denied, "a key is asked for")
        refused(lambda: stub.ModelMetadata(ask, metadata=[("x-api-key", "wrong")]), denied, "not known")
        refused(lambda: list(stub.ModelStreamInfer(iter([loop_request(1)]))), denied, "a key is asked for")
        for metadata in ([("x-api-key", "a-long-enough-secret-key")], [("authorization", "Bearer a-long-enough-secret-key")]):
            assert stub.ModelMetadata(ask, metadata=metadata).name == "identity"
            refused(lambda: stub.RepositoryModelUnload(  # pylint: disable=cell-var-from-loop
                service_pb2.RepositoryModelUnloadRequest(model_name="identity"), metadata=metadata),
                    grpc.StatusCode.PERMISSION_DENIED, "admin")
        assert stub.ServerLive(service_pb2.ServerLiveRequest()).live
        health = health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING


# Health and reflection.


def test_health_is_told_and_watched(start):
    server = start(EXAMPLE_MODELS / "identity", "--grpc-port", "0", "--set", "drain.delay=1s")
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        serving = health_pb2.HealthCheckResponse.SERVING
        for service in ("", "inference.GRPCInferenceService"):
            assert health.Check(health_pb2.HealthCheckRequest(service=service)).status == serving
        refused(lambda: health.Check(health_pb2.HealthCheckRequest(service="other")), grpc.StatusCode.NOT_FOUND)
        unknown = health.Watch(health_pb2.HealthCheckRequest(service="other"))
        assert next(unknown).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        unknown.cancel()
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == serving
        server.client.post("/v2/repository/models/identity/unload", b"")
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        server.client.post("/v2/repository/models/identity/load", b"")
        assert next(watch).status == serving
        server.signal(15)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.RpcError):
            next(watch)
    assert server.wait() == 0


@pytest.mark.parametrize("package", ["v1", "v1alpha"])
def test_reflection_describes_the_services(weir: Weir, package: str):
    with grpc.insecure_channel(f"127.0.0.1:{weir.grpc_port}") as channel:
        # Both packages have the same messages.
        ask = channel.stream_stream(f"/grpc.reflection.{package}.ServerReflection/ServerReflectionInfo",
                                    reflection_pb2.ServerReflectionRequest.SerializeToString,
                                    reflection_pb2.ServerReflectionResponse.FromString)
        question = reflection_pb2.ServerReflectionRequest
        answers = list(ask(iter([question(list_services=""),
                                 question(file_containing_symbol="inference.GRPCInferenceService"),
                                 question(file_containing_symbol="inference.ModelInferRequest.InferInputTensor"),
                                 question(file_by_filename="none.proto"), question()])))
    services = {service.name for service in answers[0].list_services_response.service}
    assert services >= {"inference.GRPCInferenceService", "grpc.health.v1.Health"}
    for answer in answers[1:3]:
        assert b"ModelStreamInfer" in answer.file_descriptor_response.file_descriptor_proto[0]
    assert [answer.error_response.error_code for answer in answers[3:]] == [5, 3]


# The port.


def test_a_port_in_use_is_an_error_where_it_is_named(weir: Weir):
    done = run("serve", str(EXAMPLE_MODELS / "identity"), "--port", "0", "--grpc-port", str(weir.grpc_port))
    assert done.returncode == 5 and f"port {weir.grpc_port} for gRPC" in done.stderr


def test_calls_under_way_are_answered_before_the_server_ends(slow):
    server, stub = slow
    running = stub.ModelInfer.future(loop_request(300_000 if sanitized() else 3_000_000))
    until(lambda: not idle(server), "the run to begin")
    server.signal(15)
    assert running.result(timeout=PATIENCE).model_name == "loop"
    assert server.wait() == 0


def test_an_answer_of_a_stream_that_is_still_being_taken_is_whole_before_the_server_ends(start, tmp_path):
    server = start("--models", make_identities(tmp_path / "models"), "--grpc-port", "0")
    request = identity_request("UINT8", (8 << 20, 2))
    request.raw_input_contents.append(bytes(16 << 20))
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options) as channel:
        answers = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelStreamInfer(iter([request]))
        until(lambda: server.metric("weir_grpc_requests_total") == 1, "the request to be answered")
        server.signal(15)
        until(server.closed, "the doors to be closed")
        answer = next(answers)
        assert not answer.error_message
        assert answer.infer_response.raw_output_contents[0] == request.raw_input_contents[0]
    assert server.wait() == 0
