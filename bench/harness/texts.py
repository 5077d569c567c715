"""Texts that look like English, of the lengths that users send; the same ones for the same seed."""

from __future__ import annotations

import math
import random
import statistics
from pathlib import Path
from typing import Any

MEDIAN_WORDS = 18
P95_WORDS = 100
LEAST_WORDS = 2
MOST_WORDS = 300

# The logarithm of the length is normal; 1.645 standard deviations above its middle lies its 95th percentile.
SIGMA = math.log(P95_WORDS / MEDIAN_WORDS) / 1.645

# Kinds of words from words.txt, or words as they are.
SENTENCES = [
    "the adjective noun verb the noun",
    "name verb the adjective noun place the noun",
    "person adverb verb a noun",
    "the noun of the adjective noun plain adverb",
    "start the noun plain link person verb the adjective noun",
    "my noun is adjective and adjective link the noun plain",
    "there were number noun place the adjective noun",
    "person plain place the noun for number hours",
    "name and name verb each adjective noun place name",
    "why was the noun so adjective",
    "the noun that name verb was not adjective at all",
]
ENDS = ".....!?"


def read_words() -> dict[str, list[str]]:
    """The words of each kind."""
    kinds = {}
    for line in (Path(__file__).parent / "words.txt").read_text().splitlines():
        name, _, words = line.partition(":")
        if not line.startswith("#"):
            kinds[name] = words.split()
    return kinds


def sentence(kinds: dict[str, list[str]], chance: random.Random) -> list[str]:
    """One sentence's words, the first with a capital, sometimes with a comma."""
    words = [chance.choice(kinds[word]) if word in kinds else word for word in chance.choice(SENTENCES).split()]
    if len(words) > 6 and chance.random() < 0.4:
        words[len(words) // 2] += ","
    words[0] = words[0][0].upper() + words[0][1:]
    return words


def one_text(kinds: dict[str, list[str]], chance: random.Random, length: int) -> str:
    """Sentences, the last cut so that there are `length` words."""
    words: list[str] = []
    while len(words) < length:
        part = sentence(kinds, chance)[: length - len(words)]
        part[-1] = part[-1].rstrip(",") + chance.choice(ENDS)
        words += part
    return " ".join(words)


def make_texts(count: int, seed: int) -> list[str]:
    """`count` texts; fewer are the beginning of more."""
    kinds = read_words()
    chance = random.Random(seed)
    texts = []
    for _ in range(count):
        length = round(chance.lognormvariate(math.log(MEDIAN_WORDS), SIGMA))
        texts.append(one_text(kinds, chance, min(max(length, LEAST_WORDS), MOST_WORDS)))
    return texts


def summary_of(texts: list[str]) -> dict[str, Any]:
    """How long the texts are."""
    lengths = sorted(len(text.split()) for text in texts)
    return {
        "count": len(texts),
        "words_median": statistics.median(lengths),
        "words_p95": lengths[int(0.95 * (len(lengths) - 1))],
        "words_max": lengths[-1],
        "words_mean": round(statistics.mean(lengths), 1),
    }
