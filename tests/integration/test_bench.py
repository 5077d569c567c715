"""`weir bench`: counts, keys, failures and early ends; never speeds."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import socketserver
import subprocess
import threading

import pytest
from weir_process import BINARY, EXAMPLE_MODELS, ROOT, Weir, environment, free_port, reports_in, run, until
from wire import PATIENCE

QUICK = ("--warmup", "0s")
PERCENTILES = ["p50", "p90", "p95", "p99", "p99_9", "max"]


def url(weir: Weir) -> str:
    """Of the server."""
    return f"http://127.0.0.1:{weir.port}"


def bench(*arguments) -> dict:
    """The JSON of a run that went well, with every counted request accounted for."""
    done = run("bench", *arguments, "--json", "-")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    report = json.loads(done.stdout)
    result = report["result"]
    assert result["requests"] == sum(result[fate] for fate in ("succeeded", "failed", "dropped", "unfinished"))
    assert result["failed"] == sum(error["count"] for error in result["errors"])
    values = [result["latency_ms"][name] for name in PERCENTILES]
    assert values == sorted(values)
    return report


def failed(*arguments) -> str:
    """Its one sentence; exit code 1."""
    done = run("bench", *arguments)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr


class Scripted(socketserver.ThreadingTCPServer):
    """An HTTP server that answers request number n (from 0) as `script(n, headers, body)` says: bytes, or None to
    close without an answer."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), ScriptedHandler)
        self.script, self.count, self.lock = script, 0, threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class ScriptedHandler(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self) -> None:
        """Until either side closes."""
        with contextlib.suppress(ConnectionError):
            while self.rfile.readline():
                headers = {}
                while line := self.rfile.readline().strip():
                    name, _, value = line.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = self.rfile.read(int(headers.get("content-length", 0)))
                with self.server.lock:
                    number, self.server.count = self.server.count, self.server.count + 1
                answer = self.server.script(number, headers, body)
                if answer is None:
                    return
                self.wfile.write(answer)
                if b"Connection: close" in answer:
                    return


