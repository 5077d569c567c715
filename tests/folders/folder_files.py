"""The files of a model folder, as Sentence Transformers and Transformers write them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import onnx
from safetensors.numpy import save_file

TOKENIZERS = Path(__file__).resolve().parent / "tokenizers"
# What Transformers writes for "no limit": more than 64 bits hold.
NO_LIMIT = 1000000000000000019884624838656

CLASSIC = "sentence_transformers.models."
# Names of the modules since they moved.
MOVED = {
    "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
    "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    "Dense": "sentence_transformers.base.modules.dense.Dense",
    "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
}
POOLING_KEYS = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens", "sqrt": "mean_sqrt_len_tokens",
                "weightedmean": "weightedmean_tokens", "lasttoken": "lasttoken"}


@dataclass(frozen=True)
class Kind:
    """One folder. `words`: what the reason of a refusal must have, in lower case, one of each group."""

    about: str
    make: Callable[[Path], None]
    words: tuple[tuple[str, ...], ...] = ()
    pairs: bool = False  # made for pairs of texts


def write_json(path: Path, value) -> None:
    """With its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_graph(folder: Path, model: onnx.ModelProto, file: str = "model.onnx") -> None:
    """All in one file."""
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / file)


def write_graph_and_data(folder: Path, model: onnx.ModelProto, location: str = "model.onnx_data") -> None:
    """The weights beside the graph."""
    onnx.save_model(model, folder / "model.onnx", save_as_external_data=True, all_tensors_to_one_file=True,
                    location=location, size_threshold=256)


def write_tokenizer(folder: Path, name: str, change: Callable[[dict], None] | None = None, **config) -> None:
    """tokenizer.json (after `change`) and tokenizer_config.json."""
    text = (TOKENIZERS / f"{name}.json").read_text(encoding="utf-8")
    if change:
        value = json.loads(text)
        change(value)
        text = json.dumps(value, ensure_ascii=False)
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    write_json(folder / "tokenizer_config.json", config)


def write_pooling(folder: Path, size: int, *modes: str, include_prompt: bool | None = None) -> None:
    """1_Pooling/config.json in the form with one key for each way."""
    config = {"word_embedding_dimension": size}
    config |= {f"pooling_mode_{key}": mode in modes for mode, key in POOLING_KEYS.items()}
    if include_prompt is not None:
        config["include_prompt"] = include_prompt
    write_json(folder / "1_Pooling/config.json", config)


def write_dense(folder: Path, inputs: int, outputs: int, activation: str, bias: bool, seed: int, *, place: int = 2,
                dtype=np.float32, residual: bool = False) -> None:
    """2_Dense/ (or another place) with its weights."""
    home = folder / f"{place}_Dense"
    write_json(home / "config.json", {"in_features": inputs, "out_features": outputs, "bias": bias,
                                      "activation_function": f"torch.nn.modules.{activation}"}
               | ({"use_residual": True} if residual else {}))
    rng = np.random.default_rng(seed)
    tensors = {"linear.weight": rng.normal(0, 0.3, (outputs, inputs)).astype(dtype)}
    if bias:
        tensors["linear.bias"] = rng.normal(0, 0.2, outputs).astype(dtype)
    if residual and inputs != outputs:
        tensors["residual.weight"] = rng.normal(0, 0.3, (outputs, inputs)).astype(dtype)
    save_file(tensors, home / "model.safetensors", metadata={"format": "pt"})


def write_layer_norm(folder: Path, place: int, size: int, seed: int) -> None:
    """3_LayerNorm/, say, with its weights."""
    home = folder / f"{place}_LayerNorm"
    write_json(home / "config.json", {"dimension": size})
    rng = np.random.default_rng(seed)
    save_file({"norm.weight": rng.normal(1, 0.2, size).astype(np.float32),
               "norm.bias": rng.normal(0, 0.2, size).astype(np.float32)}, home / "model.safetensors",
              metadata={"format": "pt"})


def write_modules(folder: Path, *names: str, moved: bool = False) -> None:
    """modules.json: Transformer, then these."""
    modules = []
    for index, name in enumerate(("Transformer", *names)):
        kind = MOVED[name] if moved else CLASSIC + name
        modules.append({"idx": index, "name": str(index), "path": f"{index}_{name}" if index else "", "type": kind})
    write_json(folder / "modules.json", modules)
    if "Normalize" in names:
        (folder / f"{names.index('Normalize') + 1}_Normalize").mkdir(exist_ok=True)
