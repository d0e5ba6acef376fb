"""The tokens of a base, as evaluators use them. Only encoding needs a library, once it is asked."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import cast

from evaluator.bases.ends import read_ends
from evaluator.evaluators.form import Harness, Texts, Tokens
from evaluator.libraries import Late
from evaluator.task.decoding import decoder_of


def tokens_of(folder: Path, *, max_tokens: int) -> Tokens:
    """The tokenizer of the base in this folder, and what reads texts beside it."""
    encoder = Late(
        "tokenizers", "evaluator.task.encoding", "Encoder", folder=folder, max_tokens=max_tokens
    )
    decoder = cache(decoder_of)
    marks = read_ends(folder)

    def asked(name: str) -> Callable[[str], list[int]]:
        def ids_of(text: str) -> list[int]:
            found: list[int] = getattr(encoder, name)(text)
            return found

        return ids_of

    def decode(ids: Sequence[int]) -> str:
        return decoder(folder)(ids)

    return Tokens(
        encode=asked("encode"),
        whole=asked("whole"),
        plain=asked("plain"),
        decode=decode,
        starting=asked("starting"),
        max_tokens=max_tokens,
        opening=marks.opening,
        ends=marks.ends,
        texts=cast("Texts", Late("sacrebleu", "evaluator.texts", "Measures")),
        harness=cast("Harness", Late("lm_eval", "evaluator.evaluators.harness", "TaskFiles")),
    )
