"""A converted model of candles: from the command line, and through the doors of the Open Inference Protocol."""

from __future__ import annotations

import concurrent.futures
import datetime
import json
import shutil
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http

from candle_models import CASES, assert_original, convert
from weir_process import EXAMPLE_MODELS, Weir, run, until
from wire import head_of

ROOT = Path(__file__).resolve().parents[2]
CSV = ROOT / "examples/candles.csv"


@pytest.fixture(scope="module")
def server(tmp_path_factory, candle_models) -> Weir:
    """Serves it, gRPC too."""
    process = Weir(tmp_path_factory.mktemp("server"), "--models", candle_models, "--grpc-port", "0")
    yield process
    process.stop()


def wall(times: list[str]) -> np.ndarray:
    """Microseconds on the clock on the wall."""
    epoch = datetime.datetime(1970, 1, 1)
    return np.array([(datetime.datetime.fromisoformat(time) - epoch) // datetime.timedelta(microseconds=1)
                     for time in times], np.int64)


def tensors(case: dict, **changes) -> dict[str, np.ndarray]:
    """A case as named tensors."""
    parameters = case["params"]
    named = {
        "candles": np.array(case["candles"], np.float64),
        "timestamps": wall(case["timestamps"]),
        "prediction_timestamps": wall(case["prediction_timestamps"]),
        "temperature": np.array([parameters["temperature"]], np.float32),
        "top_k": np.array([parameters["top_k"]], np.int32),
        "top_p": np.array([parameters["top_p"]], np.float32),
        "sample_count": np.array([parameters["sample_count"]], np.int32),
        "seed": np.array([0], np.int64),
    }
    return named | changes


DATATYPES = {np.dtype(np.float64): "FP64", np.dtype(np.float32): "FP32", np.dtype(np.int64): "INT64",
             np.dtype(np.int32): "INT32"}


def body(named: dict[str, np.ndarray]) -> dict:
    """The same for the protocol in JSON."""
    return {"inputs": [{"name": name, "datatype": DATATYPES[values.dtype], "shape": list(values.shape),
                        "data": values.ravel().tolist()} for name, values in named.items()]}


def ask(server: Weir, named: dict[str, np.ndarray]) -> np.ndarray:
    """The prediction."""
    reply = server.client.post("/v2/models/kronos/infer", body(named))
    assert reply.status == 200, reply.body
    outputs = {output["name"]: np.array(output["data"]).reshape(output["shape"]) for output in reply.json()["outputs"]}
    return outputs["prediction"]


def test_forecasts_at_once_are_each_what_the_original_gives(server):
    with concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:
        made = list(pool.map(lambda case: ask(server, tensors(case)), CASES))
    for case, prediction in zip(CASES, made, strict=True):
        assert_original(prediction, case)


def test_tritons_clients_ask_for_forecasts(server):
    case = CASES[0]
    for module, port in ((tritonclient.http, server.port), (tritonclient.grpc, server.grpc_port)):
        with module.InferenceServerClient(f"127.0.0.1:{port}") as client:
            inputs = []
            for name, values in tensors(case).items():
                inputs.append(module.InferInput(name, values.shape, DATATYPES[values.dtype]))
                inputs[-1].set_data_from_numpy(values)
            answer = client.infer("kronos", inputs)
        assert_original(answer.as_numpy("prediction"), case)
        assert answer.as_numpy("samples").shape == (1, 8, 6)


def test_the_same_seed_gives_the_same_forecast_whatever_runs_beside_it(server):
    drawn = tensors(CASES[0], top_k=np.array([0], np.int32), top_p=np.array([0.9], np.float32),
                    sample_count=np.array([3], np.int32), seed=np.array([99], np.int64))
    alone = ask(server, drawn)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        others = [pool.submit(ask, server, tensors(case)) for case in CASES]
        again = [pool.submit(ask, server, drawn) for _ in range(4)]
        assert all((one.result() == alone).all() for one in again)
        for other in others:
            other.result()
    other_seed = ask(server, drawn | {"seed": np.array([100], np.int64)})
    assert not (other_seed == alone).all()


@pytest.mark.parametrize(("changes", "said"), [
    ({"candles": np.full((20, 6), 1e300)}, "candles[0].open"),
    ({"temperature": np.array([-1], np.float32)}, "temperature"),
    ({"sample_count": np.array([0], np.int32)}, "sample_count"),
    ({"prediction_timestamps": np.zeros(3, np.int64)}, "prediction_timestamps"),
    ({"prediction_timestamps": np.arange(65, dtype=np.int64) + 2**51}, "1 to 64 candles"),
    ({"timestamps": np.zeros(20, np.int64)}, "timestamps"),
    ({"candles": np.zeros((0, 6))}, "1 to 2048 candles"),
])
def test_what_cannot_be_forecast_is_refused_by_name(server, changes, said):
    reply = server.client.post("/v2/models/kronos/infer", body(tensors(CASES[0], **changes)))
    assert reply.status in (400, 422)
    assert said in reply.json()["error"]


