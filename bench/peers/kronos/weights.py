"""Checkpoints of Kronos' published sizes with random weights: their speed is that of trained ones.

Writes DIR/SIZE and DIR/tokenizer: config.json and model.safetensors.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

SIZES = {"mini": (256, 4, 4, 512), "small": (512, 8, 8, 1024), "base": (832, 12, 16, 2048)}  # width, layers, heads, ff
BITS = 10
COLUMNS = 6


def linear(name: str, rows: int, columns: int, bias: bool = True) -> dict[str, torch.Tensor]:
    """One layer, which keeps the size of what goes through it."""
    made = {f"{name}.weight": torch.randn(rows, columns) / math.sqrt(columns)}
    return made | ({f"{name}.bias": 0.05 * torch.randn(rows)} if bias else {})


def attention(name: str, width: int, head: int) -> dict[str, torch.Tensor]:
    """Its four layers and its rotary frequencies."""
    made = {f"{name}.rotary.inv_freq": 1 / 10000 ** (torch.arange(0, head, 2).float() / head)}
    for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
        made |= linear(f"{name}.{part}", width, width)
    return made


def block(name: str, width: int, heads: int, ff: int) -> dict[str, torch.Tensor]:
    """Attention and SwiGLU."""
    made = attention(f"{name}.self_attn", width, width // heads)
    made |= {f"{name}.norm{i}.weight": torch.ones(width) for i in (1, 2)}
    made |= linear(f"{name}.ffn.w1", ff, width, False) | linear(f"{name}.ffn.w3", ff, width, False)
    return made | linear(f"{name}.ffn.w2", width, ff, False)


def predictor(size: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """Configuration and weights."""
    width, layers, heads, ff = SIZES[size]
    tokens = 2**BITS
    made = {f"embedding.emb_s{i}.weight": torch.randn(tokens, width) / math.sqrt(width) for i in (1, 2)}
    made |= linear("embedding.fusion_proj", width, 2 * width)
    for name, count in (("minute", 60), ("hour", 24), ("weekday", 7), ("day", 32), ("month", 13)):
        made[f"time_emb.{name}_embed.weight"] = 0.3 * torch.randn(count, width)
    for layer in range(layers):
        made |= block(f"transformer.{layer}", width, heads, ff)
    made |= {"norm.weight": torch.ones(width), "dep_layer.norm.weight": torch.ones(width)}
    made |= attention("dep_layer.cross_attn", width, width // 4)
    made |= linear("head.proj_s1", tokens, width) | linear("head.proj_s2", tokens, width)
    return {"s1_bits": BITS, "s2_bits": BITS, "n_layers": layers, "d_model": width, "n_heads": heads, "ff_dim": ff,
            "ffn_dropout_p": 0.0, "attn_dropout_p": 0.0, "resid_dropout_p": 0.0, "token_dropout_p": 0.0,
            "learn_te": True}, made


def tokenizer(group: int) -> tuple[dict, dict[str, torch.Tensor]]:
    """Configuration and weights; `n_enc_layers` 4 means 3 blocks."""
    width, heads, ff, blocks = 256, 4, 512, 3
    made = linear("embed", width, COLUMNS) | linear("head", COLUMNS, width)
    made |= linear("quant_embed", 2 * BITS, width) | linear("post_quant_embed", width, 2 * BITS)
    made |= linear("post_quant_embed_pre", width, BITS)
    for side in ("encoder", "decoder"):
        for layer in range(blocks):
            made |= block(f"{side}.{layer}", width, heads, ff)
    made |= {"tokenizer.bsq.basis": 2 ** torch.arange(2 * BITS), "tokenizer.bsq.group_basis": 2 ** torch.arange(group)}
    return {"d_in": COLUMNS, "d_model": width, "n_heads": heads, "ff_dim": ff, "n_enc_layers": blocks + 1,
            "n_dec_layers": blocks + 1, "ffn_dropout_p": 0.0, "attn_dropout_p": 0.0, "resid_dropout_p": 0.0,
            "s1_bits": BITS, "s2_bits": BITS, "beta": 0.05, "gamma0": 1.0, "gamma": 1.1, "zeta": 0.05,
            "group_size": group}, made


def main() -> None:
    """usage: weights.py SIZE DIR"""
    size, folder = sys.argv[1], Path(sys.argv[2])
    torch.manual_seed(7)
    for name, (configuration, tensors) in ((size, predictor(size)), ("tokenizer", tokenizer(5 if size == "mini" else 4))):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "config.json").write_text(json.dumps(configuration, indent=1) + "\n")
        save_file(tensors, folder / name / "model.safetensors")


if __name__ == "__main__":
    main()
