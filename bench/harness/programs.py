"""Programs that run beside the measurement: started, watched and ended by their handle."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, IO, Self

from harness.context import BenchError, Context
from harness.memory import Memory, memory_of

ADDRESS = "127.0.0.1"
START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
IDLE_LIMIT_S = 180.0
IDLE_WINDOW_S = 4.0  # longer than the rests between two measurements of what runs cost
IDLE_SHARE = 0.02  # of one processor
REQUEST_LIMIT_S = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return probe.getsockname()[1]


def find_program(name: str) -> str:
    """A program's path; /usr/sbin is looked at too, where nginx lies and users' paths do not lead."""
    path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
    found = shutil.which(name, path=path)
    if found is None:
        raise BenchError(f"{name} is not installed; `tools/setup/setup.sh bench` installs it")
    return found


@contextlib.contextmanager
def on_processor(number: int | None) -> Iterator[None]:
    """What is started inside runs on this processor alone: the number of those that the process may use; None: on all."""
    allowed = os.sched_getaffinity(0)
    if number is not None:
        os.sched_setaffinity(0, {sorted(allowed)[number]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


class Program:
    """A child process with its output in a file. Use it as a context manager."""

    def __init__(self, context: Context, name: str, command: list[str], **options: Any) -> None:
        self._log_path = context.scratch / f"{name}-{free_port()}.log"
        self._log: IO[bytes] = self._log_path.open("wb")
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", self._log)
        self.name = name
        self.started = time.monotonic()
        self.process: subprocess.Popen[bytes] = subprocess.Popen(command, stderr=self._log, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Asks it to end, and ends it when it does not."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def fail(self, what: str) -> BenchError:
        """An error that shows the end of the program's output."""
        self._log.flush()
        end = self._log_path.read_text(errors="replace")[-1500:]
        return BenchError(f"{self.name}: {what}; the end of its output:\n{end}")

    def pids(self) -> list[int]:
        """The process and its children."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")  # a kernel may be built without it
        return [pid, *map(int, children.read_text().split() if children.exists() else [])]

    def cpu_seconds(self) -> float:
        """Processor time that it and its children have used."""
        total = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS


class Server(Program):
    """A program that answers HTTP on a port of the loopback address."""

    def __init__(self, context: Context, name: str, command: list[str], port: int, **options: Any) -> None:
        super().__init__(context, name, command, **options)
        self.port = port

    def url(self, path: str) -> str:
        """An address under it."""
        return f"http://{ADDRESS}:{self.port}{path}"

    def wait_for(self, path: str) -> float:
        """Asks for `path` until it is 200; returns the seconds since the start."""
        asked = f"GET {path} HTTP/1.1\r\nHost: {ADDRESS}\r\n\r\n".encode()
        connection: socket.socket | None = None
        try:
            while time.monotonic() - self.started < START_LIMIT_S:
                if self.process.poll() is not None:
                    raise self.fail(f"it ended with status {self.process.returncode}")
                try:
                    if connection is None:
                        connection = socket.create_connection((ADDRESS, self.port), timeout=START_LIMIT_S)
                        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    connection.sendall(asked)
                    if connection.recv(65536).startswith(b"HTTP/1.1 200"):
                        return time.monotonic() - self.started
                except ConnectionRefusedError:
                    pass  # it does not listen yet
                time.sleep(0.0003)
        finally:
            if connection is not None:
                connection.close()
        raise self.fail(f"{path} was not 200 within {START_LIMIT_S:g} s")

    def request(self, method: str, path: str, body: Any = None) -> bytes:
        """The body of the answer; an answer other than 200 is an error. `body` is sent as JSON."""
        connection = http.client.HTTPConnection(ADDRESS, self.port, timeout=REQUEST_LIMIT_S)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise self.fail(f"{method} {path} gave {answer.status}: {content[:300]!r}")
        return content


class Weir(Server):
    """The server under measurement; with its default settings, but for those given as KEY=VALUE."""

    def __init__(self, context: Context, models: Path, *settings: str) -> None:
        port = free_port()
        if not context.weir.exists():
            raise BenchError(f"{context.weir} is missing; `make build` builds the server")
        command = [str(context.weir), "serve", "--models", str(models), "--port", str(port)]
        for setting in settings:
            command += ["--set", setting]
        super().__init__(context, "weir", command, port)

    def wait_ready(self) -> float:
        """Seconds from the start until /readyz said so."""
        return self.wait_for("/readyz")

    def wait_idle(self) -> None:
        """Until it uses no processor: once for each model and machine it measures what runs cost, and keeps that."""
        limit = time.monotonic() + IDLE_LIMIT_S
        used, at = self.cpu_seconds(), time.monotonic()
        while time.monotonic() < limit:
            time.sleep(IDLE_WINDOW_S)
            used_before, at_before = used, at
            used, at = self.cpu_seconds(), time.monotonic()
            if used - used_before <= IDLE_SHARE * (at - at_before):
                return
        raise self.fail(f"it was not idle within {IDLE_LIMIT_S:g} s, and nobody asked it anything")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's series that have these labels."""
        total = 0.0
        for line in self.request("GET", "/metrics").decode().splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] != name:
                continue
            if all(f'{key}="{wanted}"' in series for key, wanted in labels.items()):
                total += float(value)
        return total


def measured_once(context: Context, models: Path) -> Memory:
    """Has a server measure what these models' runs cost, so that those that follow find it and do not.

    Returns the memory that the measuring has left it with.
    """
    with Weir(context, models) as weir:
        weir.wait_ready()
        weir.wait_idle()
        return memory_of(weir.process.pid)


NGINX = """
daemon off;
{user}
worker_processes 2;
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  default_type application/json;
  server {{
    listen {address}:{port};
    client_max_body_size 64m;
    sendfile on;
    open_file_cache max=16;
    root .;
    client_body_buffer_size 32m;
    location / {{ {location} }}
    location /answer {{ }}
    location /nothing {{ return 200; }}
    location /take {{
      proxy_pass http://{address}:{port}/nothing;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }}
  }}
}}
"""


class Nginx(Server):
    """A web server of two processes that answers everything with the same body."""

    def __init__(self, context: Context, body: str) -> None:
        if "'" in body or "$" in body or "\\" in body:
            raise BenchError("the answer has a character that nginx's configuration would take for its own")
        prefix = context.scratch / "nginx"
        prefix.mkdir()
        self.begin(context, prefix, f"return 200 '{body}';")

    def begin(self, context: Context, prefix: Path, location: str) -> None:
        """Starts it with what it does for every path."""
        port = free_port()
        # Its workers read files of ours; only a master that is root may choose who they are.
        user = "user root;" if os.geteuid() == 0 else ""
        (prefix / "nginx.conf").write_text(NGINX.format(address=ADDRESS, port=port, location=location, user=user))
        program = find_program("nginx")
        command = [program, "-p", f"{prefix}/", "-c", "nginx.conf", "-e", "error.log"]
        super().__init__(context, "nginx", command, port)


class NginxFile(Nginx):
    """Gives a file at /answer; reads a request's body at /take, whole, before it answers with nothing."""

    def __init__(self, context: Context, body: bytes) -> None:
        prefix = context.scratch / "nginx-file"
        prefix.mkdir()
        (prefix / "answer").write_bytes(body)
        self.begin(context, prefix, "return 404;")
