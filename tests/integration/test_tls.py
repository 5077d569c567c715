"""HTTP over TLS beside plain HTTP: versions, certificates that change, clients that must show one."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc
from weir_process import EXAMPLE_MODELS, Weir, refusal, run, until

BODY = json.dumps({"inputs": [{"name": "INPUT0", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]})
INFER = "/v2/models/identity/infer"


def openssl(*arguments: str, folder: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def make_certificate(folder: Path, name: str, subject: str) -> None:
    """NAME.pem and NAME.key, signed by itself."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.new",
            "-out", f"{name}.pem.new", "-days", "2", "-subj", f"/CN={subject}", "-addext", "subjectAltName=IP:127.0.0.1",
            folder=folder)
    (folder / f"{name}.new").replace(folder / f"{name}.key")
    (folder / f"{name}.pem.new").replace(folder / f"{name}.pem")


@pytest.fixture
def secured(start, tmp_path):
    """secured(settings…): a server with TLS."""
    make_certificate(tmp_path, "server", "first")

    def begin(*settings: str) -> Weir:
        given = [f"tls.certificate={tmp_path}/server.pem", f"tls.key={tmp_path}/server.key", "tls.port=0", *settings]
        return start(EXAMPLE_MODELS / "identity", *(part for one in given for part in ("--set", one)))

    return begin


def port_of(server: Weir) -> int:
    return int(server.stdout().split("https://127.0.0.1:")[1].split()[0])


def trusting(folder: Path, **options) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "server.pem"))
    for name, value in options.items():
        setattr(context, name, value)
    return context


def connect(server: Weir, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection("127.0.0.1", port_of(server), timeout=60, context=context)


def ask(connection: http.client.HTTPSConnection, method: str = "POST", path: str = INFER, body: str | bytes = BODY):
    connection.request(method, path, body)
    reply = connection.getresponse()
    return reply.status, reply.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_are_answered_through_tls_as_without(secured, tmp_path, version):
    server = secured()
    context = trusting(tmp_path, minimum_version=version, maximum_version=version)
    connection = connect(server, context)
    for _ in range(3):  # on one connection
        status, body = ask(connection)
        assert status == 200 and body == server.client.post(INFER, BODY.encode()).body
    assert connection.sock.version() == version.name.replace("_", ".")
    assert server.client.get("/livez").status == 200  # and the plain port goes on


def test_older_versions_are_refused(secured, tmp_path):
    server = secured()
    context = trusting(tmp_path)
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(connect(server, context), "GET", "/livez", "")


def test_large_bodies_go_both_ways(secured, tmp_path):
    server = secured()
    values = np.random.default_rng(1).normal(size=(1, 2_000_000)).astype(np.float32).tobytes()
    head = json.dumps({"inputs": [{"name": "INPUT0", "shape": [1, 2_000_000], "datatype": "FP32",
                                   "parameters": {"binary_data_size": len(values)}}],
                       "parameters": {"binary_data_output": True}}).encode()
    connection = connect(server, trusting(tmp_path))
    for _ in range(3):
        connection.request("POST", INFER, head + values, {"Inference-Header-Content-Length": str(len(head))})
        reply = connection.getresponse()
        assert reply.status == 200 and reply.read().endswith(values)


def test_requests_that_come_at_once_are_all_answered(secured, tmp_path):
    server = secured()
    one = f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}".encode()
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=60) as plain, \
            trusting(tmp_path).wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        connection.sendall(one * 50)
        seen = b""
        while seen.count(b"HTTP/1.1 200 OK") < 50 or not seen.endswith(b"}"):
            got = connection.recv(65536)
            assert got, seen
            seen += got


def test_what_is_no_tls_costs_its_connection_alone(secured, tmp_path):
    server = secured("server.first_byte_timeout=1s")
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(100), b"\x16"):
        with socket.create_connection(("127.0.0.1", port_of(server)), timeout=60) as connection:
            connection.sendall(garbage)
            try:
                assert connection.recv(1000)[:1] in (b"", b"\x15")  # closed, perhaps after an alert
            except ConnectionResetError:
                pass
    assert ask(connect(server, trusting(tmp_path)))[0] == 200


def test_a_client_that_leaves_stops_its_work(secured, tmp_path):
    server = secured()
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=60) as plain, \
            trusting(tmp_path).wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        connection.sendall(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode())
        until(lambda: server.metric("weir_http_connections") >= 2, "the connection to be seen")
    until(lambda: server.metric("weir_http_connections") == 1, "the connection to be gone")


def test_a_new_certificate_is_picked_up_without_dropping_connections(secured, tmp_path):
    server = secured()
    old = connect(server, trusting(tmp_path))
    assert ask(old)[0] == 200
    make_certificate(tmp_path, "server", "second")

    def subject() -> str:
        try:
            new = connect(server, trusting(tmp_path))
            assert ask(new)[0] == 200
        except ssl.SSLError:
            return "first"  # the old one, which the new one is not
        return dict(part[0] for part in new.sock.getpeercert()["subject"])["commonName"]

    until(lambda: subject() == "second", "the new certificate")
    assert ask(old)[0] == 200
    (tmp_path / "server.pem").write_text("no certificate")
    until(lambda: "stays as it was" in server.stderr(), "the complaint")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    assert ask(connect(server, context))[0] == 200


