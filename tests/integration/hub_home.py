"""A person's home with a cache of the hub's files, and the programs that use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from hub_server import Hub
from weir_process import BINARY, EXAMPLE_MODELS, environment, run

IDENTITY = (EXAMPLE_MODELS / "identity/model.onnx").read_bytes()
CONFIG = json.dumps({"model_type": "identity"}).encode()


class Home:
    """Its folders, and the environment that leads the programs there."""

    def __init__(self, folder: Path, hub: Hub):
        self.folder, self.hub = folder, hub
        self.cache, self.models = folder / "hf/hub", folder / "models"
        self.models.mkdir(parents=True)
        self.env = {"HF_HOME": str(folder / "hf"), "HF_ENDPOINT": hub.url, "HF_HUB_DOWNLOAD_TIMEOUT": "5",
                    "HOME": str(folder), "XDG_CACHE_HOME": str(folder / ".cache"), "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "*", "no_proxy": "*"}

    def weir(self, *arguments, **env: str) -> subprocess.CompletedProcess[str]:
        """A command of ours."""
        return run(*arguments, env=self.env | env)

    def models_command(self, *arguments, **env: str) -> subprocess.CompletedProcess[str]:
        """`weir models …` on this home's models folder."""
        return self.weir("models", "--models", self.models, *arguments, **env)

    def pull(self, *arguments, **env: str) -> subprocess.CompletedProcess[str]:
        """`weir models pull …`, which must succeed."""
        done = self.models_command("pull", *arguments, **env)
        assert done.returncode == 0, done.stderr
        return done

    def refused(self, *arguments, code: int = 1, **env: str) -> str:
        """`weir models pull …`, which must not; its words."""
        done = self.models_command("pull", *arguments, **env)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stderr

    def begin(self, *arguments, stderr: int = subprocess.PIPE, **env: str) -> subprocess.Popen:
        """`weir models pull …`, under way."""
        command = [str(BINARY), "models", "--models", str(self.models), "pull", *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, text=True,
                                env=environment(self.env | env))

    def python(self, code: str, **env: str) -> str:
        """What a program that uses huggingface_hub prints."""
        done = subprocess.run([sys.executable, "-c", "from huggingface_hub import *\n" + code], capture_output=True,
                              text=True, timeout=120, env=environment(self.env | env), check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def repository(self, name: str) -> Path:
        """Its folder in the cache."""
        return self.cache / ("models--" + name.replace("/", "--"))

    def outline(self, name: str) -> dict[str, object]:
        """The repository in the cache: contents of files, targets of links."""
        root = self.repository(name)
        found = {}
        for folder, folders, files in os.walk(root):
            for entry in [*folders, *files]:
                path = Path(folder) / entry
                place = str(path.relative_to(root))
                if path.is_symlink():
                    found[place] = os.readlink(path)
                elif path.is_file():
                    found[place] = path.read_bytes()
        return found

    def incomplete(self, name: str) -> list[Path]:
        """Files that are being fetched."""
        return list((self.repository(name) / "blobs").glob("*.incomplete"))
