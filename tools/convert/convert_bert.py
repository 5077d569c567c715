#!/usr/bin/env python3
"""Converts a BERT-family model folder to a folder that Weir can serve.

  python3 convert_bert.py SOURCE_FOLDER OUT_FOLDER [--force]

Reads   config.json, model.safetensors, tokenizer.json; and, where present,
        tokenizer_config.json, modules.json, 1_Pooling/config.json.
Writes  model.onnx, config.json, tokenizer.json, tokenizer_config.json,
        modules.json, 1_Pooling/config.json.

OUT_FOLDER appears complete or not at all. Exit code 0: written. 2: nothing
was written, and one sentence on stderr says why.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import safetensors

from bert_graph import BertConfig, build_model, expected_shapes

# Part of many checkpoints, but not on the way to last_hidden_state.
IGNORED_TENSORS = {
    "embeddings.position_ids",
    "pooler.dense.weight",
    "pooler.dense.bias",
}
# A protobuf file cannot be larger.
MAX_MODEL_BYTES = 2**31 - 1

Progress = Callable[[int, int], None]


class ConvertError(Exception):
    """What stops a conversion: one sentence, for the person who started it."""


def read_json(path: Path) -> dict[str, Any] | list[Any]:
    """The content of a JSON file. Raises ConvertError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConvertError(f"{path} is missing.") from None
    except (OSError, ValueError) as error:
        raise ConvertError(f"{path} cannot be read: {error}.") from None
    if not isinstance(content, (dict, list)):
        raise ConvertError(f"{path} holds neither an object nor a list.")
    return content


