"""`weir models pull` against a hub and a network that fail: it goes on, or says what is wrong, and keeps nothing bad."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import ssl
import subprocess

import pytest
from hub_home import CONFIG, IDENTITY, Home
from hub_server import Fault, Hub
from weir_process import reports_in

BIG = random.Random(7).randbytes(3_000_000)
FILES = {"config.json": CONFIG, "model.onnx": BIG}
LIST, GRAPH = "*list*", "model.onnx"


@pytest.fixture
def hub():
    """A hub with one model whose graph has 3 MB."""
    served = Hub()
    served.add("org/big", FILES)
    yield served
    served.close()


@pytest.fixture
def home(tmp_path, hub: Hub) -> Home:
    """An empty home."""
    return Home(tmp_path, hub)


def whole(home: Home) -> bool:
    """Whether what was pulled is what the hub has, and nothing is left over."""
    return ((home.models / "big/model.onnx").read_bytes() == BIG and not home.incomplete("org/big")
            and (home.models / "big/config.json").read_bytes() == CONFIG)


def ranges(hub: Hub) -> list[str]:
    """Which parts of the graph were asked for."""
    return [seen.range for seen in hub.gets("/store/")]


def test_a_cut_transfer_goes_on_where_it_stopped(hub: Hub, home: Home):
    hub.faults[GRAPH] = [Fault(cut_after=1_000_000), Fault(cut_after=500_000), Fault(cut_after=0)]
    told = home.pull("org/big").stderr
    assert whole(home)
    assert ranges(hub) == ["", "bytes=1000000-", "bytes=1500000-", "bytes=1500000-"]
    assert "going on at 1000000 of 3000000 bytes" in told


def test_a_killed_pull_goes_on_where_it_stopped(hub: Hub, home: Home):
    hub.faults[GRAPH] = [Fault(stall_after=2_000_000)]
    process = home.begin("org/big")
    assert hub.stalled.wait(30)
    while not (parts := home.incomplete("org/big")) or parts[0].stat().st_size < 2_000_000:
        assert process.poll() is None
    process.kill()
    process.communicate()
    assert not (home.models / "big").exists()
    home.pull("org/big")
    assert whole(home)
    assert ranges(hub) == ["", "bytes=2000000-"]


def test_ctrl_c_ends_it_at_once(hub: Hub, home: Home):
    hub.faults[GRAPH] = [Fault(stall_after=10)]
    process = home.begin("org/big")
    assert hub.stalled.wait(30)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=30)[1]
    assert process.returncode == -signal.SIGINT
    assert not reports_in(told)


def test_a_stalled_transfer_is_given_up_and_begun_again(hub: Hub, home: Home):
    hub.faults[GRAPH] = [Fault(stall_after=1_000_000)]
    told = home.pull("org/big", HF_HUB_DOWNLOAD_TIMEOUT="1").stderr
    assert "nothing came for 1 s" in told
    assert whole(home)
    assert ranges(hub) == ["", "bytes=1000000-"]


def test_a_server_that_ignores_the_range_sends_it_all_again(hub: Hub, home: Home):
    hub.faults[GRAPH] = [Fault(cut_after=1_000_000), Fault(ignore_range=True)]
    home.pull("org/big")
    assert whole(home)


def test_another_range_than_asked_for_is_not_taken(hub: Hub, home: Home):
    hub.faults[GRAPH] = [Fault(cut_after=1_000_000), Fault(wrong_range=True)]
    assert "another range came" in home.pull("org/big").stderr
    assert whole(home)


@pytest.mark.parametrize(("file", "sum_name"), [(GRAPH, "SHA-256"), ("config.json", "git's id")])
def test_a_corrupt_file_is_fetched_anew_and_twice_refused(hub: Hub, home: Home, file: str, sum_name: str):
    hub.faults[file] = [Fault(corrupt=True), Fault(corrupt=True)]
    told = home.refused("org/big")
    assert f"{file}: its content is not what the hub announced ({sum_name} is " in told
    assert not (home.models / "big").exists()
    hub.faults[file] = [Fault(corrupt=True)]
    assert "fetching it anew" in home.pull("org/big").stderr
    assert whole(home)


def test_a_part_from_another_file_is_found_out_by_the_sum(hub: Hub, home: Home):
    blobs = home.repository("org/big") / "blobs"
    blobs.mkdir(parents=True)
    part = blobs / (hub.repositories["org/big"].etag(GRAPH) + ".incomplete")
    part.write_bytes(b"z" * 1000)
    assert "fetching it anew" in home.pull("org/big").stderr
    assert whole(home)
    assert ranges(hub) == ["bytes=1000-", ""]


def test_a_part_that_is_longer_than_the_file_is_dropped(hub: Hub, home: Home):
    blobs = home.repository("org/big") / "blobs"
    blobs.mkdir(parents=True)
    (blobs / (hub.repositories["org/big"].etag(GRAPH) + ".incomplete")).write_bytes(b"z" * 4_000_000)
    home.pull("org/big")
    assert whole(home)


@pytest.mark.parametrize(("fault", "words"), [(Fault(shorter=10), "it ends after 2999990 of the 3000000 bytes"),
                                              (Fault(longer=10), "more comes than the 3000000 bytes")])
def test_a_wrong_length_is_tried_again_and_then_refused(hub: Hub, home: Home, fault: Fault, words: str):
    hub.faults[GRAPH] = [fault]
    assert words in home.pull("org/big").stderr
    assert whole(home)


@pytest.mark.parametrize(("told", "words"), [
    ({"X_Linked_Size": "4000000"}, "of the 4000000 bytes"),
    ({"X_Linked_Size": "2000000"}, "more comes than the 2000000 bytes"),
    ({"X_Linked_Size": "many"}, "does not tell the file's size"),
    ({"X_Linked_Size": str(1 << 60)}, "is said to have"),
    ({"X_Linked_ETag": f'"{hashlib.sha256(b"other").hexdigest()}"'}, "SHA-256 is"),
    ({"X_Linked_ETag": '"../../../evil"'}, "ETag cannot be the name of a file"),
    ({"X_Linked_ETag": '""'}, "ETag cannot be the name of a file"),
    ({"X_Repo_Commit": "0" * 40}, "X-Repo-Commit is not the commit"),
])
def test_a_wrong_announcement_is_refused(hub: Hub, home: Home, told: dict, words: str):
    hub.told[GRAPH] = told
    assert words in home.refused("org/big")
    assert not (home.models / "big").exists()
    assert not list(home.folder.rglob("evil*"))


def test_failures_of_the_hub_are_tried_again(hub: Hub, home: Home):
    hub.faults[LIST] = [Fault(status=500), Fault(status=503), Fault(cut_after=10)]
    hub.faults[GRAPH] = [Fault(status=502)]
    told = home.pull("org/big").stderr
    assert whole(home)
    assert "answers 500" in told and "answers 503" in told and "answers 502" in told
    assert "trying again in 0.25 s" in told and "trying again in 0.5 s" in told and "trying again in 1 s" in told


def test_a_hub_that_only_fails_is_given_up(hub: Hub, home: Home):
    hub.faults[LIST] = [Fault(status=500)] * 5
    told = home.refused("org/big")
    assert told.count("trying again") == 4
    assert told.splitlines()[-1].endswith("answers 500 to the list of org/big at main")
    assert len(hub.gets("/api/")) == 5


def test_too_many_requests_waits_as_long_as_it_is_told(hub: Hub, home: Home):
    hub.faults[LIST] = [Fault(status=429, headers={"Retry-After": "2"})]
    assert "answers 429 to the list of org/big at main; trying again in 2 s" in home.pull("org/big").stderr


def test_a_failing_hub_with_the_model_in_the_cache_is_no_failure(hub: Hub, home: Home):
    home.pull("org/big")
    hub.faults[LIST] = [Fault(status=500)]
    assert "taken from the cache, the hub was not reached: " in home.pull("org/big").stdout


@pytest.mark.parametrize(("token", "words"), [("", "set HF_TOKEN to a token that may read it"),
                                              ("hf_wrong", "the token (HF_TOKEN or the token file) may not read it")])
def test_a_gated_model_asks_for_a_token(hub: Hub, home: Home, token: str, words: str):
    hub.add("org/gated", FILES, token="right", gated=True)
    told = home.refused("org/gated", HF_TOKEN=token)
    assert words in told and "Access is restricted" in told
    assert "hf_wrong" not in told


def test_what_is_not_there_is_named(hub: Hub, home: Home):
    assert "there is no such model, or it is private and HF_TOKEN is not set" in home.refused("org/none", code=2)
    assert "there is no such model, or HF_TOKEN may not see it" in home.refused("org/none", code=2, HF_TOKEN="a")
    hub.listings["org/big"] = {"sha": hub.repositories["org/big"].commit,
                               "siblings": [{"rfilename": "model.onnx"}, {"rfilename": "tokenizer.json"}]}
    assert "answers 404 to tokenizer.json" in home.refused("org/big", code=2)


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil", "a/../../evil", "a//b", "./a", "a\\..\\evil", "a\nb", ""])
def test_a_file_name_that_leaves_the_folder_is_refused(hub: Hub, home: Home, name: str):
    commit = hub.repositories["org/big"].commit
    hub.listings["org/big"] = {"sha": commit, "siblings": [{"rfilename": "model.onnx"}, {"rfilename": name}]}
    told = home.refused("org/big")
    assert "the file name" in told and "nothing is taken from there" in told
    assert told.count("\n") == told.count("; trying") + 1
    assert not home.cache.exists()


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"{}", {"sha": "main", "siblings": []},
                                    {"sha": "0" * 40}, {"sha": "0" * 40, "siblings": [1]},
                                    {"sha": "0" * 40, "siblings": {"rfilename": "a"}}, b'{"sha": "\xff"}'])
def test_a_list_that_is_none_is_refused(hub: Hub, home: Home, answer):
    hub.listings["org/big"] = answer or b" "
    assert "is no list of a repository's files" in home.refused("org/big")


def test_a_redirect_within_the_hub_is_followed_with_the_token(hub: Hub, home: Home):
    repository = hub.add("org/new", {"config.json": CONFIG, "model.onnx": IDENTITY}, token="right")
    hub.repositories["org/old"] = repository
    hub.faults[LIST] = [Fault(status=307, headers={"Location": "/api/models/org/new/revision/main"})]
    home.pull("org/old", HF_TOKEN="right")
    assert [seen.token for seen in hub.gets("/api/models/org/new")] == ["right"]


def test_a_redirect_to_another_port_is_another_host(hub: Hub, home: Home):
    other = Hub()
    other.add("org/big", FILES)
    hub.faults[LIST] = [Fault(status=302, headers={"Location": f"{other.url}/api/models/org/big/revision/main"})]
    home.pull("org/big", HF_TOKEN="right")
    assert [seen.token for seen in other.gets("/api/")] == [""]
    other.close()


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/model.onnx", "gopher://127.0.0.1/", "http://"])
def test_a_redirect_to_something_else_is_not_followed(hub: Hub, home: Home, location: str):
    hub.redirects[GRAPH] = location
    told = home.refused("org/big")
    assert "model.onnx: it redirects" in told
    assert not (home.models / "big").exists()


def test_a_certificate_must_be_trusted(hub: Hub, home: Home, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=hub",
                    "-addext", "subjectAltName=IP:127.0.0.1,IP:127.0.0.2", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secure = Hub(context)
    secure.add("org/big", FILES)
    told = home.refused("org/big", HF_ENDPOINT=secure.url, HF_TOKEN="hf_abc")
    assert "certificate" in told and "trying again" not in told
    assert secure.requests == []
    home.pull("org/big", HF_ENDPOINT=secure.url, SSL_CERT_FILE=str(certificate))
    assert whole(home)
    secure.close()


def test_redirects_in_a_circle_end(hub: Hub, home: Home):
    hub.faults[LIST] = [Fault(status=302, headers={"Location": "/api/models/org/big/revision/main"})] * 50
    assert "more than 10 redirects" in home.refused("org/big")
    assert len(hub.gets("/api/")) == 11


def test_two_pulls_at_once_fetch_once(hub: Hub, home: Home):
    hub.faults[GRAPH] = [Fault(stall_after=1_000_000)]
    first = home.begin("org/big")
    assert hub.stalled.wait(30)
    second = home.begin("org/big")
    for line in second.stderr:
        if "model.onnx: another process is fetching it; waiting" in line:
            break
    first.kill()
    first.communicate()
    second.communicate(timeout=30)
    assert second.returncode == 0
    assert whole(home)
    assert ranges(hub)[0] == "" and ranges(hub)[1].startswith("bytes=") and len(ranges(hub)) == 2


def test_what_the_disk_cannot_hold_is_not_begun(hub: Hub, home: Home):
    free = os.statvfs(home.folder).f_bavail * os.statvfs(home.folder).f_frsize
    names = [f"model.onnx_data_{number}" for number in range(free // (200 << 30) + 1)]
    hub.add("org/huge", FILES | {name: name.encode() for name in names})
    hub.told = {name: {"X_Linked_Size": str(200 << 30), "X_Linked_ETag": f'"{name}"', "X_Repo_Commit":
                       hub.repositories["org/huge"].commit} for name in names}
    told = home.refused("org/huge")
    assert "org/huge needs " in told and " MB left" in told
    assert not hub.gets("/resolve/")


def test_a_full_disk_is_named(hub: Hub, home: Home):
    blobs = home.repository("org/big") / "blobs"
    blobs.mkdir(parents=True)
    (blobs / (hub.repositories["org/big"].etag(GRAPH) + ".incomplete")).symlink_to("/dev/full")
    told = home.refused("org/big")
    assert "cannot be written: No space left on device" in told
    assert "trying again" not in told


def test_a_cache_that_is_a_file_is_named(hub: Hub, home: Home):
    home.cache.parent.mkdir(parents=True)
    home.cache.write_text("")
    assert f"{home.cache}" in home.refused("org/big")


@pytest.mark.parametrize(("name", "value", "words"), [
    ("HF_ENDPOINT", "hub.example", "HF_ENDPOINT is 'hub.example', not a URL"),
    ("HF_TOKEN", "a\nb", "no token"), ("HF_HUB_DOWNLOAD_TIMEOUT", "soon", "HF_HUB_DOWNLOAD_TIMEOUT is 'soon'")])
def test_a_wrong_environment_is_named(home: Home, name: str, value: str, words: str):
    assert words in home.refused("org/big", code=2, **{name: value})


@pytest.mark.parametrize("model", ["org/../x", "/x", "org/", "a/b/c", "org/x@..", "org/x@", "org/x y", "org/x@-v", ".", ""])
def test_a_name_that_is_none_is_refused_before_anything_is_asked(hub: Hub, home: Home, model: str):
    assert home.refused("--", model, code=2)
    assert hub.requests == []
