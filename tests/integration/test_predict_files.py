"""`weir predict` and `weir embed` over files: every format, order, cuts, bad lines, memory."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import random
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sample_texts import TOO_LONG
from tiny_models import make_tiny_classifier, make_tiny_embedder
from weir_process import BINARY, ROOT, environment, reports_in, sanitized, until
from wire import PATIENCE, Client

TEXTS = ["What a lovely day.", "Never again.", "A, \"quoted\" text", "é 日本 🙂", "  spaces  "]
LINES = "".join(text + "\n" for text in TEXTS)


def run_with(stdin: str | bytes | None, *arguments, patience: float = PATIENCE) -> subprocess.CompletedProcess:
    """A command that reads `stdin`; bytes in, bytes out."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run([str(BINARY), *map(str, arguments)], input=data or b"", capture_output=True, timeout=patience,
                          env=environment(), cwd=ROOT, check=False)
    assert not reports_in(done.stderr.decode(errors="replace")), done.stderr
    return done


def records(output: bytes) -> list[dict]:
    """Of NDJSON; their indexes are checked."""
    found = [json.loads(line) for line in output.decode().splitlines()]
    assert [record["index"] for record in found] == list(range(len(found)))
    return found


def answered(stdin, *arguments, code: int = 0) -> list[dict]:
    """What a run prints."""
    done = run_with(stdin, *arguments)
    assert done.returncode == code, done.stderr
    return records(done.stdout)


@pytest.fixture(scope="module", name="tiny")
def tiny_models(tmp_path_factory) -> Path:
    """tiny/labels and tiny/vectors."""
    folder = tmp_path_factory.mktemp("tiny")
    make_tiny_classifier(folder / "labels")
    make_tiny_embedder(folder / "vectors")
    return folder


def write_words(file: Path, count: int, seed: int = 1) -> list[str]:
    """Lines of 1 to 30 words that the tiny models know."""
    chosen = random.Random(seed)
    lines = [" ".join(f"w{chosen.randrange(200)}" for _ in range(chosen.randint(1, 30))) for _ in range(count)]
    file.write_text("".join(line + "\n" for line in lines))
    return lines


def test_lines_are_answered_in_order_as_http_answers_them(client: Client):
    http = client.classify(TEXTS).json()["data"]
    for found, expected in zip(answered(LINES, "predict", "sentiment", "-"), http, strict=True):
        assert [label["label"] for label in found["labels"]] == [label["label"] for label in expected["labels"]]
        assert [label["score"] for label in found["labels"]] == pytest.approx(
            [label["score"] for label in expected["labels"]], abs=1e-5)
    vectors = [item["embedding"] for item in client.embed(TEXTS).json()["data"]]
    found = [record["embedding"] for record in answered(LINES, "predict", "minilm", "-")]
    assert np.allclose(found, vectors, atol=1e-5)
    assert np.allclose([r["embedding"] for r in answered(LINES, "embed", "minilm")], vectors, atol=1e-5)


def csv_text(rows: list[list[str]], **options) -> str:
    """As Python writes it."""
    out = io.StringIO()
    csv.writer(out, **options).writerows(rows)
    return out.getvalue()


def test_every_input_format_gives_the_same(tmp_path):
    expected = answered(LINES, "predict", "sentiment", "-")
    inputs = {
        "a.txt": (LINES, []),
        "b.jsonl": ("".join(json.dumps({"id": 1, "text": text}) + "\n" for text in TEXTS), []),
        "c.ndjson": ("".join(json.dumps({"review": text}) + "\n" for text in TEXTS), ["--field", "review"]),
        "d.csv": (csv_text([["id", "text"]] + [["1", text] for text in TEXTS]), []),
        "e.csv": (csv_text([["1", text] for text in TEXTS]), ["--no-header", "--column", "2"]),
        "f.tsv": (csv_text([["review", "x"]] + [[text, "1"] for text in TEXTS], delimiter="\t"), ["--column", "review"]),
    }
    for name, (content, flags) in inputs.items():
        (tmp_path / name).write_text(content, encoding="utf-8", newline="")
        assert answered(None, "predict", "sentiment", tmp_path / name, *flags) == expected, name
    piped = answered(inputs["d.csv"][0], "predict", "sentiment", "-", "--input-format", "csv")
    assert piped == expected


