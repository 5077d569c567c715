"""What a request may ask of a text model, with the values that Python has for it."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from folder_reference import FolderReference, normalized
from wire import Client

SHORT = "The kettle is whistling again."
LONG = " ".join(f"Page {page} says that the ferry leaves at dawn; bring a coat and patience." for page in range(90))
EMBEDDERS = ("bert-mean", "bert-short", "bert-max", "bert-dense-identity", "roberta-mean", "xlmr-mean", "mpnet-mean",
             "modernbert-cls")
CLASSIFIERS = ("bert-two-labels", "distilbert-seven-labels", "bert-multi-label", "roberta-five-labels")


@pytest.fixture
def client(hall) -> Client:
    """Of the server with the small folders."""
    return hall.client


@pytest.fixture
def reference(folders):
    """reference(name): what Python makes of that folder."""
    return lambda name: FolderReference(folders / "served" / name)


def embed(client: Client, model: str, texts, **fields) -> dict:
    """The whole answer."""
    reply = client.post("/v1/embeddings", {"model": model, "input": texts, **fields})
    assert reply.status == 200, reply.body
    return reply.json()


def classify(client: Client, model: str, texts, **fields) -> dict:
    """The whole answer."""
    reply = client.post("/v1/classify", {"model": model, "input": texts, **fields})
    assert reply.status == 200, reply.body
    return reply.json()


def vector(answer: dict, index: int = 0) -> np.ndarray:
    """One of an answer's embeddings."""
    return np.array(answer["data"][index]["embedding"])


def scores(answer: dict, index: int = 0) -> dict[str, float]:
    """One of an answer's classifications, by label."""
    return {label["label"]: label["score"] for label in answer["data"][index]["labels"]}


def near(values) -> object:
    """Within 1e-5."""
    return pytest.approx(values, abs=1e-5)


def windows_of(model: FolderReference, text: str, overlap: int, side: str = "right") -> list[list[int]]:
    """The ids of each, with the special tokens around. Sliced here: `overflowing` of tokenizers 0.23 stops early."""
    whole = model.cutting()
    whole.no_truncation()
    first, last = whole.encode("").ids
    ids = whole.encode(text, add_special_tokens=False).ids
    if side == "left":
        ids.reverse()
    room, windows = model.max_tokens - 2, []
    for start in range(0, len(ids), room - overlap):
        part = ids[start : start + room]
        windows.append([first, *(reversed(part) if side == "left" else part), last])
        if start + room >= len(ids):
            break
    return windows


@pytest.mark.parametrize("overlap", [0, 7])
@pytest.mark.parametrize("pool", ["mean", "max"])
@pytest.mark.parametrize("name", EMBEDDERS)
def test_a_long_text_is_embedded_in_windows(client: Client, reference, name: str, pool: str, overlap: int):
    model = reference(name)
    windows = windows_of(model, LONG, overlap)
    assert len(windows) > 2
    pooled = getattr(np, pool)([model.embedding(ids) for ids in windows], axis=0)
    answer = embed(client, name, [SHORT, LONG], overlap=overlap, window_pool=pool)
    assert vector(answer, 1) == near(normalized(pooled) if model.normalizes else pooled)
    assert vector(answer, 0) == near(model.embedding(model.ids(SHORT)))
    assert answer["usage"]["prompt_tokens"] == len(model.ids(SHORT)) + sum(map(len, windows))


@pytest.mark.parametrize("overlap", [0, 7])
@pytest.mark.parametrize("pool", ["mean", "max"])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_long_text_is_classified_in_windows(client: Client, reference, name: str, pool: str, overlap: int):
    model = reference(name)
    windows = [model.scores(ids) for ids in windows_of(model, LONG, overlap)]
    assert len(windows) > 2
    expected = {label: getattr(np, pool)([window[label] for window in windows]) for label in windows[0]}
    answer = classify(client, name, [SHORT, LONG], overlap=overlap, window_pool=pool)
    assert scores(answer, 1) == near(expected)
    assert scores(answer, 0) == near(model.scores(model.ids(SHORT)))


