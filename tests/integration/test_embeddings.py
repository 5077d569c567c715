"""Embeddings: the right numbers, whoever else is asking, in the shape that OpenAI's clients read."""

from __future__ import annotations

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openai
import pytest
import reference
from sample_texts import LONG, TOO_LONG, VARIED
from tokenizers import Tokenizer
from weir_process import DEMO_MODELS, ROOT
from wire import Client

EXACT = 1e-5
RECORDED = ROOT / "tools/convert/expectations/minilm.json"


def vectors(reply) -> np.ndarray:
    """All of an answer, in order."""
    assert reply.status == 200, reply.body
    data = reply.json()["data"]
    assert [item["index"] for item in data] == list(range(len(data)))
    return np.array([item["embedding"] for item in data])


def worst_error(found: np.ndarray, texts: list[str]) -> float:
    """Largest distance of any value from the reference."""
    return float(np.abs(found - np.array([reference.embedding(text) for text in texts])).max())


def test_the_answer_has_exactly_the_shape_of_openai(client: Client):
    answer = client.embed(["one", "two words"]).json()
    assert list(answer) == ["object", "data", "model", "usage"]
    assert (answer["object"], answer["model"]) == ("list", "minilm")
    assert [list(item) for item in answer["data"]] == [["object", "index", "embedding"]] * 2
    assert all(item["object"] == "embedding" and len(item["embedding"]) == 384 for item in answer["data"])
    assert answer["usage"] == {"prompt_tokens": 7, "total_tokens": 7}


def test_each_text_alone_equals_the_reference(client: Client):
    found = np.concatenate([vectors(client.embed(text)) for text in VARIED])
    assert worst_error(found, VARIED) < EXACT


def test_all_texts_in_one_request_equal_the_reference(client: Client):
    assert worst_error(vectors(client.embed(VARIED)), VARIED) < EXACT


def test_neighbours_never_change_a_result(client: Client):
    together = threading.Barrier(16)

    def ask(turn: int) -> float:
        mine = VARIED[turn:] + VARIED[:turn]
        together.wait()
        alone = np.concatenate([vectors(client.embed(text)) for text in mine[:6]])
        return max(worst_error(alone, mine[:6]), worst_error(vectors(client.embed(mine[6:12])), mine[6:12]))

    with ThreadPoolExecutor(16) as threads:
        assert max(threads.map(ask, range(16))) < EXACT


def test_the_recorded_expectations_still_hold(client: Client):
    entries = json.loads(RECORDED.read_text(encoding="utf-8"))
    reply = client.embed([entry["text"] for entry in entries], truncate=True)
    assert np.abs(vectors(reply) - np.array([entry["embedding"] for entry in entries])).max() < 1e-4
    assert reply.json()["usage"]["total_tokens"] == sum(len(entry["ids"]) for entry in entries)


def test_vectors_have_length_one(client: Client):
    assert np.allclose(np.linalg.norm(vectors(client.embed(VARIED[:8])), axis=1), 1, atol=EXACT)


def test_usage_counts_the_tokens_that_ran(client: Client):
    texts = VARIED[:12]
    tokens = sum(len(reference.token_ids(text)) for text in texts)
    assert client.embed(texts).json()["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}


def test_base64_holds_the_same_floats(client: Client):
    plain = vectors(client.embed(VARIED[:3], encoding_format="float")).astype("<f4")
    answer = client.embed(VARIED[:3], encoding_format="base64").json()
    packed = [np.frombuffer(base64.b64decode(item["embedding"], validate=True), "<f4") for item in answer["data"]]
    assert np.abs(np.array(packed) - plain).max() < 1e-6
    assert [len(vector) for vector in packed] == [384] * 3


@pytest.mark.parametrize("dimensions", [1, 2, 3, 128, 383, 384])
def test_fewer_dimensions_are_the_first_ones_scaled_to_length_one(client: Client, dimensions: int):
    (found,) = vectors(client.embed("A lighthouse.", dimensions=dimensions))
    start = reference.embedding("A lighthouse.")[:dimensions]
    assert np.abs(found - start / np.linalg.norm(start)).max() < EXACT


def test_a_text_of_just_the_limit_is_not_cut(client: Client):
    text = "river " * 510
    reply = client.embed(text)
    assert reply.json()["usage"]["total_tokens"] == 512
    assert worst_error(vectors(reply), [text]) < EXACT


def test_an_overlong_text_is_cut_when_asked_to(client: Client):
    reply = client.embed([TOO_LONG, "short"], truncate=True)
    assert reply.json()["usage"]["total_tokens"] == 512 + 3
    assert worst_error(vectors(reply), [TOO_LONG, "short"]) < EXACT


def test_a_thousand_texts_fit_one_request(client: Client):
    texts = [f"Boat number {number}." for number in range(1024)]
    found = vectors(client.embed(texts))
    assert len(found) == 1024
    assert worst_error(found[::100], texts[::100]) < EXACT


def test_the_model_may_be_left_out_while_one_does_embeddings(client: Client):
    answer = client.post("/v1/embeddings", {"input": "A kite."})
    assert answer.json()["model"] == "minilm"
    assert worst_error(vectors(answer), ["A kite."]) < EXACT


def test_the_field_user_is_accepted(client: Client):
    assert client.embed("A kite.", user="someone").status == 200


def test_a_long_text_equals_the_reference(client: Client):
    assert worst_error(vectors(client.embed(LONG)), [LONG]) < EXACT


@pytest.fixture(scope="module")
def package(weir):
    """OpenAI's own client, told nothing but where the server is."""
    with openai.OpenAI(base_url=f"http://127.0.0.1:{weir.port}/v1", api_key="none", max_retries=0) as made:
        yield made


def test_the_openai_package_reads_our_answers(package: openai.OpenAI):
    texts = VARIED[:5]
    answer = package.embeddings.create(model="minilm", input=texts)  # asks for base64
    assert worst_error(np.array([item.embedding for item in answer.data]), texts) < EXACT
    assert (answer.model, answer.object, answer.usage.total_tokens) == ("minilm", "list", answer.usage.prompt_tokens)


def test_the_openai_package_may_ask_for_floats_and_dimensions(package: openai.OpenAI):
    answer = package.embeddings.create(model="minilm", input="A kite.", encoding_format="float", dimensions=64)
    assert len(answer.data[0].embedding) == 64
    plain = package.embeddings.create(model="minilm", input="A kite.", encoding_format="float")
    assert worst_error(np.array([plain.data[0].embedding]), ["A kite."]) < EXACT


def test_the_openai_package_lists_our_models(package: openai.OpenAI):
    assert [model.id for model in package.models.list()] == ["identity", "minilm", "sentiment", "simple"]


def test_the_openai_package_raises_its_own_errors(package: openai.OpenAI):
    with pytest.raises(openai.NotFoundError) as missing:
        package.embeddings.create(model="minilmm", input="A kite.")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        package.embeddings.create(model="minilm", input="A kite.", dimensions=385)
    with pytest.raises(openai.UnprocessableEntityError):
        package.embeddings.create(model="minilm", input=TOO_LONG)


# Tokens instead of texts.


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(DEMO_MODELS / "minilm/tokenizer.json"))


