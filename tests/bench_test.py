"""The parts of the benchmarks that compute something."""

import json
import pathlib
import re
import socketserver
import statistics
import subprocess
import sys
import threading
import types

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "bench"))

from harness.figures import Goal  # noqa: E402
from harness.lengths import Lengths  # noqa: E402
from harness.memory import memory_of, memory_of_all  # noqa: E402
from harness.open_loop import arrivals, percentile, run_open_loop, whole_answer  # noqa: E402
from harness.peers import PEERS  # noqa: E402
from works import SLOW, WORKS  # noqa: E402
from works.grid import ANSWERS_FOR_P99, Cell, markdown  # noqa: E402
from works.peers import Pair  # noqa: E402


def test_a_percentile_is_one_of_the_values() -> None:
    values = [5.0, 1.0, 3.0, 2.0, 4.0]
    assert [percentile(values, percent) for percent in (0, 20, 21, 50, 99, 100)] == [1, 1, 2, 3, 5, 5]
    with pytest.raises(ValueError):
        percentile([], 50)


def test_arrivals_are_those_of_a_poisson_process_and_repeat() -> None:
    times = arrivals(200, 50, seed=1)
    assert times == arrivals(200, 50, seed=1) != arrivals(200, 50, seed=2)
    assert times == sorted(times)
    assert len(times) == pytest.approx(10_000, rel=0.05)
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.05)


def test_an_answer_is_whole_when_its_length_is_there() -> None:
    answer = b"HTTP/1.1 429 Too Many Requests\r\nX: y\r\ncontent-length: 3\r\n\r\nabc"
    assert whole_answer(answer) == 429
    assert all(whole_answer(answer[:end]) is None for end in range(len(answer)))


class HoldsAnswers(socketserver.StreamRequestHandler):
    """Answers nobody before five have asked: a client that waits for answers would wait forever."""

    everybody = threading.Barrier(5)

    def handle(self) -> None:
        while length := self.head():
            self.rfile.read(length)
            self.everybody.wait(20)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def head(self) -> int:
        length = 0
        while (line := self.rfile.readline()).strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return length


def test_the_open_loop_waits_for_no_answer_before_it_asks_again() -> None:
    class Threads(socketserver.ThreadingTCPServer):
        daemon_threads = True

    times = arrivals(400, 0.1, seed=0)
    asked = len(times)
    assert asked > 5
    HoldsAnswers.everybody = threading.Barrier(asked)
    with Threads(("127.0.0.1", 0), HoldsAnswers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        target = types.SimpleNamespace(port=server.server_address[1])
        load = run_open_loop(target, "/", ['{"a": 1}', '{"a": 2}'], 400, 0.1, seed=0)
        server.shutdown()
        thread.join()
    assert (load.due, len(load.latencies_ms), load.refused) == (asked, asked, 0)
    # All were answered at the same moment, so that the first has waited longer than the last by what lay between.
    spread = max(load.latencies_ms) - min(load.latencies_ms)
    assert spread > 0.8 * (times[-1] - times[0]) * 1e3


def grid_cell(default: float, always: float, never: float) -> Cell:
    cell = Cell("64/c16", "64", 16)
    for side, speed in zip(cell.sides.values(), (default, always, never)):
        side.speeds, side.p50_ms, side.p99_ms, side.answers = [speed], [1000 / speed], [5000 / speed], 100
    return cell


def test_a_cell_is_held_against_the_better_of_the_two() -> None:
    cell = grid_cell(99, 100, 50)
    assert cell.throughput_percent == pytest.approx(99)
    assert cell.latency_percent == pytest.approx(100 * 100 / 99)
    assert not cell.has_p99
    for side in cell.sides.values():
        side.answers = ANSWERS_FOR_P99
    assert cell.has_p99
    assert "| 64/c16 | 99.0 | 100.0 | 50.0 | 99.0 % |" in markdown([cell])
    assert Goal(">=", 97, each=True).met([cell.throughput_percent, 98])
    assert not Goal(">=", 97, each=True).met([cell.throughput_percent, 96])


def test_texts_have_the_number_of_tokens_that_was_asked_for() -> None:
    lengths = Lengths(SOURCE / "models/minilm/tokenizer.json")
    assert {lengths.of(text) for text in lengths.make(30, 1, 64)} == {64}
    made = [lengths.of(text) for text in lengths.make(200, 1, 8, 16)]
    assert set(made) == set(range(8, 17))
    assert lengths.make(5, 1, 16) == lengths.make(9, 1, 16)[:5]


def test_memory_of_several_is_the_sum_and_passes_over_what_has_ended() -> None:
    with (subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one,
          subprocess.Popen(["true"]) as ended):
        ended.wait()
        assert one.stdin and one.stdout
        one.stdin.write(b"started\n")
        one.stdin.flush()
        one.stdout.readline()
        assert memory_of_all([one.pid, ended.pid]) == memory_of(one.pid)


def test_every_peer_is_pinned_and_told_apart() -> None:
    assert len({peer.name for peer in PEERS}) == len(PEERS)
    readme = (SOURCE / "bench/peers/README.md").read_text()
    for folder in {peer.folder for peer in PEERS}:
        pins = (SOURCE / "bench/peers" / folder / "requirements.txt").read_text().split()
        assert pins and all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][^ ]*", pin) for pin in pins), folder
        assert f"`{folder}`" in readme
    for peer in PEERS:
        json.dumps(peer.body("text"))


def test_slow_works_are_works_and_the_best_peer_is_the_quickest_beside_weir() -> None:
    assert set(SLOW) < set(WORKS)
    pair = Pair("a", 16)
    pair.ours.speeds, pair.theirs.speeds = [4, 10, 2], [3, 1, 2]
    assert pair.strength == 75
