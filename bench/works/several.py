"""Several models at once: they share the cores in turns, so ten of them together are as fast as one."""

from __future__ import annotations

import json
from pathlib import Path

from harness.context import Context
from harness.embedding import MODEL, SEED, load, texts_for_a_round, write_round
from harness.figures import Goal, Work, ratios
from harness.lengths import Lengths
from harness.programs import Weir

ABOUT = "1, 4 and 10 models at once, texts of 100 to 128 tokens, 40 connections: all together against one"
GOAL = Goal(">=", 97)

MANY = (4, 10)
CONNECTIONS = 40
# One text a run: several models have fewer texts waiting for each, hence smaller batches, which is another matter.
LEAST_TOKENS, MOST_TOKENS = 100, 128


def name_of(number: int) -> str:
    """Of the model with this number."""
    return f"minilm-{number}"


def make_models(context: Context, count: int) -> Path:
    """A folder with so many models of the same files."""
    place = context.models(f"several-{count}", MODEL)
    one = place / "minilm"
    for number in range(count):
        (place / name_of(number)).symlink_to(one.resolve(), target_is_directory=True)
    one.unlink()
    return place


def aim(bodies: Path, models: int) -> None:
    """Has the requests go to the models in turn."""
    lines = [json.loads(line) for line in bodies.read_text().splitlines()]
    for number, body in enumerate(lines):
        body["model"] = name_of(number % models)
    bodies.write_text("".join(json.dumps(body) + "\n" for body in lines))


def measure(context: Context) -> Work:
    """A/B/A/B: one server with ten models stays up; a round asks one, four and ten of them."""
    work = Work("several")
    lengths = Lengths(context.root / MODEL / "tokenizer.json")
    texts = texts_for_a_round(context, lambda count: lengths.make(count, SEED, LEAST_TOKENS, MOST_TOKENS))
    speeds: dict[int, list[float]] = {1: []} | {count: [] for count in MANY}
    with Weir(context, make_models(context, max(MANY)), "batch.policy=never") as weir:
        weir.wait_ready()
        weir.wait_idle()
        for number in range(context.rounds + 1):  # the first to warm up
            context.progress.show(f"several: round {number} of {context.rounds}, {len(texts)} texts on each side")
            for models, measured in speeds.items():
                order = write_round(context, texts if number else texts[:80], number)
                aim(order.bodies, models)
                speed, _ = load(context, weir, order, CONNECTIONS)
                if number:
                    measured.append(speed)
    for models in MANY:
        work.add(f"several: texts/s, {models} models / one", "%", ratios(speeds[models], speeds[1]), GOAL)
    for models, measured in speeds.items():
        work.add(f"  {models} of 10 models asked", "texts/s", measured)
    return work
