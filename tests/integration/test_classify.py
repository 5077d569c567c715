"""Classification: labels best first, the right scores, and which model answers."""

from __future__ import annotations

import shutil

import pytest
import reference
from sample_texts import VARIED
from weir_process import DEMO_MODELS
from wire import Client

GOOD = "What a lovely day, everything went wonderfully well."
BAD = "The worst meal of my life; I want my money back."


def test_the_answer_has_exactly_the_documented_shape(client: Client):
    answer = client.classify([GOOD, BAD]).json()
    assert list(answer) == ["model", "data", "usage"]
    assert answer["model"] == "sentiment"
    assert [list(item) for item in answer["data"]] == [["index", "labels"]] * 2
    assert [item["index"] for item in answer["data"]] == [0, 1]
    for item in answer["data"]:
        assert [list(label) for label in item["labels"]] == [["label", "score"]] * 2
    tokens = len(reference.token_ids(GOOD)) + len(reference.token_ids(BAD))
    assert answer["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}


def test_the_demo_model_tells_praise_from_complaint(client: Client):
    data = client.classify([GOOD, BAD]).json()["data"]
    assert [item["labels"][0]["label"] for item in data] == ["POSITIVE", "NEGATIVE"]


def test_labels_come_best_first(client: Client):
    for item in client.classify(VARIED).json()["data"]:
        scores = [label["score"] for label in item["labels"]]
        assert scores == sorted(scores, reverse=True)
        assert sum(scores) == pytest.approx(1, abs=1e-6)


def test_scores_equal_the_reference(client: Client):
    texts = [GOOD, BAD, *VARIED]
    for text, item in zip(texts, client.classify(texts).json()["data"], strict=True):
        expected = reference.label_scores(text)
        assert {label["label"] for label in item["labels"]} == set(expected)
        for label in item["labels"]:
            assert label["score"] == pytest.approx(expected[label["label"]], abs=1e-5), text


@pytest.mark.parametrize(("top_k", "labels"), [(1, 1), (2, 2), (1000, 2)])
def test_top_k_keeps_the_best(client: Client, top_k: int, labels: int):
    whole = client.classify(GOOD).json()["data"][0]["labels"]
    assert client.classify(GOOD, top_k=top_k).json()["data"][0]["labels"] == whole[:labels]


def test_the_model_may_be_left_out_while_one_classifies(client: Client):
    answer = client.post("/v1/classify", {"input": GOOD}).json()
    assert answer["model"] == "sentiment"


def test_an_overlong_text_is_cut_when_asked_to(client: Client):
    answer = client.classify("fine " * 700, truncate=True)
    assert answer.json()["usage"]["total_tokens"] == 512


@pytest.mark.parametrize("model", ["minilm", "simple"])
def test_a_model_that_does_something_else_is_refused(client: Client, model: str):
    reply = client.post("/v1/classify", {"model": model, "input": GOOD})
    assert (reply.status, reply.param()) == (400, "model")
    assert model in reply.message()


@pytest.fixture
def twins(tmp_path):
    """A folder with two classifiers, 'left' and 'right'; the big files are links."""
    for name in ("left", "right"):
        folder = tmp_path / "twins" / name
        folder.mkdir(parents=True)
        for file in ("model.onnx", "tokenizer.json"):
            (folder / file).symlink_to((DEMO_MODELS / "sentiment" / file).resolve())
        for file in ("head.onnx", "config.json", "modules.json"):
            shutil.copy(DEMO_MODELS / "sentiment" / file, folder)
    return tmp_path / "twins"


def test_with_two_candidates_a_request_must_choose(start, twins):
    server = start("--models", twins)
    reply = server.client.post("/v1/classify", {"input": GOOD})
    assert (reply.status, reply.param()) == (400, "model")
    assert "left" in reply.message() and "right" in reply.message()
    for name in ("left", "right"):
        assert server.client.post("/v1/classify", {"input": GOOD, "model": name}).json()["model"] == name


def test_with_two_candidates_the_default_model_answers(start, twins):
    server = start("--models", twins, "--set", "default_model=right")
    assert server.client.post("/v1/classify", {"input": GOOD}).json()["model"] == "right"
    assert server.client.post("/v1/classify", {"input": GOOD, "model": "left"}).json()["model"] == "left"
    missing = server.client.post("/v1/embeddings", {"input": GOOD})
    assert (missing.status, missing.param()) == (404, "model")
