"""Several servers of candle forecasts behind a real nginx, with the configuration that comes with Weir."""

from __future__ import annotations

import concurrent.futures
import os
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from test_candle_service import BATCH, SINGLE, series
from weir_process import until
from wire import Client

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / "deploy/nginx/candles.conf"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def free_port() -> int:
    """One that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def servers(start, candle_models):
    """Two."""
    return [start("--profile", "candles", "--models", candle_models, "--set", "workers=1", "--set", "drain.deadline=2s",
                  env={"KRONOS_RATE_LIMIT_ENABLED": "false"}) for _ in range(2)]


@pytest.fixture
def front(servers, tmp_path):
    """A client of the nginx before them; its ports in the place of those in the file."""
    port = free_port()
    text = CONFIGURATION.read_text()
    for shipped, real in (("8001", servers[0].port), ("8002", servers[1].port), ("8080", port)):
        text = text.replace(f"127.0.0.1:{shipped}", f"127.0.0.1:{real}")
    user = "user root;\n" if os.geteuid() == 0 else ""
    (tmp_path / "candles.conf").write_text(user + text)
    with (tmp_path / "error").open("wb") as errors:
        process = subprocess.Popen([NGINX, "-p", f"{tmp_path}/", "-c", "candles.conf", "-e", "stderr", "-g", "daemon off;"],
                                   stderr=errors)

    def answers() -> bool:
        assert process.poll() is None, (tmp_path / "error").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(answers, "nginx to listen")
    yield Client(port)
    process.terminate()
    process.wait(timeout=30)


def used(reply) -> tuple[str, int]:
    """Pool and port that have answered."""
    return reply.headers["x-backend-used"], int(reply.headers["x-backend-address"].rpartition(":")[2])


def test_a_request_goes_to_the_pool_of_its_kind_or_of_its_header(front, servers):
    batch = {"items": [series(5, 1, series_id="a")]}
    assert front.post(SINGLE, series(5, 1)).status == 200
    assert used(front.post(SINGLE, series(5, 1))) == ("cpu", servers[1].port)
    assert used(front.post(BATCH, batch))[0] == "gpu"
    assert used(front.post(BATCH, batch, x_kronos_device="cpu"))[0] == "cpu"
    assert used(front.post(SINGLE, series(5, 1), x_kronos_device="gpu"))[0] == "gpu"
    assert used(front.post(SINGLE, series(5, 1), x_kronos_device="tpu"))[0] == "cpu"
    reply = front.post(SINGLE, series(5, 1), x_request_id="mine", x_container_name="stranger")
    assert (reply.status, reply.headers["x-request-id"], used(reply)[0]) == (403, "mine", "cpu")


def test_one_that_is_killed_under_load_costs_no_request(front, servers):
    asked, killed = 60, threading.Event()
    body = series(40, 20, overrides={"sample_count": 4, "seed": 1})
    expected = front.post(SINGLE, body).json()["prediction"]

    def ask(number: int):
        if number == asked // 3:
            servers[1].process.kill()
            killed.set()
        return front.post(SINGLE, body)

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(ask, range(asked)))
    assert killed.is_set()
    assert [reply.status for reply in replies] == [200] * asked
    assert all(reply.json()["prediction"] == expected for reply in replies)
    assert {int(re.search(r"(\d+)$", reply.headers["x-backend-address"])[1]) for reply in replies} == {
        server.port for server in servers}
    servers[1].wait()
