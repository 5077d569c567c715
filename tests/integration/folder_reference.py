"""What a model folder should answer: `tokenizers` and `onnxruntime` with numpy, nothing of ours in between."""

from __future__ import annotations

import json
import math
from functools import cached_property
from pathlib import Path

import numpy as np
from reference import session_of
from safetensors.numpy import load_file
from tokenizers import Tokenizer, normalizers

AFTER_PAD = {"roberta", "xlm-roberta", "mpnet"}
GRAPHS = ("model.onnx", "onnx/model.onnx", "onnx/model_quantized.onnx")
POOLING = {"pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max", "pooling_mode_mean_tokens": "mean",
           "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
           "pooling_mode_weightedmean_tokens": "weightedmean", "pooling_mode_lasttoken": "lasttoken"}


def json_of(path: Path, otherwise):
    """A JSON file, or `otherwise` where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else otherwise


def pooled(mode: str, states: np.ndarray) -> np.ndarray:
    """[tokens, width] -> [width]."""
    steps = np.arange(1, len(states) + 1, dtype=np.float32)[:, None]
    return {"cls": lambda: states[0], "max": lambda: states.max(axis=0), "mean": lambda: states.mean(axis=0),
            "mean_sqrt_len_tokens": lambda: states.sum(axis=0) / np.sqrt(np.float32(len(states))),
            "weightedmean": lambda: (states * steps).sum(axis=0) / steps.sum(), "lasttoken": lambda: states[-1]}[mode]()


def normalized(vector: np.ndarray) -> np.ndarray:
    """Of length 1."""
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def dense(vector: np.ndarray, folder: Path) -> np.ndarray:
    """One Dense module."""
    weights = {name: value.astype(np.float32) for name, value in load_file(folder / "model.safetensors").items()}
    made = weights["linear.weight"] @ vector + weights.get("linear.bias", np.float32(0))
    name = json_of(folder / "config.json", {})["activation_function"].rpartition(".")[2]
    return {"Identity": lambda: made, "Tanh": lambda: np.tanh(made), "ReLU": lambda: np.maximum(made, 0),
            "GELU": lambda: made * (1 + np.vectorize(math.erf)(made / math.sqrt(2))) / 2}[name]()


def layer_norm(vector: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """One LayerNorm module."""
    centred = vector - vector.mean()
    return centred / np.sqrt((centred**2).mean() + 1e-5) * weights["norm.weight"] + weights["norm.bias"]


class FolderReference:
    """One folder. Each text runs alone, so that there is no padding to get wrong. Not safe for threads."""

    def __init__(self, path: Path):
        self.path = path
        self.config = json_of(path / "config.json", {})
        self.modules = json_of(path / "modules.json", [{"type": "x.Transformer"}, {"type": "x.Pooling"},
                                                       {"type": "x.Normalize"}])
        described = json_of(path / "config_sentence_transformers.json", {})
        self.prompt = described.get("prompts", {}).get(described.get("default_prompt_name"), "")
        self.session = session_of(next(path / file for file in GRAPHS if (path / file).exists()))
        self.inputs = [one.name for one in self.session.get_inputs()]
        self.outputs = [one.name for one in self.session.get_outputs()]
        self.type = np.int32 if self.session.get_inputs()[0].type == "tensor(int32)" else np.int64
        self.head = session_of(path / "head.onnx") if (path / "head.onnx").exists() else None
        self.classifies = "logits" in self.outputs or self.head is not None

    @cached_property
    def max_tokens(self) -> int:
        """The folder's limit."""
        positions = self.config["max_position_embeddings"]
        if self.config["model_type"] in AFTER_PAD:
            positions -= self.config["pad_token_id"] + 1
        said = json_of(self.path / "sentence_bert_config.json", {}).get("max_seq_length")
        return min(positions, said or json_of(self.path / "tokenizer_config.json", {}).get("model_max_length", positions))

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Cuts at the limit, on the side that the folder says; pads nothing."""
        return self.cutting()

    def cutting(self, side: str | None = None) -> Tokenizer:
        """A tokenizer that cuts at the limit, on this side."""
        side = side or json_of(self.path / "tokenizer_config.json", {}).get("truncation_side", "right")
        made = Tokenizer.from_file(str(self.path / "tokenizer.json"))
        made.no_padding()
        if json_of(self.path / "sentence_bert_config.json", {}).get("do_lower_case"):
            made.normalizer = normalizers.Lowercase()
        made.enable_truncation(self.max_tokens, direction=side)
        return made

    def ids(self, text: str) -> list[int]:
        """With the default prompt before the text."""
        return self.tokenizer.encode(self.prompt + text).ids

    def tensors(self, ids: list[int], type_ids: list[int] | None = None) -> dict[str, np.ndarray]:
        """The graph's inputs for one text, or pair of texts."""
        row = np.array([ids], self.type)
        types = np.zeros_like(row) if type_ids is None else np.array([type_ids], self.type)
        every = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": types,
                 "position_ids": np.arange(row.shape[1], dtype=self.type)[None, :]}
        return {name: every[name] for name in self.inputs}

    def run(self, ids: list[int], type_ids: list[int] | None = None) -> dict[str, np.ndarray]:
        """Every output, as the graph gives it for this one row."""
        values = self.session.run(None, self.tensors(ids, type_ids))
        return dict(zip(self.outputs, (value.astype(np.float32) for value in values)))

    @property
    def normalizes(self) -> bool:
        """Whether modules.json ends in Normalize."""
        return self.modules[-1]["type"].endswith(".Normalize")

    def vector(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """What the modules make of a graph's outputs, but for the last one's normalising."""
        if "sentence_embedding" in values:
            return values["sentence_embedding"][0]
        states = values["last_hidden_state" if "last_hidden_state" in values else "token_embeddings"][0]
        for module in self.modules[1:]:
            kind = module["type"].rpartition(".")[2]
            if kind == "Pooling":
                states = self.pool(states)
            elif kind == "Dense":
                states = dense(states, self.path / module["path"])
            elif kind == "LayerNorm":
                states = layer_norm(states, load_file(self.path / module["path"] / "model.safetensors"))
            else:
                assert kind == "Dropout" or module is self.modules[-1], kind  # nothing drops out of an answer
        return states

    def pool(self, states: np.ndarray) -> np.ndarray:
        """By 1_Pooling/config.json, in either of its forms."""
        config = json_of(self.path / "1_Pooling/config.json", {"pooling_mode": "mean"})
        modes = [config["pooling_mode"]] if "pooling_mode" in config else [
            mode for key, mode in POOLING.items() if config.get(key)]
        return np.concatenate([pooled(mode, states) for mode in modes])

    def embedding(self, ids: list[int], dimensions: int | None = None, normalize: bool | None = None) -> np.ndarray:
        """What /v1/embeddings gives."""
        vector = self.vector(self.run(ids))[:dimensions]
        return normalized(vector) if (self.normalizes if normalize is None else normalize) else vector

    def scores(self, ids: list[int], type_ids: list[int] | None = None) -> dict[str, float]:
        """What /v1/classify gives."""
        values = self.run(ids, type_ids)
        if self.head is not None:
            row = normalized(self.vector(values))[None, :].astype(np.float32)
            logits = self.head.run(None, {self.head.get_inputs()[0].name: row})[0][0]
        else:
            logits = values["logits"][0]
        scores = self.activated(logits.astype(np.float64))
        return {self.config["id2label"][str(index)]: float(score) for index, score in enumerate(scores)}

    def activated(self, logits: np.ndarray) -> np.ndarray:
        """Softmax, sigmoid or nothing, as config.json has it."""
        named = self.config.get("sentence_transformers", {}).get("activation_fn")
        named = named or self.config.get("sbert_ce_default_activation_function", "")
        if named.endswith(".Identity") or self.config.get("problem_type") == "regression":
            return logits
        if len(logits) == 1 or self.config.get("problem_type") == "multi_label_classification":
            return 1 / (1 + np.exp(-logits))
        powers = np.exp(logits - logits.max())
        return powers / powers.sum()
