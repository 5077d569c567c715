"""A small Hugging Face hub on two local addresses: one knows the repositories, to the other large files are redirected.

It serves what `weir models pull` and the hub's own Python package ask for, remembers every request, and does what it is
told to do wrong.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import urllib.parse
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Fault:
    """What goes wrong with one request for a file's content, or for the list of files ("*list*")."""

    status: int = 0  # answer this instead
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None  # close the connection after so many bytes of the body
    stall_after: int | None = None  # send nothing more after so many bytes, until the hub is closed
    corrupt: bool = False  # another content of the same length
    ignore_range: bool = False  # the whole file, although a part was asked for
    wrong_range: bool = False  # another part than was asked for
    shorter: int = 0  # end properly, so many bytes early
    longer: int = 0  # so many bytes more than announced
    redirect: str = ""  # to this URL


@dataclass(frozen=True)
class Seen:
    """One request."""

    host: str  # "hub" or "store"
    method: str
    path: str
    token: str
    range: str


@dataclass
class Repository:
    """Files by path; those in `large` are kept in the store, as git-lfs does."""

    files: dict[str, bytes]
    commit: str
    branches: set[str]
    token: str = ""  # needed to see it
    gated: bool = False

    @staticmethod
    def is_large(path: str) -> bool:
        """Whether its content is redirected to."""
        return path.endswith((".onnx", ".safetensors")) or ".onnx_data" in path

    def etag(self, path: str) -> str:
        """SHA-256 of a large file, git's id of a small one."""
        content = self.files[path]
        if self.is_large(path):
            return hashlib.sha256(content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    host: str

    def log_message(self, *arguments) -> None:
        """Quiet."""

    def do_HEAD(self) -> None:  # noqa: N802
        """HEAD."""
        self._answer()

    def do_GET(self) -> None:  # noqa: N802
        """GET."""
        self._answer()

    def _answer(self) -> None:
        path = urllib.parse.urlsplit(self.path).path
        self.hub.requests.append(Seen(self.host, self.command, urllib.parse.unquote(path),
                                      self.headers.get("Authorization", "").removeprefix("Bearer "),
                                      self.headers.get("Range", "")))
        try:
            if self.host == "store":
                self._content(*self.hub.stored[path])
            elif path.startswith("/api/models/"):
                self._api(path.removeprefix("/api/models/"))
            else:
                self._resolve(path)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _fault(self, what: str) -> Fault | None:
        with self.hub.lock:
            waiting = self.hub.faults[what]
            return waiting.pop(0) if waiting else None

    def _find(self, name: str, revision: str) -> Repository | None:
        """The repository, or None after the refusal was sent."""
        repository = self.hub.repositories.get(name)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if repository is None or (repository.token and token != repository.token and not repository.gated):
            self._send(401, b"{}", X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
        elif repository.token and token != repository.token:
            self._send(403 if token else 401, b"{}", X_Error_Code="GatedRepo", X_Error_Message="Access is restricted")
        elif revision not in repository.branches | {repository.commit}:
            self._send(404, b"{}", X_Error_Code="RevisionNotFound", X_Error_Message="Invalid rev id: " + revision)
        else:
            return repository
        return None

    def _api(self, rest: str) -> None:
        kind = "revision" if "/revision/" in rest else "tree"
        name, _, revision = rest.partition(f"/{kind}/")
        fault = self._fault("*list*")
        if fault and fault.status:
            return self._send(fault.status, b"{}", **fault.headers)
        repository = self._find(urllib.parse.unquote(name), urllib.parse.unquote(revision))
        if repository is None:
            return None
        if kind == "tree":
            answer = [{"type": "file", "path": path, "size": len(content), "oid": repository.etag(path)[:40],
                       **({"lfs": {"oid": repository.etag(path), "size": len(content), "pointerSize": 130}}
                          if repository.is_large(path) else {})}
                      for path, content in repository.files.items()]
        else:
            answer = self.hub.listings.get(name) or {
                "id": name, "sha": repository.commit, "siblings": [{"rfilename": path} for path in repository.files]}
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        if fault and fault.cut_after is not None:
            return self._cut(body, fault.cut_after)
        return self._send(200, body, Content_Type="application/json")

    def _cut(self, body: bytes, after: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:after])
        self.close_connection = True

    def _resolve(self, path: str) -> None:
        name, _, rest = path.removeprefix("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        file = urllib.parse.unquote(file)
        repository = self._find(urllib.parse.unquote(name), urllib.parse.unquote(revision))
        if repository is None:
            return None
        if file not in repository.files:
            return self._send(404, b"", X_Error_Code="EntryNotFound", X_Error_Message="Entry not found")
        content, etag = repository.files[file], repository.etag(file)
        told = {"X_Repo_Commit": repository.commit, "ETag": f'"{etag}"'} | self.hub.told.get(file, {})
        if not repository.is_large(file):
            return self._content(file, content, told)
        place = f"/store/{etag}"
        self.hub.stored[place] = (file, content, {})
        told = {"X_Linked_Size": str(len(content)), "X_Linked_ETag": f'"{etag}"'} | told
        return self._send(302, b"", Location=self.hub.redirects.get(file, self.hub.store_url + place), **told)

    def _content(self, file: str, content: bytes, told: dict[str, str]) -> None:
        fault = (self._fault(file) if self.command == "GET" else None) or Fault()
        if fault.status:
            return self._send(fault.status, b"", **fault.headers)
        if fault.redirect:
            return self._send(302, b"", Location=fault.redirect)
        if fault.corrupt:
            content = bytes(byte ^ 0x55 for byte in content)
        start = 0
        asked = self.headers.get("Range", "")
        if asked and not fault.ignore_range:
            start = int(asked.removeprefix("bytes=").rstrip("-")) + (1 if fault.wrong_range else 0)
        body = content[start:]
        body = body[: len(body) - fault.shorter] + b"x" * fault.longer
        self.send_response(206 if asked and not fault.ignore_range else 200)
        for name, value in told.items():
            self.send_header(name.replace("_", "-"), value)
        if asked and not fault.ignore_range:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if "Content_Length" not in told:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return None
        return self._write(body, fault)

    def _write(self, body: bytes, fault: Fault) -> None:
        if fault.stall_after is not None:
            self.wfile.write(body[: fault.stall_after])
            self.wfile.flush()
            self.hub.stalled.set()
            self.hub.closing.wait()
            self.close_connection = True
        elif fault.cut_after is not None:
            self.wfile.write(body[: fault.cut_after])
            self.close_connection = True
        else:
            self.wfile.write(body)


class Hub:
    """Both servers. Everything may be changed while they run."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        self.repositories: dict[str, Repository] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.listings: dict[str, object] = {}  # answers to the list of files, in place of the true one
        self.told: dict[str, dict[str, str]] = {}  # headers of a file, over the true ones
        self.redirects: dict[str, str] = {}  # where a large file is said to be
        self.stored: dict[str, tuple[str, bytes, dict[str, str]]] = {}
        self.requests: list[Seen] = []
        self.lock = threading.Lock()
        self.stalled, self.closing = threading.Event(), threading.Event()
        self._servers, self._tls = [], tls
        self.url, self.store_url = self._start("hub"), self._start("store")

    def _start(self, host: str) -> str:
        handler = type("Handler", (_Handler,), {"hub": self, "host": host})
        address = "127.0.0.1" if host == "hub" else "127.0.0.2"
        server = ThreadingHTTPServer((address, 0), handler)
        server.daemon_threads = True
        if self._tls:
            server.socket = self._tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self._servers.append(server)
        return f"{'https' if self._tls else 'http'}://{address}:{server.server_port}"

    def add(self, name: str, files: dict[str, bytes], **options) -> Repository:
        """A repository whose commit follows from its content."""
        digest = hashlib.sha1()
        for path, content in sorted(files.items()):
            digest.update(path.encode() + b"\0" + content)
        repository = Repository(files, digest.hexdigest(), {"main"}, **options)
        self.repositories[name] = repository
        return repository

    def gets(self, part: str = "") -> list[Seen]:
        """The GET requests whose path has `part`."""
        return [seen for seen in self.requests if seen.method == "GET" and part in seen.path]

    def close(self) -> None:
        """Lets go of who is stalled, and stops."""
        self.closing.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
