"""Texts to token ids, by the base's own tokenizer file."""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer

from evaluator.bases.reading import CONFIG_NAME
from evaluator.evaluators.form import Tokens
from evaluator.harness import TaskFiles
from evaluator.texts import Measures


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
    """The tokenizer of the base in this folder, as evaluators use it."""
    cutting = load_tokenizer(folder, max_tokens=max_tokens)
    whole = Tokenizer.from_file(str(folder / "tokenizer.json"))
    whole.no_padding()
    whole.no_truncation()
    config = json.loads((folder / CONFIG_NAME).read_bytes())
    openings, ends = (_ids(config.get(name)) for name in ("bos_token_id", "eos_token_id"))
    return Tokens(
        encode=lambda text: list(cutting.encode(text).ids),
        whole=lambda text: list(whole.encode(text).ids),
        plain=lambda text: list(whole.encode(text, add_special_tokens=False).ids),
        decode=lambda ids: str(whole.decode(list(ids))),
        starting=lambda text: _starting(whole, text),
        max_tokens=max_tokens,
        opening=next(iter(openings + ends), None),
        ends=ends,
        texts=Measures(),
        harness=TaskFiles(),
    )


def _ids(found: object) -> tuple[int, ...]:
    """A config names no token, one, or a list of them."""
    listed = found if isinstance(found, list) else [found]
    return tuple(one for one in listed if type(one) is int)


def _starting(tokenizer: Tokenizer, text: str) -> list[int]:
    """All tokens that begin with a text, each seen behind another: some decoders drop a space."""
    first = tokenizer.encode("a", add_special_tokens=False).ids
    before = len(tokenizer.decode(first))
    found = (
        (place, tokenizer.decode([*first, place])[before:])
        for place in range(tokenizer.get_vocab_size())
    )
    return [place for place, shown in found if shown.startswith(text)]
