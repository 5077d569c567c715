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


def make_loop(folder: Path, at_load: bool) -> Path:
    """COUNT turns of a loop, each a fraction of a microsecond; `at_load`: 2^40 turns for every run, the first one too."""
    folder.mkdir(parents=True)
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Add", ["value", "value"], ["next"])], "turn",
        [helper.make_tensor_value_info("turn", TensorProto.INT64, []),
         helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("value", TensorProto.INT64, [1])],
        [helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
         helper.make_tensor_value_info("next", TensorProto.INT64, [1])])
    weights = [numpy_helper.from_array(np.array([], dtype=np.int64), "scalar"),
               numpy_helper.from_array(np.array(2**40, dtype=np.int64), "for_ever")]
    nodes = [helper.make_node("Reshape", ["COUNT", "scalar"], ["turns"]),
             helper.make_node("Loop", ["for_ever" if at_load else "turns", "", "COUNT"], ["RESULT"], body=body)]
    graph = helper.make_graph(nodes, "loop", [helper.make_tensor_value_info("COUNT", TensorProto.INT64, [1])],
                              [helper.make_tensor_value_info("RESULT", TensorProto.INT64, [1])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              str(folder / "model.onnx"))
    return folder


# Every datatype of the protocol, as ONNX calls it.
DATATYPES = {"BOOL": TensorProto.BOOL, "UINT8": TensorProto.UINT8, "UINT16": TensorProto.UINT16,
             "UINT32": TensorProto.UINT32, "UINT64": TensorProto.UINT64, "INT8": TensorProto.INT8,
             "INT16": TensorProto.INT16, "INT32": TensorProto.INT32, "INT64": TensorProto.INT64,
             "FP16": TensorProto.FLOAT16, "BF16": TensorProto.BFLOAT16, "FP32": TensorProto.FLOAT,
             "FP64": TensorProto.DOUBLE, "BYTES": TensorProto.STRING}


def make_identity(folder: Path, datatype: str) -> Path:
    """OUT is IN, [-1, 2]."""
    folder.mkdir(parents=True)
    element = DATATYPES[datatype]
    graph = helper.make_graph([helper.make_node("Identity", ["IN"], ["OUT"])], "same",
                              [helper.make_tensor_value_info("IN", element, ["n", 2])],
                              [helper.make_tensor_value_info("OUT", element, ["n", 2])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              str(folder / "model.onnx"))
    return folder


def make_identities(folder: Path) -> Path:
    """One for each datatype, named after it in lower case."""
    for datatype in DATATYPES:
        make_identity(folder / datatype.lower(), datatype)
    return folder
