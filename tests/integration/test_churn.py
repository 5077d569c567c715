"""Real models come and go at random over HTTP while others use them."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections import Counter
from pathlib import Path

from weir_process import DEMO_MODELS, EXAMPLE_MODELS, sanitized, until

MODELS = ("minilm", "sentiment", "identity", "simple", "other")
TENSOR = {"inputs": [{"name": "INPUT0", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
# 200; 503 while a model is away; 400 where the model at hand takes another tensor; 429 and 504 when it is too much.
ALLOWED = {200, 400, 429, 503, 504}


def make_folder(place: Path) -> Path:
    """Five models, two of them of one graph."""
    for source in (DEMO_MODELS / "minilm", DEMO_MODELS / "sentiment", EXAMPLE_MODELS / "identity", EXAMPLE_MODELS / "simple"):
        (place / source.name).symlink_to(source.resolve(), target_is_directory=True)
    shutil.copytree(EXAMPLE_MODELS / "identity", place / "other")
    return place


def test_every_request_is_answered_while_models_come_and_go(start, tmp_path: Path):
    server = start("--models", make_folder(tmp_path), "--load", "on-demand")
    seconds = float(os.environ.get("WEIR_CHURN_SECONDS", 30 if sanitized() else 8))
    end = time.monotonic() + seconds
    seen: list[tuple[str, int]] = []

    def use(model: str, client) -> int:
        if model == "minilm":
            return client.embed("A kite.").status
        if model == "sentiment":
            return client.classify("A kite.").status
        return client.infer(model, TENSOR).status

    def keep(kind: str, seed: int) -> None:
        choose, client = random.Random(seed), server.client
        while time.monotonic() < end:
            model = choose.choice(MODELS)
            if kind == "use":
                seen.append((kind, use(model, client)))
            else:
                seen.append((kind, client.request("POST", f"/v1/models/{model}/{kind}").status))
                time.sleep(choose.random() * 0.02)  # models live a moment

    kinds = ["use"] * 4 + ["load"] * 2 + ["unload", "reload", "cancel"]
    threads = [threading.Thread(target=keep, args=(kind, seed)) for seed, kind in enumerate(kinds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = Counter(seen)
    assert {status for _, status in counts} <= ALLOWED, counts
    assert counts["use", 200] > 0 and counts["load", 200] > 0 and counts["unload", 200] > 0 and counts["reload", 200] > 0
    until(lambda: server.metric("weir_jobs_in_flight") == 0, "no job to be under way")
    answered = sum(server.metric("weir_http_requests_total", route=route) for route in
                   ("/v1/embeddings", "/v1/classify", "/v2/models/{model}/infer"))
    assert answered == sum(count for (kind, _), count in counts.items() if kind == "use")
    assert server.client.post("/v1/models/minilm/load", {}).status == 200
    assert server.client.embed("A kite.").status == 200
