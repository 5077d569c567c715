"""`weir config` and `weir options`: what counts, where it comes from, what is wrong."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
import yaml
from weir_process import EXAMPLE_MODELS, ROOT, run, until

PAGE = ROOT / "docs/configuration.md"


def shown(*arguments, env=None) -> dict[str, tuple[str, str]]:
    """Key -> (value, origin)."""
    done = run("config", "show", "--origin", *arguments, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [re.fullmatch(r"([a-z_.]+): (.*?) +# (.*)", line) for line in done.stdout.splitlines()]
    return {line[1]: (line[2], line[3]) for line in lines}


def test_each_value_tells_its_origin(config_file):
    file = config_file("profile: production\nserver:\n  port: 9000\n  max_body: 5MB\nworkers: 2\n")
    found = shown("--config", file, "--set", "workers=4", env={"WEIR_SERVER_PORT": "9001"})
    assert found["server.port"] == ("9001", "environment WEIR_SERVER_PORT")
    assert found["server.max_body"] == ("5000000", f"{file}:4")
    assert found["workers"] == ("4", "--set workers=4")
    assert found["server.address"] == ("0.0.0.0", "profile production")
    assert found["profile"] == ("[production]", f"{file}:1")
    assert found["deadline.default"] == ("30s", "default")


def test_a_server_uses_the_profile_that_it_is_given(start):
    server = start("--models", EXAMPLE_MODELS, "--profile", "production", "--set", "auth=none", wait=False)
    until(lambda: "Ready." in server.stdout(), "the server to be ready")
    assert "Doors at http://0.0.0.0:" in server.stdout()


def test_what_is_shown_can_be_used(config_file):
    first = run("config", "show", "--profile", "staging", "--set", "models=examples/models").stdout
    again = run("config", "show", "--config", config_file(first)).stdout
    assert again == first


def test_cores_that_are_taken_away_are_not_used():
    done = run("config", "show", program=["taskset", "-c", "0"])
    assert done.returncode == 0
    assert "\nworkers: 1\n" in done.stdout and "\nserver.threads: 1\n" in done.stdout


def test_check_names_everything_that_is_wrong(config_file):
    file = config_file("workers: none\nserver:\n  adress: x\n")
    done = run("config", "check", file, env={"WEIR_QUEUE_MAXJOBS": "1"})
    assert (done.returncode, done.stdout) == (2, "")
    first, second, third = done.stderr.splitlines()
    assert f"{file}:1: workers: 'none'" in first
    assert f"{file}:3:" in second and "'server.address'" in second
    assert "WEIR_QUEUE_MAXJOBS" in third and "WEIR_QUEUE_MAX_JOBS" in third


def test_check_finds_nothing_in_a_good_file(config_file):
    done = run("config", "check", config_file("workers: 2\n"))
    assert (done.returncode, done.stderr) == (0, "")


def test_init_writes_a_file_that_is_right_and_changes_nothing(tmp_path):
    file = tmp_path / "weir.yaml"
    assert run("config", "init", file).returncode == 0
    assert run("config", "check", file).returncode == 0
    assert run("config", "show", "--config", file).stdout == run("config", "show").stdout
    for key in shown():
        assert f"{key.split('.')[-1]}: " in file.read_text()


def test_init_does_not_overwrite_unless_told(tmp_path):
    file = tmp_path / "weir.yaml"
    file.write_text("mine\n")
    done = run("config", "init", file)
    assert done.returncode == 2 and "--force" in done.stderr and file.read_text() == "mine\n"
    assert run("config", "init", file, "--force").returncode == 0
    assert "mine" not in file.read_text()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert run("config", "init", tmp_path / "link").returncode == 2


@pytest.mark.parametrize("where", [["--profile", "prodution"], "profile: prodution\n", {"WEIR_PROFILE": "prodution"}],
                         ids=["flag", "file", "variable"])
def test_an_unknown_profile_is_told_the_nearest(config_file, where):
    arguments = where if isinstance(where, list) else ["--config", config_file(where)] if isinstance(where, str) else []
    for command in (["config", "show"], ["serve"]):
        done = run(*command, *arguments, env=where if isinstance(where, dict) else None)
        assert done.returncode == 2
        assert "did you mean 'production'" in done.stderr and "local" in done.stderr


def test_the_reference_page_is_the_generated_one():
    begin, end = "writes what follows -->\n", "<!-- /options -->"
    committed = PAGE.read_text(encoding="utf-8").split(begin)[1].split(end)[0]
    assert run("options", "--markdown").stdout == committed, "weir options --markdown has changed"


class Loader(yaml.SafeLoader):
    """YAML 1.2, as editors and Weir read it: 'off' is a word."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    """Of the schema that `weir config schema` writes."""
    schema = json.loads(run("config", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def complaints(validator, text: str) -> list[str]:
    """What an editor marks."""
    return [error.message for error in validator.iter_errors(yaml.load(text, Loader=Loader))]


@pytest.mark.parametrize("profile", ["", "local", "production", "load-once", "sentiment"])
def test_the_schema_takes_whatever_show_prints(validator, profile):
    arguments = ["--profile", profile, "--set", "model_settings=minilm.load=on-demand"] if profile else []
    assert complaints(validator, run("config", "show", *arguments).stdout) == []


def test_the_schema_takes_the_file_to_begin_with_and_knows_every_setting(validator):
    text = run("config", "init", "-").stdout
    everything = re.sub(r"^( *)#([a-z_]+:)", r"\1\2", text, flags=re.MULTILINE)
    assert complaints(validator, text) == complaints(validator, everything) == []
    assert list(validator.schema["$defs"]) == list(shown())
    assert sum("default" in option for option in validator.schema["$defs"].values()) > 40


@pytest.mark.parametrize("text", [
    "server: {port: 70000}", "server.port: -1", "server: {prot: 8000}", "workres: 2", "workers: two", "workers: 0",
    "deadline: {default: 30}", "deadline: {default: 30 s}", "server: {max_body: 64 MiB}", "log: {level: loud}",
    "watch: {models: perhaps}", "tls: {port: on}", "profile: prodution", "model_settings: {minilm: {lode: startup}}",
    "model_settings: {minilm: {load: never}}", "models: {a: b}", "server: 8000"])
def test_the_schema_refuses_what_the_server_refuses(validator, config_file, text):
    assert complaints(validator, text) != []
    assert run("config", "check", config_file(text + "\n")).returncode == 2


@pytest.mark.parametrize("text", [
    "server: {port: 0, max_body: 1048576}", "server.max_body: 64MiB", "tls: {port: off}", "queue: {max_waiting: any}",
    "models: examples/models", "models: [examples/models]", "profile: [local, load-once]", "batch: {policy: never}",
    "model_settings: {minilm: {load: on-demand, cache: 4MiB}}", "server:", "load: {when: on-demand}"])
def test_the_schema_takes_what_the_server_takes(validator, config_file, text):
    assert complaints(validator, text) == []
    assert run("config", "check", config_file(text + "\n")).returncode == 0


def test_the_schema_is_written_to_a_file(tmp_path):
    file = tmp_path / "weir.schema.json"
    assert run("config", "schema", file).returncode == 0
    assert json.loads(file.read_text()) == json.loads(run("config", "schema").stdout)
    assert run("config", "schema", tmp_path / "no/such/folder").returncode == 2
