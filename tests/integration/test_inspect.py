"""weir models inspect: the same facts for people and for programs, and one sentence for what is not served."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from folder_expectations import EXPECTED, REFUSED
from weir_process import DEMO_MODELS, EXAMPLE_MODELS, run


def inspected(*arguments) -> dict:
    """--json of a folder that is served."""
    done = run("models", "inspect", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_the_demo_model_in_full():
    found = inspected(DEMO_MODELS / "minilm")
    assert (found["name"], found["task"], found["dimensions"], found["normalize"]) == ("minilm", "embedding", 384, True)
    assert [spec["name"] for spec in found["inputs"]] == ["input_ids", "attention_mask", "token_type_ids"]
    assert found["outputs"] == [{"name": "last_hidden_state", "datatype": "FP32", "shape": [-1, -1, 384]}]
    assert found["output"]["name"] == "last_hidden_state"
    assert (found["max_tokens"], found["pooling"], found["steps"]) == (512, ["mean"], ["normalize"])
    assert found["tokenizer"]["type"] == "WordPiece" and found["tokenizer"]["vocabulary"] == 30522
    assert found["tokenizer"]["special_tokens"] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert found["graph"]["file"] == "model.onnx" and "model.onnx" in found["graph"]["why"]
    sizes = {entry["file"]: entry["bytes"] for entry in found["memory"]["files"]}
    assert sizes["model.onnx"] == (DEMO_MODELS / "minilm/model.onnx").stat().st_size
    assert found["memory"]["resident_bytes"] > sizes["model.onnx"] / 2  # weights may be mapped, and not all be touched


def test_people_read_the_same(tmp_path):
    del tmp_path
    done = run("models", "inspect", "sentiment", "--models", DEMO_MODELS)
    assert done.returncode == 0
    for words in ("sentiment: classification", "NEGATIVE, POSITIVE", "softmax", "512 tokens", "head.onnx",
                  "last_hidden_state FP32 [-1, -1, 384]  <- used", "WordPiece of 30522 tokens", "cuts on the right"):
        assert words in done.stdout, words


@pytest.mark.parametrize("name", EXPECTED)
def test_each_small_folder_is_what_it_is_recorded_to_be(folders, name: str):
    expected = EXPECTED[name]
    found = inspected(folders / "served" / name)
    assert (found["task"], found["max_tokens"]) == (expected["task"], expected["max_tokens"])
    if expected["task"] == "classification":
        assert found["labels"] == expected["labels"]
    else:
        assert found["dimensions"] == len(expected["items"][0]["embedding"])


def test_why_a_classifier_scores_as_it_does(folders):
    chosen = {name: inspected(folders / "served" / name)["activation"] for name in
              ("bert-multi-label", "bert-regression", "bert-cross-encoder", "bert-cross-encoder-raw", "bert-two-labels")}
    assert chosen["bert-multi-label"] == {"name": "sigmoid", "why": "problem_type is multi_label_classification"}
    assert chosen["bert-regression"] == {"name": "none", "why": "problem_type is regression"}
    assert chosen["bert-cross-encoder"]["name"] == "sigmoid"
    assert chosen["bert-cross-encoder-raw"]["name"] == "none" and "Identity" in chosen["bert-cross-encoder-raw"]["why"]
    assert chosen["bert-two-labels"]["name"] == "softmax"


def test_the_graph_that_was_asked_for_is_the_one_inspected(folders):
    folder = folders / "served/bert-onnx-folder"
    assert inspected(folder)["graph"]["file"] == "onnx/model.onnx"
    assert not inspected(folder)["graph"]["lossy"]
    other = inspected(folder, "--file", "model_quantized.onnx")["graph"]
    assert other["file"] == "onnx/model_quantized.onnx" and other["lossy"]
    assert {entry["file"] for entry in other["considered"]} == {"onnx/model.onnx", "onnx/model_quantized.onnx"}


def test_external_data_is_counted(folders):
    folder = Path(folders / "served/bert-external")
    sizes = {entry["file"]: entry["bytes"] for entry in inspected(folder)["memory"]["files"]}
    assert sizes["model.onnx_data"] == (folder / "model.onnx_data").stat().st_size


def test_prompts_and_modules_are_shown(folders):
    prompts = inspected(folders / "served/bert-prompts-excluded")
    assert set(prompts["prompts"]) == {"query", "document"} and prompts["include_prompt"] is False
    assert inspected(folders / "served/bert-prompts")["default_prompt_name"] in {"query", "document"}
    assert inspected(folders / "served/bert-dense")["steps"] == ["dense 32 -> 24, Tanh", "normalize"]
    assert inspected(folders / "served/bert-mean-and-cls")["pooling"] in (["cls", "mean"], ["mean", "cls"])


def test_a_tensor_model_has_inputs_and_outputs():
    found = inspected(EXAMPLE_MODELS / "simple")
    assert found["task"] == "tensor" and "tokenizer" not in found
    assert [spec["name"] for spec in found["inputs"]] == ["INPUT0", "INPUT1"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_is_refused_gets_one_sentence(folders, name: str):
    done = run("models", "inspect", folders / "refused" / name)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("weir: ") and done.stderr.count("\n") == 1
    reason = done.stderr.lower()
    for words in REFUSED[name].words:
        assert any(word in reason for word in words), f"none of {words} in: {done.stderr}"


def test_a_model_that_is_not_there_is_wrong_use():
    done = run("models", "inspect", "minilmm", "--models", DEMO_MODELS)
    assert done.returncode == 2
    assert "minilm" in done.stderr
