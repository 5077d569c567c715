"""What every Python peer runs: MiniLM by tokenizers and onnxruntime, with numpy for the rest.

The same model file, the same pooling and the same ONNX Runtime options as the server's: one thread inside a run,
which is quickest here when two runs go on at the same time.
"""

from __future__ import annotations

import os

import numpy
import onnxruntime
from tokenizers import Tokenizer

MOST_TOKENS = 512


class Encoder:
    """A tokenizer and a session; may be used by several threads at once."""

    def __init__(self) -> None:
        folder = os.environ["WEIR_BENCH_MODEL"]
        self._tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MOST_TOKENS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options,
                                                     providers=["CPUExecutionProvider"])
        self.embed(["warm up"])

    def embed(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text; several are padded to the longest and run together."""
        encoded = [self._tokenizer.encode(text) for text in texts]
        longest = max(len(one.ids) for one in encoded)
        ids = numpy.zeros((len(texts), longest), numpy.int64)
        mask = numpy.zeros_like(ids)
        for row, one in enumerate(encoded):
            ids[row, : len(one.ids)] = one.ids
            mask[row, : len(one.ids)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
        hidden = self._session.run(["last_hidden_state"], inputs)[0]
        sums = numpy.einsum("bsw,bs->bw", hidden, mask.astype(numpy.float32))
        return (sums / numpy.maximum(numpy.linalg.norm(sums, axis=1, keepdims=True), 1e-12)).tolist()
