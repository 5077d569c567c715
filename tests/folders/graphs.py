"""Small transformer encoders with random weights, as ONNX graphs.

One builder makes every family, because the families differ in few places: what the inputs are, how positions
get in, whether normalisation comes before or after a block, and what lies on top of the last layer. The weights
are large enough that attention, positions and token types all show in the answers, so that a wrong one shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
# Added to the score of a key that is padding: exp() of it is exactly 0, and a row of padding alone stays finite.
MASKED = np.float32(-3.0e38)


@dataclass(frozen=True)
class Encoder:
    """What a graph is made of. `positions` is the number of rows of the table, as config.json has it."""

    vocabulary: int
    seed: int
    positions: int = 128
    hidden: int = 32
    inner: int = 64
    heads: int = 4
    layers: int = 2
    token_types: int = 2  # 0: there is no such input
    # "absolute": 0, 1, 2…; "after-pad": pad + 1, pad + 2…, counted over the ids that are not padding;
    # "input": from an input position_ids; "rotary": queries and keys are turned, there is no table.
    position_style: str = "absolute"
    pad: int = 0
    relative_bias: bool = False  # MPNet: a learned bias per head and distance
    pre_norm: bool = False  # ModernBERT: normalise before a block, gated inner layer
    window: int = 0  # odd layers see only keys this near; 0: all keys
    narrow: bool = False  # inputs are INT32

    @property
    def head_size(self) -> int:
        """Width of one head."""
        return self.hidden // self.heads

    def inputs(self) -> list[str]:
        """Names in the graph's order."""
        names = ["input_ids", "attention_mask"]
        if self.token_types:
            names.append("token_type_ids")
        if self.position_style == "input":
            names.append("position_ids")
        return names


class Graph:
    """Collects nodes and weights. A node's output is named after what it is."""

    def __init__(self, encoder: Encoder):
        self.encoder = encoder
        self.rng = np.random.default_rng(encoder.seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, np.ndarray] = {}
        self.ids = {name: name for name in encoder.inputs()}
        if encoder.narrow:
            self.ids = {name: self.node("Cast", name, to=TensorProto.INT64) for name in encoder.inputs()}

    def constant(self, value, name: str = "") -> str:
        """An initializer with this value; equal unnamed ones are kept once."""
        array = np.asarray(value)
        name = name or f"c_{array.dtype}_{'x'.join(map(str, array.shape))}_{array.tobytes()[:32].hex()}"
        self.weights.setdefault(name, array)
        return name

    def random(self, name: str, *shape: int, scale: float = 0.3, centre: float = 0.0) -> str:
        """An initializer of normally distributed values."""
        return self.constant(self.rng.normal(centre, scale, shape).astype(np.float32), name)

    def node(self, kind: str, *inputs: str, name: str = "", **attributes) -> str:
        """A node with one output."""
        name = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def ints(self, *values: int) -> str:
        """A constant list of int64."""
        return self.constant(np.array(values, np.int64))

    def dense(self, x: str, name: str, inputs: int, outputs: int, bias: bool = True) -> str:
        """x * W + b over the last axis."""
        x = self.node("MatMul", x, self.random(f"{name}.weight", inputs, outputs))
        return self.node("Add", x, self.random(f"{name}.bias", outputs, scale=0.1)) if bias else x

    def norm(self, x: str, name: str) -> str:
        """LayerNorm over the last axis."""
        size = self.encoder.hidden
        scale = self.random(f"{name}.weight", size, scale=0.1, centre=1.0)
        return self.node("LayerNormalization", x, scale, self.random(f"{name}.bias", size, scale=0.1), axis=-1,
                         epsilon=1e-12)

    def gelu(self, x: str) -> str:
        """The exact one, with erf."""
        erf = self.node("Erf", self.node("Div", x, self.constant(np.float32(np.sqrt(2.0)))))
        product = self.node("Mul", x, self.node("Add", erf, self.constant(np.float32(1))))
        return self.node("Mul", product, self.constant(np.float32(0.5)))

    def length(self) -> str:
        """The number of tokens in a row, as a list of one int64."""
        return self.node("Shape", self.ids["input_ids"], start=1, end=2)

    def count_up(self) -> str:
        """[0, 1, … tokens - 1], int64."""
        zero, one = self.constant(np.int64(0)), self.constant(np.int64(1))
        return self.node("Range", zero, self.node("Squeeze", self.length(), self.ints(0)), one)

    def distances(self) -> str:
        """[tokens, tokens] int64: key's position minus query's."""
        row = self.node("Unsqueeze", self.count_up(), self.ints(0))
        return self.node("Sub", row, self.node("Transpose", row, perm=[1, 0]))


def position_ids(g: Graph) -> str:
    """Which rows of the position table the tokens take."""
    encoder = g.encoder
    if encoder.position_style == "input":
        return g.ids["position_ids"]
    if encoder.position_style == "absolute":
        return g.count_up()
    pad = g.constant(np.int64(encoder.pad))
    real = g.node("Cast", g.node("Not", g.node("Equal", g.ids["input_ids"], pad)), to=TensorProto.INT64)
    counted = g.node("Mul", g.node("CumSum", real, g.constant(np.int64(1))), real)
    return g.node("Add", counted, pad)


