"""The folders that are served. See make.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable

import numpy as np
import onnx

import graphs
from folder_files import (NO_LIMIT, Kind, write_dense, write_graph, write_graph_and_data, write_json,
                          write_layer_norm, write_modules, write_pooling, write_tokenizer)
from graphs import Encoder

VOCABULARY = 600
BERT = Encoder(VOCABULARY, seed=1)
DISTILBERT = Encoder(VOCABULARY, seed=2, token_types=0, layers=1)
ROBERTA = Encoder(VOCABULARY, seed=3, token_types=0, positions=130, position_style="after-pad", pad=1)
# XLM-R's exports keep a table of one token type inside; there is no such input.
XLMR = Encoder(VOCABULARY, seed=4, token_types=0, positions=258, position_style="after-pad", pad=1)
MPNET = Encoder(VOCABULARY, seed=5, token_types=0, positions=130, position_style="after-pad", pad=1,
                relative_bias=True)
MODERNBERT = Encoder(VOCABULARY, seed=6, token_types=0, positions=192, position_style="rotary", pre_norm=True,
                     window=8, pad=598)

SERVED: dict[str, Kind] = {}


def served(name: str, about: str, pairs: bool = False):
    """Puts a function that fills a folder into the table."""

    def enter(make: Callable[[Path], None]) -> Callable[[Path], None]:
        SERVED[name] = Kind(about, make, pairs=pairs)
        return make

    return enter


def config_of(encoder: Encoder, family: str, architecture: str, **more) -> dict:
    """config.json of a family, with what every family has."""
    config = {"architectures": [architecture], "model_type": family, "hidden_size": encoder.hidden,
              "num_hidden_layers": encoder.layers, "num_attention_heads": encoder.heads,
              "intermediate_size": encoder.inner, "max_position_embeddings": encoder.positions,
              "pad_token_id": encoder.pad, "vocab_size": encoder.vocabulary}
    if encoder.token_types:
        config["type_vocab_size"] = encoder.token_types
    if family == "distilbert":  # has names of its own for four of them
        names = {"hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
                 "intermediate_size": "hidden_dim"}
        config = {names.get(key, key): value for key, value in config.items()}
    return config | more


def bert_files(folder: Path, encoder: Encoder = BERT, architecture: str = "BertModel", change=None, **more) -> None:
    """config.json and the tokenizer's files."""
    write_json(folder / "config.json", config_of(encoder, "bert", architecture, **more))
    write_tokenizer(folder, "word-piece", change, tokenizer_class="BertTokenizer",
                    model_max_length=encoder.positions, do_lower_case=True)


def bert_embedder(folder: Path, seed: int, modes: tuple[str, ...], *modules: str, **encoder) -> Encoder:
    """A BERT folder with these ways of pooling and modules behind it. Returns the encoder."""
    made = replace(BERT, seed=seed, **encoder)
    bert_files(folder, made)
    write_graph(folder, graphs.token_vectors(made))
    write_pooling(folder, made.hidden, *modes)
    write_modules(folder, "Pooling", *modules)
    return made


@served("bert-mean", "mean, normalised; 512 positions")
def _(folder: Path) -> None:
    bert_embedder(folder, 11, ("mean",), "Normalize", positions=512)


