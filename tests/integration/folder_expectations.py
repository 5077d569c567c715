"""The small model folders of tests/folders and the answers recorded for them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from weir_process import ROOT
from wire import Client, Reply

HOME = ROOT / "tests/folders"
sys.path.append(str(HOME))

from broken import REFUSED  # noqa: E402  pylint: disable=wrong-import-position
from make import write_all  # noqa: E402  pylint: disable=wrong-import-position

__all__ = ["EXPECTED", "CHOSEN_BY_HAND", "REFUSED", "ask", "ask_items", "write_all"]

_FILES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(HOME.glob("expectations/*.json"))}
# By name of the folder; and NAME@GRAPH where another graph than the one that Weir takes by itself answered.
EXPECTED: dict[str, dict] = {name: value for name, value in _FILES.items() if "@" not in name}
CHOSEN_BY_HAND: dict[str, dict] = {name: value for name, value in _FILES.items() if "@" in name}


def of_task(task: str) -> list[str]:
    """Names of the folders that do this."""
    return [name for name, value in EXPECTED.items() if value["task"] == task]


def plain_items(name: str) -> list[dict]:
    """Single texts without a prompt asked for."""
    return [item for item in EXPECTED[name]["items"] if "text_pair" not in item and not item.get("prompt")]


def pair_items(name: str) -> list[dict]:
    """Pairs of texts."""
    return [item for item in EXPECTED[name]["items"] if "text_pair" in item]


def as_input(item: dict):
    """What a request has for this item."""
    if "text_pair" in item:
        return {"text": item["text"], "text_pair": item["text_pair"]}
    return item["text"]


def ask(client: Client, model: str, task: str, inputs, **fields) -> Reply:
    """One request for embeddings or a classification."""
    path = {"embedding": "/v1/embeddings", "classification": "/v1/classify"}[task]
    return client.post(path, {"model": model, "input": inputs, **fields})


def ask_items(client: Client, model: str, task: str, items: list[dict], **fields) -> list[dict]:
    """The answer's data, one for each item; over-long ones are cut. The answer's token count is right."""
    reply = ask(client, model, task, [as_input(item) for item in items], truncate=True, **fields)
    assert reply.status == 200, reply.body
    answer = reply.json()
    assert len(answer["data"]) == len(items)
    assert answer["usage"]["prompt_tokens"] == sum(len(item["ids"]) for item in items)
    return answer["data"]


def assert_equal(found: dict, item: dict, tolerance: float = 1e-5) -> None:
    """One of `data` is as recorded."""
    text = item["text"][:80]
    if "embedding" in item:
        assert len(found["embedding"]) == len(item["embedding"])
        worst = max(abs(a - b) for a, b in zip(found["embedding"], item["embedding"]))
        assert worst <= tolerance, f"{worst} for {text!r}"
        return
    scores = {label["label"]: label["score"] for label in found["labels"]}
    assert set(scores) == set(item["scores"])
    worst = max(abs(scores[label] - score) for label, score in item["scores"].items())
    assert worst <= tolerance, f"{worst} for {text!r}"
    assert [label["score"] for label in found["labels"]] == sorted(scores.values(), reverse=True)


def write_folders(out: Path) -> Path:
    """served/ and refused/ in there."""
    write_all(out)
    return out