def embeddings(g: Graph) -> str:
    """[batch, tokens, hidden] before the first layer."""
    encoder = g.encoder
    x = g.node("Gather", g.random("word_embeddings", encoder.vocabulary, encoder.hidden, scale=0.7),
               g.ids["input_ids"])
    if encoder.token_types:
        table = g.random("token_type_embeddings", encoder.token_types, encoder.hidden, scale=0.5)
        x = g.node("Add", x, g.node("Gather", table, g.ids["token_type_ids"]))
    if encoder.position_style != "rotary":
        table = g.random("position_embeddings", encoder.positions, encoder.hidden, scale=0.4)
        x = g.node("Add", x, g.node("Gather", table, position_ids(g)))
    return g.norm(x, "embeddings.norm")


def key_mask(g: Graph) -> str:
    """[batch, 1, 1, tokens]: what padding adds to a score."""
    wide = g.node("Cast", g.node("Unsqueeze", g.ids["attention_mask"], g.ints(1, 2)), to=TensorProto.FLOAT)
    return g.node("Mul", g.node("Sub", g.constant(np.float32(1)), wide), g.constant(MASKED))


def window_mask(g: Graph) -> str:
    """[tokens, tokens]: what a key too far away adds to a score."""
    far = g.node("Greater", g.node("Abs", g.distances()), g.constant(np.int64(g.encoder.window)))
    return g.node("Where", far, g.constant(MASKED), g.constant(np.float32(0)))


def relative_bias(g: Graph) -> str:
    """[1, heads, tokens, tokens], from a table over distances cut at 8 either way."""
    near = g.node("Max", g.node("Min", g.distances(), g.constant(np.int64(8))), g.constant(np.int64(-8)))
    rows = g.node("Add", near, g.constant(np.int64(8)))
    bias = g.node("Gather", g.random("relative_bias", 17, g.encoder.heads, scale=0.6), rows)
    return g.node("Unsqueeze", g.node("Transpose", bias, perm=[2, 0, 1]), g.ints(0))


def rotate(g: Graph, x: str) -> str:
    """Turns each pair (i, i + half) of a head's values by an angle that grows with the position."""
    half = g.encoder.head_size // 2
    rates = (100.0 ** (-np.arange(half) / half)).astype(np.float32)
    steps = g.node("Cast", g.node("Unsqueeze", g.count_up(), g.ints(1)), to=TensorProto.FLOAT)
    angles = g.node("Mul", steps, g.constant(rates[None, :]))
    cos, sin = g.node("Cos", angles), g.node("Sin", angles)
    low = g.node("Slice", x, g.ints(0), g.ints(half), g.ints(3))
    high = g.node("Slice", x, g.ints(half), g.ints(2 * half), g.ints(3))
    left = g.node("Sub", g.node("Mul", low, cos), g.node("Mul", high, sin))
    right = g.node("Add", g.node("Mul", high, cos), g.node("Mul", low, sin))
    return g.node("Concat", left, right, axis=3)


def attention(g: Graph, x: str, added: list[str], prefix: str) -> str:
    """Multi-head self attention with its output projection; `added` goes onto the scores."""
    encoder = g.encoder

    def heads(part: str) -> str:
        flat = g.dense(x, f"{prefix}.{part}", encoder.hidden, encoder.hidden)
        split = g.node("Reshape", flat, g.ints(0, 0, encoder.heads, encoder.head_size))
        return g.node("Transpose", split, perm=[0, 2, 1, 3])

    query, key, value = heads("query"), heads("key"), heads("value")
    if encoder.position_style == "rotary":
        query, key = rotate(g, query), rotate(g, key)
    scores = g.node("MatMul", query, g.node("Transpose", key, perm=[0, 1, 3, 2]))
    scores = g.node("Mul", scores, g.constant(np.float32(1 / np.sqrt(encoder.head_size))))
    for term in added:
        scores = g.node("Add", scores, term)
    context = g.node("MatMul", g.node("Softmax", scores, axis=-1), value)
    rows = g.node("Reshape", g.node("Transpose", context, perm=[0, 2, 1, 3]), g.ints(0, 0, encoder.hidden))
    return g.dense(rows, f"{prefix}.output", encoder.hidden, encoder.hidden)


def inner(g: Graph, x: str, prefix: str) -> str:
    """The two dense layers; the gated kind multiplies with a third."""
    encoder = g.encoder
    wide = g.gelu(g.dense(x, f"{prefix}.up", encoder.hidden, encoder.inner))
    if encoder.pre_norm:
        wide = g.node("Mul", wide, g.dense(x, f"{prefix}.gate", encoder.hidden, encoder.inner, bias=False))
    return g.dense(wide, f"{prefix}.down", encoder.inner, encoder.hidden)