@served("bert-cls", "first token, normalised; tokenizer.json itself cuts and pads at 16, which does not count")
def _(folder: Path) -> None:
    bert_embedder(folder, 12, ("cls",), "Normalize")

    def cut_and_pad(tokenizer: dict) -> None:
        tokenizer["truncation"] = {"direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0}
        tokenizer["padding"] = {"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None,
                                "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}

    write_tokenizer(folder, "word-piece", cut_and_pad, tokenizer_class="BertTokenizer", model_max_length=128)


@served("bert-max", "greatest value, not normalised")
def _(folder: Path) -> None:
    bert_embedder(folder, 13, ("max",))


@served("bert-lasttoken", "last token, normalised")
def _(folder: Path) -> None:
    bert_embedder(folder, 14, ("lasttoken",), "Normalize")


@served("bert-weightedmean", "mean weighted by position, not normalised")
def _(folder: Path) -> None:
    bert_embedder(folder, 15, ("weightedmean",))


@served("bert-sqrt-mean", "sum over the square root of the number of tokens, not normalised")
def _(folder: Path) -> None:
    bert_embedder(folder, 16, ("sqrt",))


@served("bert-mean-and-cls", "two ways of pooling side by side: 64 values of 32")
def _(folder: Path) -> None:
    bert_embedder(folder, 17, ("mean", "cls"), "Normalize")


@served("bert-moved-modules", "newer names of modules, newer form of 1_Pooling/config.json: mean, normalised")
def _(folder: Path) -> None:
    bert_embedder(folder, 18, ("mean",))
    write_json(folder / "1_Pooling/config.json", {"embedding_dimension": 32, "pooling_mode": "mean",
                                                   "include_prompt": True})
    write_modules(folder, "Pooling", "Normalize", moved=True)


@served("bert-dense", "mean, dense 32 -> 24 with tanh, normalised")
def _(folder: Path) -> None:
    bert_embedder(folder, 19, ("mean",), "Dense", "Normalize")
    write_dense(folder, 32, 24, "activation.Tanh", True, 119)


@served("bert-dense-identity", "first token, dense 32 -> 48 without bias and activation, not normalised")
def _(folder: Path) -> None:
    bert_embedder(folder, 20, ("cls",), "Dense")
    write_dense(folder, 32, 48, "linear.Identity", False, 120)


@served("bert-dense-chain", "mean, dropout, dense (GELU), LayerNorm, dense (ReLU, FP16 weights), normalised")
def _(folder: Path) -> None:
    bert_embedder(folder, 33, ("mean",), "Dropout", "Dense", "LayerNorm", "Dense", "Normalize")
    write_json(folder / "2_Dropout/config.json", {"dropout": 0.3})
    write_dense(folder, 32, 40, "activation.GELU", True, 133, place=3)
    write_layer_norm(folder, 4, 40, 134)
    write_dense(folder, 40, 24, "activation.ReLU", True, 135, place=5, dtype=np.float16)


@served("bert-int32-inputs", "inputs are INT32; mean, normalised")
def _(folder: Path) -> None:
    bert_embedder(folder, 34, ("mean",), "Normalize", narrow=True)


@served("bert-half-vectors", "last_hidden_state as FP16; mean, normalised")
def _(folder: Path) -> None:
    bert_embedder(folder, 35, ("mean",), "Normalize")
    write_graph(folder, graphs.cast_output(onnx.load(folder / "model.onnx"), onnx.TensorProto.FLOAT16))


PROMPTS = {"query": "search query: ", "document": "search document: "}


@served("bert-prompts", "mean, normalised; prompts, of which 'query' is the default")
def _(folder: Path) -> None:
    bert_embedder(folder, 21, ("mean",), "Normalize")
    write_json(folder / "config_sentence_transformers.json",
               {"prompts": PROMPTS, "default_prompt_name": "query", "similarity_fn_name": "cosine"})


@served("bert-prompts-excluded", "include_prompt false: mean without the prompt's tokens, normalised; no default")
def _(folder: Path) -> None:
    made = bert_embedder(folder, 22, ("mean",), "Normalize")
    write_pooling(folder, made.hidden, "mean", include_prompt=False)
    write_json(folder / "config_sentence_transformers.json", {"prompts": PROMPTS, "default_prompt_name": None})


@served("bert-short", "mean, normalised; sentence_bert_config.json says 24 tokens")
def _(folder: Path) -> None:
    bert_embedder(folder, 23, ("mean",), "Normalize")
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": False})


@served("bert-cut-left", "mean, normalised; truncation_side left, 32 tokens by tokenizer_config.json")
def _(folder: Path) -> None:
    bert_embedder(folder, 24, ("mean",), "Normalize")
    write_tokenizer(folder, "word-piece", tokenizer_class="BertTokenizer", model_max_length=32, truncation_side="left")


@served("bert-bare", "no modules.json: mean, normalised")
def _(folder: Path) -> None:
    made = replace(BERT, seed=25)
    bert_files(folder, made)
    write_graph(folder, graphs.token_vectors(made))


@served("bert-token-embeddings", "output token_embeddings; first token, normalised")
def _(folder: Path) -> None:
    made = bert_embedder(folder, 26, ("cls",), "Normalize")
    write_graph(folder, graphs.token_vectors(made, "token_embeddings"))


@served("bert-sentence-embedding", "outputs token_embeddings and sentence_embedding, the latter pooled and normalised")
def _(folder: Path) -> None:
    made = bert_embedder(folder, 27, ("mean",), "Normalize")
    write_graph(folder, graphs.with_sentence(made, normalize=True, tokens_too=True))


@served("bert-sentence-only", "output sentence_embedding alone, pooled, not normalised, nor by modules.json")
def _(folder: Path) -> None:
    made = bert_embedder(folder, 28, ("mean",))
    write_graph(folder, graphs.with_sentence(made, normalize=False, tokens_too=False))


@served("bert-position-ids", "an input position_ids; mean, normalised")
def _(folder: Path) -> None:
    bert_embedder(folder, 29, ("mean",), "Normalize", position_style="input")


@served("bert-external", "model.onnx with its weights in model.onnx_data; mean, normalised")
def _(folder: Path) -> None:
    made = replace(BERT, seed=30)
    bert_files(folder, made)
    write_graph_and_data(folder, graphs.token_vectors(made))
    write_pooling(folder, made.hidden, "mean")
    write_modules(folder, "Pooling", "Normalize")


@served("bert-onnx-folder", "onnx/model.onnx and onnx/model_quantized.onnx; mean, normalised")
def _(folder: Path) -> None:
    made = bert_embedder(folder, 31, ("mean",), "Normalize")
    (folder / "model.onnx").unlink()
    write_graph(folder, graphs.token_vectors(made), "onnx/model.onnx")
    write_graph(folder, graphs.quantized(graphs.token_vectors(made)), "onnx/model_quantized.onnx")


@served("bert-quantized-only", "onnx/model_quantized.onnx alone; mean, normalised")
def _(folder: Path) -> None:
    made = bert_embedder(folder, 32, ("mean",), "Normalize")
    (folder / "model.onnx").unlink()
    write_graph(folder, graphs.quantized(graphs.token_vectors(made)), "onnx/model_quantized.onnx")


@served("distilbert-mean", "no token_type_ids; mean, not normalised")
def _(folder: Path) -> None:
    write_json(folder / "config.json", config_of(DISTILBERT, "distilbert", "DistilBertModel"))
    write_tokenizer(folder, "word-piece", tokenizer_class="DistilBertTokenizer", model_max_length=512)
    write_graph(folder, graphs.token_vectors(DISTILBERT))
    write_pooling(folder, DISTILBERT.hidden, "mean")
    write_modules(folder, "Pooling")


def roberta_files(folder: Path, encoder: Encoder, architecture: str = "RobertaModel", **more) -> None:
    """config.json and the tokenizer's files; the tokenizer names no limit."""
    write_json(folder / "config.json", config_of(encoder, "roberta", architecture, type_vocab_size=1, **more))
    write_tokenizer(folder, "byte-pairs", tokenizer_class="RobertaTokenizer", model_max_length=NO_LIMIT)


@served("roberta-mean", "pairs of bytes; 130 positions hold 128 tokens, which no other file says; mean, normalised")
def _(folder: Path) -> None:
    roberta_files(folder, ROBERTA)
    write_graph(folder, graphs.token_vectors(ROBERTA))
    write_pooling(folder, ROBERTA.hidden, "mean")
    write_modules(folder, "Pooling", "Normalize")


@served("roberta-lower-case", "pairs of bytes; sentence_bert_config.json says do_lower_case and 64 tokens; mean")
def _(folder: Path) -> None:
    made = replace(ROBERTA, seed=35)
    roberta_files(folder, made)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 64, "do_lower_case": True})
    write_graph(folder, graphs.token_vectors(made))
    write_pooling(folder, made.hidden, "mean")
    write_modules(folder, "Pooling")


