#!/usr/bin/env python3
"""Recorded expectations/*.json: what Python answers for the folders that are served.

  python3 -m venv V && V/bin/pip install -r ../requirements.txt -r record-requirements.txt && V/bin/python record.py

Not part of a test run, and nothing of it is ours to get wrong: ids come from `tokenizers`, the graph's output from
`onnxruntime`, pooling, dense layers and normalising from the modules of Sentence Transformers that modules.json names,
and scores from the TextClassificationPipeline of Transformers or, where config.json is a cross-encoder's, from the
CrossEncoder of Sentence Transformers. A file has

  file         the graph that answered, of those in the folder
  max_tokens   what a text is cut to: sentence_bert_config.json, or else the least that tokenizer_config.json and
               the position table allow (where positions begin behind the padding's id, the table holds fewer)
  cut          "right" or "left"
  task         "embedding" or "classification"
  activation   for the latter: "softmax", "sigmoid" or "none"
  items        text, for a pair also text_pair; prompt, the name of one that was asked for or null where none was;
               cut, whether it was; ids; type_ids where the graph takes them; then either `first_token` (four
               values of its vector, where the graph gives those) and `embedding`, or `logits` and `scores` by label

with numbers of 9 significant digits: a float's own.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import torch
from sentence_transformers import CrossEncoder
from tokenizers import Tokenizer, normalizers
from transformers import AutoConfig
from transformers.pipelines.text_classification import TextClassificationPipeline

from kinds import SERVED
from record_texts import PAIRS, TEXTS

OUT = Path(__file__).resolve().parent / "expectations"
AFTER_PAD = {"roberta", "xlm-roberta", "mpnet"}


def json_of(path: Path, otherwise=None):
    """A JSON file, or `otherwise` where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else otherwise


def digits(values) -> list[float]:
    """9 significant ones of each."""
    return [float(f"{value:.9g}") for value in np.asarray(values, np.float32).ravel().tolist()]


class Folder:
    """One folder with a graph of it, open."""

    def __init__(self, path: Path, file: str):
        self.path, self.file = path, file
        self.config = json_of(path / "config.json")
        self.tokenizer_config = json_of(path / "tokenizer_config.json", {})
        self.cut = self.tokenizer_config.get("truncation_side", "right")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path / file, options, providers=["CPUExecutionProvider"])
        self.inputs = [one.name for one in self.session.get_inputs()]
        self.outputs = [one.name for one in self.session.get_outputs()]
        self.whole = Tokenizer.from_file(str(path / "tokenizer.json"))
        self.whole.no_padding()
        self.whole.no_truncation()
        if json_of(path / "sentence_bert_config.json", {}).get("do_lower_case"):  # as Transformer does it
            assert self.whole.normalizer is None
            self.whole.normalizer = normalizers.Lowercase()
        self.tokenizer = Tokenizer.from_str(self.whole.to_str())
        self.tokenizer.enable_truncation(self.max_tokens(), direction=self.cut)

    def max_tokens(self) -> int:
        """See above."""
        said = json_of(self.path / "sentence_bert_config.json", {}).get("max_seq_length")
        positions = self.config["max_position_embeddings"]
        if self.config["model_type"] in AFTER_PAD:
            positions -= self.config["pad_token_id"] + 1
        return min(positions, said or self.tokenizer_config.get("model_max_length", positions))

    def run(self, encoding) -> dict[str, np.ndarray]:
        """The graph's outputs for one text or pair; those of 16 bits as floats, from which all else is computed."""
        kind = np.int32 if self.session.get_inputs()[0].type == "tensor(int32)" else np.int64
        ids = np.array([encoding.ids], kind)
        tensors = {"input_ids": ids, "attention_mask": np.ones_like(ids),
                   "token_type_ids": np.array([encoding.type_ids], kind),
                   "position_ids": np.arange(ids.shape[1], dtype=kind)[None, :]}
        values = self.session.run(None, {name: tensors[name] for name in self.inputs})
        return dict(zip(self.outputs, (value.astype(np.float32) for value in values)))

    def item(self, text: str, text_pair: str | None = None) -> tuple[dict, dict[str, np.ndarray]]:
        """What every item has, and the graph's outputs."""
        encoding = self.tokenizer.encode(text, text_pair)
        item = {"text": text} | ({"text_pair": text_pair} if text_pair is not None else {})
        item |= {"cut": len(self.whole.encode(text, text_pair).ids) > len(encoding.ids), "ids": encoding.ids}
        if "token_type_ids" in self.inputs:
            item["type_ids"] = encoding.type_ids
        return item, self.run(encoding)


def modules_of(folder: Folder) -> list[torch.nn.Module]:
    """What modules.json has behind the Transformer; without one, mean and normalise."""
    described = json_of(folder.path / "modules.json")
    if described is None:
        from sentence_transformers.models import Normalize, Pooling  # pylint: disable=import-outside-toplevel
        return [Pooling(folder.config["hidden_size"]), Normalize()]
    made = []
    for module in described[1:]:
        home, _, name = module["type"].rpartition(".")
        kind = getattr(importlib.import_module(home), name)
        made.append(kind.load(str(folder.path), subfolder=module["path"]).eval())
    return made


