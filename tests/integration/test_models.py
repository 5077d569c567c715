"""`weir models add, ls, rm`, and models that are named on the command line of `serve` and `predict`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hub_home import CONFIG, IDENTITY, Home
from hub_server import Hub
from weir_process import DEMO_MODELS, EXAMPLE_MODELS, run

MINILM = DEMO_MODELS / "minilm"
SIMPLE = (EXAMPLE_MODELS / "simple/model.onnx").read_bytes()
BERT = json.dumps({"model_type": "bert", "architectures": ["BertModel"]}).encode()


@pytest.fixture
def hub():
    """A hub of the test's own."""
    served = Hub()
    yield served
    served.close()


@pytest.fixture
def home(tmp_path, hub: Hub) -> Home:
    """An empty home."""
    return Home(tmp_path / "home", hub)


def folder(place: Path, files: dict[str, bytes]) -> Path:
    """A folder with these files."""
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place


def listed(home: Home) -> dict[str, dict]:
    """`weir models ls --json`, by name."""
    done = home.models_command("ls", "--json")
    assert done.returncode == 0, done.stderr
    return {model.pop("name"): model for model in json.loads(done.stdout)}


def graphs(server) -> dict[str, list[str]]:
    """The names of the inputs of each model that is served."""
    ids = [model["id"] for model in server.client.get("/v1/models").json()["data"]]
    return {name: [one["name"] for one in server.client.get(f"/v2/models/{name}").json()["inputs"]] for name in ids}


TWO = {"model.onnx": IDENTITY, "onnx/model_quantized.onnx": SIMPLE, "config.json": CONFIG}


def test_serve_takes_folders_and_names_and_all_of_a_folder(start, tmp_path):
    two = folder(tmp_path / "two", TWO)
    server = start(two, "simple", "--models", EXAMPLE_MODELS)
    assert graphs(server) == {"two": ["INPUT0"], "identity": ["INPUT0"], "simple": ["INPUT0", "INPUT1"]}


def test_serve_with_a_file_takes_that_graph_and_says_that_it_is_lossy(start, tmp_path):
    two = folder(tmp_path / "two", TWO)
    server = start(two, "--file", "onnx/model_quantized.onnx")
    assert graphs(server) == {"two": ["INPUT0", "INPUT1"]}
    assert "runs onnx/model_quantized.onnx: it was asked for" in server.stderr()


def test_serve_with_a_wrong_name_or_file_says_which_is_nearest(tmp_path):
    two = folder(tmp_path / "two", TWO)
    for arguments, words in [
        ([two, "--file", "onnx/model_quantised.onnx"], "did you mean 'onnx/model_quantized.onnx'"),
        ([two, "--file", "config.json"], "has no graph 'config.json'"),
        (["--models", EXAMPLE_MODELS, "--file", "model.onnx"], "--file is for one model"),
        (["--models", EXAMPLE_MODELS, "simpel"], "did you mean 'simple'"),
        (["org/name", "--models", EXAMPLE_MODELS], "the one on the hub is hf:org/name"),
        (["hf:org/name/more"], "'hf:org/name/more' is no model on the hub"),
        ([EXAMPLE_MODELS], f"serve them all with --models {EXAMPLE_MODELS}"),
        ([two, tmp_path / "other/two"], "there are two models 'two'"),
    ]:
        folder(tmp_path / "other/two", TWO)
        done = run("serve", "--port", "0", *arguments)
        assert done.returncode == 2, arguments
        assert words in done.stderr, done.stderr


def test_predict_takes_a_file_too(tmp_path):
    for name in ("tokenizer.json", "config.json", "modules.json", "1_Pooling"):
        (tmp_path / "m").mkdir(exist_ok=True)
        (tmp_path / "m" / name).symlink_to(MINILM / name)
    (tmp_path / "m/other.onnx").symlink_to(MINILM / "model.onnx")
    refused = run("predict", tmp_path / "m", "hello")
    assert refused.returncode == 1
    assert "has no model.onnx" in refused.stderr and "(other.onnx) is taken when --file names it" in refused.stderr
    done = run("predict", tmp_path / "m", "hello", "--file", "other.onnx")
    expected = json.loads(run("predict", MINILM, "hello").stdout)["data"][0]["embedding"]
    assert json.loads(done.stdout)["data"][0]["embedding"] == pytest.approx(expected, abs=1e-5)


