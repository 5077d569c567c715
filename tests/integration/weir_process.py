"""The program under test: started, watched and ended by its handle."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Callable, Sequence, TypeVar

from wire import PATIENCE, Client, Raw, head_of

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("WEIR_BINARY", ROOT / "build/release/weir")).resolve()
DEMO_MODELS = ROOT / "models"
EXAMPLE_MODELS = ROOT / "examples/models"

SANITIZER_REPORTS = ("WARNING: ThreadSanitizer", "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:")

T = TypeVar("T")


def sanitized() -> bool:
    """Whether the program was built with a sanitizer."""
    program = BINARY.read_bytes()
    return b"__tsan_init" in program or b"__asan_init" in program


def until(condition: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """Asks again and again until the condition holds; its value then."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {patience:.0f} s in vain for: {what}"
        time.sleep(0.01)  # between two looks
    return value


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Ours without any setting of Weir, and `extra`."""
    return {key: value for key, value in os.environ.items() if not key.startswith("WEIR_")} | (extra or {})


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def reports_in(text: str) -> list[str]:
    """Lines with a sanitizer's report."""
    return [line for line in text.splitlines() if any(report in line for report in SANITIZER_REPORTS)]


def run(*arguments, env: dict[str, str] | None = None,
        program: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """A command of the program that ends by itself; `program` is what starts it, such as taskset."""
    command = [*program, str(BINARY), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment(env), cwd=ROOT,
                          check=False)
    assert not reports_in(done.stderr), done.stderr
    return done


def refusal(*arguments, env: dict[str, str] | None = None) -> str:
    """The one line of a server that cannot start with these settings."""
    done = run("serve", *arguments, env=env)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("weir: ")
    assert done.stderr.count("\n") == 1, "one line says it all"
    return done.stderr


class Weir:
    """One `weir serve`. `running` lists those that have not ended."""

    running: list[Weir] = []

    def __init__(self, folder: Path, *arguments, env: dict[str, str] | None = None, port: int = 0, wait: bool = True):
        folder.mkdir(parents=True, exist_ok=True)
        self.stdout_file, self.stderr_file = folder / "stdout", folder / "stderr"
        self.port, self.grpc_port = port, 0
        command = [str(BINARY), "serve", *map(str, arguments)]
        if "--port" not in command and "--config" not in command:
            command += ["--port", str(port)]
        if not any("grpc" in argument for argument in command):
            command += ["--grpc-port", "off"]
        with self.stdout_file.open("wb") as out, self.stderr_file.open("wb") as err:
            self.process = subprocess.Popen(command, stdout=out, stderr=err, env=environment(env), cwd=ROOT)
        Weir.running.append(self)
        if wait:
            self.wait_until_serving()

    @property
    def client(self) -> Client:
        """A client of this server."""
        return Client(self.port)

    def raw(self, source: str = "") -> Raw:
        """A new connection; `source` is the address that it comes from."""
        return Raw(self.port, source)

    def closed(self) -> bool:
        """Whether new connections are not taken, or not served."""
        try:
            with self.raw() as connection:
                return connection.send(head_of("GET", "/livez")).line() == b""
        except OSError:
            return True

    def stdout(self) -> str:
        """Everything so far."""
        return self.stdout_file.read_text(errors="replace")

    def stderr(self) -> str:
        """Everything so far."""
        return self.stderr_file.read_text(errors="replace")

    def wait_until_serving(self) -> None:
        """Until it has told its doors; learns the port."""

        def told():
            assert self.process.poll() is None, f"it left with {self.process.returncode}:\n{self.stderr()}"
            return "Ready." in self.stdout()

        until(told, "the server to be ready")
        self.port = int(re.search(r"Doors at http://127\.0\.0\.1:(\d+)", self.stdout()).group(1))
        grpc = re.search(r"gRPC at 127\.0\.0\.1:(\d+)", self.stdout())
        self.grpc_port = int(grpc.group(1)) if grpc else 0

    def metric(self, name: str, **labels: str) -> float:
        """Sum of the samples of a metric that have these labels."""
        total = 0.0
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        for line in self.client.get("/metrics").body.decode().splitlines():
            sample, _, value = line.rpartition(" ")
            if sample.split("{")[0] == name and all(label in sample for label in wanted):
                total += float(value)
        return total

    def signal(self, number: int) -> None:
        """To this process alone."""
        self.process.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """Until it has ended by itself; its exit code. Fails on a sanitizer's report."""
        code = self.process.wait(timeout=patience)
        if self in Weir.running:
            Weir.running.remove(self)
        found = reports_in(self.stderr())
        assert not found, f"{found[0]}\n{self.stderr()}"
        return code

    def stop(self) -> None:
        """Ends it as an operator would; anything but a clean end is a failure."""
        if self not in Weir.running:
            return
        early = self.process.poll()
        if early is None:
            self.signal(signal.SIGTERM)
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            raise
        assert early is None, f"it had left by itself with {early}:\n{self.stderr()}"
        assert code == 0, f"exit code {code}:\n{self.stderr()}"