@pytest.mark.parametrize("special", [False, True])
def test_tokens_give_the_vector_of_their_text(client: Client, tokenizer: Tokenizer, special: bool):
    texts = ["What a lovely day.", "A red kite 🦜 over the hill."]
    ids = [tokenizer.encode(text, add_special_tokens=special).ids for text in texts]
    wanted = client.embed(texts).json()
    many = client.post("/v1/embeddings", {"model": "minilm", "input": ids}).json()
    assert [one["embedding"] for one in many["data"]] == [one["embedding"] for one in wanted["data"]]
    assert many["usage"] == wanted["usage"]
    one = client.post("/v1/embeddings", {"model": "minilm", "input": ids[0]}).json()
    assert len(one["data"]) == 1
    np.testing.assert_allclose(one["data"][0]["embedding"], wanted["data"][0]["embedding"], atol=1e-6)
    mixed = client.post("/v1/embeddings", {"model": "minilm", "input": [texts[0], ids[1]]}).json()
    np.testing.assert_allclose([item["embedding"] for item in mixed["data"]],
                               [item["embedding"] for item in wanted["data"]], atol=1e-6)


def test_tokens_over_the_limit_are_cut_or_split_like_texts(client: Client, tokenizer: Tokenizer):
    text = "kite " * 900
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    refused = client.post("/v1/embeddings", {"model": "minilm", "input": ids})
    assert refused.status == 422 and "902 tokens" in refused.message()
    for option in ({"truncate": True}, {"overlap": 8}, {"truncate": True, "truncation_side": "left"}):
        answers = [client.post("/v1/embeddings", {"model": "minilm", "input": given, **option}).json()
                   for given in (text, ids)]
        assert answers[0]["data"] == answers[1]["data"] and answers[0]["usage"] == answers[1]["usage"]


@pytest.mark.parametrize("given, words", [
    ([10**9], "1000000000 is no token"), ([2**32], "no token id"), ([-1], "no token id"), ([1.5], "no token id"),
    ([[]], "'input[0]' has no tokens"), ([[101], [5, "a"]], "'input[1]'"), ([5, "a"], "'input'"), ([True], "'input[0]'")])
def test_what_are_no_tokens_is_named(client: Client, given: list, words: str):
    reply = client.post("/v1/embeddings", {"model": "minilm", "input": given})
    assert reply.status == 400 and words in reply.message(), reply.body


def test_a_prompt_is_not_for_tokens(client: Client):
    reply = client.post("/v1/embeddings", {"model": "minilm", "input": [101], "prompt": "query: "})
    assert reply.status == 400 and "prompt" in reply.message()


def test_the_openai_package_may_send_tokens(package: openai.OpenAI, client: Client, tokenizer: Tokenizer):
    ids = tokenizer.encode("A red kite.").ids
    told = package.embeddings.create(model="minilm", input=[ids, ids], user="somebody")
    assert told.usage.prompt_tokens == 2 * len(ids)
    np.testing.assert_allclose(told.data[1].embedding, client.embed("A red kite.").json()["data"][0]["embedding"],
                               atol=1e-6)