def test_a_folder_of_weights_names_the_command_that_converts_it(start, tmp_path):
    folder(tmp_path / "models/weights", {"config.json": BERT, "model.safetensors": b"x"})
    folder(tmp_path / "models/other", {"config.json": b'{"model_type": "t5"}', "model.safetensors": b"x"})
    folder(tmp_path / "models/good", {"model.onnx": IDENTITY})
    server = start("--models", tmp_path / "models")
    reasons = {model["id"]: model.get("reason", "") for model in server.client.get("/v1/models").json()["data"]}
    assert f"'python3 tools/convert/convert_bert.py {tmp_path}/models/weights OUT'" in reasons["weights"]
    assert "model.safetensors of 't5', which tools/convert does not know" in reasons["other"]
    assert reasons["good"] == ""


def test_add_links_a_folder_and_ls_shows_it(home: Home, tmp_path):
    two = folder(tmp_path / "two", TWO)
    told = home.models_command("add", two)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == f"{home.models}/two is a link to {two}, graph model.onnx (model.onnx comes first)\n"
    home.models_command("add", MINILM, "--name", "mine")
    found = listed(home)
    assert found["two"] == {"kind": "tensor", "file": "model.onnx", "bytes": len(IDENTITY), "source": f"link to {two}"}
    assert (found["mine"]["kind"], found["mine"]["file"]) == ("embedding", "model.onnx")
    table = home.models_command("ls").stdout.splitlines()
    assert table[0].split() == ["NAME", "KIND", "SIZE", "FILE", "SOURCE"]
    assert [line.split()[0] for line in table[1:]] == ["mine", "two"]


def test_add_with_a_file_keeps_the_choice(home: Home, start, tmp_path):
    two = folder(tmp_path / "two", TWO)
    told = home.models_command("add", two, "--file", "model_quantized.onnx", "--name", "quick")
    assert told.returncode == 0
    assert "differ from the reference's" in told.stderr
    assert listed(home)["quick"]["file"] == "onnx/model_quantized.onnx"
    assert graphs(start("--models", home.models)) == {"quick": ["INPUT0", "INPUT1"]}


def test_add_can_copy(home: Home, tmp_path):
    two = folder(tmp_path / "two", TWO)
    assert home.models_command("add", two, "--copy").returncode == 0
    shutil.rmtree(two)
    assert (home.models / "two/model.onnx").read_bytes() == IDENTITY
    assert listed(home)["two"]["source"] == "folder"


def test_add_refuses_what_cannot_be_served(home: Home, tmp_path):
    weights = folder(tmp_path / "weights", {"config.json": BERT, "model.safetensors": b"x"})
    for arguments, words in [([tmp_path / "gone"], "there is no model folder"),
                             ([folder(tmp_path / "empty", {"a": b""})], "has no model.onnx"),
                             ([weights], "convert_bert.py"), ([weights, "--file", "model.safetensors"], "convert_bert.py"),
                             ([MINILM, "--name", "a/b"], "is no name for a model"),
                             ([MINILM, "--name", ".."], "is no name for a model")]:
        done = home.models_command("add", *arguments)
        assert done.returncode in (1, 2)
        assert words in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert list(home.models.iterdir()) == []


def test_a_taken_name_is_not_taken_over(hub: Hub, home: Home, tmp_path):
    hub.add("org/two", TWO)
    two = folder(tmp_path / "two", TWO)
    home.pull("org/two")
    assert "there is a model 'two' already (hf:org/two@" in home.models_command("add", two).stderr
    home.models_command("rm", "two")
    assert home.models_command("add", two).returncode == 0
    assert home.models_command("add", two).returncode == 0  # the same again is no conflict
    assert "there is a model 'two' already (link to " in home.refused("org/two", code=2)
    assert (home.models / "two").is_symlink()
    home.pull("org/two", "--name", "other")
    assert set(listed(home)) == {"two", "other"}


