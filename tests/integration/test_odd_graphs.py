"""Graphs that ask for less usual things: fixed sizes, other integers, no mask, files that are links into a hub's cache."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import pytest
from folder_expectations import EXPECTED, ask_items, assert_equal, plain_items
from onnx import TensorProto, helper
from weir_process import Weir

ITEMS = plain_items("bert-mean")
SHORT = [item for item in ITEMS if len(item["ids"]) <= 64]


def copy_of(folder: Path, source: Path, change) -> None:
    """A copy whose graph was changed."""
    shutil.copytree(source, folder)
    graph = onnx.load(folder / "model.onnx")
    change(graph)
    onnx.save(graph, folder / "model.onnx")


def fix(axis: int, size: int):
    """Every input has this size there."""

    def change(model: onnx.ModelProto) -> None:
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.shape.dim[axis].Clear()
            value.type.tensor_type.shape.dim[axis].dim_value = size

    return change


def narrow(model: onnx.ModelProto) -> None:
    """INT32 inputs, widened inside."""
    for value in model.graph.input:
        value.type.tensor_type.elem_type = TensorProto.INT32
        wide = f"{value.name}_wide"
        for node in model.graph.node:
            for index, name in enumerate(node.input):
                if name == value.name:
                    node.input[index] = wide
        model.graph.node.insert(0, helper.make_node("Cast", [value.name], [wide], to=TensorProto.INT64))


def unmask(model: onnx.ModelProto) -> None:
    """The mask is all ones whatever stands in the batch."""
    (mask,) = [value for value in model.graph.input if value.name == "attention_mask"]
    model.graph.input.remove(mask)
    one = helper.make_tensor("one", TensorProto.INT64, [1], [1])
    model.graph.node.insert(0, helper.make_node("ConstantOfShape", ["shape_of_ids"], ["attention_mask"], value=one))
    model.graph.node.insert(0, helper.make_node("Shape", ["input_ids"], ["shape_of_ids"]))


@pytest.fixture(scope="module")
def odd(tmp_path_factory, folders) -> Weir:
    """A server with each of them, all made of bert-mean."""
    models = tmp_path_factory.mktemp("odd")
    source = folders / "served/bert-mean"
    copy_of(models / "one-at-a-time", source, fix(0, 1))
    copy_of(models / "sixty-four", source, fix(1, 64))
    copy_of(models / "narrow", source, narrow)
    copy_of(models / "unmasked", source, unmask)
    copy_of(models / "four-at-a-time", source, fix(0, 4))
    server = Weir(tmp_path_factory.mktemp("weir"), "--models", models, "--set", "deadline.default=120s")
    yield server
    server.stop()


@pytest.mark.parametrize("name", ["one-at-a-time", "narrow", "unmasked"])
def test_it_answers_as_the_usual_graph_does(odd: Weir, name: str):
    for found, item in zip(ask_items(odd.client, name, "embedding", ITEMS), ITEMS):
        assert_equal(found, item)


def test_a_graph_of_one_length_takes_shorter_texts(odd: Weir):
    assert len(SHORT) > 5
    for found, item in zip(ask_items(odd.client, "sixty-four", "embedding", SHORT), SHORT):
        assert_equal(found, item)
    reply = odd.client.post("/v1/embeddings", {"model": "sixty-four", "input": "word " * 100})
    assert reply.status == 422
    assert "the model takes 64" in reply.message()


def test_a_graph_for_exactly_four_texts_is_refused(odd: Weir):
    reply = odd.client.post("/v1/embeddings", {"model": "four-at-a-time", "input": "hello"})
    assert reply.status == 503
    assert "exactly 4 texts at a time" in reply.message()


@pytest.mark.parametrize("place", ["", "onnx"])
def test_links_into_a_hubs_cache_serve_with_their_external_data(start, tmp_path, folders, place: str):
    source = folders / "served/bert-external"
    cache = tmp_path / "models--org--name"
    snapshot = cache / "snapshots/0123456789abcdef"
    (cache / "blobs").mkdir(parents=True)
    for number, file in enumerate(sorted(path for path in source.rglob("*") if path.is_file())):
        blob = cache / f"blobs/{number:064x}"
        shutil.copy(file, blob)
        inside = file.relative_to(source)
        link = snapshot / (Path(place) / inside if inside.name.startswith("model.onnx") else inside)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    server = start(snapshot)
    items = EXPECTED["bert-external"]["items"]
    for found, item in zip(ask_items(server.client, snapshot.name, "embedding", items), items):
        assert_equal(found, item)