def embed(folder: Folder, modules: list[torch.nn.Module], text: str, prompt: str) -> dict:
    """One item. With a prompt, `text` goes behind it."""
    item, values = folder.item(prompt + text)
    item["text"] = text
    for name in ("last_hidden_state", "token_embeddings"):
        if name in values:
            item["first_token"] = digits(values[name][0, 0, :4])
            features = {"token_embeddings": torch.from_numpy(values[name])}
    if "sentence_embedding" in values:
        return item | {"embedding": digits(values["sentence_embedding"])}
    features["attention_mask"] = torch.ones(1, len(item["ids"]), dtype=torch.int64)
    if prompt:  # as Transformer._get_prompt_length: all its tokens but a special one at the end
        features["prompt_length"] = len(folder.whole.encode(prompt).ids) - 1
    for module in modules:
        features = module(features)
    return item | {"embedding": digits(features["sentence_embedding"].detach())}


def embeddings(folder: Folder) -> dict:
    """The file of an embedding folder."""
    modules = modules_of(folder)
    described = json_of(folder.path / "config_sentence_transformers.json", {})
    prompts = described.get("prompts", {})
    default = prompts.get(described.get("default_prompt_name"), "")
    items = [{"prompt": None} | embed(folder, modules, text, default) for text in TEXTS]
    for name, prompt in prompts.items():
        items += [{"prompt": name} | embed(folder, modules, text, prompt) for text in TEXTS[::2]]
    if not prompts:
        for item in items:
            del item["prompt"]
    return {"task": "embedding", "items": items}


class Rules:
    """How logits become scores: as the library does it that the folder was made with."""

    def __init__(self, folder: Folder):
        self.config = AutoConfig.from_pretrained(folder.path)
        crossing = {"sentence_transformers", "sbert_ce_default_activation_function"} & set(folder.config)
        self.function = None
        if crossing:
            encoder = SimpleNamespace(config=self.config, num_labels=self.config.num_labels)
            encoder._resolve_activation_fn = lambda path: CrossEncoder._resolve_activation_fn(
                SimpleNamespace(trust_remote_code=False), path)
            self.function = CrossEncoder.get_default_activation_fn(encoder)
        self.pipeline = object.__new__(TextClassificationPipeline)
        self.pipeline.model = SimpleNamespace(config=self.config)

    def scores(self, logits: np.ndarray) -> dict[str, float]:
        """By label, in the model's order."""
        if self.function is not None:
            values = self.function(torch.from_numpy(logits))[0]
        else:
            ranked = self.pipeline.postprocess({"logits": torch.from_numpy(logits)}, top_k=None, _legacy=False)
            found = {entry["label"]: entry["score"] for entry in ranked}
            values = [found[self.config.id2label[index]] for index in range(len(found))]
        return {self.config.id2label[index]: value for index, value in enumerate(digits(values))}

    def activation(self) -> str:
        """Its name, from what it makes of some logits."""
        logits = np.linspace(2, -1, self.config.num_labels, dtype=np.float32)
        powers = np.exp(logits)
        known = {"none": logits, "sigmoid": powers / (1 + powers), "softmax": powers / powers.sum()}
        scores = list(self.scores(logits[None, :]).values())
        return next(name for name, values in known.items() if np.allclose(values, scores, atol=1e-6))


def classification(folder: Folder) -> dict:
    """The file of a classification folder."""
    rules, items = Rules(folder), []
    pairs = PAIRS if SERVED[folder.path.name].pairs else PAIRS[:1]
    for text, text_pair in [*((text, None) for text in TEXTS), *pairs]:
        item, values = folder.item(text, text_pair)
        items.append(item | {"logits": digits(values["logits"]), "scores": rules.scores(values["logits"])})
    return {"task": "classification", "activation": rules.activation(),
            "labels": list(items[0]["scores"]), "items": items}


def record(path: Path, file: str, name: str) -> None:
    """Writes one file, an item a line."""
    folder = Folder(path, file)
    made = classification(folder) if "logits" in folder.outputs else embeddings(folder)
    items = made.pop("items")
    head = {"folder": path.name, "about": SERVED[path.name].about, "file": file, "max_tokens": folder.max_tokens(),
            "cut": folder.cut, **made}
    lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}," for key, value in head.items()]
    lines += ['  "items": [', ",\n".join(json.dumps(item, ensure_ascii=False) for item in items), "  ]"]
    text = "{\n" + "\n".join(lines) + "\n}\n"
    assert json.loads(text)["items"] == items
    (OUT / f"{name}.json").write_text(text, encoding="utf-8")
    print(f"{name}: {len(items)} items, {len(text.encode()) / 1000:.0f} kB")


def main() -> int:
    """All of them."""
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        for name, kind in SERVED.items():
            path = Path(temporary) / name
            path.mkdir()
            kind.make(path)
            files = [file for file in ("model.onnx", "onnx/model.onnx", "onnx/model_quantized.onnx")
                     if (path / file).exists()]
            record(path, files[0], name)
            for file in files[1:]:  # chosen by hand, not by the order of choice
                record(path, file, f"{name}@{Path(file).stem}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
