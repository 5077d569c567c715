"""Keys: who may ask for what, and how much of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from weir_process import DEMO_MODELS, EXAMPLE_MODELS, Weir, refusal, run, until
from wire import head_of, post_of

IDENTITY = {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}
INFER = "/v2/models/identity/infer"


def new_key(file: Path, name: str, *more: str) -> str:
    """A key that `weir keys new` has put into the file."""
    done = run("keys", "new", name, "--file", file, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    return tmp_path / "keys.yaml"


def serve(start, keys_file: Path, *more) -> Weir:
    return start("--models", EXAMPLE_MODELS, "--set", f"keys_file={keys_file}", *more)


def infer(server: Weir, key: str, **headers: str):
    return server.client.post(INFER, IDENTITY, authorization=f"Bearer {key}", **headers)


def test_a_key_may_do_what_its_scopes_say_and_nothing_else(start, keys_file: Path):
    web, ops = new_key(keys_file, "web"), new_key(keys_file, "ops", "--scopes", "admin,metrics")
    assert keys_file.stat().st_mode & 0o777 == 0o600
    assert web not in keys_file.read_text() and ops not in keys_file.read_text()
    server = serve(start, keys_file)
    client = server.client
    assert infer(server, web).status == 200
    assert client.post(INFER, IDENTITY, x_api_key=web).status == 200
    assert client.get("/metrics", x_api_key=ops).status == 200
    assert client.request("POST", "/v2/repository/models/identity/unload", {}, {"X-API-Key": ops}).status == 200
    told = infer(server, ops)
    assert told.status == 403 and "'infer'" in told.message() and "admin, metrics" in told.message()
    for path in ("/metrics", "/v1/models/simple/load"):
        method = "GET" if path == "/metrics" else "POST"
        assert client.request(method, path, None, {"X-API-Key": web}).status == 403, path
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": f"Basic {web}"}, {"X-API-Key": web + "x"},
                    {"Authorization": f"Bearer {web[:-1]}"}, {"X-API-Key": ""}):
        for path in ("/v1/models", "/metrics", "/", "/no/such/route", "/v2/models/identity"):
            reply = client.request("GET", path, None, headers)
            assert reply.status == 401, (headers, path)
            assert reply.headers["www-authenticate"] == "Bearer"
    for path in ("/livez", "/readyz", "/v2/health/live", "/v2/health/ready"):
        assert client.get(path).status == 200, path


def test_a_body_is_not_waited_for_when_its_key_is_wrong(start, keys_file: Path):
    new_key(keys_file, "web")
    server = serve(start, keys_file)
    with server.raw() as client:
        client.send(head_of("POST", INFER, 50_000_000, "X-API-Key: 0123456789abcdef"))
        assert client.reply().status == 401
    with server.raw() as client:
        client.send(head_of("POST", INFER, 50_000_000, "Expect: 100-continue"))
        assert client.reply().status == 401


def test_requests_over_a_keys_rate_are_refused_and_told_when_there_are_more(start, keys_file: Path):
    web = new_key(keys_file, "web", "--requests-per-second", "0.01")
    server = serve(start, keys_file)
    first, second = infer(server, web), infer(server, web)
    assert first.status == 200
    assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("1", "0")
    assert 90 <= int(first.headers["ratelimit-reset"]) <= 100
    assert second.status == 429 and second.headers["ratelimit-remaining"] == "0"
    assert 90 <= int(second.headers["retry-after"]) <= 100
    assert second.json()["limit"] == "requests_per_second" and "'web'" in second.message()


def test_a_key_has_as_many_requests_under_way_as_it_may(start, keys_file: Path):
    web, other = new_key(keys_file, "web", "--concurrent", "1"), new_key(keys_file, "other")
    server = serve(start, keys_file, "--models", DEMO_MODELS)

    def jobs() -> int:
        return server.client.get("/v1/models/minilm/status", x_api_key=other).json()["jobs"]["admitted"]

    body = {"model": "minilm", "input": ["a long story " * 100] * 200}
    with server.raw() as busy:
        busy.send(post_of("/v1/embeddings", body, f"X-API-Key: {web}", "X-Request-Timeout-Ms: 290000"))
        until(lambda: jobs() > 0, "the first request to be under way")
        refused = infer(server, web)
        assert refused.status == 429 and infer(server, other).status == 200
        assert refused.json()["limit"] == "concurrent" and "its limit" in refused.message()
    until(lambda: infer(server, web).status == 200, "the place of a client that went away to be free")


def test_a_key_sets_the_class_of_its_requests_and_the_highest_that_they_may_name(start, keys_file: Path):
    nightly, free = new_key(keys_file, "nightly", "--priority", "bulk"), new_key(keys_file, "free")
    server = serve(start, keys_file, "--models", DEMO_MODELS)
    assert infer(server, nightly).status == 200
    assert infer(server, nightly, x_request_priority="bulk").status == 200
    for name in ("interactive", "normal"):
        assert infer(server, free, x_request_priority=name).status == 200
        for reply in (infer(server, nightly, x_request_priority=name),
                      server.client.post(INFER, IDENTITY | {"parameters": {"priority": name}}, x_api_key=nightly),
                      server.client.post("/v1/embeddings", {"model": "minilm", "input": "a", "priority": name},
                                         x_api_key=nightly)):
            assert reply.status == 403 and "'nightly' are bulk at most" in reply.message()


def test_a_changed_keys_file_is_picked_up_and_a_wrong_one_is_not(start, keys_file: Path):
    web = new_key(keys_file, "web")
    server = serve(start, keys_file)
    late = new_key(keys_file, "late")
    until(lambda: infer(server, late).status == 200, "the new key to be known")
    entries = keys_file.read_text()
    keys_file.write_text(entries.replace("scopes", "scope", 1))
    until(lambda: "the keys stay as they were" in server.stderr(), "the mistake to be told")
    assert f"{keys_file}:3" in server.stderr() and infer(server, web).status == 200
    # As a mounted secret is replaced: another file in its place.
    fresh = keys_file.with_suffix(".new")
    fresh.write_text("".join(entries.partition("- name: late")[1:]))
    os.replace(fresh, keys_file)
    until(lambda: infer(server, web).status == 401, "the removed key to be forgotten")
    assert infer(server, late).status == 200
    keys_file.write_text(entries)
    server.process.send_signal(signal.SIGHUP)
    until(lambda: infer(server, web).status == 200, "the key to be back")


def test_keys_from_the_environment_infer_and_read_metrics_and_are_shown_as_hashes(start):
    secret = "0123456789-abcdef"
    server = start("--models", EXAMPLE_MODELS, env={"WEIR_API_KEYS": secret})
    assert infer(server, secret).status == 200
    assert server.client.get("/metrics", x_api_key=secret).status == 200
    assert server.client.request("POST", "/v1/models/identity/reload", None, {"X-API-Key": secret}).status == 403
    shown = run("config", "show", "--origin", env={"WEIR_API_KEYS": secret})
    assert "sha256:" in shown.stdout and secret not in shown.stdout
    told = refusal("--models", EXAMPLE_MODELS, env={"WEIR_API_KEYS": "sesame"})
    assert "WEIR_API_KEYS" in told and "16" in told and "sesame" not in told


def test_no_address_that_others_can_reach_is_opened_without_keys(start, keys_file: Path):
    for address in ("0.0.0.0", "::", "192.0.2.1"):
        told = refusal("--models", EXAMPLE_MODELS, "--port", "0", "--address", address)
        assert "keys_file" in told and "auth: none" in told
    told = refusal("--models", EXAMPLE_MODELS, "--set", "auth=none", env={"WEIR_API_KEYS": "0123456789-abcdef"})
    assert "auth: none" in told
    assert "cannot be read" in refusal("--models", EXAMPLE_MODELS, "--set", f"keys_file={keys_file}")
    server = start("--models", EXAMPLE_MODELS, "--address", "127.0.0.2", wait=False)
    until(lambda: "Ready." in server.stdout(), "a server on loopback")


def test_a_name_is_given_to_one_key_only(keys_file: Path):
    new_key(keys_file, "web")
    before = keys_file.read_text()
    done = run("keys", "new", "web", "--file", keys_file)
    assert done.returncode == 2 and "has a key 'web' already" in done.stderr and keys_file.read_text() == before
    done = run("keys", "new", "ops", "--scopes", "root")
    assert done.returncode == 2 and "infer, admin, metrics" in done.stderr
    shown = run("keys", "new", "ops")
    assert shown.stdout.startswith("weir_") and "- name: ops" in shown.stderr
