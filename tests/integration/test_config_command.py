"""`weir config` and `weir options`: what counts, where it comes from, what is wrong."""

from __future__ import annotations

import re

import pytest
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
