"""What tokens say, compared with the library on every kind of tokenizer file."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models

from evaluator.bases import MINILM, folder_of
from evaluator.task.decoding import decoder_of
from tests.evaluator.tiny import tiny_tokenizer

BYTES = [f"<0x{one:02X}>" for one in range(256)]
WORDS = [
    "the", "##ing", "##", " .", "▁lamp", "▁", "▁▁a▁", "é", "Ġthe", "Ġ", "</w>", "on</w>", "n't",
    "  two", " '", "ÃĿ", "\u0120\u4f60", "do not", "\ufffd", "<0xg1>", "<0x41>x", "ï¿½", "�", "a",
    "b",
]  # fmt: skip
LLAMA = decoders.Sequence(
    [
        decoders.Replace("▁", " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
        decoders.Strip(" ", 1, 0),
    ]
)
KINDS = {
    "plain": None,
    "byte level": decoders.ByteLevel(),
    "word pieces": decoders.WordPiece(),
    "word pieces untidied": decoders.WordPiece("##", cleanup=False),
    "marks": decoders.Metaspace(),
    "marks never put": decoders.Metaspace(prepend_scheme="never"),
    "suffixes": decoders.BPEDecoder(),
    "llama": LLAMA,
    "stripped": decoders.Sequence([decoders.Fuse(), decoders.Strip("a", 2, 0)]),
    "nothing": decoders.Sequence([]),
}


def file_of(folder, decoder, model=None):
    """A tokenizer's folder, with special and plain added tokens, one of them already a word."""
    words = {word: place for place, word in enumerate([*WORDS, *BYTES])}
    tokenizer = Tokenizer(model or models.WordLevel(words, unk_token="the"))
    tokenizer.add_special_tokens([AddedToken("<s>", special=True), AddedToken("b", special=True)])
    tokenizer.add_tokens(["▁added", "a"])
    if decoder is not None:
        tokenizer.decoder = decoder
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Gives for the drawn ids, kind by kind: (its name, what we say, what the library says)."""
    made = {}
    for kind, decoder in KINDS.items():
        folder = tmp_path_factory.mktemp("words")
        made[kind] = (file_of(folder, decoder), decoder_of(folder))
    folder = tmp_path_factory.mktemp("unigram")
    pieces = models.Unigram([(word, -1.0) for word in [*WORDS, *BYTES]], 0, byte_fallback=True)
    made["unigram"] = (file_of(folder, decoders.Metaspace(), pieces), decoder_of(folder))
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    made["tiny"] = (tiny_tokenizer(), decoder_of(folder))
    minilm = folder_of(MINILM)
    made["minilm"] = (Tokenizer.from_file(str(minilm / "tokenizer.json")), decoder_of(minilm))

    def said(drawn):
        for kind, (library, ours) in made.items():
            ids = [one % (library.get_vocab_size() + 2) for one in drawn]
            yield kind, ours(ids), library.decode(ids)

    return said


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 31_000) | st.integers(0, 290), max_size=12))
def test_tokens_say_what_the_library_says(both, drawn):
    for kind, ours, library in both(drawn):
        assert ours == library, kind


def test_an_added_token_has_the_id_that_the_library_gives_it(tmp_path):
    library = file_of(tmp_path, decoders.Fuse())
    path = tmp_path / "tokenizer.json"
    told = json.loads(path.read_text())
    told["added_tokens"][-1]["id"] = 9
    told["added_tokens"].append({**told["added_tokens"][-1], "id": 700, "content": "late"})
    path.write_text(json.dumps(told))
    library, ours = Tokenizer.from_file(str(path)), decoder_of(tmp_path)
    for one in range(library.get_vocab_size() + 3):
        assert ours([one]) == library.decode([one]), one
    assert ours([library.token_to_id("late")]) == "late"


@pytest.mark.parametrize("step", [decoders.CTC(), decoders.Replace(Regex("t.e"), "x")])
def test_a_step_that_is_not_ours_is_the_librarys(tmp_path, step):
    library = file_of(tmp_path, decoders.Sequence([step, decoders.Fuse()]))
    ids = [0, 0, 1, 2, 3]
    assert decoder_of(tmp_path)(ids) == library.decode(ids)
