"""/rerank and /v1/rerank, in both shapes that servers of embeddings share."""

from __future__ import annotations

import numpy as np
import pytest
from weir_process import Weir
from wire import Client

QUERY = "Which river is long?"
TEXTS = ["The Nile is a long river.", "Bread is baked in an oven.", "Some rivers are short 🦜."]


@pytest.fixture
def client(hall: Weir) -> Client:
    return hall.client


def pair_scores(client: Client, model: str, **options) -> list[float]:
    """As /v1/classify has them."""
    pairs = [[QUERY, text] for text in TEXTS]
    reply = client.post("/v1/classify", {"model": model, "input": pairs, **options})
    assert reply.status == 200, reply.body
    return [one["labels"][0]["score"] for one in reply.json()["data"]]


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank"])
@pytest.mark.parametrize("model", ["bert-cross-encoder", "roberta-cross-encoder", "bert-cross-encoder-raw"])
def test_documents_come_back_best_first_with_the_scores_of_their_pairs(client: Client, path: str, model: str):
    reply = client.post(path, {"model": model, "query": QUERY, "documents": TEXTS})
    assert reply.status == 200, reply.body
    answer = reply.json()
    assert list(answer) == ["id", "model", "results", "usage"] and answer["model"] == model
    assert [list(one) for one in answer["results"]] == [["index", "relevance_score"]] * 3
    scores = pair_scores(client, model)
    order = sorted(range(3), key=lambda index: -scores[index])
    assert [one["index"] for one in answer["results"]] == order
    np.testing.assert_allclose([one["relevance_score"] for one in answer["results"]], [scores[i] for i in order],
                               atol=1e-6)
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] > 0


def test_documents_are_shown_and_cut_to_the_best_where_that_is_asked_for(client: Client):
    reply = client.post("/v1/rerank", {"model": "bert-cross-encoder", "query": QUERY, "top_n": 2, "return_documents": True,
                                       "documents": [TEXTS[0], {"text": TEXTS[1]}, TEXTS[2]]})
    results = reply.json()["results"]
    assert len(results) == 2
    assert [one["document"]["text"] for one in results] == [TEXTS[one["index"]] for one in results]


def test_texts_are_answered_with_a_bare_list(client: Client):
    reply = client.post("/rerank", {"model": "bert-cross-encoder", "query": QUERY, "texts": TEXTS, "return_text": True,
                                    "raw_scores": True, "truncate": True, "truncation_direction": "Right"})
    answer = reply.json()
    assert [list(one) for one in answer] == [["index", "score", "text"]] * 3
    scores = pair_scores(client, "bert-cross-encoder", raw_scores=True)
    np.testing.assert_allclose([one["score"] for one in answer], sorted(scores, reverse=True), atol=1e-5)
    assert [one["text"] for one in answer] == [TEXTS[one["index"]] for one in answer]


@pytest.mark.parametrize("change, words", [
    ({"query": None}, "'query'"), ({"query": " "}, "'query' is an empty text"), ({"query": 5}, "'query'"),
    ({"documents": []}, "'documents' has no texts"), ({"documents": "a"}, "'documents'"),
    ({"documents": ["a", 5]}, "'documents[1]'"), ({"documents": ["a", " "]}, "'documents[1]' is an empty text"),
    ({"documents": [{"txt": "a"}]}, "documents[0].text"), ({"top_n": 0}, "'top_n'"), ({"texts": ["a"]}, "exclude each other"),
    ({"document": ["a"]}, "did you mean 'documents'?"), ({"documents": ["a"] * 1025}, "1025 texts")])
def test_what_is_wrong_is_named(client: Client, change: dict, words: str):
    reply = client.post("/v1/rerank", {"model": "bert-cross-encoder", "query": QUERY, "documents": TEXTS, **change})
    assert reply.status in (400, 413) and words in reply.message(), reply.body


def test_a_model_with_labels_or_vectors_does_not_rerank(client: Client):
    for model, words in (("bert-two-labels", "does not rerank"), ("bert-mean", "its task is embedding")):
        reply = client.post("/v1/rerank", {"model": model, "query": QUERY, "documents": TEXTS})
        assert reply.status == 400 and words in reply.message(), reply.body
