"""Compares the converted all-MiniLM-L6-v2 with expectations/minilm.json.

The model folder is minilm in the folder named by WEIR_MODELS, or models/minilm
of this repository. The tests are skipped where it is absent.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
MODELS = Path(os.environ.get("WEIR_MODELS", HERE.parents[1] / "models"))
FOLDER = MODELS / "minilm"
TOLERANCE = 1e-4
MAX_TOKENS = 512

pytestmark = pytest.mark.skipif(
    not (FOLDER / "model.onnx").exists(), reason=f"no model in {FOLDER}"
)


@pytest.fixture(scope="module")
def entries() -> list[dict]:
    """The recorded texts, their token ids and their embeddings."""
    path = HERE / "expectations" / "minilm.json"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    """The converted model, on the CPU."""
    return onnxruntime.InferenceSession(
        FOLDER / "model.onnx", providers=["CPUExecutionProvider"]
    )


def embed(session: onnxruntime.InferenceSession, rows: list[list[int]]) -> np.ndarray:
    """Sentence embeddings of a padded batch: [rows, hidden], L2-normalised."""
    width = max(len(row) for row in rows)
    ids = np.zeros((len(rows), width), np.int64)
    mask = np.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    feed = {
        "input_ids": ids,
        "attention_mask": mask,
        "token_type_ids": np.zeros_like(ids),
    }
    (states,) = session.run(["last_hidden_state"], feed)
    mean = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def test_token_ids(entries: list[dict]) -> None:
    """The cleared tokenizer.json gives the recorded ids, without padding."""
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    assert tokenizer.truncation is None
    assert tokenizer.padding is None
    tokenizer.enable_truncation(MAX_TOKENS)
    for entry in entries:
        assert tokenizer.encode(entry["text"]).ids == entry["ids"], entry["text"]


def test_embeddings_one_by_one(
    session: onnxruntime.InferenceSession, entries: list[dict]
) -> None:
    """Every text alone gives the recorded embedding."""
    for entry in entries:
        (found,) = embed(session, [entry["ids"]])
        error = np.abs(found - entry["embedding"]).max()
        assert error < TOLERANCE, (entry["text"], error)


def test_embeddings_in_one_batch(
    session: onnxruntime.InferenceSession, entries: list[dict]
) -> None:
    """So do all of them in one batch padded to the longest."""
    found = embed(session, [entry["ids"] for entry in entries])
    expected = np.array([entry["embedding"] for entry in entries])
    assert np.abs(found - expected).max() < TOLERANCE
