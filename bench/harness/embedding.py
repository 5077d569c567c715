"""What the works on MiniLM share: the texts of a round, the server under them, and the bare loop."""

from __future__ import annotations

import array
import json
import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.context import BenchError, Context
from harness.load import Load, run_wrk
from harness.programs import Server, Weir
from harness.texts import make_texts

PATH = "/v1/embeddings"
MODEL = "models/minilm"
SEED = 20
LIKENESS = 1e-5  # most that two values of a vector may differ
COMPARED = 48  # texts whose vectors are compared

Vectors = list[list[float]]


def weir_body(text: str) -> Any:
    """The request for one text."""
    return {"model": "minilm", "input": text}


@dataclass(frozen=True)
class Texts:
    """The texts of a round in their order: as lines for the bare loop, as request bodies for wrk."""

    count: int
    lines: Path
    bodies: Path


def write_texts(context: Context, texts: list[str], body: Callable[[str], Any] = weir_body,
                name: str = "texts") -> Texts:
    """Writes both files; a later call with the same name replaces them."""
    made = Texts(len(texts), context.scratch / f"{name}.txt", context.scratch / f"{name}.jsonl")
    made.lines.write_text("".join(f"{text}\n" for text in texts))
    made.bodies.write_text("".join(json.dumps(body(text)) + "\n" for text in texts))
    return made


def write_round(context: Context, texts: list[str], number: int) -> Texts:
    """The same texts in a new order each round, the same one for all sides."""
    return write_texts(context, random.Random(SEED + number).sample(texts, len(texts)))


def bare_loop(context: Context, texts: Path, *flags: str, limit_s: float = 0) -> dict[str, Any]:
    """Runs bench/bare_loop.cc and returns what it printed."""
    command = [str(context.tool("bare_loop")), str(context.root / MODEL), str(texts), *flags]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=True,
                               timeout=limit_s or context.seconds * 10 + 60)
    except subprocess.CalledProcessError as error:
        raise BenchError(f"bare_loop failed: {error.stderr}") from error
    return json.loads(ended.stdout)


def per_second(bare: dict[str, Any]) -> float:
    """The texts that the bare loop did in a second."""
    return bare["texts"] / bare["seconds"]


def reference(context: Context, texts: list[str]) -> tuple[Vectors, int]:
    """The bare loop's vectors, each text alone, and their tokens."""
    file = context.scratch / "compared.txt"
    file.write_text("".join(f"{text}\n" for text in texts))
    vectors_file = context.scratch / "vectors"
    bare = bare_loop(context, file, "--vectors", str(vectors_file))
    values = array.array("f", vectors_file.read_bytes())
    width = len(values) // len(texts)
    return [list(values[i * width : (i + 1) * width]) for i in range(len(texts))], bare["tokens"]


def largest_difference(ours: Vectors, theirs: Vectors) -> float:
    """Over all values of all vectors."""
    return max(abs(a - b) for one, other in zip(ours, theirs, strict=True) for a, b in zip(one, other, strict=True))


def some_of(texts: list[str], count: int = COMPARED) -> list[str]:
    """Texts of all lengths, the shortest and the longest among them."""
    ordered = sorted(texts, key=len)
    return [ordered[i * (len(ordered) - 1) // (count - 1)] for i in range(count)]


def embed(weir: Weir, texts: list[str]) -> tuple[Vectors, int]:
    """The server's vectors for one request, and the tokens it counted."""
    answer = json.loads(weir.request("POST", PATH, {"model": "minilm", "input": texts}))
    return [item["embedding"] for item in answer["data"]], answer["usage"]["prompt_tokens"]


def compare(context: Context, weir: Weir, texts: list[str]) -> dict[str, float]:
    """Both sides' vectors and token counts for some texts have to be the same."""
    chosen = some_of(texts)
    expected, expected_tokens = reference(context, chosen)
    together, tokens = embed(weir, chosen)  # the server may batch these
    alone = [embed(weir, [text])[0][0] for text in chosen]
    if tokens != expected_tokens:
        raise BenchError(f"the server counted {tokens} tokens, the bare loop {expected_tokens}")
    worst = max(largest_difference(vectors, expected) for vectors in (together, alone))
    if worst > LIKENESS:
        raise BenchError(f"the vectors differ by up to {worst:.2e}, more than {LIKENESS:.0e}")
    return {"texts": len(chosen), "largest_difference": worst, "tokens": tokens}


def load(context: Context, server: Server, texts: Texts, connections: int, path: str = PATH,
         most_seconds: float = 0) -> tuple[float, Load]:
    """Texts per second over the first answers, as many as there are texts, and the whole run of wrk."""
    run = run_wrk(context, server, path, "embeddings.lua", [str(texts.bodies), str(texts.count)],
                  most_seconds or context.seconds * 6 + 20, connections)
    if not run.reached or run.reached["bad"]:
        raise BenchError(f"{texts.count} texts were not answered well: {run}")
    return texts.count / run.reached["seconds"], run


def texts_for_a_round(context: Context, make: Callable[[int], list[str]], *flags: str) -> list[str]:
    """As many texts of a kind as the bare loop embeds in the time that a round may take."""
    lines = write_round(context, make(2000), 0).lines
    trial = bare_loop(context, lines, "--seconds", str(min(context.seconds, 1.5)), *flags)
    return make(max(round(per_second(trial) * context.seconds), COMPARED))


def mixed_texts(count: int) -> list[str]:
    """Texts of mixed lengths."""
    return make_texts(count, SEED)