def test_several_files_are_one_sequence(tmp_path):
    (tmp_path / "a").write_text("What a lovely day.\nNever again.")
    (tmp_path / "b").write_text("A, \"quoted\" text\n")
    found = answered(None, "predict", "sentiment", tmp_path / "a", tmp_path / "b")
    assert found == answered("\n".join(TEXTS[:3]), "predict", "sentiment", "-")


def test_csv_out_reads_back(tiny, tmp_path):
    output = tmp_path / "out.csv"
    text = "w1 w2\n \nw3\n"
    assert run_with(text, "predict", tiny / "labels", "-", "-o", output).returncode == 3
    rows = list(csv.DictReader(output.open(newline="")))
    labels = ["no", "may\"be, or", "yes"]
    assert list(rows[0]) == ["index", "label", "score", *labels, "error"]
    for row, record in zip(rows, answered(text, "predict", tiny / "labels", "-", code=3), strict=True):
        if "error" in record:
            assert row["error"] == record["error"]["message"] and row["label"] == ""
            continue
        assert row["error"] == "" and row["label"] == record["labels"][0]["label"]
        assert {name: float(row[name]) for name in labels} == {one["label"]: one["score"] for one in record["labels"]}
    best = run_with("w1 w2\n", "predict", tiny / "labels", "-", "--format", "csv", "--top-k", 1).stdout.decode()
    assert best.splitlines()[0] == "index,label,score,error"
    assert run_with("w1\n", "predict", tiny / "labels", "-", "--format", "csv", "--top-k", 2).returncode == 2


def test_vectors_become_an_array(tiny, tmp_path):
    output = tmp_path / "out.npy"
    assert run_with("w1 w2\n \nw3\n", "embed", tiny / "vectors", "-o", output).returncode == 3
    array = np.load(output)
    assert array.dtype == np.float32 and array.shape == (3, 8) and array.flags["C_CONTIGUOUS"]
    assert np.isnan(array[1]).all()
    found = answered("w1 w2\n \nw3\n", "embed", tiny / "vectors", code=3)
    assert array[0].tolist() == np.float32(found[0]["embedding"]).tolist()
    rows = run_with("w1 w2\nw3\n", "embed", tiny / "vectors", "--format", "csv").stdout.decode().splitlines()
    assert rows[0] == "index," + ",".join(f"e{i}" for i in range(8)) + ",error"
    assert np.float32(rows[1].split(",")[1:9]).tolist() == array[0].tolist()
    assert run_with("", "embed", tiny / "vectors", "-o", tmp_path / "none.npy").returncode == 0
    assert np.load(tmp_path / "none.npy").shape == (0, 8)


def test_an_array_needs_a_file_and_vectors(tiny, tmp_path):
    assert b"--output" in run_with("w1\n", "embed", tiny / "vectors", "--format", "npy").stderr
    done = run_with("w1\n", "predict", tiny / "labels", "-", "-o", tmp_path / "out.npy")
    assert done.returncode == 2 and b"labels" in done.stderr
    done = run_with("w1\n", "embed", tiny / "labels")
    assert done.returncode == 2 and b"weir predict" in done.stderr


