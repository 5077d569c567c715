"""Triton's own load generator works against the server as it is."""

from __future__ import annotations

import re
import subprocess

import pytest
from weir_process import ROOT, Weir

PROGRAM = ROOT / ".deps/perf_analyzer/perf_analyzer"
REQUESTS = 100
HTTP, GRPC = [], ["-i", "grpc"]
STREAM = [*GRPC, "--streaming", "--async"]


def analyse(server: Weir, model: str, *options: str) -> dict[str, float]:
    """Its figures; fails when a request did."""
    port = server.grpc_port if "grpc" in options else server.port
    command = [str(PROGRAM), "-m", model, "-u", f"127.0.0.1:{port}", "--request-count", str(REQUESTS), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 0 and "had error" not in told and "Failed" not in told, told
    return {name: float(value) for name, value in re.findall(r"^    ([A-Z][\w ]+): ([\d.]+)", done.stdout, re.MULTILINE)}


@pytest.mark.parametrize("protocol", [HTTP, GRPC, STREAM], ids=["http", "grpc", "stream"])
@pytest.mark.parametrize("model, options", [
    ("identity", ["--shape", "INPUT0:4", "-b", "2"]),
    ("simple", ["-b", "1"]),
    ("minilm", ["--string-data", "A kite over the sea.", "-b", "1"]),
], ids=["identity", "simple", "minilm"])
def test_the_load_of_perf_analyzer_is_answered(weir: Weir, protocol, model, options):
    assert PROGRAM.exists(), "there is no perf_analyzer here; 'make test' fetches it"
    before = weir.client.get(f"/v2/models/{model}/stats").json()["model_stats"][0]["inference_count"]
    figures = analyse(weir, model, "--concurrency-range", "2", *options, *protocol)
    assert figures["Request count"] == REQUESTS
    assert figures["Throughput"] > 0
    after = weir.client.get(f"/v2/models/{model}/stats").json()["model_stats"][0]["inference_count"]
    assert after - before >= REQUESTS


def test_perf_analyzer_reads_the_servers_own_times(weir: Weir):
    command = [str(PROGRAM), "-m", "minilm", "-u", f"127.0.0.1:{weir.port}", "--string-data", "A kite.",
               "--request-count", str(REQUESTS), "-b", "1"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False).stdout
    line = re.search(r"queue (\d+) usec \+ compute input (\d+) usec \+ compute infer (\d+) usec \+ compute output (\d+)", told)
    assert line, told
    assert int(line[3]) > 100, "the encoder takes that long"
