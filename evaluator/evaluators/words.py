"""What counts as a word when written texts are compared: of any script, and said which way.

source  Rajpurkar et al. 2016 (SQuAD) and Lewis et al. 2020 (MLQA: punctuation of any script);
        sacrebleu 2.6 (13a, intl, zh, char); rouge-score 0.1.2 (its own words are a-z and 0-9)
"""

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from evaluator.errors import OptionRefused

TOKENIZE = "tokenize"  # the option; empty: by a look at the references
WAYS: Mapping[str, tuple[str, ...]] = {  # metric -> its ways, the library's own first
    "bleu": ("13a", "intl", "zh", "char"),
    "rouge_l": ("default", "intl", "char"),
}
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNSPACED = re.compile(
    rf"[{_HAN}\u3040-\u30ff\u31f0-\u31ff\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff]"
)  # Han, kana, Thai, Lao, Tibetan, Burmese, Khmer
_ONLY_HAN = re.compile(f"[{_HAN}]")
_LATIN = re.compile("[a-z0-9]")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])", re.ASCII)
_MINUS = str.maketrans({"\u2212": "-"})
_KEPT = re.compile(r"(?<=\d)[^\w\s](?=\d)|(?<!\S)[-.](?=\d)|(?<=(?<!\S)-)\.(?=\d)")
UNSPACED_PERCENT, FOREIGN_PERCENT = 10, 5
MOST_LOOKED_AT, LOOKED_AT_CHARACTERS = 2_000, 1_000


def same(text: str) -> str:
    """The text as it is compared: in NFC, without spaces around it."""
    return unicodedata.normalize("NFC", text).strip()


def squad_words(text: str) -> list[str]:
    """Words as SQuAD compares them: small, no punctuation, no articles; and two things more.

    Punctuation of every script goes, and what stands within a number or is its sign stays: 3.14 is
    not 314 (1,000 is 1000). Of a text that would lose all of its words none is dropped.
    """
    plain = same(text).lower().translate(_MINUS)
    plain = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), plain)
    kept = {found.start() for found in _KEPT.finditer(plain)}
    bare = "".join(
        one if place in kept or not _is_sign(one) else "" for place, one in enumerate(plain)
    )
    return _ARTICLES.sub(" ", bare).split() or plain.split()


def rouge_words(text: str, way: str) -> list[str]:
    """Words for ROUGE in small letters: letters, marks and numbers of any script; or each alone."""
    plain = "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in text.lower())
    return list(plain.replace(" ", "")) if way == "char" else plain.split()


def way_for(metric: str, references: Iterable[str]) -> str:
    """How a metric should find the words of these texts; empty for one that does not ask.

    The library's own way, unless it would miss words: for scripts without spaces characters (for
    BLEU and Chinese sacrebleu's `zh`); for ROUGE and other letters than a to z all letters.
    """
    if metric not in WAYS:
        return ""
    listed = list(references)
    letters = _letters(listed)
    unspaced = _unspaced(letters)
    if unspaced:
        is_chinese = all(map(_ONLY_HAN.match, unspaced))
        return "zh" if metric == "bleu" and is_chinese else "char"
    foreign = sum(not one.isascii() for one in letters)
    is_lost = metric == "rouge_l" and any(
        any(map(str.isalnum, text)) and not _LATIN.search(text.lower()) for text in listed
    )
    is_foreign = metric == "rouge_l" and foreign * 100 > len(letters) * FOREIGN_PERCENT
    return "intl" if is_lost or is_foreign else WAYS[metric][0]


def warnings_of(metric: str, references: Sequence[str]) -> list[str]:
    """What a sponsor should know of these references under a metric."""
    way = way_for(metric, references)
    if way and way != WAYS[metric][0]:
        return [f"{metric} finds words by tokenize={way}, chosen by the script of the references."]
    if metric == "token_f1" and _unspaced(_letters(references)):
        problem = "token_f1 finds words by spaces, which the script of the references lacks"
        return [f"{problem}: an answer is right as a whole or not at all. chrf has characters."]
    return []


def _letters(texts: Sequence[str]) -> list[str]:
    looked_at = texts[:: -(-len(texts) // MOST_LOOKED_AT) or 1]
    return [one for text in looked_at for one in text[:LOOKED_AT_CHARACTERS] if one.isalpha()]


def _unspaced(letters: Sequence[str]) -> list[str]:
    """The letters of scripts without spaces; none where they are few."""
    found = [one for one in letters if _UNSPACED.match(one)]
    return found if len(found) * 100 > len(letters) * UNSPACED_PERCENT else []


def settled(metric: str, references: Sequence[str], options: Mapping[str, str]) -> dict[str, str]:
    """The options with the way that a look at the references chose, where none was given.

    raises OptionRefused for a way that the metric does not have
    """
    given = options.get(TOKENIZE, "")
    ways = WAYS.get(metric, ())
    if given and given not in ways:
        raise OptionRefused(
            f"{metric} does not find words by {given!r:.40}.",
            option=TOKENIZE,
            wanted=", ".join(ways) or "none",
        )
    return {**options, TOKENIZE: given or way_for(metric, references)}


def _is_sign(one: str) -> bool:
    return one in string.punctuation or unicodedata.category(one)[0] == "P"