def test_bad_lines_fail_in_their_places(tiny):
    text = "w1\n\ncaf\xe9\n" + "w2 " * 65 + "\nw3\n"
    done = run_with(text.encode("latin-1"), "predict", tiny / "labels", "-")
    assert done.returncode == 3
    found = records(done.stdout)
    assert ["error" in record for record in found] == [False, True, True, True, False]
    assert [record["error"]["code"] for record in found[1:4]] == ["invalid_argument", "invalid_argument",
                                                                 "unprocessable"]
    assert "UTF-8" in found[2]["error"]["message"] and "65" in found[3]["error"]["message"]
    assert b"3 of 5 records" in done.stderr and b"record 1" in done.stderr
    assert run_with(text.encode("latin-1"), "predict", tiny / "labels", "-", "--truncate").stdout.count(b"error") == 2


def test_lines_that_are_no_json_fail_in_their_places(tiny):
    text = '{"text": "w1"}\n{"text": 7}\n{"txt": "w1"}\n{"text": "w\n"w1"\n' + "[" * 100_000 + "\n"
    found = answered(text, "predict", tiny / "labels", "-", "--input-format", "jsonl", code=3)
    assert ["error" in record for record in found] == [False, True, True, True, False, True]
    assert found[0]["labels"] == found[4]["labels"]


def test_the_first_bad_line_can_end_the_run(tiny, tmp_path):
    output = tmp_path / "out"
    done = run_with("w1\nw2\n\nw3\n", "predict", tiny / "labels", "-", "-o", output, "--on-error", "fail")
    assert done.returncode == 2 and b"record 2" in done.stderr
    assert len(records(output.read_bytes())) == 2


def test_what_is_wrong_with_the_command_is_told(tiny, tmp_path):
    def refused(*arguments) -> str:
        done = run_with("text\na\n", "predict", tiny / "labels", *arguments)
        assert done.returncode == 2 and done.stdout == b"", done
        return done.stderr.decode()

    (tmp_path / "a.csv").write_text("id,texts\n1,a\n")
    (tmp_path / "b.txt").write_text("a\n")
    assert "did you mean 'texts'" in refused(tmp_path / "a.csv")
    assert "--input-format" in refused(tmp_path / "a.csv", tmp_path / "b.txt")
    assert "missing.txt" in refused(tmp_path / "missing.txt")
    assert "missing" in refused(tmp_path / "b.txt", "missing")
    assert "no file" in refused(tmp_path)
    assert "--output" in refused("-", "--resume")
    assert "name a file" in refused("a text", "-o", tmp_path / "out")
    assert "no column" in refused("-", "--input-format", "csv", "--column", "x", "-o", tmp_path / "out2")
    assert "out/there" in refused("-", "-o", tmp_path / "out/there")


def test_a_text_that_names_a_file_can_be_meant_as_a_text(client: Client):
    done = run_with(None, "predict", "sentiment", "--texts", "README.md")
    assert done.returncode == 0
    assert json.loads(done.stdout)["data"][0]["labels"][0]["label"] == client.classify("README.md").json()[
        "data"][0]["labels"][0]["label"]


def test_an_output_is_replaced_only_when_told(tiny, tmp_path):
    output = tmp_path / "out"
    output.write_text("mine\n")
    done = run_with("w1\n", "predict", tiny / "labels", "-", "-o", output)
    assert done.returncode == 2 and b"--force" in done.stderr and output.read_text() == "mine\n"
    done = run_with("w1\n", "predict", tiny / "labels", "-", "-o", output, "--resume")
    assert done.returncode == 2 and b"nothing to go on with" in done.stderr and output.read_text() == "mine\n"
    assert run_with("w1\n", "predict", tiny / "labels", "-", "-o", output, "--force").returncode == 0
    assert len(records(output.read_bytes())) == 1
    assert run_with("w1\n", "predict", tiny / "labels", "-", "-o", "/dev/null").returncode == 0


