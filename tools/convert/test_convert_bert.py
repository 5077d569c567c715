"""Tests of the converter on small models with random weights.

The expected values come from a BERT written here with numpy, in float64 and
one row at a time, so it has no padding to get wrong.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import save_file

import convert_bert
from bert_graph import expected_shapes

SETTINGS = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 24,
    "intermediate_size": 40,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "vocab_size": 50,
}
TOKENIZER = {
    "version": "1.0",
    "truncation": {"max_length": 128},
    "padding": {"strategy": {"Fixed": 128}},
    "model": {"type": "WordPiece", "vocab": {"é": 0}},
}


def random_tensors(settings: dict, seed: int = 1) -> dict[str, np.ndarray]:
    """Float32 tensors for these settings, large enough to exercise softmax."""
    rng = np.random.default_rng(seed)
    shapes = expected_shapes(convert_bert.parse_config(settings))
    tensors = {}
    for name, shape in shapes.items():
        centre = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        values = rng.normal(centre, 0.3, shape)
        tensors[name] = values.astype(np.float32)
    return tensors


def make_source(
    folder: Path, settings: dict | None = None, tensors: dict | None = None
) -> Path:
    """Writes a source folder. Returns it."""
    settings = SETTINGS if settings is None else settings
    tensors = random_tensors(settings) if tensors is None else tensors
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    save_file(tensors, folder / "model.safetensors")
    return folder


def layer_norm(x: np.ndarray, tensors: dict, name: str, eps: float) -> np.ndarray:
    """LayerNorm over the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + eps)
    return centred / spread * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def reference(
    settings: dict, weights: dict[str, np.ndarray], ids: list[int], types: list[int]
) -> np.ndarray:
    """The last hidden state of one row: float64 [sequence, hidden]."""
    tensors = {name: value.astype(np.float64) for name, value in weights.items()}
    heads, eps = settings["num_attention_heads"], settings["layer_norm_eps"]

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    x = (
        tensors["embeddings.word_embeddings.weight"][ids]
        + tensors["embeddings.token_type_embeddings.weight"][types]
        + tensors["embeddings.position_embeddings.weight"][: len(ids)]
    )
    x = layer_norm(x, tensors, "embeddings.LayerNorm", eps)
    erf = np.vectorize(math.erf)
    for layer in range(settings["num_hidden_layers"]):
        prefix = f"encoder.layer.{layer}"
        parts = [
            np.split(dense(x, f"{prefix}.attention.self.{part}"), heads, axis=-1)
            for part in ("query", "key", "value")
        ]
        context = []
        for query, key, value in zip(*parts):
            scores = query @ key.T / math.sqrt(query.shape[-1])
            shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
            shares /= shares.sum(axis=-1, keepdims=True)
            context.append(shares @ value)
        attended = dense(
            np.concatenate(context, axis=-1), f"{prefix}.attention.output.dense"
        )
        x = layer_norm(
            attended + x, tensors, f"{prefix}.attention.output.LayerNorm", eps
        )
        inner = dense(x, f"{prefix}.intermediate.dense")
        inner = inner * (1 + erf(inner / math.sqrt(2))) / 2
        outer = dense(inner, f"{prefix}.output.dense")
        x = layer_norm(outer + x, tensors, f"{prefix}.output.LayerNorm", eps)
    return x


def run(folder: Path, rows: list[list[int]], types: list[list[int]]) -> np.ndarray:
    """Runs a converted folder on a padded batch: [rows, longest, hidden]."""
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    width = max(len(row) for row in rows)
    feed = {
        name: np.zeros((len(rows), width), np.int64)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    }
    for index, (row, kinds) in enumerate(zip(rows, types)):
        feed["input_ids"][index, : len(row)] = row
        feed["token_type_ids"][index, : len(row)] = kinds
        feed["attention_mask"][index, : len(row)] = 1
    (states,) = session.run(["last_hidden_state"], feed)
    return states


def random_rows(lengths: list[int]) -> tuple[list[list[int]], list[list[int]]]:
    """Token ids and token types of the given lengths."""
    rng = np.random.default_rng(2)
    rows = [rng.integers(0, SETTINGS["vocab_size"], n).tolist() for n in lengths]
    types = [rng.integers(0, 2, n).tolist() for n in lengths]
    return rows, types


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_attention_heads": 1, "num_hidden_layers": 1},
        {"num_attention_heads": 8, "num_hidden_layers": 3},
        {"layer_norm_eps": 0.5},
        {"type_vocab_size": 3, "intermediate_size": 7},
    ],
)
def test_matches_reference(tmp_path: Path, changes: dict) -> None:
    """A padded batch gives what the reference gives for each row alone."""
    settings = SETTINGS | changes
    tensors = random_tensors(settings)
    source = make_source(tmp_path / "source", settings, tensors)
    convert_bert.convert(source, tmp_path / "out")
    rows, types = random_rows([1, 2, 17, 40])
    states = run(tmp_path / "out", rows, types)
    assert states.dtype == np.float32
    for state, row, kinds in zip(states, rows, types):
        expected = reference(settings, tensors, row, kinds)
        assert np.abs(state[: len(row)] - expected).max() < 1e-4


