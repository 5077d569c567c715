"""LitServe: two worker processes; with BATCH above 1, what has come within a few milliseconds is run together."""

import os

import litserve
from encoder import Encoder

BATCH = int(os.environ["BATCH"])


class Embed(litserve.LitAPI):
    def setup(self, device):
        self.encoder = Encoder()

    def decode_request(self, request):
        return request["input"]

    def predict(self, texts):
        return self.encoder.embed(texts) if BATCH > 1 else self.encoder.embed([texts])[0]

    def encode_response(self, output):
        return {"embedding": output}


if __name__ == "__main__":
    batching = {"max_batch_size": BATCH, "batch_timeout": 0.005} if BATCH > 1 else {}
    server = litserve.LitServer(Embed(api_path="/embed", **batching), accelerator="cpu", workers_per_device=2,
                                timeout=120)
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), num_api_servers=1, log_level="warning",
               generate_client_file=False)
