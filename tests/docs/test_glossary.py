"""One word for one thing: what the glossary does not say, no page and no command says either."""

import re
from functools import cache
from pathlib import Path

import pytest

from config import env
from config.reference.commands import helps

DOCS = env.HOUSE / "docs"
TAGS = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", re.DOTALL)
ROW = re.compile(r"^\| ([^|]+) \| [^|]+ \| ([^|]*)\|$", re.MULTILINE)


def not_said() -> dict[str, str]:
    """Word that is not said -> the word that is."""
    rows = ROW.findall((DOCS / "glossary.md").read_text(encoding="utf-8"))
    return {
        bad.strip(): word.strip() for word, cell in rows for bad in cell.split(",") if bad.strip()
    }


@cache
def pages() -> dict[str, str]:
    """Templates, without their tags, and the help of every command."""
    files = sorted(
        file
        for room in ("web", "ledger", "licensing", "competitions")
        for file in (env.HOUSE / room / "templates").rglob("*.html")
    )
    texts = {str(file.relative_to(env.HOUSE)): TAGS.sub(" ", read(file)) for file in files}
    return texts | {f"`{name} --help`": text for name, text in helps().items()}


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def said(text: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}s?\b", text, re.IGNORECASE) is not None


def test_the_glossary_is_sorted_and_has_each_word_once():
    rows = ROW.findall((DOCS / "glossary.md").read_text(encoding="utf-8"))
    words = [word.strip() for word, _ in rows if word.strip() not in ("word", "---")]
    assert len(words) > 40
    assert words == sorted(set(words))


@pytest.mark.parametrize("place", pages())
def test_no_page_and_no_command_says_another_word(place):
    text = " ".join(pages()[place].split())
    odd = [f"{bad!r} for {word!r}" for bad, word in not_said().items() if said(text, bad)]
    assert odd == []


def test_a_word_that_is_not_said_is_found():
    assert said("Pay it from your wallets today.", "wallet")
    assert not said("The benchmarking of wallabies", "wallet")