def test_padding_changes_nothing(tmp_path: Path) -> None:
    """A row beside a longer one equals the same row alone."""
    convert_bert.convert(make_source(tmp_path / "source"), tmp_path / "out")
    rows, types = random_rows([5, 300])
    together = run(tmp_path / "out", rows, types)
    alone = run(tmp_path / "out", rows[:1], types[:1])
    assert np.abs(together[0, :5] - alone[0]).max() < 1e-5


def test_row_of_padding_is_finite(tmp_path: Path) -> None:
    """A row without a single token disturbs neither itself nor others."""
    convert_bert.convert(make_source(tmp_path / "source"), tmp_path / "out")
    rows, types = random_rows([0, 4])
    states = run(tmp_path / "out", rows, types)
    alone = run(tmp_path / "out", rows[1:], types[1:])
    assert np.isfinite(states).all()
    assert np.abs(states[1] - alone[0]).max() < 1e-5


@pytest.mark.parametrize("length", [1, 2, 127, 128, 129, 511, 512])
def test_any_length(tmp_path: Path, length: int) -> None:
    """Every length up to the number of positions runs."""
    convert_bert.convert(make_source(tmp_path / "source"), tmp_path / "out")
    states = run(tmp_path / "out", *random_rows([length]))
    assert states.shape == (1, length, SETTINGS["hidden_size"])


def test_half_precision_source(tmp_path: Path) -> None:
    """Float16 tensors are widened."""
    tensors = {n: t.astype(np.float16) for n, t in random_tensors(SETTINGS).items()}
    source = make_source(tmp_path / "source", tensors=tensors)
    convert_bert.convert(source, tmp_path / "out")
    rows, types = random_rows([9])
    expected = reference(SETTINGS, tensors, rows[0], types[0])
    found = run(tmp_path / "out", rows, types)[0]
    assert np.abs(found - expected).max() < 1e-4


