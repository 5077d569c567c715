"""The description of the HTTP routes, and whether the server is as it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from test_doors import ROUTES
from weir_process import DEMO_MODELS, EXAMPLE_MODELS, Weir
from wire import Client

SCHEMATHESIS = Path(sys.executable).with_name("st")
SETTINGS = Path(__file__).with_name("schemathesis.toml")
MODEL_CALLS = "/(load|unload|reload|cancel|settings)$"  # /model/reload is one
KEY = "0123456789abcdef0123456789abcdef"


def operations(document: dict) -> dict[str, dict]:
    """Each operation under its method and path, as the list of routes has them."""
    return {f"{method.upper()} {path}": operation
            for path, item in document["paths"].items() for method, operation in item.items()}


def whole(document: dict, place: dict) -> dict:
    """What a reference leads to."""
    while "$ref" in place:
        found = document
        for part in place["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        place = found
    return place


def try_out(server: Weir, folder: Path, *options: str, key: str = "") -> None:
    """Sends what the description allows, and what it does not; all checks."""
    settings = folder / "schemathesis.toml"
    settings.write_text(SETTINGS.read_text() + (f'\n[auth.openapi.bearer]\nbearer = "{key}"\n' if key else ""))
    command = [str(SCHEMATHESIS), "--config-file", str(settings), "run", f"http://127.0.0.1:{server.port}/openapi.json",
               "--checks", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--seed", "1",
               "--continue-on-failure", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr
    tested = int(re.search(r"Tested: (\d+)", done.stdout)[1])
    assert tested == int(re.search(r"Selected: (\d+)", done.stdout)[1]) > 0
    assert server.client.get("/livez").status == 200


@pytest.fixture(scope="module")
def document(weir: Weir) -> dict:
    """The default server's."""
    return weir.client.get("/openapi.json").json()


def test_every_route_is_described_and_nothing_else(document):
    assert list(operations(document)) == sorted(operations(document), key=list(operations(document)).index)
    assert set(operations(document)) == set(ROUTES)


def test_the_description_is_openapi_3_1(document):
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def test_every_status_has_a_body_that_is_described(document):
    for name, operation in operations(document).items():
        assert {"400", "431", "500"} <= set(operation["responses"]), name
        for status, answer in operation["responses"].items():
            answer = whole(document, answer)
            assert answer["description"], (name, status)
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/json"], (name, status)


def test_examples_of_bodies_are_answered(document, client: Client, start, candle_models):
    tried = 0
    candles = start("--models", candle_models).client
    for name, operation in operations(document).items():
        method, path = name.split(" ")
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None or "rerank" in path or re.search(MODEL_CALLS, path):
            continue
        path = path.replace("{model}", "identity").replace("{version}", "1")
        reply = (candles if "forecast" in path else client).request(method, path, content["example"])
        assert reply.status == 200, (name, reply.body)
        tried += 1
    assert tried >= 8


def test_keys_are_described_where_they_are_asked_for(start, document):
    assert "securitySchemes" not in document["components"]
    assert not any("security" in operation for operation in operations(document).values())
    server = start("--models", EXAMPLE_MODELS, "--set", f"api_keys={KEY}")
    asking = server.client.get("/openapi.json").json()
    for name, operation in operations(asking).items():
        is_open = name.split(" ")[1] in ("/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/openapi.json",
                                         "/docs", "/redoc", "/docs/{file}")
        assert ("security" not in operation) == is_open, name
        assert ("401" not in operation["responses"]) == is_open, name
    assert set(asking["components"]["securitySchemes"]) == {"bearer", "header"}


def test_the_server_is_as_described(start, tmp_path):
    server = start("--models", DEMO_MODELS, "--models", EXAMPLE_MODELS, "--set", "default_model=sentiment")
    try_out(server, tmp_path, "--exclude-path-regex", MODEL_CALLS)
    try_out(server, tmp_path, "--include-path-regex", MODEL_CALLS, "--exclude-path", "/model/reload")


def test_the_server_with_keys_is_as_described(start, tmp_path):
    server = start("--models", DEMO_MODELS, "--models", EXAMPLE_MODELS, "--set", f"api_keys={KEY}")
    try_out(server, tmp_path, "--exclude-path-regex", MODEL_CALLS, key=KEY)


def test_the_sentiment_service_is_as_described(start, tmp_path):
    server = start("--profile", "sentiment", "--models", DEMO_MODELS, "--set", "sentiment.model=sentiment",
                   "--set", f"sentiment.feedback={tmp_path / 'feedback.db'}")
    document = server.client.get("/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    assert {"POST /predict", "POST /api/v1/predict", "GET /feedback", "GET /docs"} <= set(operations(document))
    try_out(server, tmp_path, "--include-path-regex",
            "^/(api/v1.*|predict|feedback|health.*|ready|metrics.*|model-info)?$")


def test_the_candle_service_is_as_described(start, tmp_path, candle_models):
    server = start("--profile", "candles", "--models", candle_models, "--set", "candles.rate_limit=0")
    document = server.client.get("/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    assert {"POST /v1/predict/single", "POST /v1/predict/batch", "GET /v1/readyz"} <= set(operations(document))
    try_out(server, tmp_path, "--include-path-regex", "^/(v1/(predict|healthz|readyz|metrics).*)?$")
