"""Settings: where they come from, which wins, and what a wrong one is told."""

from __future__ import annotations

import pytest
from weir_process import EXAMPLE_MODELS, Weir, free_port, refusal, run
from wire import head_of

MODELS = f"models: {EXAMPLE_MODELS}\n"
ANY_PORT = MODELS + "server:\n  port: 0\n"


def body_limit(server: Weir) -> int:
    """The limit that the server uses, as its refusal tells it."""
    with server.raw() as connection:
        message = connection.send(head_of("POST", "/", 10**15)).reply().message()
    return int(message.split("limit of ")[1].split(" ")[0])


def test_flags_win_over_environment_over_file_over_defaults(start, config_file):
    assert body_limit(start("--models", EXAMPLE_MODELS)) == 64 << 20
    file = config_file(ANY_PORT + "  max_body: 1000\n")
    variable = {"WEIR_SERVER_MAX_BODY": "2KB"}
    assert body_limit(start("--config", file)) == 1000
    assert body_limit(start("--config", file, env=variable)) == 2000
    assert body_limit(start("--config", file, "--set", "server.max_body=3KiB", env=variable)) == 3072


def test_the_port_follows_the_same_order(start, config_file):
    ports = [free_port() for _ in range(3)]
    file = config_file(MODELS + f"server: {{port: {ports[0]}}}\n")
    assert start("--config", file).port == ports[0]
    assert start("--config", file, env={"WEIR_SERVER_PORT": str(ports[1])}).port == ports[1]
    assert start("--config", file, "--port", ports[2], env={"WEIR_SERVER_PORT": str(ports[1])}).port == ports[2]


def test_models_of_a_flag_replace_those_of_the_file(start, config_file, tmp_path):
    (tmp_path / "only/one").mkdir(parents=True)
    (tmp_path / "only/one/model.onnx").symlink_to(EXAMPLE_MODELS / "identity/model.onnx")
    file = config_file(ANY_PORT)

    def names(server):
        return [model["id"] for model in server.client.get("/v1/models").json()["data"]]

    assert names(start("--config", file)) == ["identity", "simple"]
    assert names(start("--config", file, "--models", tmp_path / "only")) == ["one"]
    assert names(start("--config", file, env={"WEIR_MODELS": str(tmp_path / "only")})) == ["one"]
    both = f"{tmp_path / 'only'}:{EXAMPLE_MODELS}"
    assert names(start("--config", file, env={"WEIR_MODELS": both})) == ["identity", "one", "simple"]


def test_a_list_and_a_flat_key_are_understood(start, config_file):
    file = config_file(f"models:\n  - {EXAMPLE_MODELS}\nserver.port: 0\nserver.max_body: 5KB\nqueue:\n  max_jobs: 7\n")
    assert body_limit(start("--config", file)) == 5000


def test_an_empty_file_changes_nothing(start, config_file):
    for text in ("", "# only a comment\n", "---\n"):
        assert body_limit(start("--config", config_file(text), "--port", "0", "--models", EXAMPLE_MODELS)) == 64 << 20


