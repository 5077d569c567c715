"""FastAPI: one process with THREADS threads that run the model, or as many processes as uvicorn is asked for."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import orjson
from encoder import Encoder
from fastapi import FastAPI, Request, Response

app = FastAPI()
encoder = Encoder()
pool = ThreadPoolExecutor(int(os.environ["THREADS"]))


def answer(body: bytes) -> bytes:
    """JSON to JSON, all of it away from the event loop."""
    return orjson.dumps({"embedding": encoder.embed([orjson.loads(body)["input"]])[0]})


@app.post("/embed")
async def embed(request: Request) -> Response:
    body = await request.body()
    return Response(await asyncio.get_running_loop().run_in_executor(pool, answer, body),
                    media_type="application/json")


@app.get("/ready")
async def ready() -> Response:
    return Response("ready")
