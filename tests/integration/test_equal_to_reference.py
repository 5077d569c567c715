"""Every text of tests/texts.json, through every door: ids, values and labels as Python has them."""

from __future__ import annotations

import http.client
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from folder_expectations import EXPECTED, ask, plain_items
from folder_reference import FolderReference
from weir_process import BINARY, DEMO_MODELS, ROOT, Weir, run, sanitized
from wire import PATIENCE, take

TOLERANCE = 1e-5
DEMO = ("minilm", "sentiment")
# One folder of each tokenizer and graph; the others differ in what comes after the graph.
DEEP = (*DEMO, "bert-mean", "distilbert-seven-labels", "roberta-mean", "xlmr-mean", "mpnet-mean", "modernbert-cls",
        "bert-cross-encoder", "bert-multi-label", "bert-position-ids", "bert-int32-inputs", "bert-quantized-only")

COMMAND_LINE = ("minilm", "sentiment", "bert-cls", "roberta-mean", "xlmr-mean", "bert-multi-label")


def shuffled_texts() -> list[str]:
    """Mixed, so that any run of them has short and long ones, in many scripts. Each fourth under a sanitizer."""
    texts = [entry["text"] for entry in json.loads((ROOT / "tests/texts.json").read_text(encoding="utf-8"))]
    random.Random(4).shuffle(texts)
    return texts[::4] if BINARY.exists() and sanitized() else texts


WRITTEN = [text for text in shuffled_texts() if text.strip()]
BLANK = [text for text in shuffled_texts() if not text.strip()]


class Model:
    """One model with what Python answers for it, each text worked out once."""

    def __init__(self, name: str, folder: Path):
        self.name, self.reference = name, FolderReference(folder)
        self.task = "classification" if self.reference.classifies else "embedding"
        self.ids = lru_cache(maxsize=None)(lambda text: self.reference.ids(text))
        self.answer = lru_cache(maxsize=None)(self._answer)

    def _answer(self, text: str):
        return (self.reference.scores if self.reference.classifies else self.reference.embedding)(self.ids(text))

    def check(self, text: str, found: dict) -> None:
        """`found` is an entry of an answer's data."""
        expected = self.answer(text)
        if self.task == "embedding":
            assert len(found["embedding"]) == len(expected)
            worst = float(np.abs(np.array(found["embedding"]) - expected).max())
        else:
            assert {label["label"] for label in found["labels"]} == set(expected)
            worst = max(abs(label["score"] - expected[label["label"]]) for label in found["labels"])
            best = max(expected, key=expected.get)
            clear = all(expected[best] - score > 2 * TOLERANCE for label, score in expected.items() if label != best)
            assert found["labels"][0]["label"] == best or not clear
        assert worst <= TOLERANCE, f"{self.name}: {worst} for {text[:80]!r}"

    def check_all(self, texts: list[str], answer: dict) -> None:
        """`answer` is the whole body of an answer to these texts."""
        assert answer["usage"]["prompt_tokens"] == sum(len(self.ids(text)) for text in texts)
        for text, found in zip(texts, answer["data"], strict=True):
            self.check(text, found)


class Line:
    """Requests to one server, a connection for each thread."""

    def __init__(self, server: Weir):
        self.port = server.port
        self.threads = threading.local()

    def post(self, path: str, body) -> dict:
        """The body of an answer that must be 200."""
        if not hasattr(self.threads, "connection"):
            self.threads.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self.threads.connection.request("POST", path, json.dumps(body).encode())
        reply = take(self.threads.connection.getresponse())
        assert reply.status == 200, reply.body[:500]
        return reply.json()

    def ask(self, model: Model, texts: list[str]) -> dict:
        """Embeddings or a classification; what is over-long is cut."""
        path = {"embedding": "/v1/embeddings", "classification": "/v1/classify"}[model.task]
        return self.post(path, {"model": model.name, "input": texts, "truncate": True})


@pytest.fixture(scope="module")
def models(folders) -> dict[str, Model]:
    """By name."""
    demo = {name: Model(name, DEMO_MODELS / name) for name in DEMO}
    return demo | {name: Model(name, folders / "served" / name) for name in EXPECTED}


@pytest.fixture(scope="module")
def lines(weir, hall) -> dict[str, Line]:
    """By the model's name: the demo models have a server of their own."""
    demo, small = Line(weir), Line(hall)
    return {name: demo for name in DEMO} | {name: small for name in EXPECTED}


def batches(texts: list[str], size: int) -> list[list[str]]:
    """Neighbours together."""
    return [texts[at : at + size] for at in range(0, len(texts), size)]


def test_there_are_enough_texts_of_all_kinds():
    entries = json.loads((ROOT / "tests/texts.json").read_text(encoding="utf-8"))
    assert len(entries) >= 320
    assert len({entry["kind"] for entry in entries}) >= 30
    assert {1, 10_000} <= {len(entry["text"]) for entry in entries}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_reference_of_these_tests_agrees_with_what_is_recorded(models, name: str):
    reference = models[name].reference
    for item in plain_items(name):
        assert reference.ids(item["text"]) == item["ids"]
        if "scores" in item:
            assert reference.scores(item["ids"]) == pytest.approx(item["scores"], abs=1e-6, rel=1e-6)
        else:
            assert reference.embedding(item["ids"]) == pytest.approx(item["embedding"], abs=2e-6, rel=1e-6)


