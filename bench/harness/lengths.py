"""Texts with an exact number of tokens."""

from __future__ import annotations

import random
from pathlib import Path

from harness.texts import one_text, read_words

SPECIAL_TOKENS = 2  # at the start and at the end of every text
FILLER = "the"  # a word of one token


class Lengths:
    """Makes texts and counts their tokens as a model's tokenizer does."""

    def __init__(self, tokenizer_file: Path) -> None:
        from tokenizers import Tokenizer  # only the works that need it wait for this

        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._kinds = read_words()
        self._costs: dict[str, int] = {}

    def of(self, text: str) -> int:
        """A text's tokens, the special ones included."""
        return len(self._tokenizer.encode(text).ids)

    def _cost(self, word: str) -> int:
        if word not in self._costs:
            self._costs[word] = self.of(word) - SPECIAL_TOKENS
        return self._costs[word]

    def _one(self, chance: random.Random, tokens: int) -> str:
        left = tokens - SPECIAL_TOKENS
        words = []
        for word in one_text(self._kinds, chance, tokens).split():
            if self._cost(word) <= left:
                words.append(word)
                left -= self._cost(word)
        words += [FILLER] * left
        return " ".join(words)

    def make(self, count: int, seed: int, least: int, most: int = 0) -> list[str]:
        """Texts of `least` tokens, or of any number from `least` to `most`, each as often as the others."""
        chance = random.Random(seed)
        return [self._one(chance, chance.randint(least, most or least)) for _ in range(count)]
