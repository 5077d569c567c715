"""Any Hugging Face folder: those that fit answer as Python does, the others are refused with a reason."""

from __future__ import annotations

import pytest
from folder_expectations import (CHOSEN_BY_HAND, EXPECTED, REFUSED, ask, ask_items, assert_equal, of_task, pair_items,
                                 plain_items)
from weir_process import Weir, until
from wire import Client

WITH_PROMPTS = [name for name in EXPECTED if any(item.get("prompt") for item in EXPECTED[name]["items"])]
WITH_PAIRS = [name for name in EXPECTED if pair_items(name)]
SOUND = ("bert-mean", "bert-two-labels")  # served beside those that are refused


@pytest.fixture
def client(hall: Weir) -> Client:
    """Of that server."""
    return hall.client


@pytest.fixture(scope="module")
def infirmary(tmp_path_factory, folders) -> Weir:
    """A server with every folder that cannot, and two that can."""
    models = tmp_path_factory.mktemp("infirmary")
    for name in SOUND:
        (models / name).symlink_to(folders / "served" / name)
    server = Weir(tmp_path_factory.mktemp("weir"), "--models", folders / "refused", "--models", models)
    yield server
    server.stop()


def listed(server: Weir) -> dict[str, dict]:
    """/v1/models by name."""
    return {model["id"]: model for model in server.client.get("/v1/models").json()["data"]}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_folder_is_served_for_what_it_does(hall: Weir, name: str):
    found = listed(hall)[name]
    assert found["state"] == "ready", found
    assert found["task"] == EXPECTED[name]["task"]


@pytest.mark.parametrize("name", EXPECTED)
def test_answers_in_one_request_equal_the_recorded_ones(client: Client, name: str):
    items = plain_items(name)
    for found, item in zip(ask_items(client, name, EXPECTED[name]["task"], items), items):
        assert_equal(found, item)


@pytest.mark.parametrize("name", EXPECTED)
def test_answers_one_by_one_equal_the_recorded_ones(client: Client, name: str):
    for item in plain_items(name):
        assert_equal(ask_items(client, name, EXPECTED[name]["task"], [item])[0], item)


@pytest.mark.parametrize("name", EXPECTED)
def test_an_overlong_text_is_refused_with_both_lengths(client: Client, name: str):
    expected = EXPECTED[name]
    item = next(item for item in plain_items(name) if item["cut"])
    reply = ask(client, name, expected["task"], [item["text"]])
    assert reply.status == 422
    assert str(expected["max_tokens"]) in reply.message().replace(",", "")
    whole = [word for word in reply.message().replace(",", "").split() if word.isdigit()]
    assert any(int(word) > expected["max_tokens"] for word in whole), reply.message()


@pytest.mark.parametrize("name", WITH_PROMPTS)
def test_a_prompt_by_its_name_goes_before_the_text(client: Client, name: str):
    prompts = {item["prompt"] for item in EXPECTED[name]["items"] if item["prompt"]}
    assert prompts == {"query", "document"}
    for prompt in prompts:
        items = [item for item in EXPECTED[name]["items"] if item["prompt"] == prompt]
        for found, item in zip(ask_items(client, name, "embedding", items, prompt_name=prompt), items):
            assert_equal(found, item)


@pytest.mark.parametrize("name", WITH_PROMPTS)
def test_a_prompt_that_does_not_exist_is_refused(client: Client, name: str):
    reply = ask(client, name, "embedding", ["hello"], prompt_name="poem")
    assert (reply.status, reply.param()) == (400, "prompt_name")
    assert "query" in reply.message() and "document" in reply.message()


@pytest.mark.parametrize("name", WITH_PAIRS)
def test_pairs_equal_the_recorded_ones(client: Client, name: str):
    items = pair_items(name)
    for found, item in zip(ask_items(client, name, "classification", items), items):
        assert_equal(found, item)
    for item in items:
        assert_equal(ask_items(client, name, "classification", [item])[0], item)


def test_texts_and_pairs_may_stand_side_by_side(client: Client):
    name = "bert-cross-encoder"
    items = [*plain_items(name)[:3], *pair_items(name)[:3], plain_items(name)[3]]
    for found, item in zip(ask_items(client, name, "classification", items), items):
        assert_equal(found, item)


@pytest.mark.parametrize("name", of_task("classification"))
def test_raw_scores_are_the_logits(client: Client, name: str):
    items = plain_items(name)
    labels = EXPECTED[name]["labels"]
    for found, item in zip(ask_items(client, name, "classification", items, raw_scores=True), items):
        assert_equal(found, {"text": item["text"], "scores": dict(zip(labels, item["logits"]))})


@pytest.mark.parametrize("name", CHOSEN_BY_HAND)
def test_a_graph_chosen_by_hand_answers(start, folders, name: str):
    expected = CHOSEN_BY_HAND[name]
    server = start(folders / "served" / expected["folder"], "--file", expected["file"])
    for found, item in zip(ask_items(server.client, expected["folder"], expected["task"], expected["items"]),
                           expected["items"]):
        assert_equal(found, item)
        other = next(other for other in EXPECTED[expected["folder"]]["items"] if other["text"] == item["text"])
        assert other["embedding"] != item["embedding"]  # or nothing would be shown


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_does_not_fit_is_refused_with_the_reason(infirmary: Weir, name: str):
    until(lambda: listed(infirmary)[name]["state"] != "loading", "the end of loading")
    found = listed(infirmary)[name]
    assert found["state"] == "failed", REFUSED[name].about
    reason = found["reason"].lower()
    for words in REFUSED[name].words:
        assert any(word in reason for word in words), f"none of {words} in: {found['reason']}"
    assert "\n" not in reason
    for output in (infirmary.stdout(), infirmary.stderr()):
        assert any(name in line and found["reason"] in line for line in output.splitlines()), output


@pytest.mark.parametrize("name", SOUND)
def test_others_are_served_beside_those_that_are_refused(infirmary: Weir, name: str):
    items = plain_items(name)
    for found, item in zip(ask_items(infirmary.client, name, EXPECTED[name]["task"], items), items):
        assert_equal(found, item)


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_to_a_refused_folder_gets_the_reason(infirmary: Weir, name: str):
    reply = infirmary.client.post("/v1/embeddings", {"model": name, "input": "hello"})
    assert reply.status == 503
    assert listed(infirmary)[name]["reason"] in reply.message()