def test_clients_must_show_a_certificate_where_that_is_asked_for(secured, tmp_path):
    make_certificate(tmp_path, "client", "somebody")
    make_certificate(tmp_path, "stranger", "stranger")
    server = secured(f"tls.client_ca={tmp_path}/client.pem")
    known = trusting(tmp_path)
    known.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
    assert ask(connect(server, known))[0] == 200
    for name in (None, "stranger"):
        context = trusting(tmp_path)
        if name:
            context.load_cert_chain(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            ask(connect(server, context))


def test_many_connections_at_once(secured, tmp_path):
    server = secured()
    failed: list = []

    def work() -> None:
        try:
            connection = connect(server, trusting(tmp_path))
            failed.extend(status for status, _ in (ask(connection) for _ in range(20)) if status != 200)
        except Exception as error:  # pylint: disable=broad-exception-caught
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_slow_handshake_is_ended(secured):
    server = secured("server.first_byte_timeout=300ms")
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=60) as connection:
        begun = time.monotonic()
        assert connection.recv(1) == b""
        assert time.monotonic() - begun < 30


def processor_seconds(server: Weir) -> float:
    """So far."""
    user, system = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def test_a_part_of_a_record_is_waited_with_not_asked_for_again_and_again(secured, tmp_path):
    server = secured("server.first_byte_timeout=3s")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting(tmp_path).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=60) as connection:
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(1 << 16))
        client.write(b"GET /livez HTTP/1.1\r\n\r\n")
        record = outgoing.read()
        connection.sendall(record[:len(record) - 10])
        before = processor_seconds(server)
        while connection.recv(1 << 16):  # tickets, then the end
            pass
        assert processor_seconds(server) - before < 1


def grpc_live(server: Weir, folder: Path, client: str | None = None) -> bool:
    port = int(server.stdout().split("gRPC over TLS at 127.0.0.1:")[1].split()[0])
    pair = [(folder / f"{client}.{end}").read_bytes() for end in ("key", "pem")] if client else [None, None]
    with grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials((folder / "server.pem").read_bytes(), *pair)) as channel:
        asked = service_pb2_grpc.GRPCInferenceServiceStub(channel).ServerLive(service_pb2.ServerLiveRequest(), timeout=20)
        return asked.live


def test_grpc_speaks_tls_too_and_takes_a_new_certificate(secured, tmp_path):
    server = secured("grpc.port=0", "grpc.tls_port=0")
    assert grpc_live(server, tmp_path)
    make_certificate(tmp_path, "server", "second")

    def is_new() -> bool:
        try:
            return grpc_live(server, tmp_path)
        except grpc.RpcError:
            return False

    until(is_new, "the new certificate")


def test_grpc_clients_must_show_a_certificate_where_that_is_asked_for(secured, tmp_path):
    make_certificate(tmp_path, "client", "somebody")
    server = secured("grpc.port=0", "grpc.tls_port=0", f"tls.client_ca={tmp_path}/client.pem")
    assert grpc_live(server, tmp_path, "client")
    with pytest.raises(grpc.RpcError):
        grpc_live(server, tmp_path)


def test_what_is_wrong_with_the_files_is_told(tmp_path):
    make_certificate(tmp_path, "server", "first")
    make_certificate(tmp_path, "other", "other")
    base = [str(EXAMPLE_MODELS / "identity"), "--port", "0", "--grpc-port", "off", "--set", "tls.port=0"]
    assert "tls.certificate and tls.key" in refusal(*base)
    assert "grpc.tls_port needs" in refusal(*base[:-1], "grpc.tls_port=0")
    for certificate, key, words in (("none.pem", "server.key", "none.pem"), ("server.pem", "none.key", "none.key"),
                                    ("server.pem", "other.key", "mismatch"), ("server.key", "server.key", "tls.certificate")):
        done = run("serve", *base, "--set", f"tls.certificate={tmp_path}/{certificate}", "--set", f"tls.key={tmp_path}/{key}")
        assert done.returncode == 2 and words in done.stderr, done.stderr


def test_the_doctor_looks_at_the_certificate_and_what_is_unsafe(tmp_path):
    make_certificate(tmp_path, "server", "first")
    (tmp_path / "server.key").chmod(0o644)
    given = ["--set", f"tls.certificate={tmp_path}/server.pem", "--set", f"tls.key={tmp_path}/server.key", "--set", "tls.port=0"]
    done = run("doctor", "--json", *given, "--set", "server.port=0", "--set", "server.address=0.0.0.0", "--set", "auth=none")
    checks = json.loads(done.stdout)["checks"]
    certificate = next(one for one in checks if one["subject"] == "certificate")
    assert certificate["health"] == "warn" and re.search("valid for [12] more days", certificate["text"])
    unsafe = " ".join(one["text"] + one["advice"] for one in checks if one["subject"] == "safety")
    assert "chmod o-r" in unsafe and "anybody may do everything" in unsafe
    assert any(one["subject"] == "tls address" and one["health"] == "ok" for one in checks)
    (tmp_path / "server.pem").write_text("none")
    checks = json.loads(run("doctor", "--json", *given, "--set", "server.port=0").stdout)["checks"]
    assert next(one for one in checks if one["subject"] == "certificate")["health"] == "fail"


def test_the_check_of_settings_warns_of_the_unsafe_ones(tmp_path):
    keys = tmp_path / "keys.yaml"
    run("keys", "new", "web", "--file", str(keys))
    keys.chmod(0o644)
    done = run("config", "check", "--set", f"keys_file={keys}", "--set", "server.address=0.0.0.0", "--set",
               "cors.origins=http://a.example")
    assert done.returncode == 0 and "no problem found" in done.stdout
    for words in ("warning: keys travel in the clear", "warning: keys_file", "warning: cors.origins"):
        assert words in done.stderr, done.stderr
    keys.chmod(0o600)
    assert run("config", "check", "--set", f"keys_file={keys}").stderr == ""
