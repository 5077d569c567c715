"""The ONNX graph of a BERT encoder, from its settings and its tensors.

The graph holds standard operators only (opset 17): ONNX Runtime fuses what
pays, and it came out faster on a CPU than the same network written with its
own fused operators. README.md, "Which graph", has the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IR_VERSION = 8
OPSET = 17

# Added to the score of a key that is padding. Large enough for exp() to give
# exactly 0 beside any real score, so padding never changes another value, and
# still finite, so that a row with nothing but padding does not become NaN.
MASKED_SCORE = np.float32(-3.0e38)


@dataclass(frozen=True)
class BertConfig:
    """The settings of config.json that the graph depends on."""

    vocabulary: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    positions: int
    token_types: int
    layer_norm_eps: float

    @property
    def head_size(self) -> int:
        """The width of one attention head."""
        return self.hidden // self.heads


def expected_shapes(config: BertConfig) -> dict[str, tuple[int, ...]]:
    """The name and shape of every tensor that the graph needs.

    A dense weight has the shape [outputs, inputs], as checkpoints keep it.
    """
    hidden, inner = config.hidden, config.intermediate
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config.vocabulary, hidden),
        "embeddings.position_embeddings.weight": (config.positions, hidden),
        "embeddings.token_type_embeddings.weight": (config.token_types, hidden),
    }

    def layer_norm(name: str) -> None:
        shapes[f"{name}.weight"] = (hidden,)
        shapes[f"{name}.bias"] = (hidden,)

    def dense(name: str, outputs: int, inputs: int) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs)
        shapes[f"{name}.bias"] = (outputs,)

    layer_norm("embeddings.LayerNorm")
    for layer in range(config.layers):
        prefix = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            dense(f"{prefix}.attention.self.{part}", hidden, hidden)
        dense(f"{prefix}.attention.output.dense", hidden, hidden)
        layer_norm(f"{prefix}.attention.output.LayerNorm")
        dense(f"{prefix}.intermediate.dense", inner, hidden)
        dense(f"{prefix}.output.dense", hidden, inner)
        layer_norm(f"{prefix}.output.LayerNorm")
    return shapes


class _Graph:
    """Collects nodes and initializers, and names what lies between them."""

    def __init__(self, config: BertConfig, tensors: dict[str, np.ndarray]) -> None:
        self.config = config
        self.tensors = tensors
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        """Adds an initializer, once per name. Returns its name."""
        if name not in self.initializers:
            array = np.ascontiguousarray(value)
            # ascontiguousarray turns a scalar into one element of rank 1.
            array = array.reshape(np.shape(value))
            self.initializers[name] = numpy_helper.from_array(array, name)
        return name

    def weight(self, name: str) -> str:
        """Adds a checkpoint tensor as it is. Returns its name."""
        return self.constant(name, self.tensors[name])

    def node(self, kind: str, inputs: Sequence[str], name: str, **attributes) -> str:
        """Adds a node with one output. Returns the output, called `name`."""
        self.nodes.append(
            helper.make_node(kind, list(inputs), [name], name=name, **attributes)
        )
        return name

    def dense(self, x: str, name: str, scale: float = 1.0) -> str:
        """`scale` times (x * weight^T + bias), over the last axis of x."""
        factor = np.float32(scale)
        weight = self.constant(
            f"{name}.weight", self.tensors[f"{name}.weight"].T * factor
        )
        bias = self.constant(f"{name}.bias", self.tensors[f"{name}.bias"] * factor)
        product = self.node("MatMul", [x, weight], f"{name}/product")
        return self.node("Add", [product, bias], f"{name}/output")

    def layer_norm(self, x: str, name: str) -> str:
        """LayerNorm over the last axis of x."""
        return self.node(
            "LayerNormalization",
            [x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")],
            f"{name}/output",
            axis=-1,
            epsilon=self.config.layer_norm_eps,
        )

    def gelu(self, x: str, name: str) -> str:
        """Exact gelu, x * (1 + erf(x / sqrt(2))) / 2, in the form that ONNX
        Runtime recognises and fuses with the bias before it."""
        root = self.constant("sqrt_2", np.float32(np.sqrt(2.0)))
        one = self.constant("one", np.float32(1.0))
        half = self.constant("half", np.float32(0.5))
        scaled = self.node("Div", [x, root], f"{name}/scaled")
        erf = self.node("Erf", [scaled], f"{name}/erf")
        shifted = self.node("Add", [erf, one], f"{name}/shifted")
        product = self.node("Mul", [x, shifted], f"{name}/product")
        return self.node("Mul", [product, half], f"{name}/output")


def _embeddings(graph: _Graph) -> str:
    """Word + token type + position, normalised: [batch, sequence, hidden]."""
    word = graph.node(
        "Gather",
        [graph.weight("embeddings.word_embeddings.weight"), "input_ids"],
        "embeddings/word",
    )
    kind = graph.node(
        "Gather",
        [graph.weight("embeddings.token_type_embeddings.weight"), "token_type_ids"],
        "embeddings/token_type",
    )
    length = graph.node("Shape", ["input_ids"], "embeddings/length", start=1, end=2)
    zero = graph.constant("first", np.array([0], np.int64))
    # Positions are 0, 1, 2, ... in every row: the first rows of the table.
    position = graph.node(
        "Slice",
        [graph.weight("embeddings.position_embeddings.weight"), zero, length, zero],
        "embeddings/position",
    )
    words = graph.node("Add", [word, kind], "embeddings/word_and_type")
    total = graph.node("Add", [words, position], "embeddings/sum")
    return graph.layer_norm(total, "embeddings.LayerNorm")


def _additive_mask(graph: _Graph) -> str:
    """0 where attention_mask is 1, MASKED_SCORE where it is 0, as
    [batch, 1, 1, sequence] so that it adds to scores of every head and query."""
    axes = graph.constant("mask_axes", np.array([1, 2], np.int64))
    wide = graph.node("Unsqueeze", ["attention_mask", axes], "mask/wide")
    real = graph.node("Cast", [wide], "mask/float", to=TensorProto.FLOAT)
    one = graph.constant("one", np.float32(1.0))
    padding = graph.node("Sub", [one, real], "mask/padding")
    low = graph.constant("masked_score", MASKED_SCORE)
    return graph.node("Mul", [padding, low], "mask/additive")


def _attention(graph: _Graph, x: str, mask: str, prefix: str) -> str:
    """Multi-head self attention, before its output projection.

    x and the result are [batch, sequence, hidden].
    """
    config = graph.config
    split = graph.constant(
        "split_heads", np.array([0, 0, config.heads, config.head_size], np.int64)
    )
    join = graph.constant("join_heads", np.array([0, 0, config.hidden], np.int64))

    def heads(part: str, order: list[int], scale: float = 1.0) -> str:
        name = f"{prefix}.self.{part}"
        flat = graph.dense(x, name, scale)
        parts = graph.node("Reshape", [flat, split], f"{name}/heads")
        return graph.node("Transpose", [parts], f"{name}/transposed", perm=order)

    # The usual division of the scores by sqrt(head size) is done on the query
    # weights here, once and not on every request.
    query = heads("query", [0, 2, 1, 3], 1.0 / np.sqrt(config.head_size))
    key = heads("key", [0, 2, 3, 1])
    value = heads("value", [0, 2, 1, 3])
    scores = graph.node("MatMul", [query, key], f"{prefix}/scores")
    masked = graph.node("Add", [scores, mask], f"{prefix}/masked")
    shares = graph.node("Softmax", [masked], f"{prefix}/shares", axis=-1)
    context = graph.node("MatMul", [shares, value], f"{prefix}/context")
    rows = graph.node("Transpose", [context], f"{prefix}/rows", perm=[0, 2, 1, 3])
    return graph.node("Reshape", [rows, join], f"{prefix}/joined")


def _layer(graph: _Graph, x: str, mask: str, layer: int) -> str:
    """One encoder layer, [batch, sequence, hidden] to the same."""
    prefix = f"encoder.layer.{layer}"
    context = _attention(graph, x, mask, f"{prefix}.attention")
    projected = graph.dense(context, f"{prefix}.attention.output.dense")
    attended = graph.node("Add", [projected, x], f"{prefix}.attention/residual")
    x = graph.layer_norm(attended, f"{prefix}.attention.output.LayerNorm")
    inner = graph.dense(x, f"{prefix}.intermediate.dense")
    inner = graph.gelu(inner, f"{prefix}.intermediate/gelu")
    outer = graph.dense(inner, f"{prefix}.output.dense")
    total = graph.node("Add", [outer, x], f"{prefix}/residual")
    return graph.layer_norm(total, f"{prefix}.output.LayerNorm")


def build_model(
    config: BertConfig,
    tensors: dict[str, np.ndarray],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> onnx.ModelProto:
    """The encoder as an ONNX model.

    Inputs, int64 [batch, sequence]: input_ids, attention_mask, token_type_ids.
    Output, float32 [batch, sequence, hidden]: last_hidden_state.

    `tensors` holds float32 arrays with the names and shapes of
    expected_shapes(config). `progress` is told the layers done, and of how many.
    """
    graph = _Graph(config, tensors)
    x = _embeddings(graph)
    mask = _additive_mask(graph)
    for layer in range(config.layers):
        x = _layer(graph, x, mask, layer)
        progress(layer + 1, config.layers)
    graph.node("Identity", [x], "last_hidden_state")

    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    output = helper.make_tensor_value_info(
        "last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", config.hidden]
    )
    return helper.make_model(
        helper.make_graph(
            graph.nodes, "bert", inputs, [output], list(graph.initializers.values())
        ),
        producer_name="weir-convert",
        producer_version="1",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
