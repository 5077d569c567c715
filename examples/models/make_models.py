#!/usr/bin/env python3
"""Makes the two tiny example models beside this file.

  identity/model.onnx  FP32 [rows, columns] INPUT0 -> OUTPUT0, the same values
  simple/model.onnx    INT32 [batch, 16] INPUT0, INPUT1 ->
                       OUTPUT0 = INPUT0 + INPUT1, OUTPUT1 = INPUT0 - INPUT1

Both are a few hundred bytes and are kept in the repository, so nothing has to
be run before using them. Needs only the `onnx` package (any version from 1.15).

  python3 make_models.py           writes both files
  python3 make_models.py --check   exits 1 when a file differs from what this
                                   script would write, and writes nothing
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper

# Old enough for runtimes of the last several years to read.
IR_VERSION = 8
OPSET = 17

HERE = Path(__file__).resolve().parent


def serialise(graph: onnx.GraphProto) -> bytes:
    """The model file for `graph`, with the same bytes on every run.

    The producer fields and the versions are set here and not left to the
    installed `onnx`, whose own version would otherwise end up in the file.
    """
    model = helper.make_model(
        graph,
        producer_name="weir-examples",
        producer_version="1",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def identity() -> bytes:
    """FP32 [rows, columns] INPUT0 -> OUTPUT0, unchanged."""
    shape = ["rows", "columns"]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["INPUT0"], ["OUTPUT0"])],
        "identity",
        [helper.make_tensor_value_info("INPUT0", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("OUTPUT0", TensorProto.FLOAT, shape)],
    )
    return serialise(graph)


def simple() -> bytes:
    """INT32 [batch, 16] INPUT0, INPUT1 -> their sum and their difference."""
    shape = ["batch", 16]
    infos = {
        name: helper.make_tensor_value_info(name, TensorProto.INT32, shape)
        for name in ("INPUT0", "INPUT1", "OUTPUT0", "OUTPUT1")
    }
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["INPUT0", "INPUT1"], ["OUTPUT0"]),
            helper.make_node("Sub", ["INPUT0", "INPUT1"], ["OUTPUT1"]),
        ],
        "simple",
        [infos["INPUT0"], infos["INPUT1"]],
        [infos["OUTPUT0"], infos["OUTPUT1"]],
    )
    return serialise(graph)


def main(arguments: list[str] | None = None) -> int:
    """Writes or checks the two files. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Makes the example models.")
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare with the files in place and write nothing",
    )
    options = parser.parse_args(arguments)

    differing = 0
    for name, make in (("identity", identity), ("simple", simple)):
        path = HERE / name / "model.onnx"
        content = make()
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            print(f"{name}/model.onnx: {len(content)} bytes")
        elif not path.is_file() or path.read_bytes() != content:
            print(f"{name}/model.onnx differs from what this script makes",
                  file=sys.stderr)
            differing += 1
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
