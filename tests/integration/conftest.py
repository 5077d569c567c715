"""The servers that the tests share, and what a failed test shows of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from candle_models import convert
from folder_expectations import write_folders
from weir_process import BINARY, DEMO_MODELS, EXAMPLE_MODELS, Weir
from wire import Client

TAIL = 60  # lines of a server's stderr that a failure shows


@pytest.fixture(scope="session", autouse=True)
def program_and_models() -> None:
    """Nothing can be tested without them."""
    assert BINARY.exists(), f"there is no {BINARY}; build it with: make build"
    assert (DEMO_MODELS / "minilm/model.onnx").exists(), "there are no demo models; make them with: make models"


@pytest.fixture(scope="session")
def weir(tmp_path_factory) -> Weir:
    """All four models; shared by every test that leaves it as it found it."""
    server = Weir(tmp_path_factory.mktemp("weir"), "--models", DEMO_MODELS, "--models", EXAMPLE_MODELS,
                  "--set", "deadline.default=120s", "--grpc-port", "0")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> Path:
    """served/ and refused/: a small model folder of each kind, made by tests/folders/make.py."""
    return write_folders(tmp_path_factory.mktemp("folders"))


@pytest.fixture(scope="session")
def hall(tmp_path_factory, folders) -> Weir:
    """A server with every small folder that can be served; shared as `weir` is."""
    server = Weir(tmp_path_factory.mktemp("weir"), "--models", folders / "served", "--set", "deadline.default=120s")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def candle_models(tmp_path_factory) -> Path:
    """A models folder with one model of candles."""
    folder = tmp_path_factory.mktemp("candles") / "models"
    convert("tiny", folder / "kronos", "--max-context", "64")
    return folder


@pytest.fixture(scope="session")
def candle_server(tmp_path_factory, candle_models) -> Weir:
    """One with a model of candles beside others; shared as `weir` is."""
    server = Weir(tmp_path_factory.mktemp("weir"), "--models", candle_models, "--models", EXAMPLE_MODELS)
    yield server
    server.stop()


@pytest.fixture
def client(weir: Weir) -> Client:
    """A client of the shared server."""
    return weir.client


@pytest.fixture
def start(tmp_path_factory):
    """start(arguments…): a server of the test's own; stopped, and its end checked, after the test."""
    servers: list[Weir] = []

    def begin(*arguments, **options) -> Weir:
        servers.append(Weir(tmp_path_factory.mktemp("weir"), *arguments, **options))
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()


@pytest.fixture
def config_file(tmp_path):
    """config_file(text): the path of a YAML file with this text."""
    numbers = itertools.count()

    def write(text: str):
        path = tmp_path / f"weir{next(numbers)}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the end of each running server's stderr to a failure."""
    del item, call
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for server in Weir.running:
        lines = server.stderr().splitlines()[-TAIL:]
        report.sections.append((f"stderr of weir on port {server.port}", "\n".join(lines)))
