"""HTTP as the tests need it: a plain client, and a raw socket for what no client would send."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass

# Long enough for a sanitizer's build on a busy machine; a test never waits this long unless it fails.
PATIENCE = 60.0


@dataclass
class Reply:
    """One answer of the server."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes
    reason: str = ""
    version: int = 11

    def json(self):
        """The body; fails when it is not UTF-8 or not JSON."""
        return json.loads(self.body.decode("utf-8"))

    def message(self) -> str:
        """The text of an error, in either dialect."""
        error = self.json()["error"]
        return error if isinstance(error, str) else error["message"]

    def param(self) -> str | None:
        """The field that an error of /v1 is about."""
        return self.json()["error"]["param"]


class Client:
    """Sends each request on a connection of its own."""

    def __init__(self, port: int):
        self.port = port

    def request(self, method: str, path: str, body=None, headers: dict | None = None) -> Reply:
        """`body`: bytes as they are, anything else but None as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            return take(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        """GET; keyword `x_request_id` is the header X-Request-Id."""
        return self.request("GET", path, None, named(headers))

    def post(self, path: str, body, **headers: str) -> Reply:
        """POST, with headers as in `get`."""
        return self.request("POST", path, body, named(headers))

    def embed(self, texts, **fields) -> Reply:
        """POST /v1/embeddings for the model minilm."""
        return self.post("/v1/embeddings", {"model": "minilm", "input": texts, **fields})

    def classify(self, texts, **fields) -> Reply:
        """POST /v1/classify for the model sentiment."""
        return self.post("/v1/classify", {"model": "sentiment", "input": texts, **fields})

    def infer(self, model: str, body, **headers: str) -> Reply:
        """POST /v2/models/MODEL/infer."""
        return self.post(f"/v2/models/{model}/infer", body, **headers)


def named(headers: dict[str, str]) -> dict[str, str]:
    """x_request_id -> X-Request-Id."""
    return {name.replace("_", "-").title(): value for name, value in headers.items()}


def take(response: http.client.HTTPResponse) -> Reply:
    """Reads the whole answer."""
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, headers, response.read(), response.reason, response.version)


class Raw:
    """A socket that sends exactly the bytes it is told."""

    def __init__(self, port: int, source: str = ""):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE,
                                               source_address=(source, 0) if source else None)
        self.input = self.socket.makefile("rb")

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Both directions, at once."""
        self.input.close()
        self.socket.close()

    def send(self, data: bytes) -> Raw:
        """All of it."""
        self.socket.sendall(data)
        return self

    def line(self) -> bytes:
        """One line without its end; b"" is a blank line or the end of the stream."""
        return self.input.readline().rstrip(b"\r\n")

    def reply(self, head: bool = False) -> Reply:
        """The next answer; `head` when it has no body whatever its Content-Length says."""
        version, status, reason = self.line().decode("latin-1").split(" ", 2)
        headers = {}
        while line := self.line():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if head else int(headers.get("content-length", "0"))
        body = self.input.read(length)
        assert len(body) == length, "the answer was cut short"
        return Reply(int(status), headers, body, reason, 10 if version == "HTTP/1.0" else 11)

    def ended(self) -> bool:
        """Waits for the server to close; False when it sends something instead."""
        try:
            return self.input.read(1) == b""
        except ConnectionError:
            return True


def head_of(method: str, path: str, length: int | None = None, *more: str) -> bytes:
    """The header of a request, with the blank line."""
    lines = [f"{method} {path} HTTP/1.1", "Host: weir", *more]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def post_of(path: str, body, *more: str) -> bytes:
    """A whole POST with a JSON body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head_of("POST", path, len(data), *more) + data


def chunked(body: bytes, size: int) -> bytes:
    """The body in chunks of `size` bytes, with the last, empty one."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
