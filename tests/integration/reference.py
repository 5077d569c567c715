"""What the models should answer, computed with the Python libraries alone."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
import onnxruntime
from tokenizers import Tokenizer
from weir_process import DEMO_MODELS

MAX_TOKENS = 512


def session_of(path) -> onnxruntime.InferenceSession:
    """One thread: the server shares the machine."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@lru_cache
def encoder() -> onnxruntime.InferenceSession:
    """The encoder that minilm and sentiment share."""
    return session_of(DEMO_MODELS / "minilm/model.onnx")


@lru_cache
def head() -> onnxruntime.InferenceSession:
    """The classifier on top of it."""
    return session_of(DEMO_MODELS / "sentiment/head.onnx")


@lru_cache
def tokenizer() -> Tokenizer:
    """Cuts at the model's limit, pads nothing."""
    made = Tokenizer.from_file(str(DEMO_MODELS / "minilm/tokenizer.json"))
    made.no_padding()
    made.enable_truncation(MAX_TOKENS)
    return made


def token_ids(text: str) -> list[int]:
    """At most 512 of them."""
    return tokenizer().encode(text).ids


def tensors_of(ids: list[int]) -> dict[str, np.ndarray]:
    """The encoder's inputs for one text."""
    row = np.array([ids], np.int64)
    return {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}


def hidden_state(ids: list[int]) -> np.ndarray:
    """[1, tokens, 384]."""
    return encoder().run(["last_hidden_state"], tensors_of(ids))[0]


@lru_cache(maxsize=256)
def embedding(text: str) -> np.ndarray:
    """Mean over the tokens, scaled to length 1."""
    mean = hidden_state(token_ids(text))[0].mean(axis=0)
    return mean / np.linalg.norm(mean)


def label_scores(text: str) -> dict[str, float]:
    """Probability of each label."""
    (logits,) = head().run(None, {head().get_inputs()[0].name: embedding(text)[None, :].astype(np.float32)})
    powers = np.exp(logits[0] - logits[0].max())
    config = json.loads((DEMO_MODELS / "sentiment/config.json").read_text(encoding="utf-8"))
    return {config["id2label"][str(index)]: float(p) for index, p in enumerate(powers / powers.sum())}
