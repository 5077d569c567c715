"""`weir bench overload` and `weir bench churn`: figures that add up, on this server and on others; never speeds."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from weir_process import BINARY, DEMO_MODELS, EXAMPLE_MODELS, Weir, environment, run, until
from wire import PATIENCE

FATES = ("good", "late", "refused", "expired", "failed", "lost", "given_up", "dropped", "unfinished")
SHORT = ("--duration", "500ms", "--warmup", "100ms", "--connections", "4")
PARTS = ("name", "loop", "seconds", "good_per_s", "good_percent", "requests", *FATES, "sent_late", "reasons",
         "answered_ms", "refused_ms", "probes", "cpu")


def url(weir: Weir) -> str:
    """Of the server."""
    return f"http://127.0.0.1:{weir.port}"


def overload(*arguments) -> dict:
    """The JSON of a run that went well, with every request of every part accounted for."""
    done = run("bench", "overload", *arguments, "--json", "-")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    report = json.loads(done.stdout)
    for part in report["parts"]:
        assert set(PARTS) <= set(part)
        assert part["requests"] == sum(part[fate] for fate in FATES), part
        assert part["answered_ms"]["count"] == part["good"] + part["late"]
        assert part["refused_ms"]["count"] == part["refused"]
        told = sum(reason["count"] for reason in part["reasons"])
        assert told == sum(part[fate] for fate in ("refused", "expired", "failed", "lost"))
    return report


class Slow(ThreadingHTTPServer):
    """A server of the Open Inference Protocol that runs one request at a time, for 10 ms, and refuses none."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self):
        super().__init__(("127.0.0.1", 0), SlowHandler)
        self.turn = threading.Lock()
        self.loaded = True
        self.seen: list[tuple[str | None, dict]] = []  # time-out header and body of each inference
        self.infer_status = 200

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address) -> None:
        """Clients that give up are no news."""


class SlowHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Slow

    def log_message(self, *_) -> None:
        """Silence."""

    def send(self, status: int, content: object) -> None:
        """One answer."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:  # noqa: N802
        """Health and the model's inputs."""
        if self.path in ("/v2/health/live", "/v2/health/ready"):
            return self.send(200, {})
        if self.path == "/v2/models/slow":
            return self.send(200, {"name": "slow",
                                   "inputs": [{"name": "X", "datatype": "INT64", "shape": [1, 2]}], "outputs": []})
        return self.send(404, {"error": "not here"})

    def do_POST(self) -> None:  # noqa: N802
        """Inference and repository."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/v2/repository/index":
            return self.send(200, [{"name": "slow", "state": "READY"}])
        if self.path in ("/v2/repository/models/slow/load", "/v2/repository/models/slow/unload"):
            self.server.loaded = self.path.endswith("/load")
            return self.send(200, {})
        if self.path != "/v2/models/slow/infer":
            return self.send(404, {"error": "not here"})
        self.server.seen.append((self.headers.get("X-Request-Timeout-Ms"), json.loads(body)))
        if not self.server.loaded:
            return self.send(503, {"error": "not loaded"})
        with self.server.turn:
            time.sleep(0.01)  # this is its work
        return self.send(self.server.infer_status, {"model_name": "slow", "outputs": []})


@contextlib.contextmanager
def slow_server():
    """The server, while it is needed."""
    server = Slow()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_overload_has_every_part_and_every_figure(start):
    server = start("--models", DEMO_MODELS)
    report = overload(url(server), "--model", "minilm", "--factors", "0.5,3", "--clients", "20", "--pid",
                      str(server.process.pid), *SHORT)
    assert report["format"] == "weir-overload/1"
    assert report["target"]["door"] == "embeddings"
    assert [part["name"] for part in report["parts"]] == ["0.5 C", "3 C", "polite", "impatient"]
    assert report["capacity"]["per_s"] > 0 and report["capacity"]["connections"] == 4
    for part in report["parts"][:2]:
        factor = float(part["name"].split()[0])
        assert part["offered_per_s"] == pytest.approx(factor * report["capacity"]["per_s"], rel=1e-3)
        assert part["recovery_s"] is not None
    for part in report["parts"]:
        assert [probe["path"] for probe in part["probes"]] == ["/livez", "/readyz", "/metrics"]
        assert all(probe["ms"]["count"] > 0 and probe["failed"] == 0 for probe in part["probes"])
        assert part["cpu"]["own_us_per_request"] > 0 and part["cpu"]["server_percent"] > 0
        assert part["failed"] == part["lost"] == part["unfinished"] == 0
    assert report["parts"][0]["good"] > 0


def test_refusals_are_counted_by_what_the_server_says(start):
    server = start("--models", DEMO_MODELS, "--set", "queue.max_jobs=1")
    refused = server.metric("weir_requests_refused_total", model="minilm")
    report = overload(url(server), "--model", "minilm", "--capacity", "300", "--factors", "3", "--clients", "0",
                      "--no-probes", *SHORT[:4])
    part, = report["parts"]
    assert part["refused"] > 0 and report["capacity"]["given"]
    counted = server.metric("weir_requests_refused_total", model="minilm") - refused
    assert counted >= part["refused"], "those of the warm-up, too"
    said = [reason["reason"] for reason in part["reasons"] if reason["reason"].startswith("429 ")]
    assert said and all(not any(c.isdigit() for c in reason[4:]) for reason in said), "numbers are one kind"


def test_a_server_that_never_refuses_is_measured_too():
    with slow_server() as server:
        report = overload(server.url, "--factors", "3", "--clients", "0", "--deadline", "200ms", "--max-in-flight", "64",
                          "--duration", "1s", "--warmup", "200ms", "--connections", "4")
        told = [timeout for timeout, _ in server.seen]
        timeouts = [body.get("parameters", {}).get("timeout") for _, body in server.seen]
    assert report["target"] == {"to": server.url, "model": "slow", "door": "infer", "input": "X [1, 2]"}
    assert report["capacity"]["per_s"] <= 101, "10 ms, one at a time"
    part, = report["parts"]
    assert part["given_up"] + part["late"] + part["dropped"] > 0, "nobody was refused, so many waited in vain"
    assert part["refused"] == 0
    assert [probe["path"] for probe in part["probes"]] == ["/v2/health/live", "/v2/health/ready"]
    assert set(told) == {None, "200"} and set(timeouts) == {None, 200_000}, "only the load has a deadline"
    assert len({json.dumps(body["inputs"]) for _, body in server.seen}) > 1, "inputs differ"


def test_an_overload_of_nothing_says_why(weir: Weir):
    done = run("bench", "overload", url(weir), "--model", "minilm", "--pid", "2147483647")
    assert (done.returncode, done.stdout) == (2, "") and "2147483647" in done.stderr
    done = run("bench", "overload", url(weir), "--model", "nosuch")
    assert done.returncode == 1 and "nosuch" in done.stderr and done.stderr.count("\n") == 1
    done = run("bench", "overload", url(weir), "--model", "minilm", "--factors", "0")
    assert done.returncode == 2 and "--factors" in done.stderr


def test_ctrl_c_shows_what_was_measured_so_far(start):
    server = start("--models", EXAMPLE_MODELS)
    command = [BINARY, "bench", "overload", url(server), "--model", "identity", "--capacity", "100", "--factors", "1",
               "--clients", "0", "--duration", "60s", "--warmup", "0s"]
    child = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: server.metric("weir_http_requests_total", route="/v2/models/{model}/infer") > 50, "some answers")
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=PATIENCE)
    assert (child.returncode, err) == (0, "")
    assert "1 C" in out and "ended early" in out


def churn(*arguments) -> tuple[int, dict]:
    """Exit code and JSON."""
    done = run("bench", "churn", *arguments, "--json", "-")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_churn_keeps_every_promise(start):
    server = start("--models", DEMO_MODELS, "--models", EXAMPLE_MODELS)
    code, report = churn(url(server), "--models", "minilm,identity,simple", "--duration", "3s", "--pid",
                         str(server.process.pid))
    assert (code, report["broken"], report["notes"]) == (0, [], [])
    assert report["format"] == "weir-churn/1"
    answers = {operation["name"]: operation["answers"] for operation in report["operations"]}
    assert set(answers) == {"infer", "load", "unload", "reload", "cancel"}
    assert all(counts["200"] > 0 for counts in answers.values())
    assert report["jobs"]["received"] == sum(report["jobs"]["answered"].values()) > 0
    assert report["jobs"]["answered"]["ok"] >= answers["infer"]["200"]
    assert report["resident_before_mb"] > 0 and report["resident_after_mb"] > 0
    # 503 while a model is away is an answer, 404 and 500 would not be ours.
    assert {status for counts in answers.values() for status in counts} <= {"200", "429", "503", "504"}


def test_churn_leaves_out_what_a_server_does_not_have_and_tells_broken_promises():
    with slow_server() as server:
        code, report = churn(server.url, "--models", "slow", "--duration", "500ms")
        assert (code, report["broken"], report["jobs"]) == (0, [], None)
        assert {operation["name"] for operation in report["operations"]} == {"infer", "load", "unload"}
        assert len(report["notes"]) == 3 and "/v1/models/slow/reload" in " ".join(report["notes"])
        breaking = threading.Timer(0.5, lambda: setattr(server, "infer_status", 500))
        breaking.start()
        code, report = churn(server.url, "--models", "slow", "--duration", "1500ms", "--unload", "0")
        breaking.join()
    assert code == 1
    assert any("infer 500" in line for line in report["broken"])
    assert any(line.startswith("after it, POST /v2/models/slow/infer gave 500") for line in report["broken"])


def test_churn_of_an_unknown_model_says_so(weir: Weir):
    done = run("bench", "churn", url(weir), "--models", "nosuch", "--duration", "1s")
    assert done.returncode == 1 and "nosuch" in done.stderr and done.stderr.count("\n") == 1
