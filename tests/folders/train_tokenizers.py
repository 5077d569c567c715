#!/usr/bin/env python3
"""Made tokenizers/*.json, once: python3 train_tokenizers.py

The files are kept, because another version of `tokenizers` may train another vocabulary. The sentences to train
on are those of the tests; what the vocabularies hold does not matter, only that each has pieces of words, whole
words and single characters, and the special tokens of its family with their usual ids.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "integration"))
sys.path.append(str(HERE.parents[1] / "tools/convert"))
from expectation_texts import TEXTS  # noqa: E402  pylint: disable=wrong-import-position
from sample_texts import VARIED  # noqa: E402  pylint: disable=wrong-import-position

SENTENCES = [text for text in [*TEXTS, *VARIED] if len(text) < 400 and "\0" not in text]
SIZE = 600


def word_piece() -> Tokenizer:
    """BERT, uncased; also DistilBERT's."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=SIZE, special_tokens=special,
                                                                  show_progress=False))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", made.token_to_id("[CLS]")), ("[SEP]", made.token_to_id("[SEP]"))])
    return made


def mpnet() -> Tokenizer:
    """Word pieces between RoBERTa's special tokens."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    special = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", AddedToken("<mask>", lstrip=True)]
    made.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=SIZE, special_tokens=special,
                                                                  show_progress=False))
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True,
                                                       add_prefix_space=False)
    return made


def byte_pairs() -> Tokenizer:
    """RoBERTa: pairs of bytes, a blank belongs to the word behind it."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True)
    made.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)]
    made.train_from_iterator(SENTENCES, trainers.BpeTrainer(
        vocab_size=SIZE, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True,
                                                       add_prefix_space=False)
    return made


def sentence_pieces() -> Tokenizer:
    """XLM-R: a unigram model over text whose blanks are visible."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    made.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)]
    made.train_from_iterator(SENTENCES, trainers.UnigramTrainer(vocab_size=SIZE, special_tokens=special,
                                                                unk_token="<unk>", show_progress=False))
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return made


def modern() -> Tokenizer:
    """ModernBERT: pairs of bytes, BERT's special tokens at the end of the vocabulary."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(SENTENCES, trainers.BpeTrainer(
        vocab_size=SIZE - 5, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    made.add_special_tokens(["[UNK]", "[CLS]", "[SEP]", "[PAD]", AddedToken("[MASK]", lstrip=True)])
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, made.token_to_id(token)) for token in ("[CLS]", "[SEP]")])
    return made


def main() -> None:
    """Writes the five files, in the compact form."""
    for make in (word_piece, mpnet, byte_pairs, sentence_pieces, modern):
        made = make()
        path = HERE / "tokenizers" / f"{make.__name__.replace('_', '-')}.json"
        path.write_text(made.to_str(pretty=False) + "\n", encoding="utf-8")
        print(f"{path.name}: {made.get_vocab_size()} tokens, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
