"""What tokens say, by the base's tokenizer file: no library, so a score hangs on no release of one.

    decode = decoder_of(folder)
    decode([464, 20847])        # "the lamp": special tokens say nothing

It is what `tokenizers` says of the same file, token by token; a law of the tests compares the two.
A file with a step that is not in the table (CTC, a regular expression) is left to the library.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from evaluator.libraries import Late

Told = Mapping[str, Any]
Step = Callable[[list[str]], Iterable[str]]
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
# What BERT's way of writing undoes: a mark belongs to the word before it.
_TIDY = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
    (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip


def decoder_of(folder: Path) -> Callable[[Sequence[int]], str]:
    """Ids to text, as this base's tokenizer file has it. Ids that it does not know say nothing."""
    told = json.loads((folder / "tokenizer.json").read_bytes())
    step = _step(told["decoder"]) if told.get("decoder") else _spaced
    if step is None:
        library = Late("tokenizers", "evaluator.task.encoding", "load_tokenizer", folder=folder)
        return lambda ids: str(library.decode(list(ids)))
    words = _words(told)

    def decode(ids: Sequence[int]) -> str:
        return "".join(step([words[one] for one in ids if one in words]))

    return decode


def _words(told: Told) -> dict[int, str]:
    """Id -> token, without the special ones.

    An added token has the id that the vocabulary gives its text, or the next free one: what the
    file says of it is not read.
    """
    vocabulary = told["model"]["vocab"]
    listed = isinstance(vocabulary, list)  # of (text, cost)
    pairs = [(one[0], n) for n, one in enumerate(vocabulary)] if listed else [*vocabulary.items()]
    ids, words = dict(pairs), {place: word for word, place in pairs}
    silent, newest = set(), len(pairs) - 1
    for added in told.get("added_tokens") or ():
        text = added["content"]
        if text and text not in ids:
            newest += 1
            ids[text], words[newest] = newest, text
        if added["special"]:
            silent.add(text)
    return {place: word for place, word in words.items() if word not in silent}


def _step(told: Told) -> Step | None:
    """A decoder of the file; None for one that is left to the library."""
    if told["type"] == "Sequence":
        steps = [_step(one) for one in told["decoders"]]
        return None if None in steps else _one_by_one([one for one in steps if one])
    make = _STEPS.get(told["type"])
    return make(told) if make else None


def _one_by_one(steps: Sequence[Step]) -> Step:
    def say(words: list[str]) -> list[str]:
        for step in steps:
            words = list(step(words))
        return words

    return say


def _spaced(words: list[str]) -> list[str]:
    return [" ".join(words)]


def _suffixed(told: Told) -> Step:
    """A mark ends each word: a space, and nothing at the end of the text."""
    return lambda words: (
        word.replace(told["suffix"], " " if place < len(words) else "")
        for place, word in enumerate(words, 1)
    )


def _bytes(_: Told) -> Step:
    """Each letter stands for a byte."""
    letters = _letters()

    def say(words: list[str]) -> list[str]:
        found = chain.from_iterable(
            [letters[one] for one in word] if letters.keys() >= {*word} else word.encode()
            for word in words
        )
        return [bytes(found).decode(errors="replace")]

    return say


def _letters() -> dict[str, int]:
    """Letter -> byte, as GPT-2 has it: what prints stands for itself, the rest from U+0100 on."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [one for one in range(256) if one not in shown]
    return {chr(one): one for one in shown} | {chr(256 + n): one for n, one in enumerate(hidden)}


def _pieces(told: Told) -> Step:
    """A prefix goes on with a word, anything else begins one."""
    prefix, is_tidied = told["prefix"], told["cleanup"]

    def said(place: int, word: str) -> str:
        if place:
            word = word.removeprefix(prefix) if word.startswith(prefix) else f" {word}"
        for old, new in _TIDY if is_tidied else ():
            word = word.replace(old, new)
        return word

    return lambda words: (said(place, word) for place, word in enumerate(words))


def _marked(told: Told) -> Step:
    """A mark is a space; the one in front of the text was put there."""
    mark, is_put = told["replacement"], told.get("prepend_scheme", "always") != "never"
    return lambda words: (
        word.replace(mark, "" if is_put and not place else " ") for place, word in enumerate(words)
    )


def _replaced(told: Told) -> Step | None:
    old = told["pattern"].get("String")
    return (lambda words: (one.replace(old, told["content"]) for one in words)) if old else None


def _fused(_: Told) -> Step:
    return lambda words: ["".join(words)]


def _stripped(told: Told) -> Step:
    """At most so many of one letter are taken off each end."""
    letter, first, last = told["content"], told["start"], told["stop"]

    def said(word: str) -> str:
        for _ in range(first):
            word = word.removeprefix(letter)
        for _ in range(last):
            word = word.removesuffix(letter)
        return word

    return lambda words: map(said, words)


def _fallen_back(_: Told) -> Step:
    """Bytes by their numbers, in a row: text where they are UTF-8, else a mark for each."""

    def say(words: list[str]) -> Iterable[str]:
        held = bytearray()
        for word in words:
            found = _BYTE.fullmatch(word)
            if found:
                held.append(int(found[1], 16))
                continue
            yield from _text_of(held)
            held.clear()
            yield word
        yield from _text_of(held)

    return say


def _text_of(held: bytearray) -> list[str]:
    try:
        return [held.decode()]
    except UnicodeDecodeError:
        return ["\ufffd"] * len(held)


_STEPS: Mapping[str, Callable[[Told], Step | None]] = {
    "BPEDecoder": _suffixed,
    "ByteLevel": _bytes,
    "WordPiece": _pieces,
    "Metaspace": _marked,
    "Replace": _replaced,
    "Fuse": _fused,
    "Strip": _stripped,
    "ByteFallback": _fallen_back,
}