def test_windows_are_pooled_by_their_mean_when_nothing_is_said(client: Client):
    said = embed(client, "bert-short", LONG, overlap=3, window_pool="mean")
    assert vector(embed(client, "bert-short", LONG, overlap=3)) == near(vector(said))


def test_windows_may_be_counted_from_the_end(client: Client, reference):
    model = reference("bert-short")
    windows = windows_of(model, LONG, 4, "left")
    assert windows[0] != windows_of(model, LONG, 4, "right")[0]
    expected = normalized(np.mean([model.embedding(ids) for ids in windows], axis=0))
    assert vector(embed(client, "bert-short", LONG, overlap=4, truncation_side="left")) == near(expected)


def test_windows_must_move_on(client: Client):
    reply = client.post("/v1/embeddings", {"model": "bert-short", "input": LONG, "overlap": 22})
    assert (reply.status, reply.param()) == (400, "overlap")


def test_a_text_is_cut_or_split_but_not_both(client: Client):
    reply = client.post("/v1/embeddings", {"model": "bert-short", "input": LONG, "overlap": 2, "truncate": True})
    assert reply.status == 400
    assert "truncate" in reply.message() and "overlap" in reply.message()


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", [*EMBEDDERS, "bert-cut-left"])
def test_the_side_that_is_cut_may_be_chosen(client: Client, reference, name: str, side: str):
    model = reference(name)
    ids = model.cutting(side).encode(LONG).ids
    answer = embed(client, name, LONG, truncate=True, truncation_side=side)
    assert vector(answer) == near(model.embedding(ids))
    assert answer["usage"]["prompt_tokens"] == len(ids) == model.max_tokens


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", ["bert-cross-encoder", "roberta-cross-encoder", "xlmr-pairs-three-labels"])
def test_of_a_pair_the_longer_text_is_cut_first(client: Client, reference, name: str, side: str):
    model = reference(name)
    pairs = [(SHORT, LONG), (LONG, SHORT), (LONG, LONG), (LONG, LONG[: len(LONG) // 20])]
    answer = classify(client, name, [list(pair) for pair in pairs], truncate=True, truncation_side=side)
    for index, pair in enumerate(pairs):
        expected = model.cutting(side).encode(*pair)
        assert scores(answer, index) == near(model.scores(expected.ids, expected.type_ids)), pair[0][:40]


def test_a_pair_over_the_limit_is_refused_with_both_lengths(client: Client, reference):
    model = reference("bert-cross-encoder")
    reply = client.post("/v1/classify", {"model": model.path.name, "input": [[SHORT, LONG]]})
    whole = model.cutting()
    whole.no_truncation()
    assert reply.status == 422
    assert str(len(whole.encode(SHORT, LONG).ids)) in reply.message().replace(",", "")
    assert str(model.max_tokens) in reply.message()


def test_pairs_have_two_spellings(client: Client):
    pair = ("When does the ferry leave?", SHORT)
    answer = classify(client, "bert-cross-encoder", [list(pair), {"text": pair[0], "text_pair": pair[1]}, pair[0]])
    assert scores(answer, 0) == near(scores(answer, 1))
    assert scores(answer, 0) != near(scores(answer, 2))


@pytest.mark.parametrize("normalize", [None, True, False])
@pytest.mark.parametrize("dimensions", [None, 1, 8, 32])
@pytest.mark.parametrize("name", ["bert-mean", "bert-max", "bert-sentence-only", "xlmr-mean", "bert-dense-identity"])
def test_vectors_are_cut_and_then_scaled(client: Client, reference, name: str, dimensions, normalize):
    model = reference(name)
    fields = {"dimensions": dimensions, "normalize": normalize}
    answer = embed(client, name, SHORT, **{key: value for key, value in fields.items() if value is not None})
    assert vector(answer) == near(model.embedding(model.ids(SHORT), dimensions, normalize))


def test_more_dimensions_than_there_are_get_refused(client: Client):
    reply = client.post("/v1/embeddings", {"model": "bert-dense", "input": SHORT, "dimensions": 25})
    assert (reply.status, reply.param()) == (400, "dimensions")
    assert "24" in reply.message() and "25" in reply.message()
    assert len(vector(embed(client, "bert-dense", SHORT, dimensions=24))) == 24


@pytest.mark.parametrize("name", ["bert-mean", "bert-max", "bert-dense"])
def test_base64_has_the_same_floats(client: Client, name: str):
    told = embed(client, name, SHORT, encoding_format="base64")["data"][0]["embedding"]
    assert np.frombuffer(base64.b64decode(told), np.float32) == near(vector(embed(client, name, SHORT)))


def test_a_prompt_of_ones_own_goes_before_each_text(client: Client, reference):
    model = reference("bert-mean")
    expected = model.embedding(model.ids("A poem about: " + SHORT))
    assert vector(embed(client, "bert-mean", [SHORT], prompt="A poem about: ")) == near(expected)


def test_an_empty_prompt_takes_the_place_of_the_default(client: Client, reference):
    model = reference("bert-prompts")
    assert vector(embed(client, "bert-prompts", SHORT, prompt="")) == near(model.embedding(
        model.tokenizer.encode(SHORT).ids))
    assert vector(embed(client, "bert-prompts", SHORT)) == near(model.embedding(model.ids(SHORT)))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_top_k_keeps_the_best_labels(client: Client, reference, name: str):
    model = reference(name)
    expected = sorted(model.scores(model.ids(SHORT)).items(), key=lambda entry: -entry[1])
    for top_k in (1, 2, 1000):
        found = classify(client, name, SHORT, top_k=top_k)["data"][0]["labels"]
        assert [label["label"] for label in found] == [label for label, _ in expected[:top_k]]


def test_raw_scores_of_windows_are_pooled_logits(client: Client, reference):
    model = reference("bert-two-labels")
    logits = [model.run(ids)["logits"][0] for ids in windows_of(model, LONG, 5)]
    answer = classify(client, "bert-two-labels", LONG, overlap=5, raw_scores=True)
    assert scores(answer) == near(dict(zip(("NEGATIVE", "POSITIVE"), np.mean(logits, axis=0))))


def test_of_a_request_with_bad_items_the_others_are_answered_when_asked_for(client: Client, reference):
    model = reference("bert-mean")
    texts = [SHORT, LONG, "", "\u3000", 7, None, "Harbour."]
    answer = embed(client, "bert-mean", texts, on_error="partial")
    assert [entry["index"] for entry in answer["data"]] == list(range(len(texts)))
    for index in (0, 6):
        assert vector(answer, index) == near(model.embedding(model.ids(texts[index])))
    for index in (1, 2, 3, 4, 5):
        entry = answer["data"][index]
        assert entry["object"] == "error" and "embedding" not in entry
        assert entry["error"]["index"] == index
    assert "512" in answer["data"][1]["error"]["message"]
    good = [len(model.ids(texts[index])) for index in (0, 6)]
    assert answer["usage"]["prompt_tokens"] == sum(good)


def test_of_a_request_with_a_bad_item_nothing_is_answered_else(client: Client):
    for fields in ({}, {"on_error": "fail"}):
        reply = client.post("/v1/embeddings", {"model": "bert-mean", "input": [SHORT, "", SHORT], **fields})
        assert (reply.status, reply.param()) == (400, "input[1]")


def test_a_request_of_nothing_but_bad_items_is_answered_item_by_item(client: Client):
    for items in (["word " * 3000, ""], ["", "word " * 3000], ["word " * 3000, "", "word " * 3000]):
        answer = embed(client, "bert-mean", items, on_error="partial")
        assert [entry["object"] for entry in answer["data"]] == ["error"] * len(items)
    assert client.get("/livez").status == 200
