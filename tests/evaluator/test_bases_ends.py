"""Which tokens open and end a base's texts, and what may stop one that is written."""

import json

import pytest
import torch
from tokenizers import AddedToken, Tokenizer
from transformers import GenerationConfig

from evaluator.bases import folder_of
from evaluator.bases.adding import add_base
from evaluator.bases.catalogue import Card
from evaluator.errors import SampleUnfit
from evaluator.evaluators.asking import ending
from evaluator.task.tokens import tokens_of
from tests.evaluator import families
from tests.evaluator import tiny as tiny_base
from tests.evaluator.models import model_of
from tests.evaluator.tiny import tiny_tokenizer

CARD = Card("tried", "MIT", "maker")
MARK, PAD = "<|im_end|>", "<pad>"


@pytest.fixture
def folder(store):
    """A tiny Llama whose tokenizer has two marks more, and whose config names `</s>` as the end."""
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens([AddedToken(one, special=True) for one in (MARK, PAD)])
    size = tokenizer.get_vocab_size()
    model = families.decoder("llama", {**families.KEYS, "vocab_size": size, "pad_token_id": None})
    model.save_pretrained(store / "base")
    tokenizer.save(str(store / "base" / "tokenizer.json"))
    return store / "base", model, {one: tokenizer.token_to_id(one) for one in (MARK, PAD)}


def registered(path):
    return tokens_of(folder_of(add_base(path, CARD)), max_tokens=60)


def write(path, name, **told):
    (path / name).write_text(json.dumps(told))


@pytest.mark.parametrize("told", [[1, "mark"], "mark", ["mark"]])
def test_a_text_ends_where_generate_ends_it(folder, told):
    path, model, marks = folder
    named = [marks[MARK] if one == "mark" else one for one in ([told] if told == "mark" else told)]
    write(path, "generation_config.json", eos_token_id=named if len(named) > 1 else named[0])
    base = add_base(path, CARD)
    tokens = tokens_of(folder_of(base), max_tokens=60)
    assert tokens.ends == tuple(named)
    generation = GenerationConfig(
        eos_token_id=named, do_sample=False, max_new_tokens=30, pad_token_id=0
    )
    with torch.inference_mode():
        net = model_of(base)
        for start in range(2, 40, 3):
            ids = [0, start, start + 1]
            rows = torch.tensor([ids])
            found = model.generate(
                rows, attention_mask=torch.ones_like(rows), generation_config=generation
            )
            theirs = found[0, 3:].tolist()
            cut = next((at for at, one in enumerate(theirs) if one in named), len(theirs))
            assert net.continued(ids, most=30, ends=tokens.ends) == theirs[:cut]


def test_the_end_of_the_config_counts_where_generation_names_none(folder):
    path, _, _ = folder
    (path / "generation_config.json").unlink(missing_ok=True)
    assert registered(path).ends == (1,)


@pytest.mark.parametrize("written", [MARK, {"content": MARK, "special": True}])
def test_the_end_of_the_tokenizer_is_one_too(folder, written):
    path, _, marks = folder
    write(path, "tokenizer_config.json", eos_token=written)
    assert set(registered(path).ends) == {1, marks[MARK]}


def test_a_special_token_may_be_a_stop(folder):
    path, _, marks = folder
    tokens = registered(path)
    assert marks[MARK] in ending(tokens, [MARK], most=4).ids
    assert marks[MARK] in ending(tokens, [MARK + "\n"], most=4).ids
    assert marks[MARK] not in ending(tokens, ["<|"], most=4).ids


def test_the_mark_that_opens_a_text_is_there_once(folder):
    tokens = registered(folder[0])
    for said in (tokens.encode, tokens.whole, tokens.plain):
        assert said("<s>the lamp") == said("the lamp") == said("<s><s>the lamp")
    assert tokens.whole("<s>the lamp")[:2] == [0, tokens.plain("the lamp")[0]]
    assert len(tokens.encode("<s>" + "lamp " * 99)) == 60
    assert tokens.whole("the <s> lamp").count(0) == 2


def test_a_token_without_a_row_in_the_embedding_is_said_and_no_text_may_hold_it(folder):
    path, _, _ = folder
    tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
    tokenizer.add_special_tokens([AddedToken("<added>", special=True)])
    tokenizer.save(str(path / "tokenizer.json"))
    notes = []
    base = add_base(path, CARD, notes.append)
    assert "<added>" in notes[0]
    tokens = tokens_of(folder_of(base), max_tokens=60)
    assert tokens.whole("the lamp")
    with pytest.raises(SampleUnfit, match="<added>"):
        tokens.whole("the <added> lamp")


def test_the_base_that_other_tests_make_without_torch_is_the_registered_one(tiny, store):
    assert add_base(tiny.folder, tiny_base.CARD) == tiny.base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_BASES", str(store / "another"))
        assert tiny_base.register(tiny.folder) == tiny.base
