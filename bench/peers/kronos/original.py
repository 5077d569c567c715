"""What a Kronos model computes, as its authors' loop does it: in PyTorch, without a cache, the whole window for every step.

Written from the layers' description; `--check CASES` holds it against the numbers of tests/kronos. Prints the seconds of each
round. It needs torch, numpy and safetensors, and nothing of Weir's.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

CLIP = 5.0


class Net:
    """The tensors of one model.safetensors, by the first part of their names."""

    def __init__(self, folder: Path):
        self.config = json.loads((folder / "config.json").read_text())
        self.tensors = load_file(folder / "model.safetensors")

    def linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """x W^T + b, where there is a b."""
        return F.linear(x, self.tensors[f"{name}.weight"], self.tensors.get(f"{name}.bias"))

    def norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """RMSNorm."""
        scaled = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)
        return scaled * self.tensors[f"{name}.weight"]

    def rotate(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """Rotary positions 0, 1, … of x [B, heads, T, head]."""
        angles = torch.outer(torch.arange(x.shape[2], dtype=torch.float32), self.tensors[f"{name}.rotary.inv_freq"])
        cos, sin = (torch.cat((part, part), -1) for part in (angles.cos(), angles.sin()))
        left, right = x.chunk(2, -1)
        return x * cos + torch.cat((-right, left), -1) * sin

    def block(self, name: str, x: torch.Tensor, heads: int) -> torch.Tensor:
        """Attention over what came before, and SwiGLU."""
        batch, length, width = x.shape
        attention, y = f"{name}.self_attn", self.norm(f"{name}.norm1", x)
        q, k, v = (self.linear(f"{attention}.{part}_proj", y).view(batch, length, heads, -1).transpose(1, 2)
                   for part in "qkv")
        q, k = self.rotate(attention, q), self.rotate(attention, k)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, width)
        x = x + self.linear(f"{attention}.out_proj", y)
        y = self.norm(f"{name}.norm2", x)
        return x + self.linear(f"{name}.ffn.w2", F.silu(self.linear(f"{name}.ffn.w1", y)) * self.linear(f"{name}.ffn.w3", y))


class Tokenizer(Net):
    """Candles to tokens and back."""

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[B, T, 6] to both parts, [B, T] each."""
        c = self.config
        z = self.linear("embed", x)
        for layer in range(c["n_enc_layers"] - 1):
            z = self.block(f"encoder.{layer}", z, c["n_heads"])
        bits = (self.linear("quant_embed", z) > 0).long()
        powers = 2 ** torch.arange(c["s1_bits"])
        return (bits[..., :c["s1_bits"]] * powers).sum(-1), (bits[..., c["s1_bits"]:] * powers).sum(-1)

    def decode(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """The way back."""
        c = self.config
        powers = torch.arange(c["s1_bits"])
        bits = torch.cat([(part[..., None] >> powers) & 1 for part in (first, second)], -1).float()
        z = self.linear("post_quant_embed", (2 * bits - 1) / math.sqrt(2 * c["s1_bits"]))
        for layer in range(c["n_dec_layers"] - 1):
            z = self.block(f"decoder.{layer}", z, c["n_heads"])
        return self.linear("head", z)


class Predictor(Net):
    """Tokens to the next one."""

    def context(self, first: torch.Tensor, second: torch.Tensor, stamps: torch.Tensor) -> torch.Tensor:
        """All rows of a window."""
        c, t = self.config, self.tensors
        scale = math.sqrt(c["d_model"])
        x = torch.cat((t["embedding.emb_s1.weight"][first] * scale, t["embedding.emb_s2.weight"][second] * scale), -1)
        x = self.linear("embedding.fusion_proj", x)
        for column, name in enumerate(("minute", "hour", "weekday", "day", "month")):
            x = x + t[f"time_emb.{name}_embed.weight"][stamps[..., column]]
        for layer in range(c["n_layers"]):
            x = self.block(f"transformer.{layer}", x, c["n_heads"])
        return self.norm("norm", x)

    def second(self, context: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
        """Logits of the second part, once the first is drawn."""
        batch, length, width = context.shape
        name, heads = "dep_layer.cross_attn", 4
        query = self.tensors["embedding.emb_s1.weight"][drawn][:, None]
        q = self.linear(f"{name}.q_proj", query).view(batch, 1, heads, -1).transpose(1, 2)
        k, v = (self.linear(f"{name}.{part}_proj", context).view(batch, length, heads, -1).transpose(1, 2) for part in "kv")
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, width)
        x = self.norm("dep_layer.norm", context[:, -1] + self.linear(f"{name}.out_proj", y))
        return self.linear("head.proj_s2", x)


@torch.no_grad()
def forecast(model: Predictor, tokenizer: Tokenizer, x: torch.Tensor, stamps: torch.Tensor, steps: int,
             limit: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`x` [B, T, 6] normalised; `stamps` [B, T + steps, 5]; the likeliest token each time. Tokens, and rows decoded."""
    first, second = tokenizer.encode(x)
    for _ in range(steps):
        length = first.shape[1]
        begin = max(0, length - limit)
        context = model.context(first[:, begin:], second[:, begin:], stamps[:, begin:length])
        drawn = model.linear("head.proj_s1", context[:, -1]).argmax(-1)
        other = model.second(context, drawn).argmax(-1)
        first, second = torch.cat((first, drawn[:, None]), 1), torch.cat((second, other[:, None]), 1)
    return first, second, tokenizer.decode(first[:, -limit:], second[:, -limit:])[:, -steps:]


def check(folder: Path, cases: Path, limit: int, clip: float) -> None:
    """Every case token for token."""
    model, tokenizer = Predictor(folder / "model"), Tokenizer(folder / "tokenizer")
    for case in json.loads(cases.read_text())["cases"]:
        if case["params"]["sample_count"] != 1:
            continue
        expected = case["expected"]
        rows = np.array(case["candles"], np.float32)
        x = (rows - np.array(expected["mean"], np.float32)) / (np.array(expected["std"], np.float32) + np.float32(1e-5))
        from datetime import datetime
        stamps = [[t.minute, t.hour, t.weekday(), t.day, t.month] for t in
                  map(datetime.fromisoformat, case["timestamps"] + case["prediction_timestamps"])]
        steps = len(case["prediction_timestamps"])
        first, second, _ = forecast(model, tokenizer, torch.tensor(x.clip(-clip, clip))[None], torch.tensor([stamps]),
                                    steps, limit)
        assert first[0, -steps:].tolist() == list(np.ravel(expected["generated_s1"])), case["name"]
        assert second[0, -steps:].tolist() == list(np.ravel(expected["generated_s2"])), case["name"]
        print(case["name"], "equal")


def main() -> None:
    """Seconds of each round as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--check", type=Path, help="a cases.json; --model is the folder of both")
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--clip", type=float, default=CLIP)
    parser.add_argument("--history", type=int, default=400)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.check:
        return check(arguments.model, arguments.check, arguments.context, arguments.clip)
    model, tokenizer = Predictor(arguments.model), Tokenizer(arguments.tokenizer)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((arguments.batch, arguments.history, 6), generator=generator).clip(-CLIP, CLIP)
    minutes = torch.arange(arguments.history + arguments.steps) * 5
    stamps = torch.stack((minutes % 60, minutes // 60 % 24, minutes // 1440 % 7, minutes // 1440 % 28 + 1,
                          torch.ones_like(minutes)), -1).expand(arguments.batch, -1, -1)
    seconds = []
    for _ in range(arguments.rounds):
        begin = time.monotonic()
        forecast(model, tokenizer, x, stamps, arguments.steps, arguments.context)
        seconds.append(time.monotonic() - begin)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