def test_a_client_that_goes_away_stops_its_forecast(server):
    many = tensors(CASES[0], prediction_timestamps=np.arange(64, dtype=np.int64) + 2**51,
                   sample_count=np.array([16], np.int32))
    content = json.dumps(body(many)).encode()

    def ended() -> float:
        return sum(server.metric("weir_jobs_answered_total", model="kronos", outcome=outcome)
                   for outcome in ("ok", "cancelled"))

    def cancelled_one() -> bool:
        before = server.metric("weir_jobs_answered_total", model="kronos", outcome="cancelled"), ended()
        with server.raw() as connection:
            connection.send(head_of("POST", "/v2/models/kronos/infer", len(content)) + content)
            until(lambda: server.metric("weir_jobs_in_flight", model="kronos") > 0 or ended() > before[1], "it has begun")
        until(lambda: ended() > before[1], "it has ended")
        return server.metric("weir_jobs_answered_total", model="kronos", outcome="cancelled") > before[0]

    # A quick machine may be done before the client has gone.
    assert any(cancelled_one() for _ in range(20))
    assert_original(ask(server, tensors(CASES[0])), CASES[0])


def test_the_command_line_forecasts_what_follows_a_file(candle_models):
    def forecast(*arguments: str) -> str:
        done = run("forecast", "kronos", "--models", candle_models, "--csv", CSV, "--horizon", "4", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    lines = forecast("--top-k", "1").splitlines()
    assert lines[0] == "timestamps,open,high,low,close,volume,amount"
    assert [line.split(",")[0] for line in lines[1:]] == [f"2025-03-03T14:{minute}:00" for minute in (30, 35, 40, 45)]
    assert forecast("--seed", "7", "--json") == forecast("--seed", "7", "--json") != forecast("--seed", "8", "--json")


def test_the_command_line_draws_a_forecast(candle_models, tmp_path):
    svg = tmp_path / "next.svg"
    done = run("forecast", "kronos", "--models", candle_models, "--csv", CSV, "--horizon", "20", "--samples", "5",
               "--plot", svg, "-o", tmp_path / "next.csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    root = xml.etree.ElementTree.parse(svg).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    drawn = [element.get("class") for element in root.iter()]
    assert drawn.count("wick") == 60 and drawn.count("band") == 1 and drawn.count("mean") == 1
    assert len((tmp_path / "next.csv").read_text().splitlines()) == 21


def test_the_command_line_says_what_is_wrong(candle_models, tmp_path):
    def said(*arguments) -> str:
        done = run("forecast", *arguments)
        assert done.returncode != 0 and done.stdout == "" and done.stderr.count("\n") == 1, done
        return done.stderr

    assert "1 to 64 candles" in said("kronos", "--models", candle_models, "--csv", CSV, "--horizon", "65")
    assert "there is no file" in said("kronos", "--models", candle_models, "--csv", tmp_path / "none.csv")
    (tmp_path / "bad.csv").write_text("time,open,high,low,close\n2025-01-01,1,2,x,1\n")
    assert "bad.csv: row 2, column 'low': 'x' is not a number" in said(
        "kronos", "--models", candle_models, "--csv", tmp_path / "bad.csv")
    assert "has no kronos.json" in said(tmp_path, "--csv", CSV)


DAMAGES = {
    "gone": (lambda folder: (folder / "dep.onnx").unlink(), "dep.onnx"),
    "cut": (lambda folder: (folder / "predictor.onnx").write_bytes(b"x"), "predictor.onnx is not a graph"),
    "other": (lambda folder: shutil.copy(folder / "dep.onnx", folder / "tok_encode.onnx"), "tok_encode.onnx"),
    "sizes": (lambda folder: (folder / "kronos.json").write_text('{"format": 2, "bits": 0}'), "'bits' must be"),
    "format": (lambda folder: (folder / "kronos.json").write_text('{"format": 9}'), "convert the model again"),
}


def test_folders_that_were_damaged_are_refused_in_words_beside_others_that_serve(candle_models, tmp_path, start):
    for name, (damage, _) in DAMAGES.items():
        shutil.copytree(candle_models / "kronos", tmp_path / "models" / name)
        damage(tmp_path / "models" / name)
    server = start("--models", tmp_path / "models", "--models", EXAMPLE_MODELS)
    listed = {model["id"]: json.dumps(model) for model in server.client.get("/v1/models").json()["data"]}
    for name, (_, reason) in DAMAGES.items():
        assert reason in listed[name], listed[name]
    assert server.client.get("/v2/models/identity/ready").status == 200