def test_folder_content(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """All files are there; the tokenizer neither cuts nor pads; one line."""
    source, out = make_source(tmp_path / "source"), tmp_path / "a" / "out"
    (source / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    assert convert_bert.main([str(source), str(out)]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert captured.err == ""

    tokenizer = json.loads((out / "tokenizer.json").read_text())
    assert tokenizer == TOKENIZER | {"truncation": None, "padding": None}
    assert json.loads((out / "config.json").read_text()) == SETTINGS
    assert (out / "tokenizer_config.json").exists()
    stages = json.loads((out / "modules.json").read_text())
    assert [stage["type"].rsplit(".", 1)[1] for stage in stages] == [
        "Transformer",
        "Pooling",
        "Normalize",
    ]
    pooling = json.loads((out / "1_Pooling" / "config.json").read_text())
    assert pooling["pooling_mode_mean_tokens"] is True
    assert pooling["word_embedding_dimension"] == SETTINGS["hidden_size"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_same_bytes_every_time(tmp_path: Path) -> None:
    """Two conversions give the same model.onnx."""
    source = make_source(tmp_path / "source")
    for name in ("one", "two"):
        convert_bert.convert(source, tmp_path / name)
    one, two = (tmp_path / name / "model.onnx" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_own_pooling_is_kept(tmp_path: Path) -> None:
    """First-token pooling without normalisation stays what it is."""
    source = make_source(tmp_path / "source")
    types = ["Transformer", "Pooling"]
    modules = [{"type": f"sentence_transformers.models.{kind}"} for kind in types]
    (source / "modules.json").write_text(json.dumps(modules))
    (source / "1_Pooling").mkdir()
    (source / "1_Pooling" / "config.json").write_text(
        '{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}'
    )
    convert_bert.convert(source, tmp_path / "out")
    assert len(json.loads((tmp_path / "out" / "modules.json").read_text())) == 2
    pooling = json.loads((tmp_path / "out" / "1_Pooling" / "config.json").read_text())
    assert pooling["pooling_mode_cls_token"] is True
    assert pooling["pooling_mode_mean_tokens"] is False


def fails(source: Path, out: Path, capsys: pytest.CaptureFixture, *extra: str) -> str:
    """Runs the command line, which must exit with 2. Returns its sentence."""
    assert convert_bert.main([str(source), str(out), *extra]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    return captured.err


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"architectures": ["RobertaModel"]}, "RobertaModel"),
        ({"model_type": "roberta"}, "roberta"),
        ({"hidden_act": "gelu_new"}, "gelu_new"),
        ({"position_embedding_type": "relative_key"}, "relative_key"),
        ({"is_decoder": True}, "is_decoder"),
        ({"num_attention_heads": 5}, "num_attention_heads"),
        ({"num_hidden_layers": 0}, "num_hidden_layers"),
        ({"hidden_size": "24"}, "hidden_size"),
        ({"layer_norm_eps": -1}, "layer_norm_eps"),
    ],
)
def test_unsupported_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture, changes: dict, named: str
) -> None:
    """The sentence names the setting or its value, and nothing is left."""
    source = make_source(tmp_path / "source")
    (source / "config.json").write_text(json.dumps(SETTINGS | changes))
    assert named in fails(source, tmp_path / "out", capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_tensor_errors(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Missing, unexpected, misshapen, mistyped and non-finite tensors."""
    name = "encoder.layer.1.intermediate.dense.bias"
    good = random_tensors(SETTINGS)
    infinite = good[name].copy()
    infinite[3] = np.inf
    broken = {
        "is missing": {key: t for key, t in good.items() if key != name},
        "should have [40]": good | {name: good[name][:-1].copy()},
        "F64": good | {name: good[name].astype(np.float64)},
        "not finite": good | {name: infinite},
    }
    for words, tensors in broken.items():
        sentence = fails(
            make_source(tmp_path / "source", tensors=tensors), tmp_path / "out", capsys
        )
        assert words in sentence
        assert name in sentence
    extra = good | {"classifier.weight": np.zeros((2, 24), np.float32)}
    source = make_source(tmp_path / "source", tensors=extra)
    assert "'classifier.weight'" in fails(source, tmp_path / "out", capsys)


def test_pooler_is_ignored(tmp_path: Path) -> None:
    """Tensors that last_hidden_state does not depend on may be there."""
    extra = {
        "pooler.dense.weight": np.zeros((24, 24), np.float32),
        "pooler.dense.bias": np.zeros(24, np.float32),
        "embeddings.position_ids": np.arange(512)[None],
    }
    tensors = random_tensors(SETTINGS) | extra
    source = make_source(tmp_path / "source", tensors=tensors)
    convert_bert.convert(source, tmp_path / "out")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"[1", b"\xff\xfe"])
def test_unreadable_files(
    tmp_path: Path, capsys: pytest.CaptureFixture, name: str, content: bytes | None
) -> None:
    """A missing or broken file is named."""
    source = make_source(tmp_path / "source")
    if content is None:
        (source / name).unlink()
    else:
        (source / name).write_bytes(content)
    assert name in fails(source, tmp_path / "out", capsys)


def test_unsupported_stages(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Stages or a pooling that the folder could not express are refused."""
    source = make_source(tmp_path / "source")
    kinds = ["Transformer", "Pooling", "Dense"]
    (source / "modules.json").write_text(json.dumps([{"type": k} for k in kinds]))
    assert "Dense" in fails(source, tmp_path / "out", capsys)
    (source / "modules.json").write_text(json.dumps([{"type": k} for k in kinds[:2]]))
    (source / "1_Pooling").mkdir()
    (source / "1_Pooling" / "config.json").write_text(
        '{"pooling_mode_max_tokens": true}'
    )
    assert "max_tokens" in fails(source, tmp_path / "out", capsys)


def test_existing_target(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """A target is replaced only with --force, and only if it is a model."""
    source, out = make_source(tmp_path / "source"), tmp_path / "out"
    convert_bert.convert(source, out)
    (out / "stale").touch()
    assert "--force" in fails(source, out, capsys)
    assert convert_bert.main([str(source), str(out), "--force"]) == 0
    assert not (out / "stale").exists()
    capsys.readouterr()

    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").touch()
    assert "no model.onnx" in fails(source, other, capsys, "--force")
    assert (other / "letter.txt").exists()
    assert "source folder" in fails(source, source, capsys, "--force")
    assert "source folder" in fails(source, tmp_path, capsys, "--force")


def test_failure_keeps_the_old_target(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """With --force, a conversion that fails leaves the folder as it was."""
    source, out = make_source(tmp_path / "source"), tmp_path / "out"
    convert_bert.convert(source, out)
    before = (out / "model.onnx").read_bytes()
    (source / "model.safetensors").write_bytes(b"broken")
    fails(source, out, capsys, "--force")
    assert (out / "model.onnx").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]
