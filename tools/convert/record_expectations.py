#!/usr/bin/env python3
"""Records expectations/minilm.json with an implementation other than ours.

  python3 record_expectations.py SOURCE_FOLDER

SOURCE_FOLDER holds all-MiniLM-L6-v2 as published (config.json,
model.safetensors, tokenizer.json). Run once; the file is kept in the
repository, and test_expectations.py and the server's own tests compare with
it. It was recorded on Python 3.11 with

  torch==2.6.0  transformers==4.48.3  numpy==2.2.6  tokenizers==0.21.4

For each text the file holds

  text        the text
  ids         its token ids with [CLS] and [SEP], cut at 512
  embedding   the mean over the tokens of the last hidden state, L2-normalised:
              384 numbers of 7 significant digits
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

from expectation_texts import TEXTS

MAX_TOKENS = 512
OUTPUT = Path(__file__).resolve().parent / "expectations" / "minilm.json"


def embed(model: torch.nn.Module, ids: list[int]) -> list[float]:
    """The sentence embedding of one row of token ids: `hidden` floats.

    One row at a time, without padding: what a batch must reproduce.
    """
    row = torch.tensor([ids])
    with torch.no_grad():
        states = model(input_ids=row, attention_mask=torch.ones_like(row))
    mean = states.last_hidden_state[0].mean(dim=0)
    return (mean / mean.norm()).tolist()


def main(arguments: list[str]) -> int:
    """Writes the file. Returns the exit code."""
    if len(arguments) != 1:
        print("usage: record_expectations.py SOURCE_FOLDER", file=sys.stderr)
        return 2
    tokenizer = AutoTokenizer.from_pretrained(arguments[0])
    # In float64, so that the record carries no rounding of its own.
    model = AutoModel.from_pretrained(arguments[0]).double().eval()

    lines = []
    for text in TEXTS:
        ids = tokenizer(text, truncation=True, max_length=MAX_TOKENS)["input_ids"]
        vector = [float(f"{value:.7g}") for value in embed(model, ids)]
        entry = {"text": text, "ids": ids, "embedding": vector}
        lines.append(json.dumps(entry, ensure_ascii=False))
    # One text a line: a change shows up as the lines that changed.
    OUTPUT.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    print(f"{OUTPUT.name}: {len(lines)} texts")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
