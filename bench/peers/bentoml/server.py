"""BentoML: two worker processes; with BATCH above 1 its adaptive batching is on."""

import os

import bentoml
from encoder import Encoder

BATCH = int(os.environ["BATCH"])


class Model:
    def __init__(self):
        self.encoder = Encoder()


if BATCH > 1:

    @bentoml.service(workers=2, traffic={"timeout": 120})
    class Embed(Model):
        @bentoml.api(route="/embed", batchable=True, max_batch_size=BATCH, max_latency_ms=60_000)
        def embed(self, input: list[str]) -> list[list[float]]:
            return self.encoder.embed(input)

else:

    @bentoml.service(workers=2, traffic={"timeout": 120})
    class Embed(Model):
        @bentoml.api(route="/embed")
        def embed(self, input: str) -> list[float]:
            return self.encoder.embed([input])[0]
