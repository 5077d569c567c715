"""The folders that are refused, each with the words that the reason must have. See make.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable

import numpy as np
import onnx
from onnx import helper, numpy_helper
from safetensors.numpy import save_file

import graphs
from folder_files import (Kind, write_dense, write_graph, write_graph_and_data, write_json, write_modules,
                          write_tokenizer)
from kinds import BERT, bert_classifier, bert_embedder, bert_files, config_of, labels_of

REFUSED: dict[str, Kind] = {}


def refused(name: str, about: str, *words: str):
    """Puts a function that fills a folder into the table. "a|b": either word will do."""

    def enter(make: Callable[[Path], None]) -> Callable[[Path], None]:
        REFUSED[name] = Kind(about, make, tuple(tuple(group.lower().split("|")) for group in words))
        return make

    return enter


def changed(folder: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    """Rewrites model.onnx."""
    model = onnx.load(folder / "model.onnx")
    change(model)
    write_graph(folder, model)


@refused("token-classification", "labels for each token", "token classification|token-classification")
def _(folder: Path) -> None:
    made = replace(BERT, seed=71)
    bert_files(folder, made, "BertForTokenClassification", **labels_of("O", "B-PER", "I-PER"))
    write_graph(folder, graphs.token_classifier(made, 3))


@refused("masked-words", "a language model over masked words", "BertForMaskedLM|masked")
def _(folder: Path) -> None:
    made = replace(BERT, seed=72)
    bert_files(folder, made, "BertForMaskedLM")
    write_graph(folder, graphs.token_classifier(made, made.vocabulary))


@refused("question-answering", "where an answer starts and ends", "BertForQuestionAnswering|start_logits|question")
def _(folder: Path) -> None:
    made = replace(BERT, seed=73)
    bert_files(folder, made, "BertForQuestionAnswering")
    g = graphs.Graph(made)
    both = g.node("Split", g.dense(graphs.hidden_state(g), "qa", made.hidden, 2), g.ints(1, 1), axis=2)
    g.nodes[-1].output.append("end")
    outputs = {"start_logits": (g.node("Squeeze", both, g.ints(2)), ["batch", "sequence"]),
               "end_logits": (g.node("Squeeze", "end", g.ints(2)), ["batch", "sequence"])}
    write_graph(folder, graphs.model_of(g, outputs))


@refused("generative", "a decoder that writes text", "LlamaForCausalLM|generat")
def _(folder: Path) -> None:
    made = replace(BERT, seed=74, token_types=0)
    write_json(folder / "config.json", config_of(made, "llama", "LlamaForCausalLM"))
    write_tokenizer(folder, "byte-pairs", tokenizer_class="PreTrainedTokenizerFast")
    write_graph(folder, graphs.token_classifier(made, made.vocabulary))


@refused("safetensors-only", "weights that a converter must turn into a graph first", "model.safetensors", "convert")
def _(folder: Path) -> None:
    bert_files(folder, layer_norm_eps=1e-12, hidden_act="gelu", position_embedding_type="absolute")
    save_file({"embeddings.word_embeddings.weight": np.zeros((8, 32), np.float32)}, folder / "model.safetensors",
              metadata={"format": "pt"})


@refused("no-tokenizer", "a text model with vocab.txt alone", "tokenizer.json")
def _(folder: Path) -> None:
    bert_embedder(folder, 75, ("mean",), "Normalize")
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n", encoding="utf-8")


@refused("no-labels", "a classifier whose config.json names no labels", "id2label")
def _(folder: Path) -> None:
    bert_classifier(folder, 76, "a", "b")
    write_json(folder / "config.json", config_of(BERT, "bert", "BertForSequenceClassification"))


@refused("other-label-count", "2 logits, 3 labels", "id2label", "2", "3")
def _(folder: Path) -> None:
    bert_classifier(folder, 77, "a", "b")
    write_json(folder / "config.json",
               config_of(BERT, "bert", "BertForSequenceClassification", **labels_of("a", "b", "c")))


@refused("large-tokenizer", "600 tokens, of which the graph's table holds 500", "vocab|tokenizer", "600|599", "500")
def _(folder: Path) -> None:
    bert_embedder(folder, 78, ("mean",), "Normalize", vocabulary=500)


@refused("truncated-graph", "the first half of model.onnx", "model.onnx")
def _(folder: Path) -> None:
    bert_embedder(folder, 79, ("mean",))
    data = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(data[: len(data) // 2])


@refused("future-opset", "opset 99", "opset", "99")
def _(folder: Path) -> None:
    bert_embedder(folder, 80, ("mean",))

    def change(model: onnx.ModelProto) -> None:
        model.opset_import[0].version = 99

    changed(folder, change)


@refused("unknown-operator", "an operator that the runtime does not have", "Sparkle")
def _(folder: Path) -> None:
    bert_embedder(folder, 81, ("mean",))

    def change(model: onnx.ModelProto) -> None:
        last = model.graph.node[-1]
        model.graph.node.insert(len(model.graph.node) - 1, helper.make_node(
            "Sparkle", [last.input[0]], ["sparkling"], domain="org.example.sparkles"))
        last.input[0] = "sparkling"
        model.opset_import.append(helper.make_opsetid("org.example.sparkles", 1))

    changed(folder, change)


@refused("not-a-number", "NaN in the weights, so in every answer", "nan|not a number|finite")
def _(folder: Path) -> None:
    bert_embedder(folder, 82, ("mean",), "Normalize")

    def change(model: onnx.ModelProto) -> None:
        weight = next(weight for weight in model.graph.initializer if weight.name == "layer.1.down.bias")
        weight.CopyFrom(numpy_helper.from_array(np.full(BERT.hidden, np.nan, np.float32), weight.name))

    changed(folder, change)


@refused("turned-output", "says [batch, sequence, hidden], gives [sequence, batch, hidden]", "shape|[")
def _(folder: Path) -> None:
    bert_embedder(folder, 83, ("mean",), "Normalize")

    def change(model: onnx.ModelProto) -> None:
        last = model.graph.node[-1]
        model.graph.node.insert(len(model.graph.node) - 1, helper.make_node(
            "Transpose", [last.input[0]], ["turned"], perm=[1, 0, 2]))
        last.input[0] = "turned"

    changed(folder, change)


@refused("flat-output", "last_hidden_state of rank 2", "last_hidden_state", "rank|shape|[")
def _(folder: Path) -> None:
    made = bert_embedder(folder, 84, ("mean",))
    g = graphs.Graph(made)
    pooled = graphs.sentence(g, graphs.hidden_state(g), normalize=False)
    write_graph(folder, graphs.model_of(g, {"last_hidden_state": (pooled, ["batch", made.hidden])}))


@refused("unknown-input", "an input that no text has", "pixel_values")
def _(folder: Path) -> None:
    bert_embedder(folder, 85, ("mean",))

    def change(model: onnx.ModelProto) -> None:
        model.graph.input.append(helper.make_tensor_value_info("pixel_values", onnx.TensorProto.FLOAT, ["batch", 3]))

    changed(folder, change)


@refused("unknown-output", "two outputs, neither of a known name", "last_hidden_state", "logits")
def _(folder: Path) -> None:
    made = bert_embedder(folder, 86, ("mean",))
    g = graphs.Graph(made)
    states, shape = graphs.hidden_state(g), ["batch", "sequence", made.hidden]
    doubled = g.node("Add", states, states)
    write_graph(folder, graphs.model_of(g, {"something": (states, shape), "something_else": (doubled, shape)}))


@refused("whole-number-output", "last_hidden_state as INT32", "last_hidden_state", "INT32")
def _(folder: Path) -> None:
    bert_embedder(folder, 99, ("mean",), "Normalize")
    changed(folder, lambda model: graphs.cast_output(model, onnx.TensorProto.INT32))


@refused("data-missing", "model.onnx_data is not there", "model.onnx_data")
def _(folder: Path) -> None:
    made = replace(BERT, seed=87)
    bert_files(folder, made)
    write_graph_and_data(folder, graphs.token_vectors(made))
    (folder / "model.onnx_data").unlink()


@refused("data-short", "half of model.onnx_data", "model.onnx_data")
def _(folder: Path) -> None:
    made = replace(BERT, seed=88)
    bert_files(folder, made)
    write_graph_and_data(folder, graphs.token_vectors(made))
    with (folder / "model.onnx_data").open("r+b") as data:
        data.truncate((folder / "model.onnx_data").stat().st_size // 2)


@refused("data-outside", "weights two folders up, where they are", "outside|leaves|escape", "outside.onnx_data|..")
def _(folder: Path) -> None:
    made = replace(BERT, seed=89)
    bert_files(folder, made)
    write_graph_and_data(folder, graphs.token_vectors(made), "outside.onnx_data")

    def change(model: onnx.ModelProto) -> None:
        for weight in model.graph.initializer:
            for entry in weight.external_data:
                if entry.key == "location":
                    entry.value = "../../outside.onnx_data"

    (folder / "outside.onnx_data").rename(folder.parents[1] / "outside.onnx_data")
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    change(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())


@refused("symlink-loop", "model.onnx and another file point at each other", "model.onnx")
def _(folder: Path) -> None:
    bert_files(folder)
    (folder / "model.onnx").symlink_to("other.onnx")
    (folder / "other.onnx").symlink_to("model.onnx")


@refused("huge-tokenizer", "tokenizer.json of 500 MB (a hole on disk)", "tokenizer.json", "large|limit|bytes")
def _(folder: Path) -> None:
    bert_embedder(folder, 90, ("mean",))
    with (folder / "tokenizer.json").open("r+b") as file:
        file.truncate(500 * 1000 * 1000)


@refused("no-graph", "config.json and a tokenizer only", "model.onnx")
def _(folder: Path) -> None:
    bert_files(folder)


@refused("unknown-pooling", "a way of pooling that does not exist", "1_Pooling|pooling", "fourier")
def _(folder: Path) -> None:
    bert_embedder(folder, 91, ("mean",))
    write_json(folder / "1_Pooling/config.json", {"embedding_dimension": 32, "pooling_mode": "fourier"})


@refused("unknown-module", "a module that is not served", "LSTM")
def _(folder: Path) -> None:
    bert_embedder(folder, 92, ("mean",), "LSTM")


@refused("dense-without-weights", "2_Dense/ has no model.safetensors", "2_Dense", "safetensors|weight")
def _(folder: Path) -> None:
    bert_embedder(folder, 93, ("mean",), "Dense")
    write_dense(folder, 32, 24, "activation.Tanh", True, 193)
    (folder / "2_Dense/model.safetensors").unlink()


@refused("dense-other-width", "2_Dense/ takes 40 values, the pooling gives 32", "2_Dense|dense", "40", "32")
def _(folder: Path) -> None:
    bert_embedder(folder, 94, ("mean",), "Dense")
    write_dense(folder, 40, 24, "activation.Tanh", True, 194)


@refused("dense-other-activation", "2_Dense/ asks for a function that is not served", "2_Dense|dense", "Softsign")
def _(folder: Path) -> None:
    bert_embedder(folder, 95, ("mean",), "Dense")
    write_dense(folder, 32, 24, "activation.Softsign", True, 195)


@refused("dense-residual", "2_Dense/ adds what it gets to what it gives", "2_Dense|dense", "residual")
def _(folder: Path) -> None:
    bert_embedder(folder, 100, ("mean",), "Dense")
    write_dense(folder, 32, 24, "activation.Tanh", True, 200, residual=True)


@refused("dense-bad-weights", "2_Dense/model.safetensors says more bytes than it has", "2_Dense", "safetensors")
def _(folder: Path) -> None:
    bert_embedder(folder, 96, ("mean",), "Dense")
    write_dense(folder, 32, 24, "activation.Tanh", True, 196)
    with (folder / "2_Dense/model.safetensors").open("r+b") as file:
        file.truncate((folder / "2_Dense/model.safetensors").stat().st_size - 100)


@refused("modules-not-a-list", "modules.json is an object", "modules.json")
def _(folder: Path) -> None:
    bert_embedder(folder, 97, ("mean",))
    write_json(folder / "modules.json", {"type": "Pooling"})


@refused("module-outside", "modules.json has the pooling elsewhere", "modules.json|path", "outside|leaves|escape|..")
def _(folder: Path) -> None:
    bert_embedder(folder, 98, ("mean",))
    write_modules(folder)
    write_json(folder / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "../../1_Pooling", "type": "sentence_transformers.models.Pooling"}])