@served("xlmr-mean", "a unigram tokenizer; model_max_length 256 of 258 positions; mean, normalised")
def _(folder: Path) -> None:
    write_json(folder / "config.json", config_of(XLMR, "xlm-roberta", "XLMRobertaModel", type_vocab_size=1))
    write_tokenizer(folder, "sentence-pieces", tokenizer_class="XLMRobertaTokenizer", model_max_length=256)
    write_graph(folder, graphs.token_vectors(XLMR))
    write_pooling(folder, XLMR.hidden, "mean")
    write_modules(folder, "Pooling", "Normalize")


@served("mpnet-mean", "word pieces between <s> and </s>, pad id 1, a bias by distance; mean, normalised")
def _(folder: Path) -> None:
    write_json(folder / "config.json", config_of(MPNET, "mpnet", "MPNetModel", relative_attention_num_buckets=32))
    write_tokenizer(folder, "mpnet", tokenizer_class="MPNetTokenizer", model_max_length=128)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 96, "do_lower_case": False})
    write_graph(folder, graphs.token_vectors(MPNET))
    write_pooling(folder, MPNET.hidden, "mean")
    write_modules(folder, "Pooling", "Normalize")


def modernbert_files(folder: Path, encoder: Encoder, architecture: str = "ModernBertModel", **more) -> None:
    """config.json and the tokenizer's files."""
    write_json(folder / "config.json", config_of(encoder, "modernbert", architecture, local_attention=16,
                                                  cls_token_id=596, sep_token_id=597, **more))
    write_tokenizer(folder, "modern", tokenizer_class="PreTrainedTokenizerFast", model_max_length=encoder.positions,
                    model_input_names=["input_ids", "attention_mask"])


@served("modernbert-cls", "rotary positions, odd layers see 8 tokens either way; first token, normalised")
def _(folder: Path) -> None:
    modernbert_files(folder, MODERNBERT)
    write_graph(folder, graphs.token_vectors(MODERNBERT))
    write_pooling(folder, MODERNBERT.hidden, "cls")
    write_modules(folder, "Pooling", "Normalize")


def labels_of(*names: str) -> dict:
    """Both maps of config.json."""
    return {"id2label": {str(index): name for index, name in enumerate(names)},
            "label2id": {name: index for index, name in enumerate(names)}}


