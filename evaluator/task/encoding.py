"""Texts to token ids, by the base's own tokenizer file and the library for it."""

from collections.abc import Callable, Iterable
from pathlib import Path

from tokenizers import Encoding, Tokenizer

from evaluator.bases.reading import read_shape
from evaluator.errors import SampleUnfit


def load_tokenizer(folder: Path, *, max_tokens: int | None = None) -> Tokenizer:
    """The base's tokenizer, cutting at max_tokens (the closing token included), never padding."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    if max_tokens is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(max_tokens)
    return tokenizer


def token_ids(tokenizer: Tokenizer, texts: Iterable[str]) -> list[list[int]]:
    """The ids of each text, one after the other: `encode_batch` would start threads."""
    return [tokenizer.encode(text).ids for text in texts]


class Encoder:
    """The part of `form.Tokens` that needs the library. max_tokens: what `encode` cuts at"""

    def __init__(self, folder: Path, max_tokens: int | None = None) -> None:
        self._cutting = load_tokenizer(folder, max_tokens=max_tokens)
        self._whole = load_tokenizer(folder)
        self._bare = _unopened(self._whole)
        self._known = _within(read_shape(folder).vocabulary)

    def encode(self, text: str) -> list[int]:
        return self._known(self._cutting.encode(self._bare(text)))

    def whole(self, text: str) -> list[int]:
        return self._known(self._whole.encode(self._bare(text)))

    def plain(self, text: str) -> list[int]:
        return self._known(self._whole.encode(self._bare(text), add_special_tokens=False))

    def starting(self, text: str) -> list[int]:
        """All tokens that begin with a text, each seen behind another: decoders drop a space.

        A special token, which no text shows, is meant by its name.
        """
        tokenizer = self._whole
        first = tokenizer.encode("a", add_special_tokens=False).ids
        before = len(tokenizer.decode(first))
        found = (
            (place, tokenizer.decode([*first, place])[before:])
            for place in range(tokenizer.get_vocab_size())
        )
        shown = [place for place, shown in found if shown.startswith(text)]
        marks = tokenizer.get_added_tokens_decoder()
        named = [at for at, one in marks.items() if one.special and one.content == text.strip()]
        return sorted({*shown, *named})


def _within(vocabulary: int) -> Callable[[Encoding], list[int]]:
    """The ids of a text, each with a row in the base's embedding: tokenizers may have more."""

    def known(found: Encoding) -> list[int]:
        ids = list(found.ids)
        if ids and max(ids) >= vocabulary:
            shown = found.tokens[ids.index(max(ids))]
            problem = f"it holds {shown!r:.40}, for which the base's embedding has no row"
            raise SampleUnfit(f"A text does not fit: {problem}.", row=0, problem=problem)
        return ids

    return known


def _unopened(tokenizer: Tokenizer) -> Callable[[str], str]:
    """A text without the mark at its beginning that the tokenizer itself puts there, once."""
    ids, plain = tokenizer.encode("a").ids, tokenizer.encode("a", add_special_tokens=False).ids
    mark = tokenizer.id_to_token(ids[0]) if ids[:1] != plain[:1] else None
    if not mark:
        return lambda text: text

    def bare(text: str) -> str:
        while text.startswith(mark):
            text = text.removeprefix(mark)
        return text

    return bare