@pytest.mark.parametrize("name", [*DEMO, *EXPECTED])
def test_in_batches_of_32_mixed_texts(models, lines, name: str):
    for texts in batches(WRITTEN, 32):
        models[name].check_all(texts, lines[name].ask(models[name], texts))


@pytest.mark.parametrize("name", DEEP)
def test_alone(models, lines, name: str):
    for text in WRITTEN:
        models[name].check_all([text], lines[name].ask(models[name], [text]))


@pytest.mark.parametrize("name", DEEP)
def test_sixteen_at_once(models, lines, name: str):
    model, line = models[name], lines[name]
    sizes = random.Random(5)
    requests, at = [], 0
    while at < len(WRITTEN):
        count = sizes.choice((1, 1, 1, 2, 3, 8))
        requests.append(WRITTEN[at : at + count])
        at += count
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda texts: line.ask(model, texts), requests))
    for texts, answer in zip(requests, answers):
        model.check_all(texts, answer)


def test_many_models_at_once(models, hall, lines):
    names = [name for name in EXPECTED if hall.client.get(f"/v2/models/{name}/ready").status == 200]
    requests = [(name, WRITTEN[at : at + 4]) for at in range(0, 40, 4) for name in names]
    random.Random(6).shuffle(requests)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda request: lines[request[0]].ask(models[request[0]], request[1]), requests))
    for (name, texts), answer in zip(requests, answers):
        models[name].check_all(texts, answer)


def as_tensors(model: Model, texts: list[str]) -> list[dict]:
    """The graph's inputs for these texts, padded on the right."""
    rows = [model.reference.tensors(model.ids(text)) for text in texts]
    longest = max(row["input_ids"].shape[1] for row in rows)
    padding = {"input_ids": model.reference.config.get("pad_token_id", 0)}
    made = []
    for name in model.reference.inputs:
        values = [np.pad(row[name][0], (0, longest - row[name].shape[1]), constant_values=padding.get(name, 0))
                  for row in rows]
        made.append({"name": name, "datatype": model.reference.type.__name__.upper(), "shape": [len(rows), longest],
                     "data": np.concatenate(values).tolist()})
    return made


@pytest.mark.parametrize("size", [1, 6])
@pytest.mark.parametrize("name", DEEP)
def test_as_tensors(models, lines, name: str, size: int):
    model = models[name]
    short = [text for text in WRITTEN if len(model.ids(text)) <= 64]
    for texts in batches(short[::5], size):
        answer = lines[name].post(f"/v2/models/{name}/infer", {"inputs": as_tensors(model, texts)})
        outputs = {output["name"]: np.array(output["data"]).reshape(output["shape"]) for output in answer["outputs"]}
        assert set(outputs) == set(model.reference.outputs)
        for row, text in enumerate(texts):
            for output, expected in model.reference.run(model.ids(text)).items():
                found = outputs[output][row]
                if found.ndim == 2:  # one vector for each token, and for the padding, which has no meaning
                    found = found[: expected.shape[1]]
                assert np.abs(found - expected[0]).max() <= TOLERANCE, f"{output} of {text[:80]!r}"


@pytest.mark.parametrize("name", COMMAND_LINE)
def test_as_arguments_of_the_command_line(models, name: str):
    model = models[name]
    arguments = [text for text in WRITTEN if "\0" not in text and len(text) < 2000]
    for texts in batches(arguments, 200):
        done = run("predict", model.reference.path, "--truncate", "--texts", "--", *texts)
        assert done.returncode == 0, done.stderr
        model.check_all(texts, json.loads(done.stdout))


@pytest.mark.parametrize("name", COMMAND_LINE)
def test_as_a_file_of_texts(models, tmp_path, name: str):
    model, file = models[name], tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in WRITTEN), encoding="utf-8")
    done = run("predict", model.reference.path, "--truncate", file)
    assert done.returncode == 0, done.stderr
    for text, line in zip(WRITTEN, done.stdout.splitlines(), strict=True):
        model.check(text, json.loads(line))


@pytest.mark.parametrize("name", ["minilm", "bert-cls", "roberta-mean"])
def test_as_an_array_of_vectors(models, tmp_path, name: str):
    model, file, out = models[name], tmp_path / "texts.jsonl", tmp_path / "vectors.npy"
    file.write_text("".join(json.dumps(text) + "\n" for text in WRITTEN), encoding="utf-8")
    done = run("embed", model.reference.path, "--truncate", file, "-o", out)
    assert done.returncode == 0, done.stderr
    for text, vector in zip(WRITTEN, np.load(out), strict=True):
        model.check(text, {"embedding": vector})


@pytest.mark.parametrize("name", ["minilm", "sentiment", "bert-mean"])
@pytest.mark.parametrize("text", BLANK)
def test_a_text_of_blanks_is_refused_before_the_model_sees_it(models, weir, hall, name: str, text: str):
    reply = ask((weir if name in DEMO else hall).client, name, models[name].task, ["a", text])
    assert (reply.status, reply.param()) == (400, "input[1]")