def bert_classifier(folder: Path, seed: int, *labels: str, **more) -> None:
    """A BERT folder whose graph ends in logits."""
    made = replace(BERT, seed=seed)
    bert_files(folder, made, "BertForSequenceClassification", **(labels_of(*labels) | more))
    write_graph(folder, graphs.classifier(made, len(labels)))


@served("bert-half-logits", "2 labels, logits as FP16")
def _(folder: Path) -> None:
    bert_classifier(folder, 36, "no", "yes")
    write_graph(folder, graphs.cast_output(onnx.load(folder / "model.onnx"), onnx.TensorProto.FLOAT16))


@served("bert-two-labels", "2 labels, softmax")
def _(folder: Path) -> None:
    bert_classifier(folder, 41, "NEGATIVE", "POSITIVE", problem_type="single_label_classification")


@served("roberta-five-labels", "5 labels, softmax; pairs of bytes")
def _(folder: Path) -> None:
    made = replace(ROBERTA, seed=42)
    roberta_files(folder, made, "RobertaForSequenceClassification",
                  **labels_of("1 star", "2 stars", "3 stars", "4 stars", "5 stars"))
    write_graph(folder, graphs.classifier(made, 5))


@served("distilbert-seven-labels", "7 labels, softmax; no token_type_ids")
def _(folder: Path) -> None:
    made = replace(DISTILBERT, seed=43)
    names = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
    write_json(folder / "config.json",
               config_of(made, "distilbert", "DistilBertForSequenceClassification", **labels_of(*names)))
    write_tokenizer(folder, "word-piece", tokenizer_class="DistilBertTokenizer", model_max_length=128)
    write_graph(folder, graphs.classifier(made, 7))


@served("modernbert-three-labels", "3 labels, softmax; inputs input_ids and attention_mask only")
def _(folder: Path) -> None:
    made = replace(MODERNBERT, seed=44)
    modernbert_files(folder, made, "ModernBertForSequenceClassification", **labels_of("low", "middle", "high"))
    write_graph(folder, graphs.classifier(made, 3))


@served("bert-multi-label", "4 labels, each by itself: sigmoid")
def _(folder: Path) -> None:
    bert_classifier(folder, 45, "sport", "politics", "weather", "food", problem_type="multi_label_classification")


@served("bert-regression", "1 value as it is")
def _(folder: Path) -> None:
    bert_classifier(folder, 46, "LABEL_0", problem_type="regression")


@served("bert-shuffled-labels", "id2label in another order than its numbers, and names that JSON escapes")
def _(folder: Path) -> None:
    made = replace(BERT, seed=47)
    bert_files(folder, made, "BertForSequenceClassification",
               id2label={"2": "drittes \"Wort\"", "0": "première", "3": "第四", "1": "second"})
    write_graph(folder, graphs.classifier(made, 4))


@served("bert-cross-encoder", "pairs with token types, 1 logit with sigmoid by default", pairs=True)
def _(folder: Path) -> None:
    bert_classifier(folder, 48, "LABEL_0", sentence_transformers={"version": "4.1.0"})


@served("bert-cross-encoder-raw", "pairs, 1 logit as it is (sentence_transformers.activation_fn: Identity)", pairs=True)
def _(folder: Path) -> None:
    bert_classifier(folder, 49, "LABEL_0",
                    sentence_transformers={"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.1.0"})


@served("bert-cross-encoder-legacy", "pairs, 1 logit raw (sbert_ce_default_activation_function: Identity)", pairs=True)
def _(folder: Path) -> None:
    bert_classifier(folder, 50, "LABEL_0", sbert_ce_default_activation_function="torch.nn.modules.linear.Identity")


@served("roberta-cross-encoder", "pairs without token types, 1 logit with sigmoid (activation_fn)", pairs=True)
def _(folder: Path) -> None:
    made = replace(ROBERTA, seed=51)
    roberta_files(folder, made, "RobertaForSequenceClassification", **labels_of("LABEL_0"),
                  sentence_transformers={"activation_fn": "torch.nn.modules.activation.Sigmoid", "version": "5.0.0"})
    write_graph(folder, graphs.classifier(made, 1))


@served("xlmr-pairs-three-labels", "pairs, 3 labels, softmax; a unigram tokenizer", pairs=True)
def _(folder: Path) -> None:
    made = replace(XLMR, seed=52)
    write_json(folder / "config.json", config_of(made, "xlm-roberta", "XLMRobertaForSequenceClassification",
                                                  **labels_of("contradiction", "entailment", "neutral")))
    write_tokenizer(folder, "sentence-pieces", tokenizer_class="XLMRobertaTokenizer", model_max_length=256)
    write_graph(folder, graphs.classifier(made, 3))
