"""A line of JSON for each answer; the trace that a request belongs to."""

from __future__ import annotations

import json
import re

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc
from weir_process import EXAMPLE_MODELS, Weir, until

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
BODY = {"inputs": [{"name": "INPUT0", "shape": [1, 1], "datatype": "FP32", "data": [4711]}]}


def lines(server: Weir) -> list[dict]:
    return [json.loads(line) for line in server.stderr().splitlines() if line.startswith("{")]


def test_each_answer_has_a_line_without_bodies_queries_and_keys(start):
    server = start(EXAMPLE_MODELS / "identity", "--grpc-port", "0", "--set", "log.access=json",
                   env={"WEIR_API_KEYS": "a-secret-that-nobody-shows"})
    headers = {"x_api_key": "a-secret-that-nobody-shows", "x_request_id": "mine", "traceparent": f"00-{TRACE}-{SPAN}-01"}
    assert server.client.post("/v2/models/identity/infer?token=hidden", BODY, **headers).status == 200
    assert server.client.get("/none", x_request_id="other", x_api_key="wrong-secret-of-somebody").status == 401
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        service_pb2_grpc.GRPCInferenceServiceStub(channel).ServerLive(service_pb2.ServerLiveRequest(),
                                                                      metadata=[("x-request-id", "third")])
    until(lambda: len(lines(server)) == 3, "three lines")
    first, second, third = lines(server)
    assert first["request_id"] == "mine" and first["trace_id"] == TRACE and first["key"]
    assert (first["method"], first["path"], first["route"]) == ("POST", "/v2/models/identity/infer", "/v2/models/{model}/infer")
    assert first["status"] == 200 and first["bytes"] > 0 and first["ms"] >= first["run_ms"] >= 0
    assert second["request_id"] == "other" and second["status"] == 401
    assert third["request_id"] == "third" and third["route"] == "/inference.GRPCInferenceService/ServerLive"
    for hidden in ("4711", "hidden", "secret"):
        assert hidden not in server.stderr()


def test_a_part_of_the_requests_may_have_lines(start):
    server = start(EXAMPLE_MODELS / "identity", "--set", "log.access=json", "--set", "log.access_percent=20")
    for number in range(200):
        server.client.get("/livez", x_request_id=f"request-{number}")
    assert 10 <= len(lines(server)) <= 90
    assert not lines(start(EXAMPLE_MODELS / "identity"))


def test_a_trace_goes_on_in_the_answer_with_a_span_of_its_own(weir: Weir):
    told = weir.client.get("/livez", traceparent=f"00-{TRACE}-{SPAN}-01").headers["traceparent"]
    found = re.fullmatch(rf"00-{TRACE}-([0-9a-f]{{16}})-01", told)
    assert found and found.group(1) != SPAN


@pytest.mark.parametrize("wrong", ["", "x", f"00-{TRACE}-{SPAN}", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
                                   f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE.upper()}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01-more",
                                   f"00-{TRACE}-{SPAN}-0g"])
def test_what_is_no_trace_is_left_out(weir: Weir, wrong: str):
    reply = weir.client.get("/livez", traceparent=wrong)
    assert reply.status == 200 and "traceparent" not in reply.headers
