"""A text model that takes no time: a table of small vectors, one a token."""

from __future__ import annotations

import json
from pathlib import Path

from harness.context import Context

WIDTH = 8
VOCABULARY = 30522


def make_tiny_model(context: Context, tokenizer_of: Path) -> Path:
    """A model folder with another model's tokenizer."""
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    folder = context.scratch / "tiny"
    folder.mkdir(exist_ok=True)
    values = numpy.random.default_rng(0).normal(size=(VOCABULARY, WIDTH)).astype(numpy.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])],
        "tiny",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", WIDTH])],
        [numpy_helper.from_array(values, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if not (folder / name).exists():
            (folder / name).symlink_to(tokenizer_of / name)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": ["BertModel"],
                                                    "hidden_size": WIDTH, "max_position_embeddings": 512,
                                                    "pad_token_id": 0, "vocab_size": VOCABULARY}))
    return folder