class Cut:
    """A run whose input is fed by hand, so that it can be cut where the test wants."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([str(BINARY), *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(), cwd=ROOT)

    def feed(self, text: str) -> None:
        """The run gets these lines."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def end(self, number: int) -> tuple[int, str]:
        """A signal; exit code and what it said."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=PATIENCE)
        told = self.process.stderr.read().decode()
        self.process.stdin.close()
        self.process.stderr.close()
        assert not reports_in(told)
        return code, told


def checkpoint(output: Path) -> dict:
    """How far the run says it is."""
    file = Path(f"{output}.resume")
    return json.loads(file.read_text()) if file.exists() else {"records": 0}


@pytest.mark.parametrize("name", ["out.ndjson", "out.csv", "out.npy"])
def test_a_run_that_is_killed_goes_on_and_ends_as_if_it_had_not_been(tiny, tmp_path, name: str):
    lines = write_words(tmp_path / "in.txt", 3000)
    lines[7] = ""
    text = "".join(line + "\n" for line in lines)
    whole, output = tmp_path / ("whole-" + name), tmp_path / name
    assert run_with(text, "predict", tiny / "vectors", "-", "-o", whole).returncode == 3
    for count in (1000, 2000):
        cut = Cut("predict", tiny / "vectors", "-", "-o", output, "--resume")
        cut.feed("".join(line + "\n" for line in lines[:count]))
        until(lambda wanted=count: checkpoint(output)["records"] == wanted, "a checkpoint")
        assert cut.end(signal.SIGKILL)[0] == -signal.SIGKILL
    with output.open("ab") as file:
        file.write(b"more than will follow" * 100_000)  # what came after the checkpoint
    finished = run_with(text, "predict", tiny / "vectors", "-", "-o", output, "--resume")
    assert finished.returncode == 3 and b"1 of 3000" in finished.stderr
    assert output.read_bytes() == whole.read_bytes()
    assert not Path(f"{output}.resume").exists()


def test_a_run_over_a_file_can_be_killed_at_any_moment(tiny, tmp_path):
    source, whole, output = tmp_path / "in.txt", tmp_path / "whole", tmp_path / "out"
    write_words(source, 5_000 if sanitized() else 60_000)
    command = ["predict", tiny / "labels", source, "--top-k", "1"]
    assert run_with(None, *command, "-o", whole).returncode == 0
    for kept in (1, 2):
        run = subprocess.Popen([str(BINARY), *map(str, command), "-o", str(output), "--resume"], env=environment(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = checkpoint(output)["records"]
        until(lambda: run.poll() is not None or checkpoint(output)["records"] > before,  # noqa: B023
              f"checkpoint {kept}")
        run.kill()
        run.wait()
    if Path(f"{output}.resume").exists():  # else the machine was so quick that it was over
        assert run_with(None, *command, "-o", output, "--resume").returncode == 0
    for found, expected in zip(records(output.read_bytes()), records(whole.read_bytes()), strict=True):
        # Other neighbours in a batch may change the last digit.
        assert found["labels"][0]["label"] == expected["labels"][0]["label"]
        assert found["labels"][0]["score"] == pytest.approx(expected["labels"][0]["score"], abs=1e-6)


def test_it_does_not_go_on_with_what_is_another_run(tiny, tmp_path):
    source, output = tmp_path / "in.txt", tmp_path / "out"
    make_tiny_classifier(tmp_path / "mine", seed=5)
    lines = write_words(source, 100)
    cut = Cut("predict", tmp_path / "mine", "-", "-o", output)
    cut.feed("".join(line + "\n" for line in lines))
    until(lambda: checkpoint(output)["records"] == 100, "a checkpoint")
    other = run_with("w1\n", "predict", tmp_path / "mine", "-", "-o", output, "--resume")
    assert other.returncode == 2 and b"another process" in other.stderr
    cut.end(signal.SIGKILL)
    kept = output.read_bytes()

    def refusal(text: str, *flags) -> str:
        done = run_with(text, "predict", tmp_path / "mine", "-", "-o", output, "--resume", *flags)
        assert done.returncode == 2, done
        assert output.read_bytes() == kept
        return done.stderr.decode()

    text = "".join(line + "\n" for line in lines)
    assert "--top-k" in refusal(text, "--top-k", "1")
    assert "--truncate" in refusal(text, "--truncate")
    assert "format" in refusal(text, "--format", "csv")
    assert "first 100 records" in refusal(text.replace("w1", "w2"))
    assert "has 1 records" in refusal(lines[0])
    assert "the input" in run_with(None, "predict", tmp_path / "mine", source, "-o", output, "--resume").stderr.decode()
    for file in (tmp_path / "mine").iterdir():
        file.unlink()
    (tmp_path / "mine").rmdir()
    make_tiny_classifier(tmp_path / "mine", seed=6)
    assert "answers differently" in refusal(text)
    Path(f"{output}.resume").write_text("{}")
    assert "no checkpoint" in refusal(text)


def test_an_interrupt_ends_cleanly_and_can_be_gone_on_from(tiny, tmp_path):
    lines = write_words(tmp_path / "in.txt", 500)
    for number in (signal.SIGINT, signal.SIGTERM):
        output = tmp_path / f"out{number}"
        cut = Cut("predict", tiny / "labels", "-", "-o", output)
        cut.feed("".join(line + "\n" for line in lines[:300]))
        until(lambda: checkpoint(output)["records"] == 300, "a checkpoint")
        code, told = cut.end(number)
        assert code == 128 + number
        assert "stopped after 300 records" in told and "--resume" in told
    done = run_with("".join(line + "\n" for line in lines), "predict", tiny / "labels", "-", "-o", output, "--resume")
    assert done.returncode == 0
    assert len(records(output.read_bytes())) == 500


def test_who_reads_along_sees_each_answer_at_once(tiny):
    run = subprocess.Popen([str(BINARY), "predict", str(tiny / "labels"), "-"], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, env=environment())
    for index in range(3):
        run.stdin.write(b"w1\n")
        run.stdin.flush()
        assert json.loads(run.stdout.readline())["index"] == index
    run.stdin.close()
    assert run.wait(timeout=PATIENCE) == 0
    run.stdout.close()


def peak_memory(*arguments) -> int:
    """Of a run, in KiB."""
    process = subprocess.Popen([str(BINARY), *map(str, arguments)], env=environment())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


def test_memory_does_not_grow_with_the_input(tiny, tmp_path):
    scale, room = (4, 256 * 1024) if sanitized() else (1, 16 * 1024)  # a sanitizer keeps what is freed for a while
    write_words(tmp_path / "few.txt", 20_000 // scale)
    write_words(tmp_path / "many.txt", 200_000 // scale)
    for model in ("labels", "vectors"):
        few = peak_memory("predict", tiny / model, tmp_path / "few.txt", "-o", tmp_path / "few", "--force")
        many = peak_memory("predict", tiny / model, tmp_path / "many.txt", "-o", tmp_path / "many", "--force")
        assert many < few + room, (few, many)


def test_a_terminal_sees_how_far_it_is_and_a_pipe_does_not(tiny, tmp_path):
    write_words(tmp_path / "in.txt", 20_000)
    command = ["predict", tiny / "labels", tmp_path / "in.txt", "-o", tmp_path / "out", "--force"]
    assert run_with(None, *command).stderr == b""
    ours, theirs = pty.openpty()
    run = subprocess.Popen([str(BINARY), *map(str, command)], stderr=theirs, env=environment({"TERM": "xterm"}))
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 65536):
            shown += block
    except OSError:  # the other side has gone
        pass
    os.close(ours)
    assert run.wait(timeout=PATIENCE) == 0
    assert b" records, " in shown and b"/s" in shown and b" % [" in shown
    assert shown.endswith(b"\r\x1b[K"), "the line is wiped at the end"


def test_too_long_a_text_says_so_in_its_record():
    (found,) = answered(TOO_LONG + "\n", "predict", "sentiment", "-", code=3)
    assert "602" in found["error"]["message"] and "512" in found["error"]["message"]