def hidden_state(g: Graph) -> str:
    """[batch, tokens, hidden] after the last layer."""
    x, mask = embeddings(g), key_mask(g)
    added = [relative_bias(g), mask] if g.encoder.relative_bias else [mask]
    for layer in range(g.encoder.layers):
        prefix = f"layer.{layer}"
        here = [window_mask(g), *added] if g.encoder.window and layer % 2 else added
        blocks = [("attention", lambda y, h=here, p=prefix: attention(g, y, h, p)),
                  ("inner", lambda y, p=prefix: inner(g, y, p))]
        for name, block in blocks:
            if g.encoder.pre_norm:
                x = g.node("Add", x, block(g.norm(x, f"{prefix}.{name}.norm")))
            else:
                x = g.norm(g.node("Add", block(x), x), f"{prefix}.{name}.norm")
    return g.norm(x, "final.norm") if g.encoder.pre_norm else x


def sentence(g: Graph, states: str, normalize: bool) -> str:
    """Mean over the tokens that are not padding."""
    mask = g.node("Cast", g.node("Unsqueeze", g.ids["attention_mask"], g.ints(2)), to=TensorProto.FLOAT)
    total = g.node("ReduceSum", g.node("Mul", states, mask), g.ints(1), keepdims=0)
    mean = g.node("Div", total, g.node("ReduceSum", mask, g.ints(1), keepdims=0))
    return g.node("LpNormalization", mean, axis=-1, p=2) if normalize else mean


def logits(g: Graph, states: str, labels: int) -> str:
    """[batch, labels] from the first token, as most families do it."""
    first = g.node("Gather", states, g.constant(np.int64(0)), axis=1)
    size = g.encoder.hidden
    return g.dense(g.node("Tanh", g.dense(first, "pooler", size, size)), "classifier", size, labels)


def model_of(g: Graph, outputs: dict[str, tuple[str, list]], opset: int = OPSET) -> onnx.ModelProto:
    """The whole file. `outputs`: name -> (what it is, its shape)."""
    nodes = [*g.nodes, *(helper.make_node("Identity", [value], [name]) for name, (value, _) in outputs.items())]
    kind = TensorProto.INT32 if g.encoder.narrow else TensorProto.INT64
    inputs = [helper.make_tensor_value_info(name, kind, ["batch", "sequence"])
              for name in g.encoder.inputs()]
    shapes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, (_, shape) in outputs.items()]
    weights = [numpy_helper.from_array(np.array(array), name) for name, array in g.weights.items()]
    graph = helper.make_graph(nodes, "encoder", inputs, shapes, weights)
    return helper.make_model(graph, producer_name="weir-tests", ir_version=IR_VERSION,
                             opset_imports=[helper.make_opsetid("", opset)])


def token_vectors(encoder: Encoder, name: str = "last_hidden_state") -> onnx.ModelProto:
    """The plain encoder."""
    g = Graph(encoder)
    return model_of(g, {name: (hidden_state(g), ["batch", "sequence", encoder.hidden])})


def with_sentence(encoder: Encoder, normalize: bool, tokens_too: bool) -> onnx.ModelProto:
    """An encoder that pools by itself, with or without its token vectors as another output."""
    g = Graph(encoder)
    states = hidden_state(g)
    outputs = {"token_embeddings": (states, ["batch", "sequence", encoder.hidden])} if tokens_too else {}
    outputs["sentence_embedding"] = (sentence(g, states, normalize), ["batch", encoder.hidden])
    return model_of(g, outputs)


def classifier(encoder: Encoder, labels: int) -> onnx.ModelProto:
    """[batch, labels]."""
    g = Graph(encoder)
    return model_of(g, {"logits": (logits(g, hidden_state(g), labels), ["batch", labels])})


def token_classifier(encoder: Encoder, labels: int) -> onnx.ModelProto:
    """[batch, sequence, labels]."""
    g = Graph(encoder)
    scores = g.dense(hidden_state(g), "classifier", encoder.hidden, labels)
    return model_of(g, {"logits": (scores, ["batch", "sequence", labels])})


def cast_output(model: onnx.ModelProto, kind: int) -> onnx.ModelProto:
    """The first output as another element type."""
    output, last = model.graph.output[0], model.graph.node[-1]
    assert last.output[0] == output.name
    last.output[0] = "uncast"
    model.graph.node.append(helper.make_node("Cast", ["uncast"], [output.name], to=kind))
    output.type.tensor_type.elem_type = kind
    return model


def quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with its matrices as int8, each with one scale: near the same answers, but not the same."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    kept, nodes = [], []
    for weight in made.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.ndim != 2 or values.dtype != np.float32:
            kept.append(weight)
            continue
        scale = np.float32(np.abs(values).max() / 127)
        whole = np.round(values / scale).astype(np.int8)
        parts = {f"{weight.name}.int8": whole, f"{weight.name}.scale": scale, f"{weight.name}.zero": np.int8(0)}
        kept += [numpy_helper.from_array(np.array(value), name) for name, value in parts.items()]
        nodes.append(helper.make_node("DequantizeLinear", list(parts), [weight.name], name=f"{weight.name}.float"))
    nodes += list(made.graph.node)
    del made.graph.initializer[:]
    del made.graph.node[:]
    made.graph.initializer.extend(kept)
    made.graph.node.extend(nodes)
    return made
