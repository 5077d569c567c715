"""Text models of a few KB, for tests where the model must cost nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = ["[PAD]", "[UNK]", *(f"w{number}" for number in range(200))]
WIDTH = 8


def write_tokenizer(folder: Path) -> None:
    """One token for each word."""
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))


def write_graph(folder: Path, width: int, output: str, summed: bool, seed: int) -> None:
    """A row of a table for each token; `summed` over the tokens, where the row of padding adds nothing."""
    table = np.random.default_rng(seed).normal(size=(len(WORDS), width)).astype(np.float32)
    table[0] = 0
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
              for name in ("input_ids", "attention_mask")]
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["rows" if summed else output])]
    shape: list = ["batch", width] if summed else ["batch", "sequence", width]
    weights = [numpy_helper.from_array(table, "table")]
    if summed:
        weights.append(numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"))
        nodes.append(helper.make_node("ReduceSum", ["rows", "axis"], [output], keepdims=0))
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "model.onnx"))


def make_tiny_embedder(folder: Path, seed: int = 1) -> Path:
    """Vectors of 8 values."""
    folder.mkdir(parents=True)
    write_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 512}))
    write_graph(folder, WIDTH, "last_hidden_state", summed=False, seed=seed)
    return folder


def make_tiny_classifier(folder: Path, seed: int = 2) -> Path:
    """Three labels."""
    folder.mkdir(parents=True)
    write_tokenizer(folder)
    labels = {"0": "no", "1": "may\"be, or", "2": "yes"}
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 64, "id2label": labels}))
    write_graph(folder, len(labels), "logits", summed=True, seed=seed)
    return folder
