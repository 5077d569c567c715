"""Other servers: what they are called, how each is installed and started, and how one of its answers is read."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.context import BenchError, Context
from harness.embedding import MODEL
from harness.memory import Memory, memory_of_all
from harness.programs import ADDRESS, TICKS, Server, free_port

INSTALL_LIMIT_S = 1800
READY_LIMIT_S = 120.0
MARK = "WEIR_BENCH_PEER"  # in the environment of all processes of a peer, those that left their parent too


def text_body(text: str) -> Any:
    """The request of the peers whose shape is free."""
    return {"input": text}


def mlserver_body(text: str) -> Any:
    """The request of the v2 protocol."""
    return {"inputs": [{"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": [text],
                        "parameters": {"content_type": "str"}}]}


@dataclass(frozen=True)
class Peer:
    """One server with one set of settings. In `command`, {bin}, {port} and {folder} are filled in."""

    name: str
    folder: str  # under bench/peers
    command: list[str]
    path: str = "/embed"
    body: Callable[[str], Any] = text_body
    vector: Callable[[Any], list[float]] = lambda answer: answer["embedding"]
    environment: dict[str, str] = field(default_factory=dict)
    in_model_folder: bool = False  # where it is started; else in its own folder


UVICORN = ["{bin}/python", "-m", "uvicorn", "server:app", "--host", ADDRESS, "--port", "{port}", "--no-access-log",
           "--log-level", "warning"]
BENTOML = ["{bin}/python", "-m", "bentoml", "serve", "server:Embed", "--host", ADDRESS, "--port", "{port}"]
INFINITY = ["{bin}/infinity_emb", "v2", "--model-id", ".", "--served-model-name", "minilm", "--engine", "optimum",
            "--device", "cpu", "--onnx-disable-optimize", "--pooling-method", "mean",
            "--host", ADDRESS, "--port", "{port}", "--log-level", "warning"]
PYTHON = ["{bin}/python", "server.py"]

PEERS = [
    Peer("FastAPI, 1 process", "fastapi", UVICORN, environment={"THREADS": "2"}),
    Peer("FastAPI, 1 process, 40 threads", "fastapi", UVICORN, environment={"THREADS": "40"}),
    Peer("FastAPI, 2 processes", "fastapi", [*UVICORN, "--workers", "2"], environment={"THREADS": "1"}),
    Peer("FastAPI, 2 processes, 40 threads each", "fastapi", [*UVICORN, "--workers", "2"],
         environment={"THREADS": "40"}),
    Peer("LitServe", "litserve", PYTHON, environment={"BATCH": "1"}),
    Peer("LitServe, batching", "litserve", PYTHON, environment={"BATCH": "8"}),
    Peer("BentoML", "bentoml", BENTOML, environment={"BATCH": "1"}, vector=lambda answer: answer),
    Peer("BentoML, batching", "bentoml", BENTOML, environment={"BATCH": "8"}, body=lambda text: {"input": [text]},
         vector=lambda answer: answer[0]),
    Peer("Ray Serve", "ray", PYTHON, environment={"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}),
    Peer("MLServer", "mlserver", ["{bin}/mlserver", "start", "."], path="/v2/models/embed/infer", body=mlserver_body,
         vector=lambda answer: answer["outputs"][0]["data"]),
    Peer("Infinity", "infinity", [*INFINITY, "--batch-size", "1"], path="/embeddings",
         body=lambda text: {"model": "minilm", "input": [text]},
         vector=lambda answer: answer["data"][0]["embedding"], in_model_folder=True),
    Peer("Infinity, batching", "infinity", [*INFINITY, "--batch-size", "8"], path="/embeddings",
         body=lambda text: {"model": "minilm", "input": [text]},
         vector=lambda answer: answer["data"][0]["embedding"], in_model_folder=True),
]

# What keeps them from asking the network for anything, and from using more threads than they were given.
QUIET = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0",
         "BENTOML_DO_NOT_TRACK": "True", "RAY_USAGE_STATS_ENABLED": "0", "TOKENIZERS_PARALLELISM": "false",
         "OMP_NUM_THREADS": "1"}


def cache_folder() -> Path:
    """Where the peers' packages are kept from run to run."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weir/peers"


def install(context: Context, folder: str) -> Path:
    """The folder of programs of a peer's Python environment; made when its pins are not what it was made from."""
    pins = context.root / "bench/peers" / folder / "requirements.txt"
    wanted = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    place = cache_folder() / folder
    marker = place / "made-from"
    if not marker.exists() or marker.read_text() != wanted:
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        context.progress.show(f"peers: installing {folder}")
        for command in ([sys.executable, "-m", "venv", str(place)],
                        [str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--no-cache-dir",
                         "--disable-pip-version-check", "-r", str(pins)]):
            ended = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
            if ended.returncode != 0:
                raise BenchError(f"{folder} cannot be installed: {ended.stderr[-600:]}")
        marker.write_text(wanted)
    return place / "bin"


def model_folder(context: Context) -> Path:
    """MiniLM as these servers like it: without what another program made in the folder."""
    place = context.scratch / "peers-minilm"
    if not place.exists():
        place.mkdir()
        source = context.root / MODEL
        for name in ("model.onnx", "tokenizer.json", "config.json", "tokenizer_config.json"):
            (place / name).symlink_to((source / name).resolve())
    return place


class PeerServer(Server):
    """A peer under measurement, with all processes that it has started."""

    def __init__(self, context: Context, peer: Peer) -> None:
        programs = install(context, peer.folder)
        folder = context.root / "bench/peers" / peer.folder
        model = model_folder(context)
        port = free_port()
        self._mark = f"{os.getpid()}-{port}"
        environment = os.environ | QUIET | peer.environment | {
            MARK: self._mark, "PORT": str(port), "WEIR_BENCH_MODEL": str(model),
            "PYTHONPATH": f"{folder}:{context.root / 'bench/peers/common'}", "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(context.scratch), "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
            "MLSERVER_HTTP_PORT": str(port), "MLSERVER_GRPC_PORT": str(free_port()),
        }
        command = [part.format(bin=programs, port=port) for part in peer.command]
        super().__init__(context, peer.folder, command, port, env=environment,
                         cwd=model if peer.in_model_folder else folder)
        self.peer = peer

    def pids(self) -> list[int]:
        """Every process that carries the peer's mark."""
        wanted = f"{MARK}={self._mark}\0".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (entry / "environ").read_bytes() + b"\0":
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                pass  # it has ended, or is another user's
        return found

    def cpu_seconds(self) -> float:
        """Processor time of all of them."""
        total = 0
        for pid in self.pids():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory(self) -> Memory:
        """Of all of them."""
        return memory_of_all(self.pids())

    def vector(self, text: str) -> list[float]:
        """Its answer for one text."""
        return self.peer.vector(json.loads(self.request("POST", self.peer.path, self.peer.body(text))))

    def wait_ready(self) -> float:
        """Seconds from the start to the first good answer."""
        last: Exception | None = None
        while time.monotonic() - self.started < READY_LIMIT_S:
            if self.process.poll() is not None:
                raise self.fail(f"it ended with status {self.process.returncode}")
            try:
                self.vector("ready?")
                return time.monotonic() - self.started
            except (OSError, BenchError, ValueError, KeyError, http.client.HTTPException) as error:
                last = error
                time.sleep(0.1)
        raise self.fail(f"it gave no good answer within {READY_LIMIT_S:g} s ({last})")

    def stop(self) -> None:
        """Ends it, and what it has left behind."""
        super().stop()
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + 5
            for pid in self.pids():
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            while self.pids() and time.monotonic() < deadline:
                time.sleep(0.1)
