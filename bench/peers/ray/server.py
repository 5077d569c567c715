"""Ray Serve: two replicas behind its HTTP proxy."""

import asyncio
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import orjson
import ray
from encoder import Encoder
from ray import serve
from starlette.requests import Request
from starlette.responses import Response


@serve.deployment(num_replicas=2, max_ongoing_requests=64, ray_actor_options={"num_cpus": 0.5})
class Embed:
    def __init__(self):
        self.encoder = Encoder()
        self.pool = ThreadPoolExecutor(1)

    def answer(self, body: bytes) -> bytes:
        return orjson.dumps({"embedding": self.encoder.embed([orjson.loads(body)["input"]])[0]})

    async def __call__(self, request: Request) -> Response:
        content = await asyncio.get_running_loop().run_in_executor(self.pool, self.answer, await request.body())
        return Response(content, media_type="application/json")


if __name__ == "__main__":
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ray.init(num_cpus=2, include_dashboard=False, configure_logging=False, object_store_memory=100 * 2**20,
             _temp_dir=f"{os.environ['HOME']}/ray", runtime_env={"env_vars": {"PYTHONPATH": os.environ["PYTHONPATH"]}})
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(Embed.bind(), route_prefix="/embed")
    ended.wait()
    serve.shutdown()
    ray.shutdown()