WRONG_FILES = [
    ("server:\n  prot: 8001\n", 2, ["'server.prot'", "'server.port'"]),
    ("\n\nmodel: here\n", 3, ["'model'", "'models'"]),
    ("servr:\n  port: 1\n", 1, ["'servr'"]),
    ("workers: 2\nserver:\n  port: 70000\n", 3, ["server.port", "70000", "65535"]),
    ("workers: none\n", 1, ["workers", "none"]),
    ("workers: 0\n", 1, ["workers", "0"]),
    ("workers: -1\n", 1, ["workers", "-1"]),
    ("workers: 1.5\n", 1, ["workers", "1.5"]),
    ("deadline:\n  default: 30\n", 2, ["deadline.default", "30", "30s"]),
    ("server:\n  max_body: 10 cows\n", 2, ["server.max_body", "10 cows"]),
    ("server:\n  max_body: 99999999999999GiB\n", 2, ["server.max_body"]),
    ("log:\n  level: loud\n", 2, ["log.level", "loud", "warn"]),
    ("workers: [1, 2]\n", 1, ["'workers'", "one value"]),
    ("server:\n  port: {a: 1}\n", 2, ["'server.port'", "one value"]),
    ("models:\n  - a\n  - [b]\n", 3, ["'models'"]),
    ("workers: 1\nworkers: 2\n", 2, ["'workers'", "twice"]),
    ("server:\n  port: 1\nserver:\n  port: 2\n", 3, ["'server'", "twice"]),
    ("server:\n  port: 1\nserver.port: 2\n", 3, ["'server.port'", "twice"]),
    ("- a\n- b\n", 1, ["key: value"]),
    ("just words\n", 1, ["key: value"]),
    ("a: b: c\n", 1, ["not valid YAML"]),
    ("workers: 1\n\tserver: 2\n", None, ["not valid YAML"]),
    ("server: 8000\n", 1, ["'server'"]),
    ("[a, b]: 1\n", 1, []),
    ("? {a: b}\n: 1\n", 1, []),
]


@pytest.mark.parametrize(("text", "line", "words"), WRONG_FILES, ids=[repr(text) for text, _, _ in WRONG_FILES])
def test_a_wrong_file_is_told_file_line_and_what(config_file, text: str, line: int | None, words: list):
    file = config_file(text)
    told = refusal("--config", file)
    assert f"{file}:{line}: " in told if line else f"{file}:" in told
    for word in words:
        assert word in told


def test_a_section_without_settings_is_no_unknown_key(config_file):
    told = refusal("--config", config_file("server: 8000\n"))
    assert "unknown setting 'server'" not in told


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert str(tmp_path / "missing.yaml") in refusal("--config", tmp_path / "missing.yaml")


def test_a_folder_is_no_configuration(tmp_path):
    assert str(tmp_path) in refusal("--config", tmp_path)


def test_a_wrong_variable_is_named():
    told = refusal(env={"WEIR_SERVER_PORT": "eighty"})
    assert "WEIR_SERVER_PORT" in told and "eighty" in told


def test_a_misspelt_variable_is_warned_of(start):
    server = start("--models", EXAMPLE_MODELS, env={"WEIR_SERVER_PROT": "1", "OTHER_SERVER_PROT": "1"})
    (warning,) = [line for line in server.stderr().splitlines() if "PROT" in line]
    assert "WEIR_SERVER_PROT" in warning and "WEIR_SERVER_PORT" in warning


def test_a_wrong_flag_is_named():
    assert "--port" in refusal("--port", "eighty")
    told = refusal("--set", "workers=none")
    assert "workers=none" in told
    assert "KEY=VALUE" in refusal("--set", "workers")


def test_an_unknown_key_of_a_flag_is_told_the_nearest():
    told = refusal("--set", "server.prot=1")
    assert "'server.prot'" in told and "'server.port'" in told


def test_an_address_that_is_none_is_named():
    told = refusal("--models", EXAMPLE_MODELS, "--port", "0", "--address", "here")
    assert "'here'" in told


def test_every_documented_setting_is_taken_from_the_environment():
    lines = run("options").stdout.splitlines()
    assert len(lines) % 3 == 0 and len(lines) >= 45
    for key, help_line, rest in zip(lines[0::3], lines[1::3], lines[2::3]):
        variable = "WEIR_" + key.upper().replace(".", "_")
        assert rest.startswith(f"    environment {variable}, default ")
        assert help_line.strip()
        if key not in ("models", "default_model", "server.address", "keys_file", "sentiment.model",
                       "sentiment.model_folder", "sentiment.feedback", "tls.certificate", "tls.key",
                       "tls.client_ca", "candles.app_name", "candles.model", "candles.model_folder", "candles.device",
                       "candles.containers"):
            assert variable in refusal(env={variable: "!"})
