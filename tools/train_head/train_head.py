#!/usr/bin/env python3
"""Trains the demonstration sentiment head over all-MiniLM-L6-v2.

  python3 train_head.py           writes head.onnx and MODEL_CARD.md
  python3 train_head.py --check   trains again, writes nothing, and exits 1
                                  when either does not agree

Reads sentences.tsv beside this file and the encoder from --encoder, a folder
that tools/convert made (models/minilm of this repository unless given).

head.onnx: float32 `embedding` [batch, 384], mean-pooled and L2-normalised, to
float32 `logits` [batch, 2], NEGATIVE and POSITIVE. softmax(logits) is the
probability that the regression gives.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer

import regression
from model_card import Result, render

HERE = Path(__file__).resolve().parent
HEAD = HERE / "head.onnx"
CARD = HERE / "MODEL_CARD.md"
LABELS = ("NEGATIVE", "POSITIVE")
# One in HELD_OUT groups is held out.
HELD_OUT = 5
MAX_TOKENS = 256
BATCH = 32
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Sentence:
    """One line of sentences.tsv."""

    label: int
    group: str
    domain: str
    text: str


def read_sentences(path: Path) -> list[Sentence]:
    """The lines of label TAB group TAB domain TAB text.

    Raises ValueError for a line of another form or a text that came before.
    """
    sentences: list[Sentence] = []
    seen: set[str] = set()
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        fields = line.split("\t")
        if len(fields) != 4 or fields[0] not in LABELS or not all(fields):
            raise ValueError(f"{path.name}:{number}: not label, group, domain, text")
        label, group, domain, text = fields
        key = text.casefold()
        if key in seen:
            raise ValueError(f"{path.name}:{number}: this text came before")
        seen.add(key)
        sentences.append(Sentence(LABELS.index(label), group, domain, text))
    return sentences


def bucket(group: str, purpose: str, buckets: int) -> int:
    """A number below `buckets` that depends on nothing but the two names, so
    that adding sentences never moves others to the other side."""
    digest = hashlib.sha256(f"{purpose}:{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % buckets


def embed(folder: Path, texts: list[str]) -> np.ndarray:
    """Sentence embeddings, mean over the tokens and L2-normalised:
    float64 [texts, width]."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    rows = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    # Rows of like length share a batch: less padding to compute.
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    vectors: dict[int, np.ndarray] = {}
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        width = max(len(rows[index]) for index in chosen)
        ids = np.zeros((len(chosen), width), np.int64)
        mask = np.zeros_like(ids)
        for row, index in enumerate(chosen):
            ids[row, : len(rows[index])] = rows[index]
            mask[row, : len(rows[index])] = 1
        feed = {
            "input_ids": ids,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(ids),
        }
        (states,) = session.run(["last_hidden_state"], feed)
        # The norm takes out the division by the number of tokens.
        total = (states.astype(np.float64) * mask[:, :, None]).sum(axis=1)
        total /= np.linalg.norm(total, axis=1, keepdims=True)
        vectors.update(zip(chosen, total))
    return np.stack([vectors[index] for index in range(len(rows))])


def train(sentences: list[Sentence], features: np.ndarray) -> tuple[np.ndarray, Result]:
    """Fits on four fifths of the groups and measures on the last fifth, which
    has no part in any choice. Returns the weights [width + 1] and the result."""
    labels = np.array([sentence.label for sentence in sentences])
    held_out = np.array(
        [bucket(sentence.group, "split", HELD_OUT) == 0 for sentence in sentences]
    )
    folds = np.array(
        [bucket(sentence.group, "fold", regression.FOLDS) for sentence in sentences]
    )
    penalty, validated = regression.cross_validate(
        features[~held_out], labels[~held_out], folds[~held_out]
    )
    weights = regression.fit(features[~held_out], labels[~held_out], penalty)
    predicted = (regression.scores(weights, features) > 0).astype(int)
    sizes = Counter(sentence.group for sentence in sentences)
    measured = [
        (sentence.domain, sentence.label, int(guess), sizes[sentence.group] > 1)
        for sentence, guess, out in zip(sentences, predicted, held_out)
        if out
    ]
    result = Result(
        training=int((~held_out).sum()),
        penalty=penalty,
        validated=validated,
        fitted=float((predicted == labels)[~held_out].mean()),
        measured=measured,
    )
    return weights, result


def head_arrays(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Gemm's weight [width, 2] and bias [2], float32.

    The log odds z become the logits -z/2 and z/2, whose softmax is the same
    probability.
    """
    pair = np.stack([-weights / 2, weights / 2], axis=1).astype(np.float32)
    return np.ascontiguousarray(pair[:-1]), pair[-1].copy()


def head_model(weights: np.ndarray) -> bytes:
    """The head as the bytes of an ONNX file."""
    weight, bias = head_arrays(weights)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["embedding", "weight", "bias"], ["logits"])],
        "sentiment_head",
        [
            helper.make_tensor_value_info(
                "embedding", TensorProto.FLOAT, ["batch", len(weight)]
            )
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(
        graph,
        producer_name="weir-train-head",
        producer_version="1",
        ir_version=8,
        opset_imports=[helper.make_opsetid("", 17)],
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def disagreements(weights: np.ndarray, result: Result) -> list[str]:
    """What the files in place and this training do not agree on, in words."""
    found = []
    stored = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load(HEAD).graph.initializer
    }
    for name, array in zip(("weight", "bias"), head_arrays(weights)):
        if name not in stored or stored[name].shape != array.shape:
            found.append(f"head.onnx: '{name}' is missing or of another shape")
            continue
        difference = float(np.abs(stored[name] - array).max())
        if difference > TOLERANCE:
            found.append(f"head.onnx: '{name}' differs by {difference:.2g}")
    figure = re.search(r"(\d+) of (\d+) held-out", CARD.read_text(encoding="utf-8"))
    expected = (result.correct, len(result.measured))
    if figure is None or tuple(map(int, figure.groups())) != expected:
        found.append(
            f"MODEL_CARD.md: measured {expected[0]} of {expected[1]} held-out"
        )
    return found


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Trains the sentiment head.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument(
        "--encoder", type=Path, default=HERE.parents[1] / "models" / "minilm"
    )
    options = parser.parse_args(arguments)
    if not (options.encoder / "model.onnx").exists():
        print(f"train_head: no model.onnx in {options.encoder}", file=sys.stderr)
        return 2
    try:
        sentences = read_sentences(HERE / "sentences.tsv")
    except (OSError, ValueError) as error:
        print(f"train_head: {error}", file=sys.stderr)
        return 2

    features = embed(options.encoder, [sentence.text for sentence in sentences])
    weights, result = train(sentences, features)
    print(
        f"{result.training} training sentences, penalty {result.penalty}: "
        f"cross-validated {result.validated:.1%}, held out "
        f"{result.correct} of {len(result.measured)} ({result.accuracy:.1%})"
    )
    if options.check:
        found = disagreements(weights, result)
        for line in found:
            print(f"train_head: {line}", file=sys.stderr)
        return 1 if found else 0
    HEAD.write_bytes(head_model(weights))
    CARD.write_text(render(result), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