@contextlib.contextmanager
def scripted(script):
    """The server, while it is needed."""
    server = Scripted(script)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer(status: str = "200 OK", body: bytes = b"{}", *more: str) -> bytes:
    """One whole answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *more, "", ""]
    return "\r\n".join(head).encode() + body


def answered(weir: Weir) -> float:
    """Requests that it answered with 200 so far."""
    return weir.metric("weir_http_requests_total", status="200")


def test_closed_loop_sends_exactly_the_requests_it_was_told(start):
    server = start("--models", EXAMPLE_MODELS)
    before = answered(server)
    report = bench(url(server), "--model", "identity", "--connections", "4", "--requests", "500", *QUICK)
    assert report["result"]["succeeded"] == report["result"]["requests"] == 500
    # 500, and up to 3 that were already out when the last one was counted; the list, the metadata and one probe.
    assert 500 <= answered(server) - before - 4 <= 503
    assert report["load"] == {"loop": "closed", "connections": 4, "batch": 1, "input": "INPUT0 [1, 1]", "warmup_s": 0,
                              "requests": 500, "timeout_s": 30, "seed": 1}


def test_the_report_has_the_documented_keys(weir: Weir):
    report = bench(url(weir), "--model", "minilm", "--lengths", "uniform:3-5", "--duration", "2s", "--warmup", "500ms")
    assert list(report) == ["format", "weir", "started", "host", "target", "load", "result"]
    assert report["format"] == "weir-bench/1"
    assert report["host"]["cores"] == os.cpu_count()
    assert report["target"] == {"to": url(weir), "model": "minilm", "door": "embeddings"}
    result = report["result"]
    assert list(result) == ["seconds", "requests", "succeeded", "failed", "dropped", "unfinished", "late", "held", "completed",
                            "requests_per_s", "items_per_s", "errors", "latency_ms", "distribution", "samples"]
    assert list(result["latency_ms"]) == ["mean", "min", *PERCENTILES]
    assert result["seconds"] == 2
    assert len(result["samples"]) == 2
    assert sum(sample["answers"] for sample in result["samples"]) == result["completed"] > 0
    assert result["requests_per_s"] == pytest.approx(result["completed"] / 2)
    assert sum(bar["count"] for bar in result["distribution"]) == result["succeeded"]


def test_doors_are_found_by_the_models_task(weir: Weir):
    for model, door in (("sentiment", "classify"), ("simple", "infer")):
        report = bench(url(weir), "--model", model, "--requests", "5", *QUICK)
        assert (report["target"]["door"], report["result"]["succeeded"]) == (door, 5)
    report = bench(url(weir), "--door", "classify", "--requests", "3", *QUICK)
    assert report["target"]["model"] == "sentiment"
    report = bench(f"{url(weir)}/v1/embeddings", "--requests", "3", *QUICK)
    assert report["target"] == {"to": url(weir), "model": "minilm", "door": "embeddings"}


def test_open_loop_sends_the_rate(weir: Weir):
    report = bench(url(weir), "--model", "identity", "--rate", "300", "--duration", "2s", *QUICK)
    assert report["load"]["loop"] == "open" and report["load"]["rate"] == 300
    assert report["load"]["max_in_flight"] == 256
    assert 480 <= report["result"]["requests"] <= 720  # 600, and five deviations
    again = bench(url(weir), "--model", "identity", "--rate", "300", "--duration", "2s", *QUICK)
    assert again["result"]["requests"] == report["result"]["requests"]  # the same seed
    other = bench(url(weir), "--model", "identity", "--rate", "300", "--duration", "2s", "--seed", "9", *QUICK)
    assert other["result"]["requests"] != report["result"]["requests"]


def test_texts_of_a_file_are_sent_in_batches_and_in_turn(tmp_path):
    bodies = []

    def script(number, headers, body):
        del number
        bodies.append(json.loads(body))
        assert headers["x-team"] == "blue"
        return answer()

    (tmp_path / "texts").write_text("eins\nzwei\n\ndrei\n")
    with scripted(script) as server:
        report = bench(server.url, "--door", "embeddings", "--model", "m", "--texts", tmp_path / "texts", "--batch", "2",
                       "--connections", "1", "--requests", "3", "--header", "X-Team: blue", "--truncate", *QUICK)
    assert bodies[1:] == [{"model": "m", "input": texts, "truncate": True}
                          for texts in (["eins", "zwei"], ["drei", "eins"], ["eins", "zwei"])]
    assert report["result"]["items_per_s"] == pytest.approx(2 * report["result"]["requests_per_s"])


def test_a_raw_body_goes_to_its_path_as_it_is(weir: Weir, tmp_path):
    (tmp_path / "body").write_text('{"model": "sentiment", "input": "A day."}')
    report = bench(url(weir), "--path", "/v1/classify", "--body", tmp_path / "body", "--requests", "4", *QUICK)
    assert report["target"]["door"] == "raw"
    assert report["result"]["succeeded"] == 4
    assert bench(f"{url(weir)}/livez", "--requests", "7", "--threads", "2", *QUICK)["result"]["succeeded"] == 7


def test_a_stall_of_the_server_shows_in_the_percentiles_of_an_open_loop():
    one_at_a_time, pause = threading.Lock(), threading.Event()

    def script(number, headers, body):
        del headers, body
        with one_at_a_time:
            if number == 20:
                pause.wait(1.0)  # what is measured: a second in which this server answers nobody
            return answer()

    with scripted(script) as server:
        report = bench(f"{server.url}/x", "--rate", "100", "--duration", "4s", *QUICK)
    latency = report["result"]["latency_ms"]
    # A quarter of all requests was due while the server stood still, and they waited half a second on average.
    assert latency["p90"] > 300
    assert latency["p95"] > 600
    assert latency["p50"] < 300
    assert report["result"]["succeeded"] == report["result"]["requests"]


def test_requests_that_find_no_room_are_late_and_then_dropped():
    release = threading.Event()
    with scripted(lambda number, *_: answer() if number < 10 or release.wait(PATIENCE) else None) as server:
        done = run("bench", f"{server.url}/x", "--rate", "50", "--max-in-flight", "2", "--duration", "2s", "--timeout",
                   "500ms", *QUICK)
        release.set()
    assert done.returncode == 0, done.stderr
    assert "dropped" in done.stdout and "--max-in-flight" in done.stdout
    assert "x timeout" in done.stdout


def test_failures_are_counted_by_status_and_connections_are_made_anew():
    def script(number, headers, body):
        del headers, body
        if number % 10 == 3:
            return answer("429 Too Many Requests", b"queue full")
        if number % 10 == 6:
            return answer("200 OK", b"{}", "Connection: close")
        return answer()

    with scripted(script) as server:
        result = bench(f"{server.url}/x", "--connections", "1", "--requests", "100", *QUICK)["result"]
    # The probe was number 0.
    assert result["errors"] == [{"error": "429", "count": 10, "example": "queue full"}]
    assert result["succeeded"] == 90


def test_a_connection_that_breaks_in_an_answer_is_a_failure_of_that_request():
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nshort"
    with scripted(lambda number, *_: broken if number == 5 else answer()) as server:
        result = bench(f"{server.url}/x", "--connections", "1", "--requests", "20", *QUICK)["result"]
    assert [(error["error"], error["count"]) for error in result["errors"]] == [("connection lost", 1)]


def test_answers_in_chunks_and_until_the_end_of_the_stream_are_understood():
    forms = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
             b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", answer()]
    with scripted(lambda number, *_: forms[number % 3]) as server:
        assert bench(f"{server.url}/x", "--connections", "1", "--requests", "9", *QUICK)["result"]["succeeded"] == 9


def test_what_is_not_http_is_said():
    with scripted(lambda number, *_: answer() if number == 0 else b"SMTP ready\r\n\r\n") as server:
        assert "not HTTP" in failed(f"{server.url}/x", "--requests", "2", "--connections", "1", *QUICK)


def test_refusals_of_a_full_queue_are_counted(start):
    server = start("--models", ROOT / "models", "--set", "workers=1", "--set", "queue.max_jobs=2")
    result = bench(url(server), "--model", "minilm", "--connections", "16", "--requests", "200", *QUICK)["result"]
    refused = {error["error"]: error for error in result["errors"]}["429"]
    assert refused["count"] > 0
    assert "queue" in refused["example"]
    assert server.metric("weir_http_requests_total", status="429") >= refused["count"]


def test_a_server_that_cannot_be_reached_is_one_sentence():
    port = free_port()
    told = failed(f"http://127.0.0.1:{port}", "--model", "m")
    assert f"127.0.0.1:{port}" in told and "refused" in told


def test_a_model_that_the_server_does_not_have_is_one_sentence(weir: Weir):
    told = failed(url(weir), "--model", "minilmm")
    assert "'minilmm'" in told and "did you mean 'minilm'" in told
    told = failed(url(weir), "--model", "minilmm", "--door", "embeddings")
    assert "404" in told and "minilmm" in told
    assert "404" in failed(f"{url(weir)}/nowhere")


def test_a_server_without_a_list_of_models_is_told_apart():
    with scripted(lambda *_: answer("404 Not Found", b"nothing here")) as server:
        assert "/v1/models" in failed(server.url)


def test_a_run_in_which_nothing_succeeds_fails():
    with scripted(lambda number, *_: answer() if number == 0 else answer("500 Oh", b"broken")) as server:
        told = failed(f"{server.url}/x", "--requests", "5", *QUICK)
    assert "500" in told and "broken" in told


@pytest.mark.parametrize("arguments, word", [
    ([], "URL"), (["https://localhost"], "TLS"), (["nothing"], "'nothing'"),
    (["http://127.0.0.1:1", "--rate", "5", "--connections", "3"], "--max-in-flight"),
    (["http://127.0.0.1:1", "--max-in-flight", "5"], "--rate"),
    (["http://127.0.0.1:1", "--duration", "5"], "--duration"),
    (["http://127.0.0.1:1", "--duration", "5s", "--requests", "5"], "--requests"),
    (["http://127.0.0.1:1", "--timeout", "0s"], "--timeout"),
    (["http://127.0.0.1:1", "--plot", "--no-plot"], "--no-plot"),
    (["http://127.0.0.1:1", "--set", "workers=1"], "--set"),
    (["http://127.0.0.1:1", "--header", "nothing"], "--header"),
    (["http://127.0.0.1:1", "--door", "embedings", "--model", "m"], "did you mean 'embeddings'"),
    (["http://127.0.0.1:1", "--door", "classify", "--model", "m", "--lengths", "some"], "lognormal:"),
    (["http://127.0.0.1:1", "--door", "classify", "--model", "m", "--shape", "1"], "--shape"),
    (["http://127.0.0.1:1/x", "--batch", "3"], "--batch"), (["http://127.0.0.1:1/x", "--body", "none"], "none"),
    (["models/minilm", "--path", "/x"], "--path"), (["models/minilm", "--shape", "1"], "--shape"),
    (["examples/models/identity", "--batch", "2"], "--batch"),
    (["examples/models/identity", "--shape", "NO=1"], "'NO'"),
    (["models/minilm", "--set", "workers=none"], "workers"),
    (["x", "--compare", "a", "b"], "--compare"), (["--compare", "a.json", "b.json"], "a.json")])
def test_wrong_use_is_refused_with_a_word(arguments: list, word: str):
    done = run("bench", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr and done.stderr.count("\n") == 1


def test_a_model_in_the_process_answers_texts_and_tensors(tmp_path):
    report = bench("sentiment", "--lengths", "fixed:4", "--batch", "3", "--requests", "6", *QUICK)
    assert report["target"] == {"to": "in-process", "model": "sentiment", "door": "classify"}
    assert report["result"]["succeeded"] == 6
    assert bench("models/minilm", "--rate", "20", "--duration", "1s", *QUICK)["result"]["failed"] == 0
    report = bench("identity", "--models", EXAMPLE_MODELS, "--shape", "2,5", "--requests", "50", *QUICK)
    assert report["load"]["input"] == "INPUT0 [2, 5]"
    assert report["result"]["succeeded"] == 50
    (tmp_path / "texts").write_text("word " * 2000)
    told = failed("sentiment", "--texts", tmp_path / "texts", "--requests", "2", *QUICK)
    assert "512" in told
    cut = bench("sentiment", "--texts", tmp_path / "texts", "--requests", "2", "--truncate", *QUICK)
    assert cut["result"]["succeeded"] == 2


def test_compare_shows_ratios_and_judges_them(weir: Weir, tmp_path):
    for name, connections in (("a.json", "2"), ("b.json", "4")):
        done = run("bench", url(weir), "--model", "identity", "--connections", connections, "--duration", "3s",
                   "--json", tmp_path / name, *QUICK)
        assert done.returncode == 0, done.stderr
        assert "throughput" in done.stdout  # the table as well
    both = run("bench", "--compare", tmp_path / "a.json", tmp_path / "b.json")
    assert (both.returncode, both.stderr) == (0, "")
    assert "B / A" in both.stdout and "p99.9" in both.stdout
    assert "the load differs: closed loop, 2 at once" in both.stdout
    same = run("bench", "--compare", tmp_path / "a.json", tmp_path / "a.json")
    assert same.stdout.count("within noise") == 3
    assert "differs" not in same.stdout
    (tmp_path / "c.json").write_text('{"format": "weir-bench/1"}')
    wrong = run("bench", "--compare", tmp_path / "a.json", tmp_path / "c.json")
    assert wrong.returncode == 2 and "c.json" in wrong.stderr


def test_an_interrupt_ends_the_run_and_prints_what_there_is(weir: Weir):
    command = [BINARY, "bench", url(weir), "--model", "identity", "--duration", "10m", "--json", "-", *QUICK]
    before = weir.metric("weir_http_requests_total")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
                          cwd=ROOT) as process:
        until(lambda: weir.metric("weir_http_requests_total") > before + 100, "the load to arrive")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    result = json.loads(out)["result"]
    assert result["succeeded"] > 0
    assert result["seconds"] < 60


def on_a_terminal(*arguments, env: dict[str, str]) -> str:
    """Everything that a terminal of 80 columns sees."""
    master, slave = pty.openpty()
    with subprocess.Popen([BINARY, *map(str, arguments)], stdout=slave, stderr=slave, stdin=slave, cwd=ROOT,
                          env=environment(env)) as process:
        os.close(slave)
        seen = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while piece := os.read(master, 65536):
                seen += piece
        assert process.wait(PATIENCE) == 0, seen
    os.close(master)
    text = seen.decode()
    assert not reports_in(text)
    return text


def test_a_terminal_gets_progress_colours_and_a_plot(weir: Weir):
    command = ["bench", url(weir), "--model", "identity", "--duration", "1s", *QUICK]
    seen = on_a_terminal(*command, env={"LC_ALL": "C.UTF-8", "NO_COLOR": "", "TERM": "xterm"})
    assert "measuring" in seen and "\x1b[1m" in seen and "Distribution" in seen and "█" in seen
    plain = on_a_terminal(*command, env={"LC_ALL": "C", "NO_COLOR": "1", "TERM": "xterm"})
    assert "\x1b[1m" not in plain and "#" in plain and "█" not in plain
    assert "Distribution" not in on_a_terminal(*command, "--no-plot", env={"LC_ALL": "C", "TERM": "xterm"})
    piped = run(*command)
    assert "Distribution" not in piped.stdout and "\x1b" not in piped.stdout + piped.stderr
    assert "measuring" not in piped.stderr
    assert "Distribution" in run(*command, "--plot").stdout


def test_help_has_examples():
    told = run("bench", "--help").stdout
    for word in ("--rate", "--connections", "--compare", "Examples", "weir bench http://127.0.0.1:8000"):
        assert word in told


def test_the_host_may_be_a_name(weir: Weir):
    assert bench(f"localhost:{weir.port}", "--model", "identity", "--requests", "3", *QUICK)["result"]["succeeded"] == 3