def read_object(path: Path) -> dict[str, Any]:
    """The content of a JSON file that holds an object. Raises ConvertError."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise ConvertError(f"{path} holds a list and not an object.")
    return content


def _positive_integer(settings: dict[str, Any], key: str) -> int:
    value = settings.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConvertError(
            f"config.json: '{key}' is {value!r} and should be a positive integer."
        )
    return value


def parse_config(settings: dict[str, Any]) -> BertConfig:
    """Checks the settings of config.json. Raises ConvertError on any that the
    converter does not support."""
    architectures = settings.get("architectures", ["BertModel"])
    if architectures != ["BertModel"]:
        raise ConvertError(
            f"config.json: 'architectures' is {architectures!r}; "
            "only ['BertModel'] is supported."
        )
    required = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "is_decoder": False,
    }
    for key, supported in required.items():
        # Older configurations leave out all but the model type.
        value = settings.get(key, None if key == "model_type" else supported)
        if value != supported:
            raise ConvertError(
                f"config.json: '{key}' is {value!r}; only {supported!r} is supported."
            )
    eps = settings.get("layer_norm_eps", 1e-12)
    if isinstance(eps, bool) or not isinstance(eps, (int, float)) or not eps > 0:
        raise ConvertError(
            f"config.json: 'layer_norm_eps' is {eps!r} and should be positive."
        )
    config = BertConfig(
        vocabulary=_positive_integer(settings, "vocab_size"),
        hidden=_positive_integer(settings, "hidden_size"),
        intermediate=_positive_integer(settings, "intermediate_size"),
        layers=_positive_integer(settings, "num_hidden_layers"),
        heads=_positive_integer(settings, "num_attention_heads"),
        positions=_positive_integer(settings, "max_position_embeddings"),
        token_types=_positive_integer(settings, "type_vocab_size"),
        layer_norm_eps=float(eps),
    )
    if config.hidden % config.heads:
        raise ConvertError(
            f"config.json: 'hidden_size' {config.hidden} is not a multiple of "
            f"'num_attention_heads' {config.heads}."
        )
    return config


def _check_names(found: set[str], expected: set[str]) -> None:
    """Raises ConvertError for the first tensor that is missing or unexpected."""
    missing = sorted(expected - found)
    if missing:
        raise ConvertError(
            f"model.safetensors: tensor '{missing[0]}' is missing "
            f"({len(missing)} missing in all)."
        )
    unexpected = sorted(found - expected - IGNORED_TENSORS)
    if unexpected:
        raise ConvertError(
            f"model.safetensors: tensor '{unexpected[0]}' is not part of the "
            f"architecture ({len(unexpected)} unexpected in all)."
        )


def load_tensors(path: Path, config: BertConfig) -> dict[str, np.ndarray]:
    """The tensors of expected_shapes(config), as float32. Raises ConvertError
    for a tensor that is missing, unexpected, or of another shape or type."""
    shapes = expected_shapes(config)
    tensors: dict[str, np.ndarray] = {}
    if not path.is_file():
        raise ConvertError(f"{path} is missing.")
    try:
        with safetensors.safe_open(path, framework="np") as file:
            _check_names(set(file.keys()), set(shapes))
            for name, shape in shapes.items():
                view = file.get_slice(name)
                found = tuple(view.get_shape())
                if found != shape:
                    raise ConvertError(
                        f"model.safetensors: tensor '{name}' has the shape "
                        f"{list(found)} and should have {list(shape)}."
                    )
                if view.get_dtype() not in ("F32", "F16"):
                    raise ConvertError(
                        f"model.safetensors: tensor '{name}' has the type "
                        f"{view.get_dtype()}; only F32 and F16 are supported."
                    )
                tensors[name] = file.get_tensor(name).astype(np.float32)
                if not np.isfinite(tensors[name]).all():
                    raise ConvertError(
                        f"model.safetensors: tensor '{name}' holds a value that "
                        "is not finite."
                    )
    except (OSError, safetensors.SafetensorError) as error:
        raise ConvertError(f"{path} cannot be read: {error}.") from None
    return tensors


def pooling_files(source: Path, hidden: int) -> dict[str, Any]:
    """modules.json and 1_Pooling/config.json, by path in the folder.

    A source without modules.json gets mean pooling and L2 normalisation.
    Otherwise its own stages are kept, where they are a Transformer, mean or
    first-token Pooling, and perhaps Normalize; others raise ConvertError.
    """
    stages, mode = ["Transformer", "Pooling", "Normalize"], "mean_tokens"
    if (source / "modules.json").exists():
        modules = read_json(source / "modules.json")
        if not isinstance(modules, list):
            raise ConvertError("modules.json holds no list.")
        found = [
            str(module.get("type")).rsplit(".", 1)[-1]
            if isinstance(module, dict)
            else repr(module)
            for module in modules
        ]
        if found not in (stages, stages[:2]):
            raise ConvertError(
                f"modules.json: the stages {found} are not supported; only "
                f"{stages}, the last one optional, are."
            )
        stages = found
        mode = _pooling_mode(read_object(source / "1_Pooling" / "config.json"))
    folders = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    return {
        "modules.json": [
            {
                "idx": index,
                "name": str(index),
                "path": folders[stage],
                "type": f"sentence_transformers.models.{stage}",
            }
            for index, stage in enumerate(stages)
        ],
        "1_Pooling/config.json": {
            "word_embedding_dimension": hidden,
            "pooling_mode_cls_token": mode == "cls_token",
            "pooling_mode_mean_tokens": mode == "mean_tokens",
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    }


def _pooling_mode(settings: dict[str, Any]) -> str:
    """The one pooling mode that is switched on. Raises ConvertError."""
    prefix = "pooling_mode_"
    modes = sorted(
        key.removeprefix(prefix)
        for key, value in settings.items()
        if key.startswith(prefix) and value is True
    )
    if modes not in (["mean_tokens"], ["cls_token"]):
        raise ConvertError(
            f"1_Pooling/config.json: the pooling {modes} is not supported; only "
            "['mean_tokens'] and ['cls_token'] are."
        )
    return modes[0]


def read_tokenizer(path: Path) -> dict[str, Any]:
    """tokenizer.json without its truncation and padding, which say how one
    training run cut its texts; the server decides both for each batch."""
    tokenizer = read_object(path)
    tokenizer["truncation"] = None
    tokenizer["padding"] = None
    return tokenizer


def write_json(path: Path, content: Any) -> None:
    """Writes indented JSON, making the folder first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_folder(source: Path, folder: Path, progress: Progress) -> BertConfig:
    """Converts `source` into the existing, empty `folder`. Raises ConvertError."""
    config = parse_config(read_object(source / "config.json"))
    tokenizer = read_tokenizer(source / "tokenizer.json")
    pooling = pooling_files(source, config.hidden)
    tensors = load_tensors(source / "model.safetensors", config)

    size = sum(tensor.nbytes for tensor in tensors.values())
    if size > MAX_MODEL_BYTES - 2**20:
        raise ConvertError(
            f"The tensors take {size / 1e9:.1f} GB as float32, more than one "
            "ONNX file can hold (2.1 GB)."
        )
    model = build_model(config, tensors, progress)
    onnx.checker.check_model(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))

    write_json(folder / "tokenizer.json", tokenizer)
    for path, content in pooling.items():
        write_json(folder / path, content)
    for name in ("config.json", "tokenizer_config.json"):
        if (source / name).exists():
            shutil.copyfile(source / name, folder / name)
    return config


