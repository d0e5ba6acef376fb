"""Texts to token ids, by the base's own tokenizer file."""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer

from evaluator.evaluators.form import Tokens


def load_tokenizer(folder: Path, *, max_tokens: int) -> Tokenizer:
    """The base's tokenizer, cutting at max_tokens (the closing token included), never padding."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def token_ids(tokenizer: Tokenizer, texts: Iterable[str]) -> list[list[int]]:
    """The ids of each text, one after the other: `encode_batch` would start threads."""
    return [tokenizer.encode(text).ids for text in texts]


def tokens_of(folder: Path, *, max_tokens: int) -> Tokens:
    """The base's tokenizer as evaluators use it."""
    cutting = load_tokenizer(folder, max_tokens=max_tokens)
    whole = Tokenizer.from_file(str(folder / "tokenizer.json"))
    whole.no_padding()
    whole.no_truncation()
    return Tokens(
        encode=lambda text: list(cutting.encode(text).ids),
        plain=lambda text: list(whole.encode(text, add_special_tokens=False).ids),
        decode=lambda ids: str(whole.decode(list(ids))),
        max_tokens=max_tokens,
    )