def test_pull_keeps_the_choice_and_warns_of_a_lossy_one(hub: Hub, home: Home, start):
    hub.add("org/lossy", {"onnx/model_fp16.onnx": IDENTITY, "onnx/model_quantized.onnx": SIMPLE})
    done = home.pull("org/lossy")
    assert "onnx/model_quantized.onnx (there is no model.onnx and no onnx/model.onnx" in done.stdout
    assert "the answers of onnx/model_quantized.onnx differ" in done.stderr
    home.pull("org/lossy", "--file", "model_fp16.onnx", "--name", "half")
    home.pull("org/lossy")
    assert {name: model["file"] for name, model in listed(home).items()} == {
        "lossy": "onnx/model_quantized.onnx", "half": "onnx/model_fp16.onnx"}
    assert graphs(start("--models", home.models)) == {"lossy": ["INPUT0", "INPUT1"], "half": ["INPUT0"]}
    assert "did you mean 'onnx/model_fp16.onnx'" in home.refused("org/lossy", "--file", "onnx/model_pf16.onnx", code=2)


def test_pull_of_weights_says_how_to_convert_them(hub: Hub, home: Home):
    hub.add("org/weights", {"config.json": BERT, "tokenizer.json": b"{}", "model.safetensors": b"weights"})
    told = home.refused("org/weights")
    assert "'weir models pull org/weights --file model.safetensors' fetches it" in told
    assert not hub.gets("/store/")
    done = home.pull("org/weights", "--file", "model.safetensors").stdout
    place = done.split("convert_bert.py ")[1].split()[0]
    assert (Path(place) / "model.safetensors").read_bytes() == b"weights"
    assert list(home.models.iterdir()) == []


def test_rm_removes_links_and_never_what_they_lead_to(hub: Hub, home: Home, tmp_path):
    two = folder(tmp_path / "two", TWO)
    hub.add("org/pulled", TWO)
    home.pull("org/pulled")
    home.models_command("add", two)
    (home.models / "pulled/weir-profile.json").write_text("{}")  # as a server leaves it there
    home.pull("org/pulled")
    (home.models / "pulled/weir-profile.json").write_text("{}")
    assert "what it leads to is untouched" in home.models_command("rm", "two").stdout
    told = home.models_command("rm", "pulled").stdout
    assert f"removed {home.models}/pulled (hf:org/pulled@" in told
    assert list(home.models.iterdir()) == []
    assert (two / "model.onnx").exists()
    assert "everything was in the cache" in home.pull("org/pulled").stdout


def test_rm_wants_force_for_files_of_ones_own(home: Home, tmp_path):
    folder(home.models / "own", TWO)
    outside = folder(tmp_path / "outside", TWO)
    (home.models / "own/link").symlink_to(outside)
    done = home.models_command("rm", "own")
    assert done.returncode == 2
    assert "--force removes them" in done.stderr
    assert home.models_command("rm", "own", "--force").returncode == 0
    assert list(home.models.iterdir()) == []
    assert (outside / "model.onnx").exists()


@pytest.mark.parametrize("name", ["../outside", "..", ".", "", "/tmp", "ownn"])
def test_rm_stays_inside_the_models_folder(home: Home, name: str):
    folder(home.models / "own", TWO)
    folder(home.folder / "outside", TWO)
    done = home.models_command("rm", "--force", name)
    assert done.returncode == 2
    assert "there is no model '" in done.stderr
    assert (home.models / "own/model.onnx").exists() and (home.folder / "outside/model.onnx").exists()


def test_ls_says_what_would_not_be_served_and_of_no_folder_at_all(home: Home):
    folder(home.models / "empty", {"notes.txt": b""})
    (home.models / "loop").mkdir()
    (home.models / "loop/onnx").symlink_to("..")
    assert "empty  not served: it has no model.onnx" in home.models_command("ls").stdout
    assert listed(home)["loop"]["problem"].startswith("has no model.onnx")
    done = home.weir("models", "ls", "--models", home.folder / "gone")
    assert done.returncode == 2
    assert "gone cannot be read" in done.stderr


def test_every_command_of_models_explains_itself():
    for command in ("add", "pull", "ls", "rm"):
        assert command in run("models", "--help").stdout
        assert run("models", command, "--help").returncode == 0
    assert run("models").returncode != 0