def check_target(source: Path, out: Path, force: bool) -> None:
    """Raises ConvertError where writing `out` would destroy something else."""
    if not source.is_dir():
        raise ConvertError(f"{source} is not a folder.")
    if source.resolve().is_relative_to(out.resolve()):
        raise ConvertError(f"{out} holds the source folder and cannot be replaced.")
    if not out.exists():
        return
    if not out.is_dir():
        raise ConvertError(f"{out} exists and is not a folder.")
    if not any(out.iterdir()):
        return
    if not force:
        raise ConvertError(f"{out} exists; --force replaces it.")
    if not (out / "model.onnx").exists():
        raise ConvertError(f"{out} holds no model.onnx, so it is not replaced.")


def put_in_place(folder: Path, out: Path) -> None:
    """Renames `folder` to `out`, replacing what is there. `out` is the old or
    the new content at any moment, but for the instant between two renames."""
    if not out.exists() or not any(out.iterdir()):
        os.rename(folder, out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent))
    os.rename(out, old)
    try:
        os.rename(folder, out)
    except OSError:
        os.rename(old, out)
        raise
    shutil.rmtree(old)


def convert(
    source: Path,
    out: Path,
    force: bool = False,
    progress: Progress = lambda done, total: None,
) -> BertConfig:
    """Converts the folder `source` to the folder `out`.

    Raises ConvertError, or OSError where a file cannot be written; `out` is
    then what it was before.
    """
    check_target(source, out, force)
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside `out`, since a rename works only within one file system.
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.new-", dir=out.parent))
    try:
        config = write_folder(source, folder, progress)
        # mkdtemp makes a folder for its owner alone; a server may run as another.
        folder.chmod(0o755)
        put_in_place(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return config


def terminal_progress(done: int, total: int) -> None:
    """Rewrites one line of the terminal with the layers done."""
    end = "\n" if done == total else ""
    print(f"\r  layer {done}/{total}", end=end, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        description="Converts a BERT-family safetensors folder to an ONNX folder."
    )
    parser.add_argument("source", type=Path, metavar="SOURCE_FOLDER")
    parser.add_argument("out", type=Path, metavar="OUT_FOLDER")
    parser.add_argument("--force", action="store_true", help="replace OUT_FOLDER")
    options = parser.parse_args(arguments)

    extra = {"progress": terminal_progress} if sys.stderr.isatty() else {}
    try:
        config = convert(options.source, options.out, options.force, **extra)
    except (ConvertError, OSError) as error:
        print(f"convert_bert: {error}", file=sys.stderr)
        return 2
    size = (options.out / "model.onnx").stat().st_size
    print(
        f"{options.out}: {config.layers} layers of {config.hidden}, "
        f"model.onnx {size / 1e6:.1f} MB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
